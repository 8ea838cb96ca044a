#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/kubernetes/event.h"

struct heard {
	int count;
	enum event_type last;
	char version[64];
	int code;
	int stop_after;
};

static bool hear(void *context, const struct event *event)
{
	struct heard *heard = context;
	heard->count++;
	heard->last = event->type;
	heard->code = event->code;
	snprintf(heard->version, sizeof(heard->version), "%s", event->version);
	return heard->count != heard->stop_after;
}

static const char lines[] = "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}\n"
			    "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"resourceVersion\":\"2\"}}}\n"
			    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"30\"}}}\n";

static void lines_may_be_cut_anywhere(void **state)
{
	(void)state;
	for (size_t piece = 1; piece <= sizeof(lines); piece++) {
		struct event_stream stream = {0};
		struct heard heard = {0};
		struct error err;
		for (size_t at = 0; at < sizeof(lines) - 1; at += piece) {
			size_t left = sizeof(lines) - 1 - at;
			assert_true(event_stream_feed(
				&stream, lines + at, left < piece ? left : piece, hear, &heard, &err));
		}
		assert_int_equal(heard.count, 3);
		assert_int_equal(heard.last, EVENT_BOOKMARK);
		assert_string_equal(heard.version, "30");
		event_stream_done(&stream);
	}
}

static void a_cut_line_is_forgotten_with_its_connection(void **state)
{
	(void)state;
	struct event_stream stream = {0};
	struct heard heard = {0};
	struct error err;
	assert_true(event_stream_feed(&stream, lines, 20, hear, &heard, &err));
	event_stream_reset(&stream);
	assert_true(event_stream_feed(&stream, lines, sizeof(lines) - 1, hear, &heard, &err));
	assert_int_equal(heard.count, 3);
	event_stream_done(&stream);
}

static void the_callback_can_have_enough(void **state)
{
	(void)state;
	struct event_stream stream = {0};
	struct heard heard = {.stop_after = 1};
	struct error err;
	assert_true(event_stream_feed(&stream, lines, sizeof(lines) - 1, hear, &heard, &err));
	assert_int_equal(heard.count, 1);
	event_stream_done(&stream);
}

static void what_is_no_event_ends_the_stream(void **state)
{
	(void)state;
	static const char *const bad[] = {"{\"type\":\"ADDED\"}\n", "{\"type\":\"NEW\",\"object\":{}}\n",
		"[]\n", "{\"a\":\n", "<html>\n", "{\"type\":\"ADDED\",\"object\":7}\n", "{\"object\":{}}\n"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct event_stream stream = {0};
		struct heard heard = {0};
		struct error err = {0};
		assert_false(event_stream_feed(&stream, bad[i], strlen(bad[i]), hear, &heard, &err));
		assert_int_equal(heard.count, 0);
		assert_true(*err.text);
		event_stream_done(&stream);
	}
}

static void an_error_event_carries_its_code(void **state)
{
	(void)state;
	static const char line[] =
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n";
	struct event_stream stream = {0};
	struct heard heard = {0};
	struct error err;
	assert_true(event_stream_feed(&stream, line, sizeof(line) - 1, hear, &heard, &err));
	assert_int_equal(heard.last, EVENT_ERROR);
	assert_int_equal(heard.code, 410);
	event_stream_done(&stream);
}

static void a_line_has_a_maximum(void **state)
{
	(void)state;
	struct event_stream stream = {0};
	struct heard heard = {0};
	struct error err = {0};
	char *part = memory_alloc(65536);
	memset(part, 'x', 65536);
	size_t fed = 0;
	while (event_stream_feed(&stream, part, 65536, hear, &heard, &err))
		fed += 65536;
	assert_true(fed >= LIMIT_WATCH_LINE - 65536 && fed <= LIMIT_WATCH_LINE);
	assert_non_null(strstr(err.text, "4 MiB"));
	event_stream_done(&stream);
	free(part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_may_be_cut_anywhere),
		cmocka_unit_test(a_cut_line_is_forgotten_with_its_connection),
		cmocka_unit_test(the_callback_can_have_enough),
		cmocka_unit_test(what_is_no_event_ends_the_stream),
		cmocka_unit_test(an_error_event_carries_its_code),
		cmocka_unit_test(a_line_has_a_maximum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
