/*
 * What the annotations of an object ask for (argocd.md 1.2, 1.3, 2.10).
 */
#include "reconcile/object_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct told {
	char text[2048];
	size_t count;
};

static void tell(void *context, const char *annotation, const char *text)
{
	struct told *told = context;
	size_t used = strlen(told->text);
	snprintf(told->text + used, sizeof(told->text) - used, "%s: %s\n", annotation, text);
	told->count++;
}

static struct object_options read_with(const char *annotations, struct told *told)
{
	struct object_options options;
	struct error err;
	CLEANUP(json_done) json_t *value = NULL;
	assert_true(json_read(annotations, strlen(annotations), &value, &err));
	*told = (struct told){0};
	object_options_read(value, "", tell, told, &options);
	return options;
}

static void hooks_of_both_languages_are_read(void **state)
{
	struct told told;
	struct object_options options = read_with("{\"argocd.argoproj.io/hook\":\"PreSync, PostSync\"}", &told);
	(void)state;
	assert_int_equal(options.hooks, HOOK_PRE_SYNC | HOOK_POST_SYNC);
	assert_int_equal(options.hook_delete, HOOK_DELETE_BEFORE);
	options = read_with("{\"helm.sh/hook\":\"pre-install,pre-upgrade\",\"helm.sh/hook-weight\":\"-5\","
			    "\"helm.sh/hook-delete-policy\":\"hook-succeeded,before-hook-creation\"}",
		&told);
	assert_int_equal(options.hooks, HOOK_PRE_SYNC);
	assert_int_equal(options.wave, -5);
	assert_int_equal(options.hook_delete, HOOK_DELETE_SUCCEEDED | HOOK_DELETE_BEFORE);
	assert_int_equal(told.count, 0);
	options = read_with("{\"helm.sh/hook\":\"test\"}", &told);
	assert_int_equal(options.hooks, HOOK_SKIP);
}

static void argo_overrules_helm(void **state)
{
	struct told told;
	struct object_options options =
		read_with("{\"argocd.argoproj.io/hook\":\"Sync\",\"helm.sh/hook\":\"post-delete\","
			  "\"argocd.argoproj.io/sync-wave\":\"3\",\"helm.sh/hook-weight\":\"7\"}",
			&told);
	(void)state;
	assert_int_equal(options.hooks, HOOK_SYNC);
	assert_int_equal(options.wave, 3);
}

static void sync_options_are_a_list(void **state)
{
	struct told told;
	struct object_options options =
		read_with("{\"argocd.argoproj.io/sync-options\":"
			  "\"Prune=confirm , Delete=false,Replace=true,Force=true,"
			  "Validate=false,SkipDryRunOnMissingResource=true,PruneLast=true,"
			  "ServerSideApply=false\"}",
			&told);
	(void)state;
	assert_int_equal(told.count, 0);
	assert_int_equal(options.prune, CHOICE_CONFIRM);
	assert_int_equal(options.delete, CHOICE_FALSE);
	assert_int_equal(options.replace, CHOICE_TRUE);
	assert_int_equal(options.validate, CHOICE_FALSE);
	assert_int_equal(options.server_side, CHOICE_FALSE);
	assert_true(options.force && options.skip_missing && options.prune_last);
}

static void unknown_words_are_mistakes_in_git_and_nothing_in_the_cluster(void **state)
{
	struct told told;
	(void)state;
	read_with("{\"argocd.argoproj.io/sync-options\":\"Prune=flase\"}", &told);
	assert_string_equal(told.text,
		"argocd.argoproj.io/sync-options: \"Prune=flase\" is not supported, did "
		"you mean \"Prune=false\"?\n");
	read_with("{\"argocd.argoproj.io/hook\":\"Presync\"}", &told);
	assert_non_null(strstr(told.text, "\"Presync\" is not supported, did you mean \"PreSync\"?"));
	read_with("{\"argocd.argoproj.io/sync-waves\":\"1\"}", &told);
	assert_non_null(strstr(told.text, "did you mean \"argocd.argoproj.io/sync-wave\"?"));
	read_with("{\"argocd.argoproj.io/sync-wave\":\"soon\"}", &told);
	assert_non_null(strstr(told.text, "must be an integer"));
	read_with("{\"argocd.argoproj.io/hook-delete-policy\":\"Never\"}", &told);
	assert_int_equal(told.count, 1);
	struct object_options options;
	const char *live = "{\"metadata\":{\"annotations\":{\"argocd.argoproj.io/hook\":\"OnMonday\"}}}";
	object_options_read_text(live, strlen(live), "", &options);
	assert_int_equal(options.hooks, HOOK_SKIP);
}

static void what_helm_keeps_is_neither_pruned_nor_deleted(void **state)
{
	struct told told;
	struct object_options options = read_with("{\"helm.sh/resource-policy\":\"keep\"}", &told);
	(void)state;
	assert_int_equal(options.prune, CHOICE_FALSE);
	assert_int_equal(options.delete, CHOICE_FALSE);
}

static void objects_without_such_annotations_ask_for_nothing(void **state)
{
	struct object_options options;
	const struct object_options nothing = {0};
	const char *plain = "{\"metadata\":{\"annotations\":{\"team\":\"db\"}}}";
	(void)state;
	object_options_read_text(plain, strlen(plain), "", &options);
	assert_int_equal(options.wave, nothing.wave);
	assert_int_equal(options.hooks, 0);
	assert_int_equal(options.prune, CHOICE_UNSET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_of_both_languages_are_read),
		cmocka_unit_test(argo_overrules_helm),
		cmocka_unit_test(sync_options_are_a_list),
		cmocka_unit_test(unknown_words_are_mistakes_in_git_and_nothing_in_the_cluster),
		cmocka_unit_test(what_helm_keeps_is_neither_pruned_nor_deleted),
		cmocka_unit_test(objects_without_such_annotations_ask_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
