#include "reconcile/kubernetes/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/cluster.h"
#include "reconcile/kubernetes/kube_list.h"
#include "reconcile/kubernetes/watch_parts.h"

enum {
	POLL_MAXIMUM = 60 * 1000,
	SILENT_MILLISECONDS = 120 * 1000, /* bookmarks come each minute */
};

#define STILL_LISTED "still being listed"

bool cluster_still_lists(const struct error *err)
{
	return err->kind == ERROR_RETRY && text_ends(err->text, STILL_LISTED);
}

/* Of what is watched no more there is no trouble. */
static void end(struct watch *watch)
{
	watch->due = INT64_MAX;
	watch_works(watch);
	pthread_mutex_lock(&watch->watches->lock);
	watch->over = !watch->order;
	pthread_mutex_unlock(&watch->watches->lock);
}

static void take_orders(struct watch *watch)
{
	pthread_mutex_lock(&watch->watches->lock);
	char *order = watch->order;
	bool doubted = watch->doubted;
	watch->order = NULL;
	watch->doubted = false;
	pthread_mutex_unlock(&watch->watches->lock);
	if (!order && doubted)
		watch_compare(watch);
	if (!order)
		return;
	if (watch->busy)
		watch_abandon(watch);
	memory_freep(&watch->path);
	watch->path = order;
	watch_list_anew(watch);
	watch->failures = 0;
	watch->limit = kube_list_first_limit(!watch->target.metadata_only);
	if (!*order)
		end(watch);
}

/* Not the transfer's own `silent_seconds`: that wakes the thread each second for each watch. */
static int64_t next_act(const struct watch *watch)
{
	int64_t silent = watch->heard + SILENT_MILLISECONDS;
	return watch->busy ? silent : watch->due;
}

/* Sends what is due; returns the milliseconds until the next is. */
static int serve(struct watches *watches)
{
	pthread_mutex_lock(&watches->lock);
	size_t count = watches->count;
	pthread_mutex_unlock(&watches->lock);
	int64_t wait = POLL_MAXIMUM;
	int64_t left = health_serve(watches);
	if (left < wait)
		wait = left;
	for (size_t i = 0; i < count; i++) {
		struct watch *watch = watches->items[i];
		take_orders(watch);
		if (!watch->busy && watch->due == INT64_MAX)
			continue;
		if (watch->phase == PHASE_WATCH && watch->relist_at <= clock_steady())
			watch_compare(watch);
		left = next_act(watch) - clock_steady();
		if (left <= 0 && watch->busy)
			watch_silent(watch);
		else if (left <= 0)
			watch_send(watch);
		else if (left < wait)
			wait = left;
		if (watch->phase == PHASE_WATCH && watch->relist_at - clock_steady() < wait)
			wait = watch->relist_at - clock_steady();
	}
	return wait > 0 ? (int)wait : 0;
}

static void *run(void *context)
{
	struct watches *watches = context;
	while (!atomic_load(&watches->stopped)) {
		int wait = serve(watches);
		bool finished = false;
		transfers_work(watches->transfers);
		for (struct transfer *transfer; (transfer = transfers_next(watches->transfers)); finished = true)
			if (transfer == watches->health.transfer)
				health_finish(watches);
			else
				watch_finish(transfer_context(transfer));
		if (!finished)
			transfers_wait(watches->transfers, wait);
	}
	return NULL;
}

/* For watches_wait(): a deadline that no change of the wall clock moves. */
static void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct watches *watches_open(const struct kube_config *config, watches_health_change *changed, void *context)
{
	struct watches *watches = memory_alloc(sizeof(*watches));
	watches->access = access_new(config);
	watches->transfers = transfers_new(0);
	watches->seed = (unsigned)clock_now();
	pthread_mutex_init(&watches->lock, NULL);
	condition_init(&watches->changed);
	atomic_init(&watches->relist_milliseconds, RELIST_MILLISECONDS);
	watches->health.changed = changed;
	watches->health.context = context;
	watches->health.due = clock_steady();
	/* Signals are the main thread's. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int failed = pthread_create(&watches->thread, NULL, run, watches);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		memory_fail("a thread for the watches", 0);
	return watches;
}

void watches_stop(struct watches *watches)
{
	atomic_store(&watches->stopped, true);
	transfers_wake(watches->transfers);
	pthread_mutex_lock(&watches->lock);
	pthread_cond_broadcast(&watches->changed);
	pthread_mutex_unlock(&watches->lock);
}

void watches_close(struct watches *watches)
{
	if (!watches)
		return;
	watches_stop(watches);
	pthread_join(watches->thread, NULL);
	for (size_t i = 0; i < watches->count; i++) {
		struct watch *watch = watches->items[i];
		if (watch->busy)
			watch_abandon(watch);
		transfer_free(watch->transfer);
		event_stream_done(&watch->stream);
		buf_wipe(&watch->body);
		memory_freep(&watch->next);
		memory_freep(&watch->path);
		memory_freep(&watch->order);
		memory_freep(&watch);
	}
	health_close(watches);
	transfers_free(watches->transfers);
	access_free(watches->access);
	pthread_cond_destroy(&watches->changed);
	pthread_mutex_destroy(&watches->lock);
	memory_freep(&watches);
}

static struct watch *watch_new(struct watches *watches, const struct watch_target *target)
{
	struct watch *watch = memory_alloc(sizeof(*watch));
	watch->watches = watches;
	watch->target = *target;
	watch->path = memory_copy(target->path);
	watch->limit = kube_list_first_limit(!target->metadata_only);
	watch->body = (struct buf)BUF(LIMIT_ANSWER_BYTES);
	watch->due = clock_steady();
	return watch;
}

/* One that was given back begins anew with the order that the thread finds. */
static void reuse(struct watch *watch, const struct watch_target *target)
{
	watch->target = *target;
	watch->order = memory_copy(target->path);
	watch->free = watch->over = watch->listed = watch->failed = watch->missing = watch->doubted = false;
}

bool watches_add(struct watches *watches, const struct watch_target *target, size_t *number, struct error *err)
{
	size_t at = 0;
	pthread_mutex_lock(&watches->lock);
	while (at < watches->count && !watches->items[at]->free)
		at++;
	bool room = at < LIMIT_WATCHES;
	if (at < watches->count) {
		reuse(watches->items[at], target);
	} else if (room) {
		watches->items[watches->count++] = watch_new(watches, target);
	}
	pthread_mutex_unlock(&watches->lock);
	if (room)
		*number = at;
	if (!room)
		return error_set(err, ERROR_INVALID, "%s: more than %d collections to watch", target->path,
			LIMIT_WATCHES);
	transfers_wake(watches->transfers);
	return true;
}

bool watches_wait(struct watches *watches, size_t number, int64_t end, struct error *err)
{
	struct timespec until = {.tv_sec = end / 1000, .tv_nsec = (end % 1000) * 1000000};
	bool late = false;
	pthread_mutex_lock(&watches->lock);
	const struct watch *watch = watches->items[number];
	const struct watch_health *health = &watches->health;
	while (!watch->listed && !watch->failed && !late && !health->silent && !atomic_load(&watches->stopped))
		late = pthread_cond_timedwait(&watches->changed, &watches->lock, &until) == ETIMEDOUT;
	bool listed = watch->listed;
	if (!listed && watch->failed)
		*err = watch->error;
	else if (!listed && atomic_load(&watches->stopped))
		error_set(err, ERROR_STOPPED, "stopped");
	else if (!listed && health->silent)
		error_set(err, ERROR_RETRY, "%s", health->why);
	else if (!listed)
		error_set(err, ERROR_RETRY, STILL_LISTED);
	pthread_mutex_unlock(&watches->lock);
	return listed;
}

bool watches_missing(struct watches *watches, size_t number)
{
	pthread_mutex_lock(&watches->lock);
	bool missing = watches->items[number]->missing;
	pthread_mutex_unlock(&watches->lock);
	return missing;
}

void watches_move(struct watches *watches, size_t number, const char *path)
{
	pthread_mutex_lock(&watches->lock);
	struct watch *watch = watches->items[number];
	memory_freep(&watch->order);
	watch->order = memory_copy(path ? path : "");
	watch->over = false;
	watch->listed = watch->failed = watch->missing = false;
	pthread_mutex_unlock(&watches->lock);
	transfers_wake(watches->transfers);
}

bool watches_release(struct watches *watches, size_t number)
{
	pthread_mutex_lock(&watches->lock);
	struct watch *watch = watches->items[number];
	watch->free = watch->over;
	bool free = watch->free;
	pthread_mutex_unlock(&watches->lock);
	return free;
}

static void doubt(struct watches *watches, size_t number, bool forget)
{
	pthread_mutex_lock(&watches->lock);
	struct watch *watch = watches->items[number];
	watch->doubted = true;
	watch->listed = watch->listed && !forget;
	watch->failed = watch->failed && !forget;
	pthread_mutex_unlock(&watches->lock);
	transfers_wake(watches->transfers);
}

void watches_relist(struct watches *watches, size_t number)
{
	doubt(watches, number, false);
}

void watches_forget(struct watches *watches, size_t number)
{
	doubt(watches, number, true);
}

uint64_t watches_requests(const struct watches *watches)
{
	return atomic_load(&watches->requests);
}
