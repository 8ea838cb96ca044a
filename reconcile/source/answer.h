/*
 * answer.h - what the Git process says, on its way through a descriptor
 *
 * Frames of JSON, in this order: any number of `step` (what it is about to do, for the message at the deadline), `signature` when
 * gpgv has to judge one, `head`, for each path `path`, its `mistake`, `warning`, `changed` and `object` lines and `path-end`, then `end`; or
 * `error` at any place, which is the last. The reading side trusts nothing of it.
 */
#pragma once

#include "base/json.h"
#include "reconcile/source/signature.h"
#include "reconcile/source/source.h"

/* The Git process's side. A failure to write means that the agent is gone. */
bool answer_step(int fd, const char *text, struct error *err) MUST_CHECK;
bool answer_head(int fd, const struct source_result *result, struct error *err) MUST_CHECK;
bool answer_content(int fd, size_t index, const struct source_content *content, struct error *err) MUST_CHECK;
bool answer_signature(int fd, const struct signature *signature, struct error *err) MUST_CHECK;
bool answer_end(int fd, struct error *err) MUST_CHECK;
bool answer_error(int fd, const struct error *answer, struct error *err) MUST_CHECK;

/* The agent's side. */
struct answer {
	struct arena *mem;
	const struct source_request *request;
	struct source_result result;
	struct signature signature;     /* without `text`: none came */
	struct source_content *current; /* between `path` and `path-end` */
	size_t next;                    /* path that must come next */
	size_t frames;
	size_t bytes;
	bool headed;
	bool complete;
	char step[128];
	struct error error; /* what the Git process reported; kind ERROR_NONE = nothing */
};

void answer_start(struct answer *answer, const struct source_request *request, struct arena *mem);

/* Takes one message; false with ERROR_BUG when it is not what may come now, ERROR_INVALID beyond a maximum. */
bool answer_take(struct answer *answer, const char *bytes, size_t length, struct error *err) MUST_CHECK;
