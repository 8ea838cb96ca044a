#include "reconcile/manifest/passed.h"

#include "fixture.h"

static const char *judged(struct fixture *fixture, const struct passed *passed)
{
	passed_judge(passed, "users", &fixture->desired);
	return arena_printf(fixture->mem, "%s%s", fixture_mistakes(fixture), fixture_warnings(fixture));
}

static void a_folder_of_another_language_is_told_with_its_files(void **state)
{
	struct fixture *fixture = *state;
	struct passed passed = {.count = 0};
	passed_add(&passed, "main.jsonnet", PASSED_NAME, fixture->mem);
	assert_string_equal(judged(fixture, &passed),
		"users: holds no manifest: main.jsonnet is passed over: read are *.yaml, *.yml and *.json (render what is to be "
		"rendered and commit the result, or set directory.disableExtensionFilter)\n");
}

static void the_first_names_and_every_reason_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct passed passed = {.count = 0};
	for (int i = 0; i < 6; i++)
		passed_add(&passed, arena_printf(fixture->mem, "%d.yaml", i), PASSED_FILTER, fixture->mem);
	passed_add(&passed, "team", PASSED_FOLDER, fixture->mem);
	assert_string_equal(judged(fixture, &passed),
		"users: holds no manifest: 0.yaml, 1.yaml, 2.yaml, 3.yaml, 4.yaml and 2 more are passed over: directory.include "
		"and directory.exclude leave out every manifest; folders are read with directory.recurse\n");
}

static void nothing_is_said_beside_a_manifest_or_another_mistake(void **state)
{
	struct fixture *fixture = *state;
	struct passed passed = {.count = 0};
	passed_add(&passed, "main.jsonnet", PASSED_NAME, fixture->mem);
	fixture->desired.files = 1;
	assert_string_equal(judged(fixture, &passed), "");
	fixture->desired.files = 0;
	mistakes_add(&fixture->desired.mistakes, "a.yaml", 1, 1, "broken");
	assert_string_equal(judged(fixture, &passed), "a.yaml:1:1: broken\n");
}

static void an_empty_folder_wants_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct passed passed = {.count = 0};
	assert_string_equal(judged(fixture, &passed), "");
	passed_add(&passed, ".gitkeep", PASSED_NAME, fixture->mem);
	passed_add(&passed, "deep/.hidden", PASSED_NAME, fixture->mem);
	assert_string_equal(judged(fixture, &passed), "");
}

static void a_folder_of_documents_wants_nothing_with_a_warning(void **state)
{
	struct fixture *fixture = *state;
	struct passed passed = {.count = 0};
	passed_add(&passed, "README", PASSED_NAME, fixture->mem);
	passed_add(&passed, "docs/how-to.md", PASSED_NAME, fixture->mem);
	assert_string_equal(judged(fixture, &passed),
		"users: holds no manifest, only documents and programs: nothing is wanted from it\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_folder_of_another_language_is_told_with_its_files, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(
			the_first_names_and_every_reason_are_told, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(
			nothing_is_said_beside_a_manifest_or_another_mistake, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(an_empty_folder_wants_nothing, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(
			a_folder_of_documents_wants_nothing_with_a_warning, fixture_open, fixture_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
