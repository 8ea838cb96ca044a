/*
 * password_looks.h - what logins with users' passwords have said, and whose turn it is (policy.passwordCheck: login)
 *
 * A login is tried of each user once in a round, and a round begins ten minutes after the last one, when that is through: at most
 * LIMIT_LOGINS_IN_PASS in one pass, those that had none yet before anybody's second. A new version of the Secret, and a person who names the
 * user, are asked at once. What was said stands until it is asked again, so that a pass in between tells the same.
 *
 * Belongs to a database and the pass that runs; forgotten with the process, so that each is tried once after a start.
 */
#pragma once

#include "base/arena.h"
#include "reconcile/roles/roles.h"

struct password_looks {
	struct kept_look *items; /* by user */
	size_t count;
	unsigned round;
	int64_t began; /* the round; steady milliseconds */
	bool open;     /* somebody of this round had no turn in the last pass */
	size_t left;   /* logins that this pass may still try */
};

/* A pass begins, at this time. */
void password_looks_begin(struct password_looks *looks, int64_t now);

/* `asked`: a person wants it tried. `why` of LOOK_UNKNOWN stays until that user is noted again. */
enum password_look password_looks_ask(
	struct password_looks *looks, const char *user, const char *version, bool asked, const char **why);

void password_looks_note(struct password_looks *looks, const char *user, const char *version,
	enum password_look said, const char *why);

/* The server does not answer: nobody else is tried in this pass. */
void password_looks_stop(struct password_looks *looks);

void password_looks_done(struct password_looks *looks);
