/*
 * spec.source and spec.sources: which of them counts, and what is wrong with each
 */
#include "application_fixture.h"

#include "base/limits.h"

static void one_source_of_a_list_is_the_source(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  sources: [{repoURL: https://h/x, path: a, targetRevision: ^1.2, directory: {recurse: true}}]\n"
		"  source: {repoURL: https://h/ignored, path: b, helm: {values: x}}\n" GOOD_DESTINATION,
		"");
	const struct application *application = &fixture->application;
	assert_int_equal(application->source_count, 1);
	assert_true(application->sources_listed);
	assert_string_equal(application->sources[0].repo_url, "https://h/x");
	assert_string_equal(application->sources[0].revision, "^1.2");
	assert_string_equal(application->sources[0].directory.path, "a");
	assert_true(application->sources[0].directory.recurse);
	expect(fixture, "  sources: []\n" GOOD_SOURCE GOOD_DESTINATION, "");
	assert_string_equal(fixture->application.sources[0].directory.path, "team");
	expect(fixture, "  sources: {repoURL: x}\n" GOOD_DESTINATION, "spec.sources must be a list\n");
}

static void each_of_several_sources_has_its_own_fields(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  sources:\n"
		"  - {repoURL: https://h/x, path: a, targetRevision: v1}\n"
		"  - {repoURL: https://h/y, path: b, ref: both, directory: {recurse: true}}\n"
		"  - {repoURL: https://h/z, ref: values, targetRevision: main}\n" GOOD_DESTINATION,
		"");
	const struct application *application = &fixture->application;
	assert_int_equal(application->source_count, 3);
	assert_true(application->sources_listed);
	assert_string_equal(application->sources[0].revision, "v1");
	assert_string_equal(application->sources[1].directory.path, "b");
	assert_string_equal(application->sources[1].ref, "both");
	assert_true(application->sources[1].directory.recurse);
	assert_false(application->sources[1].files_only); /* it is wanted, too */
	assert_string_equal(application->sources[2].repo_url, "https://h/z");
	assert_string_equal(application->sources[2].ref, "values");
	assert_true(application->sources[2].files_only);
}

static void mistakes_of_several_sources_name_the_source(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  sources: [{repoURL: x, path: a}, {path: ../b, chart: c}, {repoURL: x}, null]\n" GOOD_DESTINATION,
		"spec.sources[1].chart is not supported: nothing is fetched from a chart repository: commit the chart, and name its "
		"folder in path\n"
		"spec.sources[1].path must lie inside the repository: no leading '/', no '..'\n"
		"spec.sources[1].repoURL is missing\n"
		"spec.sources[2].path is missing: \".\" is the root of the repository\n"
		"spec.sources[3] is missing\n");
	assert_int_equal(fixture->application.source_count, 4);
	expect(fixture,
		"  sources: [{repoURL: x, path: a, ref: v}, {repoURL: w, ref: v}, {repoURL: z, ref: $v}]\n" GOOD_DESTINATION,
		"spec.sources[1].ref is \"v\", which is the name of spec.sources[0]\n"
		"spec.sources[2].ref may hold letters, digits, '_' and '-' alone\n");
	expect(fixture, "  sources: [{repoURL: x, ref: v}]\n" GOOD_DESTINATION,
		"spec.sources has no source with a path: nothing would be wanted\n");
}

static void there_are_not_more_sources_than_fit(void **state)
{
	struct fixture *fixture = *state;
	const char *list = "{repoURL: x, path: a}";
	for (size_t i = 1; i < LIMIT_SOURCES; i++)
		list = arena_printf(fixture->mem, "%s, {repoURL: x, path: a%zu}", list, i);
	expect(fixture, arena_printf(fixture->mem, "  sources: [%s]\n" GOOD_DESTINATION, list), "");
	expect(fixture,
		arena_printf(fixture->mem, "  sources: [%s, {repoURL: x, path: b}]\n" GOOD_DESTINATION, list),
		"spec.sources has 17 sources: at most 16\n");
	assert_int_equal(fixture->application.source_count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_source_of_a_list_is_the_source),
		TEST(each_of_several_sources_has_its_own_fields),
		TEST(mistakes_of_several_sources_name_the_source),
		TEST(there_are_not_more_sources_than_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
