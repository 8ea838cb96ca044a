#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/events/metrics.h"
#include "base/memory.h"

static void every_counter_is_shown_with_its_help_and_type(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(65536);
	metric_add(METRIC_WEBHOOK_ACCEPTED, 3);
	metric_set(METRIC_PASS_MILLISECONDS, 12345);
	metrics_print(&out);
	const char *text = buf_string(&out);
	assert_non_null(strstr(text,
		"# TYPE pgitops_webhook_requests_total counter\n"
		"pgitops_webhook_requests_total{result=\"accepted\"} 3\n"
		"pgitops_webhook_requests_total{result=\"refused\"} 0\n"));
	assert_non_null(strstr(text, "pgitops_pass_duration_seconds_total 12.345\n"));
	assert_non_null(strstr(text, "pgitops_webhook_requests_total{result=\"refused\"} 0\n"));
	assert_int_equal(out.data[out.length - 1], '\n');
}

static void a_gauge_is_shown_once_it_was_set(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(65536);
	metrics_print(&out);
	assert_null(strstr(buf_string(&out), "pgitops_cluster_up"));
	buf_clear(&out);
	metric_set(METRIC_CLUSTER_UP, 0);
	metric_set(METRIC_CLUSTER_SILENT, 12500);
	metrics_print(&out);
	assert_non_null(strstr(buf_string(&out), "# TYPE pgitops_cluster_up gauge\npgitops_cluster_up 0\n"));
	assert_non_null(strstr(buf_string(&out), "pgitops_cluster_last_answer_seconds 12.500\n"));
}

/* A reader of the text format takes a second HELP of the same name for an error. */
static void a_name_is_announced_once(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(65536);
	metrics_print(&out);
	size_t announced = 0;
	for (const char *line = buf_string(&out); line;
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char name[128], head[160];
		if (sscanf(line, "# TYPE %127s", name) != 1)
			continue;
		announced++;
		snprintf(head, sizeof(head), "# TYPE %s ", name);
		const char *first = strstr(buf_string(&out), head);
		assert_ptr_equal(first, line);
	}
	assert_int_equal(announced, 13);
}

static void labels_are_escaped_and_cut(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(65536);
	char longest[1000];
	buf_text(&out, "x");
	metrics_label(&out, "a", "say \"hi\"\\\n\x01");
	metrics_label(&out, "b", "");
	buf_text(&out, "} 1\n");
	assert_string_equal(buf_string(&out), "x{a=\"say \\\"hi\\\"\\\\\\n\\\\x01\",b=\"\"} 1\n");
	buf_clear(&out);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	metrics_label(&out, "a", longest);
	assert_int_equal(out.length, strlen("{a=\"\"") + METRICS_LABEL_BYTES);
}

/* Prometheus refuses the whole answer for one label that is no UTF-8, and a role may be called anything. */
static void labels_are_utf8_whatever_was_named(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(65536);
	char longest[METRICS_LABEL_BYTES + 2];
	metrics_label(&out, "a", "caf\xe9 \xff");
	assert_string_equal(buf_string(&out), "{a=\"caf\\\\xe9 \\\\xff\"");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest + METRICS_LABEL_BYTES - 1, "\xc3\xa9", 3);
	buf_clear(&out);
	metrics_label(&out, "a", longest);
	assert_int_equal(out.length, strlen("{a=\"\"") + METRICS_LABEL_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_counter_is_shown_with_its_help_and_type),
		cmocka_unit_test(a_gauge_is_shown_once_it_was_set),
		cmocka_unit_test(a_name_is_announced_once),
		cmocka_unit_test(labels_are_escaped_and_cut),
		cmocka_unit_test(labels_are_utf8_whatever_was_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
