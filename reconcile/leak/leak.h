/*
 * leak.h - does a text that is about to be published hold a secret?
 *
 * Three nets, from certain to likely. What the first two catch is refused by whoever asks, the third is at most a warning.
 *
 *   known      a password that this clone knows, anywhere: as bytes, in base64 at any offset (broken over lines, base64 in base64), in
 *              UTF-16, with URL, JSON, HTML or quote escapes, and these inside each other (views.h)
 *   structure  what can be read as a manifest, however broken, encoded or embedded: a Secret with values, a SealedSecret whose
 *              template or encryptedData is plain, users with passwords, a kubeconfig with credentials, a secretGenerator with literals
 *              (judge.h). What says it is a Secret and cannot be read is refused, too
 *   looks      a password, key or token in any other text
 *
 * Prose and source (by the ending of the file's name) are full of examples: there a complete Secret is structure, anything else looks.
 * Placeholders and encrypted values (public.h) are no secrets in any net.
 *
 * Files have any size: they are read in windows of LEAK_WINDOW bytes, which overlap by more than the largest object that a server takes,
 * so a Secret lies in one of them as a whole. Not looked into: compressed and encrypted files, and what Git LFS keeps elsewhere.
 *
 * A value never stands in a finding. What does is its digest, for this process only; what may leave it is leak_fingerprint().
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"

enum { LEAK_WINDOW = 4 * 1024 * 1024, LEAK_OVERLAP = 3 * 512 * 1024 };

enum leak_rule {
	LEAK_KNOWN,      /* "known" */
	LEAK_SECRET,     /* "secret" */
	LEAK_SEALED,     /* "sealed": a SealedSecret with plain parts */
	LEAK_USERS,      /* "users" */
	LEAK_KUBECONFIG, /* "kubeconfig" */
	LEAK_GENERATOR,  /* "generator" */
	LEAK_UNREADABLE, /* "unreadable" */
	LEAK_LOOKS,      /* "looks" */
	LEAK_RULES
};
const char *leak_rule_name(enum leak_rule rule);
enum leak_rule leak_rule_of(const char *name); /* LEAK_RULES = there is none of that name */

struct leak {
	enum leak_rule rule;
	int line; /* from 1; 0 = not known */
	const char *text;
	unsigned char digest[DIGEST_SIZE]; /* SHA-256 of the value; wiped by leak_done() */
};

struct known; /* known.h */

struct leaks {
	struct arena *mem; /* set by the caller */
	struct leak *items;
	size_t count;
};

/* One file, message or name, read piece by piece. `path` says what kind of text it is. */
struct leak_scan;
struct leak_scan *leak_scan_new(const struct known *known, const char *path, struct leaks *leaks);
void leak_scan_feed(struct leak_scan *scan, const void *bytes, size_t length);
void leak_scan_end(struct leak_scan *scan); /* the findings are complete, by line; frees it */

/* The three in one. */
void leak_read(
	const struct known *known, const char *path, const void *bytes, size_t length, struct leaks *leaks);

/* Takes out what `before`, the same file before the change, had as well: as often as it had it. */
void leak_subtract(struct leaks *leaks, const struct leaks *before);

void leak_done(struct leaks *leaks); /* forgets the digests */

/*
 * The fingerprint of a value, for an allow list in Git: LEAK_FINGERPRINT hexadecimal digits. It must not tell a short password to
 * somebody who has a list of likely ones: each guess costs scrypt with 16 MiB, path and rule are the salt, so nothing can be
 * computed beforehand, and of ten million guesses ten give the same five digits, so no guess is ever confirmed. That another value at the same
 * path passes for the accepted one by accident has a chance of one in a million. What a whole file says is no fingerprint: adding a
 * second secret to it would have to be accepted anew, and so would each change of its other lines.
 */
enum { LEAK_FINGERPRINT = 5 };
void leak_fingerprint(const char *path, enum leak_rule rule, const unsigned char digest[DIGEST_SIZE],
	char out[LEAK_FINGERPRINT + 1]);
