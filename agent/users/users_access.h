/*
 * users_access.h - a question of `user access` as a document
 *
 * {entry, commit, file, pending, server, count, items[], notes[]}; an item is
 * {user, database, kind, object, privilege, via[], grantable, origin, byHand, commit, file, line} and, where it has it, setRole, needs, means, hand,
 * rowSecurity, standsFor, more (access.h). `count` is how many rows there are; `items` has the first LIMIT_ACCESS_ROWS of them.
 */
#pragma once

#include "agent/users/users_pass.h"

/* Asks what the wish of the pass wants to know; the caller frees the answer, JSON. ERROR_MISSING: there is no such role, database or table. */
bool users_access_answer(
	struct users_pass *pass, struct session *session, char **answer, struct error *err) MUST_CHECK;
