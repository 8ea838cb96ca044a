/*
 * watch_parts.h - what watch.c (the thread and its callers) and watch_step.c (one watch's requests) share
 * (internal to the room)
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "reconcile/kubernetes/access.h"
#include "reconcile/kubernetes/event.h"
#include "reconcile/kubernetes/watch.h"

enum phase { PHASE_LIST, PHASE_WATCH };

struct watch {
	/* the watch thread's own */
	struct watches *watches;
	struct watch_target target;
	CURL *easy;
	struct curl_slist *headers;
	bool busy;
	enum phase phase;
	int64_t due; /* steady clock: when to send the next request */
	int64_t sent;
	int64_t heard; /* the last byte, or when it was sent */
	int failures;  /* since it last worked */
	int limit;     /* objects in a page */
	char *next;    /* continue token, NULL = first page */
	char version[64];
	struct buf body; /* of a list or of an error */
	struct event_stream stream;
	struct error broken; /* why the stream is of no use */
	bool relist;
	enum error_kind trouble; /* what was told last */
	char *path;
	/* under the lock */
	char *order; /* the path to go on with, "" = to end, NULL = none */
	bool listed; /* completely, at least once */
	bool failed; /* the last try at that failed, with `error` */
	bool missing;
	struct error error;
};

struct watches {
	struct access *access;
	CURLM *multi;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct watch *items[LIMIT_WATCHES];
	size_t count; /* under the lock */
	atomic_bool stopped;
	atomic_uint_fast64_t requests;
	unsigned seed;
};

/* Sends the request that is due: a page of the list, or the watch. */
void watch_send(struct watch *watch);

/* Takes the request off the wire, whatever has come of it. */
void watch_abandon(struct watch *watch);

/* The request ended: takes what came and sets when the next is due. */
void watch_finish(struct watch *watch, CURLcode code);

/* A watch that said nothing for too long is cut, and tried anew. */
void watch_silent(struct watch *watch);

/* From the start, at once. */
void watch_list_anew(struct watch *watch);
