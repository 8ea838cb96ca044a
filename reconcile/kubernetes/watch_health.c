/*
 * watch_health.c - does the server speak to us? (part of the watch thread)
 *
 * Watches may be quiet for a minute and are none the worse for it. So after five seconds without a byte of any of them the server
 * is asked for /readyz, which every authenticated user may; any answer that is not 5xx is a good word. A cut watch asks at once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/cluster.h"
#include "reconcile/kubernetes/watch_parts.h"

enum {
	QUIET_MILLISECONDS = 5 * 1000, /* without a word before the server is asked */
	ANSWER_SECONDS = 5,            /* for the answer */
	AGAIN_MILLISECONDS = 1000,     /* between two questions while it is not well */
};

static void set(struct watches *watches, const struct error *err, bool silent)
{
	struct watch_health *health = &watches->health;
	pthread_mutex_lock(&watches->lock);
	bool changed = health->well != !err ||
		(err && strncmp(health->why, err->text, sizeof(health->why) - 1) != 0);
	health->well = !err;
	health->silent = silent;
	if (!err)
		health->since = clock_now();
	snprintf(health->why, sizeof(health->why), "%.*s", (int)sizeof(health->why) - 1, err ? err->text : "");
	pthread_cond_broadcast(&watches->changed);
	pthread_mutex_unlock(&watches->lock);
	if (changed && health->changed)
		health->changed(health->context, err);
}

void health_heard(struct watches *watches)
{
	watches->health.heard = clock_steady();
	watches->health.due = watches->health.heard + QUIET_MILLISECONDS;
	set(watches, NULL, false);
}

void health_suspect(struct watches *watches)
{
	int64_t soon = clock_steady() + AGAIN_MILLISECONDS / 10;
	if (watches->health.due > soon)
		watches->health.due = soon;
}

void watches_suspect(struct watches *watches)
{
	pthread_mutex_lock(&watches->lock);
	watches->health.suspected = true;
	pthread_mutex_unlock(&watches->lock);
	transfers_wake(watches->transfers);
}

bool watches_silent(struct watches *watches, struct error *err)
{
	pthread_mutex_lock(&watches->lock);
	bool silent = watches->health.silent;
	if (silent)
		error_set(err, ERROR_RETRY, "%s", watches->health.why);
	pthread_mutex_unlock(&watches->lock);
	return silent;
}

static void take_suspicion(struct watches *watches)
{
	pthread_mutex_lock(&watches->lock);
	bool suspected = watches->health.suspected;
	watches->health.suspected = false;
	pthread_mutex_unlock(&watches->lock);
	if (suspected)
		health_suspect(watches);
}

static void ask(struct watches *watches)
{
	struct watch_health *health = &watches->health;
	const struct access_transfer wanted = {.method = "GET", .path = "/readyz", .seconds = ANSWER_SECONDS};
	if (!health->transfer)
		health->transfer = transfer_new();
	access_prepare(watches->access, health->transfer, &wanted);
	transfers_add(watches->transfers, health->transfer);
	health->busy = true;
	health->asked = clock_steady();
}

static void end(struct watches *watches)
{
	transfers_remove(watches->transfers, watches->health.transfer);
	watches->health.busy = false;
}

int64_t health_serve(struct watches *watches)
{
	struct watch_health *health = &watches->health;
	take_suspicion(watches);
	int64_t left = health->due - clock_steady();
	if (health->busy)
		return ANSWER_SECONDS * 1000; /* the transfer's own deadline wakes the thread */
	if (left > 0)
		return left;
	ask(watches);
	return 0;
}

void health_finish(struct watches *watches)
{
	struct error err;
	long status = transfer_status(watches->health.transfer);
	bool answered = transfer_end(watches->health.transfer) == TRANSFER_ANSWERED;
	end(watches);
	if (answered && status < 500) {
		health_heard(watches);
		return;
	}
	if (!answered && watches->health.heard > watches->health.asked) {
		watches->health.due =
			watches->health.heard + QUIET_MILLISECONDS; /* it was slow, and a watch was not */
		return;
	}
	watches->health.due = clock_steady() + AGAIN_MILLISECONDS;
	if (answered)
		error_set(&err, ERROR_RETRY, "%s is not ready: /readyz answered %ld",
			access_server(watches->access), status);
	else
		error_set(&err, ERROR_RETRY, "%s: %s", access_server(watches->access),
			transfer_reason(watches->health.transfer));
	set(watches, &err, !answered);
}

void health_close(struct watches *watches)
{
	if (watches->health.busy)
		end(watches);
	transfer_free(watches->health.transfer);
}

void watches_health(struct watches *watches, struct cluster_health *health)
{
	pthread_mutex_lock(&watches->lock);
	health->well = watches->health.well;
	health->since = watches->health.since;
	snprintf(health->why, sizeof(health->why), "%s", watches->health.why);
	pthread_mutex_unlock(&watches->lock);
}
