#include "agent/events/kubernetes_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agent/events/metrics.h"

/* What is written is tested on the real API server (tests/end/test_events.py); here is what is not. */

static const struct event_subject application = {
	.name = "a", .namespace = "argocd", .uid = "u-1", .destination = "team"};

static void tell(struct kubernetes_events *events, const struct event_subject *subject, int number)
{
	char message[32];
	snprintf(message, sizeof(message), "message %d", number);
	kubernetes_events_tell(events, subject, "ResourceUpdated", false, "", message);
}

static void an_application_that_flaps_makes_a_few_events_a_minute(void **state)
{
	(void)state;
	struct kubernetes_events *events = kubernetes_events_new();
	uint64_t before = metric_get(METRIC_EVENTS_DROPPED);
	for (int i = 0; i < EVENTS_PER_MINUTE + 5; i++)
		tell(events, &application, i);
	assert_int_equal(metric_get(METRIC_EVENTS_DROPPED) - before, 5);
	for (int i = 0; i < 100; i++) /* the same again is none more */
		tell(events, &application, 0);
	assert_int_equal(metric_get(METRIC_EVENTS_DROPPED) - before, 5);
	const struct event_subject other = {
		.name = "b", .namespace = "argocd", .uid = "u-2", .destination = "team"};
	tell(events, &other, 0);
	assert_int_equal(metric_get(METRIC_EVENTS_DROPPED) - before, 5);
	kubernetes_events_free(events);
}

static void what_waits_is_bounded(void **state)
{
	(void)state;
	struct kubernetes_events *events = kubernetes_events_new();
	uint64_t before = metric_get(METRIC_EVENTS_DROPPED);
	char uid[16];
	for (int i = 0; i < 1000; i++) {
		snprintf(uid, sizeof(uid), "u-%d", i);
		const struct event_subject subject = {
			.name = "a", .namespace = "argocd", .uid = uid, .destination = "team"};
		tell(events, &subject, 0);
	}
	assert_int_equal(metric_get(METRIC_EVENTS_DROPPED) - before, 1000 - 256);
	kubernetes_events_free(events);
}

static void a_long_or_hostile_message_and_a_file_are_no_trouble(void **state)
{
	(void)state;
	static char text[5000];
	struct kubernetes_events *events = kubernetes_events_new();
	const struct event_subject file = {
		.name = "a", .namespace = "argocd", .uid = "", .destination = "team"};
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	kubernetes_events_tell(events, &application, "OperationCompleted", true, "cli", text);
	kubernetes_events_tell(events, &application, "OperationCompleted", true, "cli", "\x1b[2J\xff");
	for (int i = 0; i < 1000; i++)
		tell(events, &file, i);
	kubernetes_events_tell(NULL, &application, "OperationCompleted", true, "cli", "nobody listens");
	kubernetes_events_free(events);
	kubernetes_events_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_application_that_flaps_makes_a_few_events_a_minute),
		cmocka_unit_test(what_waits_is_bounded),
		cmocka_unit_test(a_long_or_hostile_message_and_a_file_are_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
