/*
 * secret.h - bytes that must not be seen: passwords, tokens, keys
 *
 * A secret has its own allocation, is wiped when freed, is never in an arena, an error text, a log line or
 * the store. The process is not dumpable (agent/main.c), so no core file holds one either.
 */
#pragma once

#include "base/error.h"

struct secret {
	char *bytes;   /* NUL-terminated; may hold further NULs */
	size_t length; /* without the final NUL */
};

/* Copies; the caller wipes its own copy. */
void secret_set(struct secret *secret, const void *bytes, size_t length);

/* The bytes of standard base64; line breaks in it do not count, as Go's decoder and so Kubernetes have it. False when it is none: then
   the secret is as before. */
bool secret_set_base64(struct secret *secret, const char *text, size_t length) MUST_CHECK;

/* Reads a whole file of at most LIMIT_SECRET_FILE bytes; one trailing line end is dropped when `trim`. */
bool secret_read(struct secret *secret, const char *path, bool trim, struct error *err) MUST_CHECK;

/* The same of a file that others may neither read nor write: ERROR_DENIED with the remedy. A group may read it, for that is how Kubernetes
   gives a Secret's file to a process that is not root. For what people name in a file of their own; a kubeconfig's token is theirs. */
bool secret_read_private(struct secret *secret, const char *path, bool trim, struct error *err) MUST_CHECK;

/* What secret_read_private() asks of the file. */
struct stat;
bool secret_is_private(const char *path, const struct stat *status, struct error *err) MUST_CHECK;

enum { SECRET_GENERATED = 32 }; /* of a password that a program makes: 190 bits */

/* `length` letters and digits, each as likely as any other. False when the system gives no random bytes. */
bool secret_random(struct secret *secret, size_t length, struct error *err) MUST_CHECK;

/* Wipes and frees; for CLEANUP too. */
void secret_done(struct secret *secret);

/* Constant time in the length of the shorter; false for different lengths. */
bool secret_equal(const struct secret *a, const struct secret *b);
