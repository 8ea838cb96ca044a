/*
 * request.h - what the agent asks of the Git process, on its way through a descriptor
 *
 * One frame of JSON with everything that may be seen, then one frame for each secret, raw: a secret never becomes
 * part of a JSON text or of an arena.
 */
#pragma once

#include <sys/types.h>

#include "reconcile/source/source.h"

/* Writes the request into a file that exists in memory only, positioned at its start; its descriptor is closed on
   exec. The Git process reads it to the end, so nobody has to wait for it to read. */
bool request_write(
	const struct source_request *request, int64_t deadline, int *fd, struct error *err) MUST_CHECK;

struct request_read {
	struct source_request request; /* texts in the arena; `access` points to the next field */
	struct source_access access;
	pid_t parent; /* the agent's process */
};

bool request_read(int fd, struct arena *mem, struct request_read *read, struct error *err) MUST_CHECK;
void request_done(struct request_read *read); /* wipes the secrets */
