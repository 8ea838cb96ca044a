#include "agent/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct event events[LIMIT_QUEUE]; /* a ring */
	size_t first;
	size_t count;
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

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	for (size_t i = 0; i < queue->count; i++)
		free(queue->events[(queue->first + i) % LIMIT_QUEUE].key);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

static bool waits_already(const struct queue *queue, enum event_kind kind, const char *key)
{
	for (size_t i = 0; i < queue->count; i++) {
		const struct event *event = &queue->events[(queue->first + i) % LIMIT_QUEUE];
		if (event->kind == kind && !event->payload && strcmp(event->key, key) == 0)
			return true;
	}
	return false;
}

bool queue_push(struct queue *queue, enum event_kind kind, const char *key, void *payload)
{
	bool taken = true;
	pthread_mutex_lock(&queue->lock);
	if (payload || !waits_already(queue, kind, key)) {
		taken = queue->count < LIMIT_QUEUE;
		if (taken) {
			size_t last = (queue->first + queue->count++) % LIMIT_QUEUE;
			queue->events[last] = (struct event){kind, memory_copy(key), payload};
			pthread_cond_signal(&queue->filled);
		}
	}
	pthread_mutex_unlock(&queue->lock);
	return taken;
}

struct event queue_take(struct queue *queue, int64_t deadline)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline / 1000),
		.tv_nsec = (long)(deadline % 1000) * 1000000,
	};
	struct event event = {.kind = EVENT_NONE};

	pthread_mutex_lock(&queue->lock);
	while (!queue->count && clock_steady() < deadline)
		pthread_cond_timedwait(&queue->filled, &queue->lock, &until);
	if (queue->count) {
		event = queue->events[queue->first];
		queue->first = (queue->first + 1) % LIMIT_QUEUE;
		queue->count--;
	}
	pthread_mutex_unlock(&queue->lock);
	return event;
}

size_t queue_length(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	size_t count = queue->count;
	pthread_mutex_unlock(&queue->lock);
	return count;
}
