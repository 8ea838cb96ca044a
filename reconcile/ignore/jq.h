/*
 * jq.h - which places of an object jq expressions name, found by a process of its own
 *
 * An expression is a program of whoever writes the Application: it may loop for ever, eat memory, or meet a fault of libjq. So
 * it never runs here. `pgitops jq-worker` runs it without any right but to read its questions and write its answers, one second of
 * processor time and LIMIT_JQ_MEMORY for each, and is killed when that is not enough. One process serves all objects of a pass.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

struct jq;

struct jq_question {
	const char *const *expressions;
	size_t count;
	json_t *documents; /* a list; borrowed */
	bool secret;
};

/* For each of the documents a list of the paths that the expressions name in it, each path as jq has it: keys, indexes, and
   {"start", "end"} for slices. An expression that meets null where it wants something names nothing there. Any other failure
   is ERROR_INVALID and says what expression it was; with `secret` not what jq says, which quotes values. An expression that had to
   be killed is not tried again for LIMIT_JQ_PAUSE. Starts the process when `*jq` is NULL. A new reference. */
json_t *jq_paths(struct jq **jq, const struct jq_question *question, struct error *err) MUST_CHECK;

/* Why jq does not take the expression, in its own words; NULL = it does. In `mem`. An ERROR_RETRY of the process itself counts
   as nothing wrong with the expression. */
const char *jq_objection(struct jq **jq, const char *expression, struct arena *mem);

/* Ends the process, keeps in mind what it had to be killed for. Accepts NULL. */
void jq_rest(struct jq *jq);

/* Ends the process; for CLEANUP. */
void jq_close(struct jq **jq);
