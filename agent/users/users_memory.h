/*
 * users_memory.h - what a quiet pass need not ask the store for: that its reports stand there, and which passwords were found right; and what
 * no synchronous standby has confirmed so far
 *
 * Only digests are kept, SHA-256 as in the store: who may choose his own verifier must not be able to make one that counts as another.
 * Belongs to a database and the pass that runs; forgotten with the process.
 */
#pragma once

#include "base/digest.h"
#include "reconcile/postgres/standbys.h"

struct users_memory {
	unsigned char recorded[DIGEST_SIZE]; /* of the reports that are in the store */
	bool is_recorded;
	unsigned char (*verified)[DIGEST_SIZE]; /* sorted */
	size_t verified_count;
	char unconfirmed[STANDBYS_POSITION]; /* standbys_confirm() */
};

/* Texts, one after the other, to one digest. */
struct users_digest {
	unsigned char state[DIGEST_SIZE];
	char text[4096];
	size_t length;
};
void users_digest_add(struct users_digest *digest, const char *text);
void users_digest_end(struct users_digest *digest, unsigned char out[DIGEST_SIZE]);

void users_memory_digest(
	const char *user, const char *verifier, const char *version, unsigned char out[DIGEST_SIZE]);
bool users_memory_knows(const struct users_memory *memory, const unsigned char digest[DIGEST_SIZE]);

/* These and no others, in any order. */
void users_memory_keep(struct users_memory *memory, unsigned char (*verified)[DIGEST_SIZE], size_t count);

void users_memory_done(struct users_memory *memory);
