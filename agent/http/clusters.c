/*
 * clusters.c - GET /api/v1/clusters: database clusters as they are at the moment
 *
 * Asking Kubernetes and the members takes up to seconds, and a failover is watched by many at once. So a thread of its own does it for all
 * of them, one cluster after the other, at most every HTTP_CLUSTERS_PAUSE, and only for so long as somebody asks here. An answer is what
 * is known by then: at first nothing, which says `pending`.
 */
#include "agent/http/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "agent/events/metrics.h"
#include "base/clock.h"
#include "base/memory.h"

struct http_reading {
	const struct http_clusters *source;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	json_t *items;  /* behind lock: of each cluster what is known */
	int64_t looked; /* behind lock: steady milliseconds; 0 = nobody yet */
	bool stopping;  /* behind lock */
};

int64_t http_clusters_wait(int64_t now, int64_t looked, int64_t next)
{
	if (!looked || now - looked >= HTTP_CLUSTERS_LOOKING)
		return -1;
	return next > now ? next - now : 0;
}

/* A reading that failed takes nothing of what was known before: it says since when that is not so any more. */
static void take(json_t *held, json_t *fresh, const char *database)
{
	char now[CLOCK_TEXT_SIZE];
	clock_text_seconds(clock_now(), now);
	json_object_del(held, "pending");
	if (json_object_get(fresh, "error")) {
		json_object_set(held, "error", json_object_get(fresh, "error"));
		return;
	}
	json_object_clear(held);
	json_object_update(held, fresh);
	json_object_set_new(held, "database", json_string(database));
	json_object_set_new(held, "read", json_string(now));
}

static bool is_stopping(struct http_reading *reading)
{
	pthread_mutex_lock(&reading->lock);
	bool stopping = reading->stopping;
	pthread_mutex_unlock(&reading->lock);
	return stopping;
}

static void read_all(struct http_reading *reading)
{
	const struct http_clusters *source = reading->source;
	for (size_t i = 0; i < source->count && !is_stopping(reading); i++) {
		json_t *fresh = source->read(source->context, i);
		metric_add(METRIC_CLUSTER_READINGS, 1);
		pthread_mutex_lock(&reading->lock);
		take(json_array_get(reading->items, i), fresh, source->databases[i]);
		pthread_mutex_unlock(&reading->lock);
		json_decref(fresh);
	}
}

/* `lock` is held; -1 = until somebody looks. */
static void wait_for(struct http_reading *reading, int64_t milliseconds)
{
	int64_t until = clock_steady() + milliseconds;
	const struct timespec end = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
	if (milliseconds < 0)
		pthread_cond_wait(&reading->woken, &reading->lock);
	else
		pthread_cond_timedwait(&reading->woken, &reading->lock, &end);
}

static void *run(void *context)
{
	struct http_reading *reading = context;
	int64_t next = 0;
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pthread_mutex_lock(&reading->lock);
	while (!reading->stopping) {
		int64_t wait = http_clusters_wait(clock_steady(), reading->looked, next);
		if (wait) {
			wait_for(reading, wait);
			continue;
		}
		pthread_mutex_unlock(&reading->lock);
		read_all(reading);
		next = clock_steady() + HTTP_CLUSTERS_PAUSE;
		pthread_mutex_lock(&reading->lock);
	}
	pthread_mutex_unlock(&reading->lock);
	return NULL;
}

static struct http_reading *reading_new(const struct http_clusters *source)
{
	struct http_reading *reading = memory_alloc(sizeof(*reading));
	pthread_condattr_t clock;
	*reading = (struct http_reading){.source = source, .items = json_array()};
	for (size_t i = 0; i < source->count; i++)
		json_array_append_new(reading->items,
			json_pack("{s:s,s:b}", "database", source->databases[i], "pending", 1));
	pthread_mutex_init(&reading->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&reading->woken, &clock);
	pthread_condattr_destroy(&clock);
	return reading;
}

static void reading_free(struct http_reading *reading)
{
	json_decref(reading->items);
	pthread_cond_destroy(&reading->woken);
	pthread_mutex_destroy(&reading->lock);
	free(reading);
}

bool http_clusters_start(struct http *http, const struct http_clusters *source, struct error *err)
{
	if (!source || !source->count)
		return true;
	struct http_reading *reading = reading_new(source);
	if (pthread_create(&reading->thread, NULL, run, reading) != 0) {
		reading_free(reading);
		return error_set(err, ERROR_RETRY, "cannot start the thread that reads database clusters");
	}
	http->reading = reading;
	return true;
}

void http_clusters_stop(struct http *http)
{
	struct http_reading *reading = http->reading;
	if (!reading)
		return;
	pthread_mutex_lock(&reading->lock);
	reading->stopping = true;
	pthread_cond_signal(&reading->woken);
	pthread_mutex_unlock(&reading->lock);
	pthread_join(reading->thread, NULL);
	reading_free(reading);
	http->reading = NULL;
}

void http_clusters(struct http_call *call)
{
	struct http_reading *reading = call->http->reading;
	json_t *items = NULL;
	if (reading) {
		pthread_mutex_lock(&reading->lock);
		reading->looked = clock_steady();
		pthread_cond_signal(&reading->woken);
		items = json_deep_copy(reading->items); /* its references are the other thread's */
		pthread_mutex_unlock(&reading->lock);
	}
	http_reply_json(call, 200, json_pack("{s:o}", "items", items ? items : json_array()));
}
