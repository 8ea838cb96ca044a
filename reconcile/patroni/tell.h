/*
 * tell.h - what is asked of a member that changes something: POST /switchover, /restart, /reinitialize
 *
 * Patroni answers when it has done it, or when it gives up; what it answers is not what is so (a switchover may have failed as "status unknown" and
 * be done a second later), so the caller goes on looking while it waits. Nothing is sent a second time.
 */
#pragma once

#include "base/error.h"
#include "reconcile/patroni/ask.h"

struct patroni_telling;

/* `path` is "/switchover", `body` is copied. A member without an address is ERROR_INVALID at the end. */
struct patroni_telling *patroni_tell(const struct patroni_cluster *cluster,
	const struct patroni_member *member, const char *path, const json_t *body, int64_t milliseconds);

/* Sends and receives for so long at most; true when it has ended. */
bool patroni_telling_step(struct patroni_telling *telling, int milliseconds);

/* Of one that has ended: the status and Patroni's own words. ERROR_DENIED, with what is missing in the agent file: it takes no orders from us;
   ERROR_RETRY: no answer came, and `sent` says whether it may have been heard. */
bool patroni_telling_end(struct patroni_telling *telling, struct arena *mem, long *status, const char **words,
	bool *sent, struct error *err) MUST_CHECK;
void patroni_telling_free(struct patroni_telling *telling); /* accepts NULL; what was sent goes on */
