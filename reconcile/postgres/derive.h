/*
 * derive.h - the costly part of passwords, done for many users at once (internal to the room)
 *
 * A derivation is a millisecond of one core (4096 rounds), and the only thing in a pass that is worth a second core.
 */
#pragma once

#include "reconcile/postgres/scram.h"

struct derivation {
	struct secret password; /* the caller's; a SCRAM_PASSWORD without NUL */
	const char *user;       /* an md5 hash is made of it, too */
	const char *found;      /* verifier in the catalog, NULL = none */
	int iterations;         /* that are wanted at least; 0 = SCRAM_ITERATIONS */
	bool md5_is_fine;       /* when it is of this password */
	bool matches;           /* result: `found` is a verifier of this password, with enough iterations */
	char verifier[SCRAM_TEXT_SIZE]; /* result when not: a new one */
	bool fewer; /* result: whichever it is has no more than SCRAM_ITERATIONS, as libpq makes no others of this password */
	struct error error; /* result: ERROR_NONE, or there is neither */
};

void derive_all(struct derivation *jobs, size_t count);
