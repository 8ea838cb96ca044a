/*
 * certificate.h - the public half of a sealing key: what values are sealed with
 *
 * Sealed Secrets' certificates are self-signed, have empty names and a key usage of encipherOnly, so nothing of a chain,
 * purpose or name is checked: only that it is one, that its key is RSA of a safe size, and its dates. As kubeseal, the
 * first CERTIFICATE block of a PEM counts.
 */
#pragma once

#include "base/digest.h"
#include "base/error.h"

struct evp_pkey_st;

enum {
	CERTIFICATE_BITS_MIN = 2048,
	CERTIFICATE_BITS_MAX = 16384,
	CERTIFICATE_DAYS_WARN = 30 /* fewer days left are said before sealing */
};

struct certificate {
	struct evp_pkey_st *key; /* RSA, public */
	char fingerprint[DIGEST_HEX_SIZE]; /* SHA-256 of the SubjectPublicKeyInfo: the same for every re-issue of one key */
	int64_t not_before;                /* microseconds since 1970 */
	int64_t not_after;
	int bits;
	unsigned char *modulus; /* big endian, bits / 8 bytes: no sealed value of this key is beyond it */
	size_t count;           /* certificates in the PEM; only the first is used */
};

/* `source` names the PEM in messages. ERROR_INVALID: not PEM, not a certificate, not RSA, too small or too large; a private
   key in its place is refused without a byte of it in the text. */
bool certificate_read(const char *source, const char *bytes, size_t length, struct certificate *certificate,
	struct error *err) MUST_CHECK;
bool certificate_read_file(const char *path, struct certificate *certificate, struct error *err) MUST_CHECK;

/* ERROR_INVALID when it is expired, or valid only in more than five minutes (clocks differ). */
bool certificate_valid(
	const struct certificate *certificate, const char *source, int64_t now, struct error *err) MUST_CHECK;

/* Whole days from `now` until it expires; negative when it has. */
int64_t certificate_days_left(const struct certificate *certificate, int64_t now);

void certificate_done(struct certificate *certificate); /* for CLEANUP */
