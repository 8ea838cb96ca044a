/*
 * queue.h - the one place where threads meet: small events for the reconciler, bounded, coalesced by key
 *
 * An event without payload that already waits is not queued again: a thousand webhooks for one repository are one event.
 * Events with payload (results of threads) are always taken, so their memory has one owner at any time.
 */
#pragma once

#include "base/base.h"

enum event_kind {
	EVENT_NONE, /* the time given to queue_take() has passed */
	EVENT_STOP,
	EVENT_RELOAD,      /* SIGHUP: read Applications and credentials anew, ask every repository */
	EVENT_APPLICATION, /* an Application object changed; key = its name, payload = struct application_event */
	EVENT_APPLICATIONS, /* the folder of Applications may have changed */
	EVENT_OBJECT,       /* a live object changed; key = the application it tracks to, "" = not known */
	EVENT_RECOVERED,    /* the cluster answers again */
	EVENT_PROJECT,      /* an AppProject changed: the reconciler takes over what was seen */
	EVENT_SECRET,       /* a Secret with a user's password changed; key = its namespace */
	EVENT_ANNOUNCED,    /* a push was announced; key = the plain repository URL */
	EVENT_FETCHED,      /* payload = struct fetch */
	EVENT_USERS,        /* a users pass ended; payload = struct users_pass */
	EVENT_OPERATION     /* somebody asks for something; payload = struct operation */
};

struct event {
	enum event_kind kind;
	char *key;     /* the taker's to free */
	void *payload; /* the taker's */
};

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue *queue);

/* From any thread. False when the queue is full (the payload stays the caller's) or closed. */
bool queue_push(struct queue *queue, enum event_kind kind, const char *key, void *payload);

/* Waits at most until `deadline` on the steady clock (milliseconds). */
struct event queue_take(struct queue *queue, int64_t deadline);

size_t queue_length(struct queue *queue);
