#include "agent/events/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *printed(struct buf *out)
{
	buf_clear(out);
	series_print(out);
	assert_false(buf_failed(out));
	return buf_string(out);
}

static void a_counter_has_its_labels_and_is_announced_once(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	const char *const good[] = {"argocd", "a", "default", "Succeeded", "false"};
	const char *const bad[] = {"argocd", "a\"\\", "default", "Failed", "false"};
	series_add(SERIES_SYNC, good, 1);
	series_add(SERIES_SYNC, bad, 1);
	series_add(SERIES_SYNC, good, 1);
	series_add(SERIES_SYNC_SECONDS, good, 1.5);
	assert_non_null(strstr(printed(&out),
		"# HELP argocd_app_sync_total Syncs ended, by outcome.\n"
		"# TYPE argocd_app_sync_total counter\n"
		"argocd_app_sync_total{namespace=\"argocd\",name=\"a\",project=\"default\",phase=\"Succeeded\",dry_run=\"false\"} 2\n"
		"argocd_app_sync_total{namespace=\"argocd\",name=\"a\\\"\\\\\",project=\"default\",phase=\"Failed\",dry_run=\"false\"} 1\n"
		"# HELP"));
	assert_non_null(strstr(printed(&out),
		"argocd_app_sync_duration_seconds_total{namespace=\"argocd\",name=\"a\",project=\"default\"} 1.5\n"));
	series_forget("name", "a\"\\");
	assert_null(strstr(printed(&out), "Failed"));
	assert_non_null(strstr(printed(&out), "Succeeded"));
	series_forget("name", "a");
	assert_null(strstr(printed(&out), "argocd_app_sync"));
}

static void the_buckets_of_a_histogram_hold_all_that_is_below_their_bound(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	const char *const values[] = {"argocd", "b"};
	static const double seconds[] = {.1, .25, .3, 16, 17};
	for (size_t i = 0; i < COUNT_OF(seconds); i++)
		series_observe(SERIES_RECONCILE, values, seconds[i]);
#define B "argocd_app_reconcile_bucket{namespace=\"argocd\",name=\"b\",le="
	assert_non_null(strstr(printed(&out),
		"# TYPE argocd_app_reconcile histogram\n" B "\"0.25\"} 2\n" B "\"0.5\"} 3\n" B "\"1\"} 3\n" B
		"\"2\"} 3\n" B "\"4\"} 3\n" B "\"8\"} 3\n" B "\"16\"} 4\n" B "\"+Inf\"} 5\n"
		"argocd_app_reconcile_sum{namespace=\"argocd\",name=\"b\"} 33.650000\n"
		"argocd_app_reconcile_count{namespace=\"argocd\",name=\"b\"} 5\n"));
	series_forget("name", "b");
}

static void too_many_label_sets_are_counted_and_not_kept(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(4 << 20);
	char name[16];
	for (int i = 0; i < SERIES_MAXIMUM + 3; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		series_add(SERIES_GIT_FAILED, (const char *const[]){name}, 1);
	}
	assert_non_null(strstr(printed(&out), "pgitops_series_dropped_total 3\n"));
	assert_null(strstr(printed(&out), "\"r4096\""));
	for (int i = 0; i < SERIES_MAXIMUM; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		series_forget("repo", name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_has_its_labels_and_is_announced_once),
		cmocka_unit_test(the_buckets_of_a_histogram_hold_all_that_is_below_their_bound),
		cmocka_unit_test(too_many_label_sets_are_counted_and_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
