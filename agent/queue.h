/*
 * queue.h - where threads meet: what happened, as keys, for the reconciler
 *
 * An event carries no more than its kind and a key: what happened is fetched from where it is kept (the store, the inbox of
 * Applications, the place that a thread was given for its answer). So a push never blocks, never fails and never loses anything: an
 * event that waits already is not queued again, a thousand webhooks for one repository are one event, and a kind of which more than
 * LIMIT_QUEUE_KEYS keys wait becomes one event with the key "", which means all of that kind.
 */
#pragma once

#include "base/base.h"

enum event_kind {
	EVENT_NONE, /* the time given to queue_take() has passed */
	EVENT_STOP,
	EVENT_RELOAD,      /* SIGHUP: read Applications and credentials anew, ask every repository */
	EVENT_APPLICATION, /* Application objects changed: they are in the inbox (loop/inbox.h) */
	EVENT_LISTED,      /* every Application object there is has been told of by EVENT_APPLICATION */
	EVENT_OBJECT,      /* a live object changed; key = the application it tracks to */
	EVENT_RECOVERED,   /* the cluster answers again */
	EVENT_PROJECT, /* AppProject objects changed: they are in their inbox, and taken before the next pass */
	EVENT_CREDENTIALS, /* what opens a repository changed */
	EVENT_SECRET,      /* a Secret with a user's password changed; key = its namespace */
	EVENT_ANNOUNCED,   /* a push was announced; key = the plain repository URL */
	EVENT_FETCHED,     /* a fetch has its answer */
	EVENT_USERS,       /* a users pass ended */
	EVENT_OPERATION,   /* somebody asks for something: it is in the store, Pending */
	EVENT_KINDS        /* how many there are */
};

struct event {
	enum event_kind kind;
	char *key; /* the taker's to free; "" = all of this kind, or there is but one */
};

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue *queue);

/* From any thread. */
void queue_push(struct queue *queue, enum event_kind kind, const char *key);

/*
 * A thread's last word: its answer is in the place it was given, and `*done` says so. Once queue_is_done() has seen it, the thread
 * touches nothing any more, neither the place nor the queue, and both may be freed. It is joined all the same: libraries free what
 * they keep for a thread when it ends (OpenSSL its random numbers and errors), which they can no longer do once exit() has begun.
 */
void queue_done(struct queue *queue, enum event_kind kind, bool *done);
bool queue_is_done(struct queue *queue, const bool *done);

/* The oldest. Waits at most until `deadline` on the steady clock (milliseconds). */
struct event queue_take(struct queue *queue, int64_t deadline);

size_t queue_length(struct queue *queue);

/* Something waits beside events of this kind with this key. Answers of repositories are nobody who waits: they come with each poll,
   and mostly bring nothing. */
bool queue_has_others(struct queue *queue, enum event_kind kind, const char *key);
