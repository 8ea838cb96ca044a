#include "agent/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

struct waiting {
	char *key;
	uint64_t turn; /* of its push: the lowest is the oldest */
};

/* What waits of one kind, in order. */
struct lane {
	struct waiting events[LIMIT_QUEUE_KEYS];
	size_t count;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct lane lanes[EVENT_KINDS];
	uint64_t turns;
};

struct queue *queue_new(void)
{
	struct queue *queue = memory_alloc(sizeof(*queue));
	pthread_condattr_t clock;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->filled, &clock);
	pthread_condattr_destroy(&clock);
	return queue;
}

static void lane_clear(struct lane *lane)
{
	for (size_t i = 0; i < lane->count; i++)
		free(lane->events[i].key);
	lane->count = 0;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	for (size_t kind = 0; kind < EVENT_KINDS; kind++)
		lane_clear(&queue->lanes[kind]);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

/* "" covers every key of its kind. */
static bool waits_already(const struct lane *lane, const char *key)
{
	for (size_t i = 0; i < lane->count; i++)
		if (!*lane->events[i].key || strcmp(lane->events[i].key, key) == 0)
			return true;
	return false;
}

/* One event for all of a kind takes the turn of the oldest. */
static void add(struct queue *queue, enum event_kind kind, const char *key)
{
	struct lane *lane = &queue->lanes[kind];
	uint64_t turn = ++queue->turns;
	if (waits_already(lane, key))
		return;
	if (lane->count && (!*key || lane->count == LIMIT_QUEUE_KEYS)) {
		turn = lane->events[0].turn;
		key = "";
		lane_clear(lane);
	}
	lane->events[lane->count++] = (struct waiting){memory_copy(key), turn};
	pthread_cond_signal(&queue->filled);
}

void queue_push(struct queue *queue, enum event_kind kind, const char *key)
{
	pthread_mutex_lock(&queue->lock);
	add(queue, kind, key);
	pthread_mutex_unlock(&queue->lock);
}

void queue_done(struct queue *queue, enum event_kind kind, bool *done)
{
	pthread_mutex_lock(&queue->lock);
	*done = true;
	add(queue, kind, "");
	pthread_mutex_unlock(&queue->lock);
}

bool queue_is_done(struct queue *queue, const bool *done)
{
	pthread_mutex_lock(&queue->lock);
	bool is = *done;
	pthread_mutex_unlock(&queue->lock);
	return is;
}

/* The lane whose first event is the oldest; NULL = nothing waits. */
static struct lane *oldest(struct queue *queue)
{
	struct lane *found = NULL;
	for (size_t kind = 0; kind < EVENT_KINDS; kind++) {
		struct lane *lane = &queue->lanes[kind];
		if (lane->count && (!found || lane->events[0].turn < found->events[0].turn))
			found = lane;
	}
	return found;
}

struct event queue_take(struct queue *queue, int64_t deadline)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline / 1000),
		.tv_nsec = (long)(deadline % 1000) * 1000000,
	};
	struct event event = {.kind = EVENT_NONE};
	struct lane *lane;

	pthread_mutex_lock(&queue->lock);
	while (!(lane = oldest(queue)) && clock_steady() < deadline)
		pthread_cond_timedwait(&queue->filled, &queue->lock, &until);
	if (lane) {
		event = (struct event){(enum event_kind)(lane - queue->lanes), lane->events[0].key};
		lane->count--;
		memmove(lane->events, lane->events + 1, lane->count * sizeof(*lane->events));
	}
	pthread_mutex_unlock(&queue->lock);
	return event;
}

size_t queue_length(struct queue *queue)
{
	size_t count = 0;
	pthread_mutex_lock(&queue->lock);
	for (size_t kind = 0; kind < EVENT_KINDS; kind++)
		count += queue->lanes[kind].count;
	pthread_mutex_unlock(&queue->lock);
	return count;
}

bool queue_has_others(struct queue *queue, enum event_kind kind, const char *key)
{
	bool found = false;
	pthread_mutex_lock(&queue->lock);
	for (size_t i = 0; !found && i < EVENT_KINDS; i++) {
		const struct lane *lane = &queue->lanes[i];
		bool known = i == (size_t)kind && lane->count == 1 && strcmp(lane->events[0].key, key) == 0;
		found = lane->count && !known && i != EVENT_FETCHED;
	}
	pthread_mutex_unlock(&queue->lock);
	return found;
}
