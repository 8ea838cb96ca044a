/*
 * digest.h - SHA-256, HMAC-SHA256, and the SHA-1 that ssh and WebSockets have not left (the only file of base/ that calls OpenSSL)
 */
#pragma once

#include "base/base.h"

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 65, DIGEST_SHA1_SIZE = 20 };

void digest_sha256(const void *bytes, size_t length, unsigned char out[DIGEST_SIZE]);
void digest_sha256_hex(const void *bytes, size_t length, char out[DIGEST_HEX_SIZE]);
void digest_hmac(
	const void *key, size_t key_length, const void *bytes, size_t length, unsigned char out[DIGEST_SIZE]);

/* The same for many: what OpenSSL looks up for each, which takes longer than a short text, it looks up once. */
struct digest_mac;
struct digest_mac *digest_mac_new(void);
void digest_mac(struct digest_mac *mac, const void *key, size_t key_length, const void *bytes, size_t length,
	unsigned char out[DIGEST_SIZE]);
void digest_mac_free(struct digest_mac *mac); /* accepts NULL */

/* For the hashed host names of known_hosts (sshd(8)), which know nothing newer. */
void digest_hmac_sha1(const void *key, size_t key_length, const void *bytes, size_t length,
	unsigned char out[DIGEST_SHA1_SIZE]);

/* For the handshake of a WebSocket (RFC 6455), which protects nothing by it. */
void digest_sha1(const void *bytes, size_t length, unsigned char out[DIGEST_SHA1_SIZE]);

/* A key of a guessable value: scrypt with 16 MiB, some tens of milliseconds for each guess. */
void digest_slow(const void *bytes, size_t length, const void *salt, size_t salt_length,
	unsigned char out[DIGEST_SIZE]);

/* Constant time. */
bool digest_equal(const void *a, const void *b, size_t length);
