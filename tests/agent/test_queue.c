#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/queue.h"
#include "base/clock.h"
#include "base/limits.h"

static void assert_next(struct queue *queue, enum event_kind kind, const char *key)
{
	struct event event = queue_take(queue, 0);
	assert_int_equal(event.kind, kind);
	assert_string_equal(event.key, key);
	free(event.key);
}

static void the_same_event_waits_once(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	for (int i = 0; i < 1000; i++)
		queue_push(queue, EVENT_ANNOUNCED, "git.example.org/db");
	queue_push(queue, EVENT_ANNOUNCED, "git.example.org/other");
	assert_int_equal(queue_length(queue), 2);
	assert_next(queue, EVENT_ANNOUNCED, "git.example.org/db");
	/* Taken is no longer waiting: the next announcement counts. */
	queue_push(queue, EVENT_ANNOUNCED, "git.example.org/db");
	assert_int_equal(queue_length(queue), 2);
	queue_free(queue);
}

static void whoever_is_at_work_knows_whether_others_wait(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	assert_false(queue_has_others(queue, EVENT_OBJECT, "shop"));
	queue_push(queue, EVENT_OBJECT, "shop");
	assert_false(queue_has_others(queue, EVENT_OBJECT, "shop"));
	assert_true(queue_has_others(queue, EVENT_OBJECT, "other"));
	queue_push(queue, EVENT_OBJECT, "other");
	assert_true(queue_has_others(queue, EVENT_OBJECT, "shop"));
	queue_free(queue);
	queue = queue_new();
	queue_push(queue, EVENT_FETCHED, "");
	assert_false(queue_has_others(queue, EVENT_OBJECT, "shop"));
	queue_push(queue, EVENT_OPERATION, "");
	assert_true(queue_has_others(queue, EVENT_OBJECT, "shop"));
	queue_free(queue);
}

static void events_are_taken_in_their_order(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	queue_push(queue, EVENT_SECRET, "postgres");
	queue_push(queue, EVENT_APPLICATION, "");
	queue_push(queue, EVENT_OBJECT, "a");
	queue_push(queue, EVENT_LISTED, "");
	queue_push(queue, EVENT_APPLICATION, "");
	queue_push(queue, EVENT_OBJECT, "b");
	assert_next(queue, EVENT_SECRET, "postgres");
	assert_next(queue, EVENT_APPLICATION, "");
	assert_next(queue, EVENT_OBJECT, "a");
	assert_next(queue, EVENT_LISTED, "");
	assert_next(queue, EVENT_OBJECT, "b");
	assert_int_equal(queue_length(queue), 0);
	queue_free(queue);
}

static void too_many_keys_of_a_kind_are_one_event_for_all(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	char key[32];
	queue_push(queue, EVENT_OBJECT, "first");
	queue_push(queue, EVENT_SECRET, "postgres");
	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		queue_push(queue, EVENT_OBJECT, key);
	}
	queue_push(queue, EVENT_STOP, "");
	assert_next(queue, EVENT_OBJECT, "");
	assert_next(queue, EVENT_SECRET, "postgres");
	assert_next(queue, EVENT_STOP, "");
	assert_int_equal(queue_length(queue), 0);
	queue_free(queue);
}

static void one_event_for_all_covers_those_of_its_kind(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	queue_push(queue, EVENT_OBJECT, "a");
	queue_push(queue, EVENT_OBJECT, "b");
	queue_push(queue, EVENT_OBJECT, "");
	queue_push(queue, EVENT_OBJECT, "c");
	assert_next(queue, EVENT_OBJECT, "");
	assert_int_equal(queue_length(queue), 0);
	queue_free(queue);
}

static void taking_ends_at_its_deadline(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	struct event event = queue_take(queue, clock_steady() + 20);
	assert_int_equal(event.kind, EVENT_NONE);
	queue_free(queue);
}

static void *push_later(void *queue)
{
	queue_push(queue, EVENT_STOP, "");
	return NULL;
}

static void an_event_wakes_the_taker(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, push_later, queue), 0);
	struct event event = queue_take(queue, clock_steady() + 60000);
	assert_int_equal(event.kind, EVENT_STOP);
	free(event.key);
	pthread_join(thread, NULL);
	queue_free(queue);
}

/* A thread with its answer, freed by the taker as soon as it is done. */
struct work {
	struct queue *queue;
	int answer;
	bool done;
};

static void *work(void *context)
{
	struct work *work = context;
	work->answer = 42;
	queue_done(work->queue, EVENT_FETCHED, &work->done);
	return NULL;
}

/* With ThreadSanitizer and AddressSanitizer, this finds a thread that touches anything after its last word. */
static void what_is_done_may_be_freed_with_its_queue(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct work *works[4];
		pthread_t threads[4];
		struct queue *queue = queue_new();
		size_t taken = 0;
		for (size_t i = 0; i < COUNT_OF(works); i++) {
			works[i] = calloc(1, sizeof(*works[i]));
			assert_non_null(works[i]);
			works[i]->queue = queue;
			assert_int_equal(pthread_create(&threads[i], NULL, work, works[i]), 0);
		}
		while (taken < COUNT_OF(works)) {
			struct event event = queue_take(queue, clock_steady() + 60000);
			assert_int_equal(event.kind, EVENT_FETCHED);
			free(event.key);
			for (size_t i = 0; i < COUNT_OF(works); i++)
				if (works[i] && queue_is_done(queue, &works[i]->done)) {
					assert_int_equal(works[i]->answer, 42);
					free(works[i]);
					works[i] = NULL;
					taken++;
				}
		}
		queue_free(queue);
		for (size_t i = 0; i < COUNT_OF(threads); i++)
			pthread_join(threads[i], NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_event_waits_once),
		cmocka_unit_test(events_are_taken_in_their_order),
		cmocka_unit_test(whoever_is_at_work_knows_whether_others_wait),
		cmocka_unit_test(too_many_keys_of_a_kind_are_one_event_for_all),
		cmocka_unit_test(one_event_for_all_covers_those_of_its_kind),
		cmocka_unit_test(what_is_done_may_be_freed_with_its_queue),
		cmocka_unit_test(taking_ends_at_its_deadline),
		cmocka_unit_test(an_event_wakes_the_taker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
