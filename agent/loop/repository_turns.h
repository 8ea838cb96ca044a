/*
 * repository_turns.h - which repository is asked next
 *
 * The one that waits longest, so that nobody is passed over for ever. A question may last until its deadline (git.timeout) where a server
 * is silent, and there are few threads: so of those that may be slow - the last question failed for the server's sake, or no repository
 * of the server has given a good answer yet - one for each server is asked at a time, and all of them together leave one thread to those
 * that answer. A rest that a server asked for (Retry-After) is kept whoever wants to know.
 */
#pragma once

#include "agent/agent.h"

/* Until when the server wants rest, on the steady clock, 0 = it does not say so: of everything that is asked of this repository as this
   user, whichever revision it is about. */
int64_t repository_rest_until(const struct agent *agent, const char *identity);

/* The one whose turn it is now, NULL = none. */
struct repository *repository_next(const struct agent *agent);

/* When the next one's turn comes by itself, on the steady clock; INT64_MAX = when a running question has its answer, at the earliest. */
int64_t repository_next_time(const struct agent *agent);
