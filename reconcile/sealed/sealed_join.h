/*
 * sealed_join.h - two states of a sealed file made one, document by document, and the two sides of a text with conflict markers
 */
#pragma once

#include "reconcile/sealed/sealed_users.h"

struct sealed_join {
	const char *file; /* for messages */
	const char *base, *ours,
		*theirs; /* texts; "" = no such file. `base` NULL = not known: nothing is taken as removed */
	/* Both sides sealed the document's value anew and differently: may it be ours? Whoever has the password seals it again. NULL = no. */
	bool (*may_choose)(const void *context, const char *secret);
	bool (*is_wanted)(
		const void *context, const char *secret); /* of those that `theirs` alone has; NULL = all */
	/* A document of this Secret stays though one side removed it: its user stays. NULL = none. */
	bool (*is_kept)(const void *context, const char *secret);
	const void *context;
};

/* Appends the joined text; documents that are no SealedSecrets are those of `ours`. False with mistakes. */
bool sealed_join(const struct sealed_join *join, struct arena *mem, struct buf *out,
	struct mistakes *mistakes) MUST_CHECK;

/* Does a line begin as Git's conflict markers do? The line's number, 0 = no. */
int conflict_line(const char *text, size_t length);

/* One side (0 or 1) of a text with markers; lines outside of them are in both. False when they do not pair. */
bool conflict_side(const char *text, size_t length, int side, struct buf *out) MUST_CHECK;
