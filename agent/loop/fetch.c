#include "agent/loop/fetch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/queue.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

enum { FETCH_STACK = 256 * 1024 };

struct errand {
	struct fetch *fetch;
	struct queue *queue;
};

struct fetch *fetch_new(void)
{
	struct fetch *fetch = memory_alloc(sizeof(*fetch));
	fetch->mem = arena_new(LIMIT_PASS_MEMORY);
	return fetch;
}

void fetch_free(struct fetch *fetch)
{
	if (!fetch)
		return;
	source_access_done(&fetch->access);
	arena_free(fetch->mem);
	free(fetch);
}

static void *run(void *context)
{
	struct errand *errand = context;
	struct fetch *fetch = errand->fetch;
	int64_t started = clock_steady();

	fetch->ok = source_read(&fetch->request, fetch->mem, &fetch->result, &fetch->error);
	if (fetch->ok && arena_full(fetch->mem))
		fetch->ok = error_set(&fetch->error, ERROR_INVALID,
			"the manifests of these paths need more than %ld MiB of memory",
			LIMIT_PASS_MEMORY >> 20);
	fetch->took = clock_steady() - started;
	source_access_done(&fetch->access);
	struct queue *queue = errand->queue;
	free(errand);
	queue_done(queue, EVENT_FETCHED, &fetch->done);
	return NULL;
}

static void keep(struct agent *agent, struct fetch *fetch)
{
	size_t place = 0;
	while (agent->fetches[place])
		place++;
	agent->fetches[place] = fetch;
	agent->fetching++;
}

bool fetch_start(struct agent *agent, struct fetch *fetch, struct error *err)
{
	pthread_attr_t attributes;
	struct errand *errand = memory_alloc(sizeof(*errand));

	*errand = (struct errand){fetch, agent->queue};
	fetch->request.access = &fetch->access;
	/* Here and nowhere else, so that no kind of question goes without. */
	fetch->request.signers = credentials_signers(agent->config, fetch->request.url, fetch->mem);
	memcpy(fetch->request.programs, agent->programs, sizeof(agent->programs));
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, FETCH_STACK);
	int reason = pthread_create(&fetch->thread, &attributes, run, errand);
	pthread_attr_destroy(&attributes);
	if (reason) {
		free(errand);
		return error_set(err, ERROR_RETRY, "cannot start a thread: %s", strerror(reason));
	}
	keep(agent, fetch);
	return true;
}
