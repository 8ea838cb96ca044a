#include "agent/config/application_annotations.h"

#include <string.h>

#include "json_fixture.h"

/* The errors and warnings of these annotations, one a line. */
static const char *told(struct arena *mem, const char *annotations, struct application *application)
{
	CLEANUP(json_done) json_t *document = json_of(annotations, mem);
	const char *all = "";
	*application = (struct application){0};
	application_read_annotations(document, mem, application);
	for (size_t i = 0; i < application->spec_error_count; i++)
		all = arena_printf(mem, "%serror %s\n", all, application->spec_errors[i]);
	for (size_t i = 0; i < application->warning_count; i++)
		all = arena_printf(mem, "%swarning %s\n", all, application->warnings[i]);
	return all;
}

#define COMPARE "argocd.argoproj.io/compare-options"
#define MIGRATION "argocd.argoproj.io/client-side-apply-migration-manager"

static void compare_options_are_a_list_of_known_words(void **state)
{
	static const struct {
		const char *words, *told;
	} cases[] = {
		{"", ""},
		{" , ,", ""},
		{"ServerSideDiff=true", ""},
		{" IncludeMutationWebhook=true ,\tIgnoreExtraneous", ""},
		{"ServerSideDiff=false",
			"warning annotation " COMPARE
			": \"ServerSideDiff=false\" has no effect: every comparison is made by a dry run on the server\n"},
		{"ServerSideDiff=maybe",
			"error annotation " COMPARE ": \"ServerSideDiff=maybe\" is not supported\n"},
		{"ServerSideDif=true, IncludeMutationWebhook=false",
			"error annotation " COMPARE
			": \"ServerSideDif=true\" is not supported, did you mean \"ServerSideDiff=true\"?\n"
			"warning annotation " COMPARE
			": \"IncludeMutationWebhook=false\" has no effect: what admission webhooks change is part of every "
			"comparison\n"},
	};
	struct arena *mem = arena_new(1u << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct application application;
		const char *text = arena_printf(mem, "{" COMPARE ": \"%s\"}", cases[i].words);
		assert_string_equal(told(mem, text, &application), cases[i].told);
	}
	arena_free(mem);
}

static void a_migration_manager_is_a_name_the_server_would_take(void **state)
{
	struct arena *mem = arena_new(1u << 20);
	struct application application;
	char name[200];
	(void)state;
	assert_string_equal(told(mem, "{" MIGRATION ": spinnaker}", &application), "");
	assert_string_equal(application.migrated, "spinnaker");
	assert_string_equal(told(mem, "{" MIGRATION ": \"\"}", &application), "");
	assert_null(application.migrated);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	const char *text = told(mem, arena_printf(mem, "{" MIGRATION ": %s}", name), &application);
	assert_non_null(strstr(text, MIGRATION " is longer than the 128 bytes"));
	assert_null(application.migrated);
	arena_free(mem);
}

static void what_is_no_text_and_no_annotation_at_all_ask_for_nothing(void **state)
{
	struct arena *mem = arena_new(1u << 20);
	struct application application = {0};
	(void)state;
	application_read_annotations(NULL, mem, &application);
	assert_int_equal(application.spec_error_count + application.warning_count, 0);
	assert_string_equal(told(mem, "{" COMPARE ": 1, " MIGRATION ": [x]}", &application), "");
	assert_null(application.migrated);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compare_options_are_a_list_of_known_words),
		cmocka_unit_test(a_migration_manager_is_a_name_the_server_would_take),
		cmocka_unit_test(what_is_no_text_and_no_annotation_at_all_ask_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
