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

static void the_same_event_waits_once(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	for (int i = 0; i < 1000; i++)
		assert_true(queue_push(queue, EVENT_ANNOUNCED, "git.example.org/db", NULL));
	assert_true(queue_push(queue, EVENT_ANNOUNCED, "git.example.org/other", NULL));
	assert_int_equal(queue_length(queue), 2);

	struct event event = queue_take(queue, 0);
	assert_int_equal(event.kind, EVENT_ANNOUNCED);
	assert_string_equal(event.key, "git.example.org/db");
	free(event.key);
	/* Taken is no longer waiting: the next announcement counts. */
	assert_true(queue_push(queue, EVENT_ANNOUNCED, "git.example.org/db", NULL));
	assert_int_equal(queue_length(queue), 2);
	queue_free(queue);
}

static void a_payload_is_never_merged(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	int first, second;
	assert_true(queue_push(queue, EVENT_FETCHED, "", &first));
	assert_true(queue_push(queue, EVENT_FETCHED, "", &second));
	struct event event = queue_take(queue, 0);
	assert_ptr_equal(event.payload, &first);
	free(event.key);
	event = queue_take(queue, 0);
	assert_ptr_equal(event.payload, &second);
	free(event.key);
	queue_free(queue);
}

static void a_full_queue_says_so(void **state)
{
	(void)state;
	struct queue *queue = queue_new();
	char key[32];
	for (int i = 0; i < LIMIT_QUEUE; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_true(queue_push(queue, EVENT_OBJECT, key, NULL));
	}
	assert_false(queue_push(queue, EVENT_OBJECT, "one more", NULL));
	assert_true(queue_push(queue, EVENT_OBJECT, "7", NULL)); /* waits already */
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
	queue_push(queue, EVENT_STOP, "", NULL);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_event_waits_once),
		cmocka_unit_test(a_payload_is_never_merged),
		cmocka_unit_test(a_full_queue_says_so),
		cmocka_unit_test(taking_ends_at_its_deadline),
		cmocka_unit_test(an_event_wakes_the_taker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
