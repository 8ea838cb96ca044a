/*
 * key_new.h - a new sealing key, as the Sealed Secrets controller makes its own
 *
 * The private key is PKCS#1 in PEM. The certificate is self-signed with a random serial, is an authority and has a key usage of encipherOnly;
 * subject and issuer are empty unless a common name is asked for. Nothing of that is ever checked by whoever seals, but a controller that
 * is given the Secret finds in it what it would have made. Source: pkg/crypto/keys.go and the flags of cmd/controller of sealed-secrets.
 */
#pragma once

#include "base/buf.h"
#include "base/secret.h"

#include "base/json.h"

enum {
	SEALING_KEY_BITS = 4096,     /* --key-size of the controller */
	SEALING_KEY_HOURS = 87600,   /* its --key-ttl: ten years */
	SEALING_KEY_PEM = 64 * 1024, /* more than the largest key needs */
	SEALING_KEY_CN = 64          /* bytes: what X.509 allows of a common name */
};

struct sealing_key_wish {
	int bits;        /* CERTIFICATE_BITS_MIN to CERTIFICATE_BITS_MAX */
	int64_t seconds; /* how long the certificate is valid, from `now` */
	int64_t now;     /* microseconds since 1970 */
	const char *cn;  /* common name of subject and issuer; NULL or "" = empty names */
};

/* `certificate` is appended to. Takes a second for 4096 bits. ERROR_INVALID names what cannot be of the wish. */
bool sealing_key_make(const struct sealing_key_wish *wish, struct secret *key, struct buf *certificate,
	struct error *err) MUST_CHECK;

/* The Secret that holds both, with the label by which a controller finds it. Its strings are secret: end it with secret_json_done(). */
json_t *sealing_key_secret(
	const char *namespace, const char *name, const struct secret *key, const struct buf *certificate);
