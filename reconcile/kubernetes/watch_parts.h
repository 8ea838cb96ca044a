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

enum phase {
	PHASE_LIST,
	PHASE_CHECK, /* is the server's version still the later one? */
	PHASE_WATCH
};

enum { RELIST_MILLISECONDS = 30 * 60 * 1000 }; /* less up to a half, so they spread */

struct watch {
	/* the watch thread's own */
	struct watches *watches;
	struct watch_target target;
	struct transfer *transfer; /* NULL until the first request */
	bool busy;
	enum phase phase;
	int64_t due; /* steady clock: when to send the next request */
	int64_t sent;
	int64_t ends;      /* when the server was asked to end the watch */
	int64_t relist_at; /* when the whole is compared with the server again */
	int64_t heard;     /* the last byte, or when it was sent */
	int failures;      /* since it last worked */
	int limit;         /* objects in a page */
	char *next;        /* continue token, NULL = first page */
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
	bool doubted; /* to be listed anew */
	bool over;    /* ended: its handler is called no more */
	bool free;    /* given back: its number is the next one's */
	struct error error;
};

struct watches {
	struct access *access;
	struct transfers *transfers;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct watch *items[LIMIT_WATCHES];
	size_t count; /* under the lock */
	atomic_bool stopped;
	atomic_uint_fast64_t requests;
	unsigned seed;
	atomic_int relist_milliseconds; /* RELIST_MILLISECONDS; tests want less */
	struct watch_health {
		struct transfer *transfer; /* NULL until the first question */
		bool busy;
		int64_t due;          /* steady clock: the next question, unless something is heard before */
		int64_t asked, heard; /* steady clock */
		watches_health_change *changed;
		void *context;
		/* under the lock */
		bool suspected; /* by another thread */
		bool silent;    /* the last question had no answer at all */
		bool well;
		int64_t since; /* microseconds: the last good word */
		char why[256];
	} health;
};

/* Sends the request that is due: a page of the list, or the watch. */
void watch_send(struct watch *watch);

/* Takes the request off the wire, whatever has come of it. */
void watch_abandon(struct watch *watch);

/* The request ended: takes what came and sets when the next is due. */
void watch_finish(struct watch *watch);

/* A watch that said nothing for too long is cut, and tried anew. */
void watch_silent(struct watch *watch);

/* A good word of the server came, or a connection could not be made or was cut. */
void health_heard(struct watches *watches);
void health_suspect(struct watches *watches);

/* Asks the server whether it is well when it is time to; returns the milliseconds until it is. */
int64_t health_serve(struct watches *watches);
void health_finish(struct watches *watches);
void health_close(struct watches *watches);

/* It goes well: a trouble that was told is over. */
void watch_works(struct watch *watch);

/* From the start, at once. */
void watch_list_anew(struct watch *watch);

/* The same while it goes well: what is known is compared with a list. */
void watch_compare(struct watch *watch);
