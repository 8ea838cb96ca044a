/*
 * The words of syncOptions: each sets what it names and nothing else, and one that is not known is told what it may have meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/config/sync_options.h"

/* Every option that argocd.md 1.2 lists for an Application, in both directions where there are two. */
static const struct {
	const char *word;
	struct sync_options set; /* from nothing */
	const char *back;        /* takes it back; NULL = no word does */
} options[] = {
	{"CreateNamespace=true", {.create_namespace = true}, "CreateNamespace=false"},
	{"ForceConflicts=true", {.force_conflicts = true}, "ForceConflicts=false"},
	{"PruneLast=true", {.prune_last = true}, "PruneLast=false"},
	{"Replace=true", {.replace = true}, "Replace=false"},
	{"Force=true", {.force = true}, "Force=false"},
	{"Validate=false", {.lenient = true}, "Validate=true"},
	{"SkipDryRunOnMissingResource=true", {.skip_missing = true}, "SkipDryRunOnMissingResource=false"},
	{"RespectIgnoreDifferences=true", {.respect_ignored = true}, "RespectIgnoreDifferences=false"},
	{"FailOnSharedResource=true", {.fail_on_shared = true}, "FailOnSharedResource=false"},
	{"ApplyOutOfSyncOnly=true", {.out_of_sync_only = true}, "ApplyOutOfSyncOnly=false"},
	{"ClientSideApplyMigration=false", {.keep_managers = true}, "ClientSideApplyMigration=true"},
	{"Prune=true", {.prune = CHOICE_TRUE}, NULL},
	{"Prune=false", {.prune = CHOICE_FALSE}, NULL},
	{"Prune=confirm", {.prune = CHOICE_CONFIRM}, NULL},
	{"Delete=true", {.delete = CHOICE_TRUE}, NULL},
	{"Delete=false", {.delete = CHOICE_FALSE}, NULL},
	{"Delete=confirm", {.delete = CHOICE_CONFIRM}, NULL},
	{"PrunePropagationPolicy=foreground", {.propagation = "Foreground"}, NULL},
	{"PrunePropagationPolicy=background", {.propagation = "Background"}, NULL},
	{"PrunePropagationPolicy=orphan", {.propagation = "Orphan"}, NULL},
	{"ServerSideApply=true", {0}, NULL},
	{"ServerSideApply=false", {0}, NULL},
};

static void assert_options_equal(const struct sync_options *a, const struct sync_options *b)
{
	assert_int_equal(a->prune, b->prune);
	assert_int_equal(a->delete, b->delete);
	assert_int_equal(a->create_namespace, b->create_namespace);
	assert_int_equal(a->force_conflicts, b->force_conflicts);
	assert_int_equal(a->prune_last, b->prune_last);
	assert_int_equal(a->replace, b->replace);
	assert_int_equal(a->force, b->force);
	assert_int_equal(a->lenient, b->lenient);
	assert_int_equal(a->skip_missing, b->skip_missing);
	assert_int_equal(a->respect_ignored, b->respect_ignored);
	assert_int_equal(a->out_of_sync_only, b->out_of_sync_only);
	assert_int_equal(a->keep_managers, b->keep_managers);
	assert_int_equal(a->fail_on_shared, b->fail_on_shared);
	assert_string_equal(a->propagation ? a->propagation : "", b->propagation ? b->propagation : "");
}

static void each_word_sets_what_it_names_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		struct sync_options read = {0};
		const char *near = NULL;
		assert_true(sync_options_take(&read, options[i].word, &near));
		assert_options_equal(&read, &options[i].set);
	}
}

static void a_later_word_counts(void **state)
{
	(void)state;
	const struct sync_options nothing = {0};
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		struct sync_options read = {0};
		const char *near = NULL;
		if (!options[i].back)
			continue;
		assert_true(sync_options_take(&read, options[i].word, &near));
		assert_true(sync_options_take(&read, options[i].back, &near));
		assert_options_equal(&read, &nothing);
	}
}

static void an_unknown_word_changes_nothing_and_names_the_nearest(void **state)
{
	(void)state;
	static const struct {
		const char *word, *near;
	} unknown[] = {{"PruneLst=true", "PruneLast=true"}, {"createnamespace=true", "CreateNamespace=true"},
		{"Something=else", NULL}, {"", NULL}, {"Replace", NULL}};
	const struct sync_options nothing = {0};
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		struct sync_options read = {0};
		const char *near = "?";
		assert_false(sync_options_take(&read, unknown[i].word, &near));
		assert_options_equal(&read, &nothing);
		if (unknown[i].near)
			assert_string_equal(near, unknown[i].near);
		else
			assert_null(near);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_sets_what_it_names_and_nothing_else),
		cmocka_unit_test(a_later_word_counts),
		cmocka_unit_test(an_unknown_word_changes_nothing_and_names_the_nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
