/*
 * ask_internal.h - one question to a member's REST API, which asking and telling share
 */
#pragma once

#include "base/buf.h"
#include "base/http/transfer.h"
#include "base/json.h"
#include "reconcile/patroni/ask.h"

struct question {
	struct patroni_member *member; /* whom it is about, for who asks several clusters' at once */
	const struct patroni_cluster *cluster;
	struct transfer *transfer;
	struct buf body;
};

/* Borrows from `access`, which may be NULL. */
struct transfer_tls patroni_tls(const struct patroni_access *access);

void question_prepare(struct question *question, const char *url, const struct patroni_access *access,
	int64_t milliseconds);
/* So many at a time: a cluster of thousands has no more files open than it may. */
void questions_run(struct question *questions, size_t count);
/* Why an answer is none, in `mem`; NULL = `value` is it, a new reference. */
const char *question_answer(struct question *question, struct arena *mem, json_type type, json_t **value);
void question_finish(struct question *question);

/* What it says of itself (GET /patroni), or `why` it says nothing. */
void patroni_hear(struct patroni_set *set, const struct patroni_cluster *cluster,
	struct patroni_member *member, json_t *answer, const char *why);
