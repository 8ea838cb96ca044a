/*
 * receipts.h - which password made which ciphertext, known to this clone only
 *
 * Sealing the same password twice gives two different texts, so without the private key nobody can tell whether a password
 * changed. The receipt is how this clone can: a keyed digest of the password (the key is random, made for this clone and never
 * leaves it) beside the digest of the ciphertext that it gave. It lies outside what Git commits; losing it costs one reseal,
 * never correctness, and without the clone's key no guess can be tested against it.
 */
#pragma once

#include "base/digest.h"
#include "base/secret.h"

struct receipts;

/* Opens or makes the file (mode 0600, its folder too). A damaged one is begun anew. */
bool receipts_open(const char *file, struct receipts **receipts, struct error *err) MUST_CHECK;
void receipts_close(struct receipts *receipts); /* accepts NULL; forgets what was not written */

/* Was this ciphertext made of this password for this place ("namespace/name/item")? */
bool receipts_match(const struct receipts *receipts, const char *place, const void *password, size_t length,
	const char *sealed);

/* The same for a password whose keyed digest (below) is known. */
bool receipts_match_digest(
	const struct receipts *receipts, const char *place, const char *digest, const char *sealed);

/* The keyed digest of a password, for whoever has to know later whether it is another one. */
void receipts_digest(const struct receipts *receipts, const char *place, const void *password, size_t length,
	char out[DIGEST_HEX_SIZE]);

/* Notes it; replaces what was noted for the place. */
void receipts_note(struct receipts *receipts, const char *place, const void *password, size_t length,
	const char *sealed, const char *fingerprint);

/* The certificate that made this ciphertext, "" = not known. */
const char *receipts_fingerprint(const struct receipts *receipts, const char *place, const char *sealed);

/* Notes of whole files: "this is the edit file's state that was sealed last", by a keyed digest of its content. */
bool receipts_file_match(const struct receipts *receipts, const char *path, const void *bytes, size_t length);
void receipts_file_note(struct receipts *receipts, const char *path, const void *bytes, size_t length);
/* One of the last three states that were noted, this one or one that it took the place of. */
bool receipts_file_was(const struct receipts *receipts, const char *path, const void *bytes, size_t length);
bool receipts_file_known(const struct receipts *receipts, const char *path);

/* Writes it atomically when something was noted. */
bool receipts_write(struct receipts *receipts, struct error *err) MUST_CHECK;
