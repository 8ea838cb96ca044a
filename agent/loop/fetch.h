/*
 * fetch.h - one question to one repository, asked in a thread of its own so that a slow server holds up nobody
 */
#pragma once

#include <pthread.h>

#include "agent/agent.h"
#include "agent/loop/credentials.h"
#include "agent/queue.h"
#include "reconcile/source/source.h"

/* The question and, once it is done, the answer. All strings are in `mem`. */
struct fetch {
	struct arena *mem;
	struct source_request request;
	struct source_access access;
	const char *application; /* whose lookup it asks for; NULL = for news */
	uint64_t lookup;
	struct application_source *sources; /* of the lookup: all of them, and the one that is asked for */
	size_t source_count, source;
	struct source_result result; /* when `ok` */
	bool ok;
	int64_t took; /* milliseconds */
	bool done;    /* queue_is_done(): joined by whoever takes the answer */
	pthread_t thread;
	struct error error;
};

struct fetch *fetch_new(void);
void fetch_free(struct fetch *fetch); /* accepts NULL; wipes the credentials */

/* Starts the thread, whose last word is queue_done() with EVENT_FETCHED, and gives it a place in agent->fetches until its answer is
   taken; fills in who has to have signed the commits (credentials_signers). The caller has seen that fewer than
   REPOSITORIES_AT_ONCE are at work. False when no thread can be had. */
bool fetch_start(struct agent *agent, struct fetch *fetch, struct error *err) MUST_CHECK;
