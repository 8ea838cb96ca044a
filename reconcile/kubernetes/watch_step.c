#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/http/percent.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/answer.h"
#include "reconcile/kubernetes/kube_list.h"
#include "reconcile/kubernetes/watch_parts.h"

enum {
	WATCH_SECONDS = 300,      /* asked of the server for one watch; less up to a fifth, so they spread */
	WATCH_GRACE_SECONDS = 30, /* then we end it ourselves */
	BACKOFF_MINIMUM = 100,    /* milliseconds */
	BACKOFF_MAXIMUM = 5 * 1000,       /* a server that is back is noticed soon; a dead one costs little */
	DENIED_MAXIMUM = 20 * 1000,       /* rights change rarely */
	MISSING_MILLISECONDS = 30 * 1000, /* a kind that is not there is asked for at a leisurely pace */
	EARLY_MILLISECONDS = 2000,        /* a watch that ends so long before it was asked to was cut off */
	TRIM_BYTES = 256 * 1024,          /* a list beyond this gives its memory back to the system */
};

/* Outcomes */

static void publish(struct watch *watch, const struct error *err, bool missing)
{
	pthread_mutex_lock(&watch->watches->lock);
	watch->failed = err;
	watch->missing = missing;
	if (err)
		watch->error = *err;
	else
		watch->listed = true;
	pthread_cond_broadcast(&watch->watches->changed);
	pthread_mutex_unlock(&watch->watches->lock);
}

static int64_t jitter(struct watches *watches, int64_t milliseconds)
{
	return milliseconds / 2 + rand_r(&watches->seed) % (milliseconds / 2 + 1);
}

void watch_works(struct watch *watch)
{
	watch->failures = 0;
	if (watch->trouble != ERROR_NONE)
		watch->target.handler->trouble(watch->target.context, NULL);
	watch->trouble = ERROR_NONE;
}

/* What is known is too old: from the start, at once. */
void watch_list_anew(struct watch *watch)
{
	watch->phase = PHASE_LIST;
	watch->relist = false;
	watch->version[0] = '\0';
	memory_freep(&watch->next);
	watch->due = clock_steady();
}

/* Tries again later. One quick failure of a working watch is no trouble: connections end. */
static void fails(struct watch *watch, const struct error *err, int64_t wait, bool missing)
{
	int shift = watch->failures < 10 ? watch->failures : 10;
	int64_t backoff = (int64_t)BACKOFF_MINIMUM << shift;
	int64_t maximum = err->kind == ERROR_DENIED ? DENIED_MAXIMUM : BACKOFF_MAXIMUM;
	bool listing = watch->phase == PHASE_LIST;
	watch->failures++;
	/* A server that was away for more than a moment may have another history by now, whose versions have passed ours already. */
	if (watch->phase == PHASE_CHECK && watch->failures > 2)
		watch_list_anew(watch);
	if (!wait)
		wait = jitter(watch->watches, backoff < maximum ? backoff : maximum);
	watch->due = clock_steady() + wait;
	if (listing || missing || watch->failures > 2) {
		publish(watch, err, missing);
		if (watch->trouble != err->kind)
			watch->target.handler->trouble(watch->target.context, err);
		watch->trouble = err->kind;
	}
}

void watch_compare(struct watch *watch)
{
	if (watch->busy)
		watch_abandon(watch);
	watch_list_anew(watch);
}

/* The server's versions are behind what we have seen: etcd was restored from a backup. */
static bool runs_backwards(const struct watch *watch, const char *version)
{
	uint64_t known = strtoull(watch->version, NULL, 10);
	uint64_t now = strtoull(version, NULL, 10);
	return known && now && now < known;
}

/* 410: what is known is too old. That is no trouble, unless a fresh list is too old at once, again and again. */
static void too_old(struct watch *watch)
{
	watch_list_anew(watch);
	if (watch->failures++ > 2)
		watch->due += jitter(watch->watches, BACKOFF_MAXIMUM);
}

/* Requests */

static bool take_event(void *context, const struct event *event)
{
	struct watch *watch = context;
	const struct watch_target *target = &watch->target;
	if (event->type == EVENT_ERROR) {
		watch->relist = true;
		struct answer answer = {
			.method = "WATCH", .path = watch->path, .status = event->code, .body = event->object};
		if (event->code != 410)
			answer_failure(&answer, &watch->broken);
		return false;
	}
	if (runs_backwards(watch, event->version)) {
		watch->relist = true;
		return false;
	}
	if (*event->version)
		snprintf(watch->version, sizeof(watch->version), "%s", event->version);
	if (event->type != EVENT_BOOKMARK)
		target->handler->event(target->context, event->object, event->type == EVENT_DELETED);
	watch_works(watch);
	return true;
}

static bool take_body(void *context, const char *bytes, size_t length)
{
	struct watch *watch = context;
	long status = transfer_status(watch->transfer);
	watch->heard = clock_steady();
	if (status < 500)
		health_heard(watch->watches);
	if (watch->phase != PHASE_WATCH || status != 200) {
		buf_append(&watch->body, bytes, length);
		return !buf_failed(&watch->body);
	}
	if (!event_stream_feed(&watch->stream, bytes, length, take_event, watch, &watch->broken)) {
		watch->relist = true;
		return false;
	}
	return !watch->relist;
}

/* The headers of a watch come at once, its first event perhaps in an hour: that it works is told now. */
static void take_head(void *context)
{
	struct watch *watch = context;
	if (watch->phase == PHASE_WATCH && transfer_status(watch->transfer) == 200)
		watch_works(watch);
}

static void make_path(struct watch *watch, struct buf *path, int *seconds)
{
	if (watch->phase == PHASE_LIST) {
		kube_list_page_path(path, watch->path, watch->limit, watch->next);
		*seconds = LIMIT_LIST_SECONDS;
		return;
	}
	if (watch->phase == PHASE_CHECK) {
		buf_printf(path, "%s%cwatch=false&limit=1", watch->path, strchr(watch->path, '?') ? '&' : '?');
		*seconds = LIMIT_LIST_SECONDS;
		return;
	}
	int timeout = WATCH_SECONDS - rand_r(&watch->watches->seed) % (WATCH_SECONDS / 5);
	buf_printf(path,
		"%s%cwatch=true&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=", watch->path,
		strchr(watch->path, '?') ? '&' : '?', timeout);
	percent_encode(path, watch->version);
	watch->ends = clock_steady() + timeout * 1000L;
	*seconds = timeout + WATCH_GRACE_SECONDS;
}

void watch_send(struct watch *watch)
{
	struct watches *watches = watch->watches;
	CLEANUP(buf_done) struct buf path = BUF(8192);
	int seconds = 0;
	make_path(watch, &path, &seconds);
	if (!watch->transfer)
		watch->transfer = transfer_new();
	bool listing = watch->phase == PHASE_LIST;
	const char *accept = watch->phase != PHASE_WATCH ? ACCEPT_METADATA_LIST : ACCEPT_METADATA;
	const struct access_transfer wanted = {.method = "GET",
		.path = buf_string(&path),
		.accept = watch->target.metadata_only ? accept : NULL,
		.seconds = seconds,
		.on_body = take_body,
		.on_head = take_head,
		.context = watch};
	access_prepare(watches->access, watch->transfer, &wanted);
	if (listing && !watch->next)
		watch->target.handler->listing(watch->target.context);
	buf_clear(&watch->body);
	event_stream_reset(&watch->stream);
	watch->broken = (struct error){0};
	watch->busy = true;
	watch->sent = watch->heard = clock_steady();
	transfers_add(watches->transfers, watch->transfer);
	atomic_fetch_add(&watches->requests, 1);
}

void watch_abandon(struct watch *watch)
{
	transfers_remove(watch->watches->transfers, watch->transfer);
	watch->busy = false;
}

/* Answers */

static bool take_page(struct watch *watch, struct error *err)
{
	const struct watch_target *target = &watch->target;
	CLEANUP(json_done) json_t *page = NULL;
	if (!answer_read(buf_string(&watch->body), watch->body.length, &page, err))
		return error_prefix(err, "list of %s", watch->path);
	kube_list_items(page, target->handler->item, target->context);
	const char *next = json_text_at(page, "metadata.continue", "");
	snprintf(watch->version, sizeof(watch->version), "%s",
		json_text_at(page, "metadata.resourceVersion", ""));
	memory_freep(&watch->next);
	if (*next)
		watch->next = memory_copy(next);
	return true;
}

static void finish_list(struct watch *watch)
{
	struct error err;
	watch->due = clock_steady();
	size_t length = watch->body.length;
	bool good = take_page(watch, &err);
	watch->limit = kube_list_next_limit(watch->limit, length);
	buf_wipe(&watch->body);
	if (length > TRIM_BYTES)
		malloc_trim(0);
	if (!good) {
		memory_freep(&watch->next);
		fails(watch, &err, 0, false);
		return;
	}
	if (watch->next)
		return;
	watch->phase = PHASE_WATCH;
	watch->relist_at =
		clock_steady() + jitter(watch->watches, atomic_load(&watch->watches->relist_milliseconds));
	watch->target.handler->listed(watch->target.context, watch->version);
	publish(watch, NULL, false);
	watch_works(watch);
}

static void finish_check(struct watch *watch)
{
	struct error err;
	CLEANUP(json_done) json_t *page = NULL;
	if (!answer_read(buf_string(&watch->body), watch->body.length, &page, &err)) {
		error_prefix(&err, "list of %s", watch->path);
		fails(watch, &err, 0, false);
		return;
	}
	watch->due = clock_steady();
	watch->phase = PHASE_WATCH;
	if (runs_backwards(watch, json_text_at(page, "metadata.resourceVersion", "")))
		watch_list_anew(watch);
}

static void finish_refused(struct watch *watch, int status)
{
	struct error err, ignored;
	CLEANUP(json_done) json_t *body = NULL;
	int64_t after = transfer_retry_after(watch->transfer);
	if (!answer_read(buf_string(&watch->body), watch->body.length, &body, &ignored))
		body = NULL;
	struct answer answer = {.method = watch->phase == PHASE_WATCH ? "WATCH" : "LIST",
		.path = watch->path,
		.status = status,
		.body = body};
	answer_failure(&answer, &err);
	memory_freep(&watch->next);
	if (status == 410) {
		too_old(watch);
		return;
	}
	if (status == 401)
		access_renew(watch->watches->access, true);
	/* Of a group that is gone as a whole the API server says so in plain text, as any proxy would: what it means for the kind
	   is asked of the discovery (track.c). */
	bool missing = status == 404;
	int64_t wait = after > 0 && after < 60 ? after * 1000 : 0;
	fails(watch, &err, missing ? jitter(watch->watches, MISSING_MILLISECONDS) : wait, missing);
}

/* A page too large for us: smaller ones. */
static bool shrink_page(struct watch *watch)
{
	if (watch->phase != PHASE_LIST || !buf_failed(&watch->body) || watch->limit <= 1)
		return false;
	watch->limit = watch->limit > 10 ? watch->limit / 10 : 1;
	memory_freep(&watch->next);
	watch->due = clock_steady();
	return true;
}

static void finish_cut(struct watch *watch, const char *why)
{
	struct error err;
	if (watch->relist && watch->broken.kind == ERROR_NONE) { /* 410 inside the stream */
		too_old(watch);
		return;
	}
	if (shrink_page(watch))
		return;
	if (watch->relist) {
		err = watch->broken;
		watch_list_anew(watch);
	} else {
		error_set(&err, ERROR_RETRY, "%s: %s of %s: %s", access_server(watch->watches->access),
			watch->phase == PHASE_WATCH ? "watch" : "list", watch->path, why);
		health_suspect(watch->watches);
	}
	if (watch->phase == PHASE_WATCH)
		watch->phase = PHASE_CHECK; /* perhaps it is another server that we meet */
	memory_freep(&watch->next);
	fails(watch, &err, 0, false);
}

/* The server ended the watch, as it was asked to after some minutes. One that ends at once is a server in trouble. */
static void finish_watch(struct watch *watch)
{
	if (watch->relist) {
		too_old(watch);
		return;
	}
	watch->due = clock_steady();
	if (clock_steady() - watch->sent < 1000)
		watch->due += jitter(watch->watches, 1000);
	if (clock_steady() < watch->ends - EARLY_MILLISECONDS)
		watch->phase = PHASE_CHECK;
	watch_works(watch);
}

void watch_silent(struct watch *watch)
{
	bool watching = watch->phase == PHASE_WATCH;
	watch_abandon(watch);
	finish_cut(watch, "silent for two minutes");
	if (!watching)
		return;
	/* Bookmarks come each minute, unless the version we gave is still to come. */
	int64_t due = watch->due;
	watch_list_anew(watch);
	watch->due = due;
}

void watch_finish(struct watch *watch)
{
	int status = (int)transfer_status(watch->transfer);
	if (transfer_end(watch->transfer) != TRANSFER_ANSWERED)
		finish_cut(watch, transfer_reason(watch->transfer));
	else if (status != 200)
		finish_refused(watch, status);
	else if (watch->phase == PHASE_LIST)
		finish_list(watch);
	else if (watch->phase == PHASE_CHECK)
		finish_check(watch);
	else
		finish_watch(watch);
	watch_abandon(watch);
}
