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

static void set(struct watches *watches, const struct error *err)
{
	struct watch_health *health = &watches->health;
	pthread_mutex_lock(&watches->lock);
	bool changed = health->well != !err ||
		(err && strncmp(health->why, err->text, sizeof(health->why) - 1) != 0);
	health->well = !err;
	if (!err)
		health->since = clock_now();
	snprintf(health->why, sizeof(health->why), "%.*s", (int)sizeof(health->why) - 1, err ? err->text : "");
	pthread_mutex_unlock(&watches->lock);
	if (changed && health->changed)
		health->changed(health->context, err);
}

void health_heard(struct watches *watches)
{
	watches->health.heard = clock_steady();
	watches->health.due = watches->health.heard + QUIET_MILLISECONDS;
	set(watches, NULL);
}

void health_suspect(struct watches *watches)
{
	int64_t soon = clock_steady() + AGAIN_MILLISECONDS / 10;
	if (watches->health.due > soon)
		watches->health.due = soon;
}

static size_t pass_over(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

static void ask(struct watches *watches)
{
	struct watch_health *health = &watches->health;
	struct access_transfer transfer = {.method = "GET", .path = "/readyz", .seconds = ANSWER_SECONDS};
	if (!health->easy && !(health->easy = curl_easy_init()))
		memory_fail("curl_easy_init", 0);
	health->headers = access_prepare(watches->access, health->easy, &transfer);
	curl_easy_setopt(health->easy, CURLOPT_WRITEFUNCTION, pass_over);
	curl_easy_setopt(health->easy, CURLOPT_PRIVATE, NULL);
	curl_multi_add_handle(watches->multi, health->easy);
	health->busy = true;
	health->asked = clock_steady();
}

static void end(struct watches *watches)
{
	curl_multi_remove_handle(watches->multi, watches->health.easy);
	access_headers_free(watches->health.headers);
	watches->health.headers = NULL;
	watches->health.busy = false;
}

int64_t health_serve(struct watches *watches)
{
	struct watch_health *health = &watches->health;
	int64_t left = health->due - clock_steady();
	if (health->busy)
		return ANSWER_SECONDS * 1000; /* curl wakes the thread */
	if (left > 0)
		return left;
	ask(watches);
	return 0;
}

void health_finish(struct watches *watches, CURLcode code)
{
	struct error err;
	long status = 0;
	curl_easy_getinfo(watches->health.easy, CURLINFO_RESPONSE_CODE, &status);
	end(watches);
	if (code == CURLE_OK && status < 500) {
		health_heard(watches);
		return;
	}
	if (code != CURLE_OK && watches->health.heard > watches->health.asked) {
		watches->health.due =
			watches->health.heard + QUIET_MILLISECONDS; /* it was slow, and a watch was not */
		return;
	}
	watches->health.due = clock_steady() + AGAIN_MILLISECONDS;
	if (code == CURLE_OK)
		error_set(&err, ERROR_RETRY, "%s is not ready: /readyz answered %ld",
			access_server(watches->access), status);
	else
		error_set(&err, ERROR_RETRY, "%s: %s", access_server(watches->access),
			curl_easy_strerror(code));
	set(watches, &err);
}

void health_close(struct watches *watches)
{
	if (watches->health.busy)
		end(watches);
	curl_easy_cleanup(watches->health.easy);
}

void watches_health(struct watches *watches, struct cluster_health *health)
{
	pthread_mutex_lock(&watches->lock);
	health->well = watches->health.well;
	health->since = watches->health.since;
	snprintf(health->why, sizeof(health->why), "%s", watches->health.why);
	pthread_mutex_unlock(&watches->lock);
}
