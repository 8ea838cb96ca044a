/*
 * scram.h - SCRAM-SHA-256 verifiers as PostgreSQL stores them (internal to the room; RFC 5802, RFC 7677)
 *
 *   SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>
 */
#pragma once

#include "base/secret.h"

enum {
	SCRAM_KEY = 32,
	SCRAM_SALT = 16,     /* bytes, as the server makes them */
	SCRAM_SALT_MAX = 64, /* a longer one in a verifier is refused */
	SCRAM_ITERATIONS = 4096,
	SCRAM_TEXT_SIZE = 256 /* room for a verifier of ours */
};

struct scram_verifier {
	int iterations;
	size_t salt_length;
	unsigned char salt[SCRAM_SALT_MAX];
	unsigned char stored_key[SCRAM_KEY];
	unsigned char server_key[SCRAM_KEY];
};

/* Exactly what the server would take as a verifier and not as a password; at most LIMIT_SCRAM_ITERATIONS. */
bool scram_parse(const char *text, size_t length, struct scram_verifier *verifier) MUST_CHECK;

enum scram_kind {
	SCRAM_PASSWORD, /* text to derive from */
	SCRAM_VERIFIER, /* a SCRAM verifier, ready to be stored */
	SCRAM_OUTDATED, /* an md5 hash */
	SCRAM_NEAR_MISS /* looks like a verifier, and the server would take it as the password itself */
};

/* What somebody put where a password belongs. */
enum scram_kind scram_kind_of(const char *text, size_t length);

/* Does the password, normalised already, give this verifier? Constant time in what differs. */
bool scram_check(const struct scram_verifier *verifier, const char *password, size_t length);

/* A new verifier with a random salt, for a password that needs no normalising. */
bool scram_make(const char *password, size_t length, int iterations, char text[SCRAM_TEXT_SIZE],
	struct error *err) MUST_CHECK;

/* Is this md5 hash (SCRAM_OUTDATED) one of this password for this user? False also where OpenSSL has no md5. */
bool scram_md5_matches(const char *hash, const char *user, const char *password, size_t length);

/* As scram_make with everything given, for tests. */
void scram_format(const char *password, size_t length, const unsigned char *salt, size_t salt_length,
	int iterations, char text[SCRAM_TEXT_SIZE]);

/* The server's part of a login: is `proof` (base64) one of who knows the password of this verifier, for the messages that were signed? */
bool scram_proves(
	const struct scram_verifier *verifier, const char *signed_text, size_t length, const char *proof);

/* Random text for an exchange; false when there is none. */
enum { SCRAM_NONCE_SIZE = 4 * ((SCRAM_SALT + 2) / 3) + 1 };
bool scram_nonce(char text[SCRAM_NONCE_SIZE]) MUST_CHECK;

/* SASLprep (RFC 4013) changes no ASCII text. */
bool scram_is_ascii(const char *password, size_t length);
