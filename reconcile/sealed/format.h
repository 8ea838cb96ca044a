/*
 * format.h - one sealed value: RSA-OAEP (SHA-256, the scope as label) around a session key, AES-256-GCM around the value
 *
 *   2 bytes big endian: length k of the RSA block | k bytes RSA block | ciphertext, 16 bytes tag      in base64
 *
 * Byte-compatible with kubeseal and the Sealed Secrets controller. The nonce is zero: safe because a session key is used
 * once and forgotten. A value names neither its key nor its place; only the label binds it, to namespace and name.
 */
#pragma once

#include "base/secret.h"
#include "reconcile/sealed/keys.h"

#include "base/buf.h"

enum sealed_scope { SCOPE_STRICT, SCOPE_NAMESPACE, SCOPE_CLUSTER };

enum {
	SEALED_LABEL_SIZE = 320,        /* namespace (63), '/', name (253), NUL */
	SEALED_VALUE_MAX = 1024 * 1024, /* what the API server takes as a whole Secret */
	SEALED_OVERHEAD = 2 + 16,       /* beside the RSA block and the value */
	SEALED_TEXT_MAX = (SEALED_VALUE_MAX + SEALED_OVERHEAD + CERTIFICATE_BITS_MAX / 8) / 3 * 4 + 8
};

/* "strict", "namespace-wide", "cluster-wide". */
const char *sealed_scope_name(enum sealed_scope scope);
bool sealed_scope_parse(const char *text, enum sealed_scope *scope) MUST_CHECK;

/* What the value is bound to: "namespace/name", "namespace" or "". ERROR_INVALID when a part that the scope needs is missing
   or too long. */
bool sealed_label(enum sealed_scope scope, const char *namespace, const char *name,
	char label[SEALED_LABEL_SIZE], struct error *err) MUST_CHECK;

/* Appends the base64 text to `out`. */
bool sealed_value_seal(const struct certificate *certificate, const char *label, const void *bytes,
	size_t length, struct buf *out, struct error *err) MUST_CHECK;

/* Why a value did not open: the first two need no key to see. */
enum sealed_failure { SEALED_NOT_BASE64, SEALED_TOO_SHORT, SEALED_NO_KEY };

/* Tries all keys. `which` (may be NULL) gets the index of the one that fits. ERROR_INVALID with `failure` (may be NULL);
   the text is the controller's ("no key could decrypt secret") where it is about keys. */
bool sealed_value_open(const struct sealing_keys *keys, const char *label, const char *text, size_t length,
	struct secret *value, size_t *which, enum sealed_failure *failure, struct error *err) MUST_CHECK;

/* What can be said of a value without a key. `certificate` may be NULL. */
struct sealed_shape {
	size_t rsa_bytes;   /* the modulus of its key: 512 for 4096 bits */
	size_t value_bytes; /* of the plain value */
	bool other_certificate; /* certainly not sealed with `certificate`: another key size, or a number beyond its modulus */
};

bool sealed_value_inspect(const char *text, size_t length, const struct certificate *certificate,
	struct sealed_shape *shape, struct error *err) MUST_CHECK;
