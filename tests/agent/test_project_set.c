#include "agent/config/project_set.h"

#include "json_fixture.h"

#include "base/file.h"

struct fixture {
	struct arena *mem;
	struct project_set *set;
};

static int open_fixture(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.mem = arena_new(64u << 20), .set = project_set_new()};
	*state = &fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;
	project_set_free(fixture->set);
	arena_free(fixture->mem);
	return 0;
}

static void see(struct fixture *fixture, const char *name, const char *spec, bool gone)
{
	CLEANUP(json_done)
	json_t *document = json_of(
		arena_printf(fixture->mem,
			"{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: %s}, spec: %s}\n",
			name, spec),
		fixture->mem);
	project_set_put(fixture->set, document, gone);
}

static void expect_none(struct fixture *fixture, const char *name, const char *reason)
{
	const char *why;
	assert_null(project_set_find(fixture->set, name, fixture->mem, &why));
	assert_string_equal(why, reason);
}

static void before_anything_is_known_there_is_no_project(void **state)
{
	struct fixture *fixture = *state;
	expect_none(fixture, "default", "the AppProjects are not known yet");
	assert_true(project_set_known(fixture->set, "forbidden"));
	assert_false(project_set_known(fixture->set, "forbidden"));
	expect_none(fixture, "default", "the AppProjects are not known yet: forbidden");
	assert_true(project_set_known(fixture->set, "silent"));
	assert_true(project_set_known(fixture->set, NULL));
	assert_false(project_set_known(fixture->set, NULL));
}

static void the_default_need_not_exist_and_is_obeyed_when_it_does(void **state)
{
	struct fixture *fixture = *state;
	const char *why;
	assert_true(project_set_known(fixture->set, NULL));
	assert_ptr_equal(project_set_find(fixture->set, "default", fixture->mem, &why), project_allow_all());
	expect_none(fixture, "team", "spec.project: there is no AppProject \"team\"");
	see(fixture, "default", "{sourceRepos: [x]}", false);
	assert_int_equal(project_set_find(fixture->set, "default", fixture->mem, &why)->source_repos.count, 1);
	see(fixture, "default", "{}", true);
	assert_ptr_equal(project_set_find(fixture->set, "default", fixture->mem, &why), project_allow_all());
}

static void the_newest_of_a_name_counts(void **state)
{
	struct fixture *fixture = *state;
	const char *why;
	assert_true(project_set_known(fixture->set, NULL));
	see(fixture, "team", "{sourceRepos: [a]}", false);
	see(fixture, "other", "{}", false);
	see(fixture, "team", "{sourceRepos: [a, b]}", false);
	assert_int_equal(project_set_find(fixture->set, "team", fixture->mem, &why)->source_repos.count, 2);
	see(fixture, "team", "{}", true);
	expect_none(fixture, "team", "spec.project: there is no AppProject \"team\"");
	assert_non_null(project_set_find(fixture->set, "other", fixture->mem, &why));
}

static void before_the_list_is_complete_nothing_counts(void **state)
{
	struct fixture *fixture = *state;
	see(fixture, "team", "{}", false);
	expect_none(fixture, "team", "the AppProjects are not known yet");
}

static void a_folder_replaces_what_was_known_unless_it_has_mistakes(void **state)
{
	static const char team[] =
		"{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: team}, spec: {sourceRepos: [a]}}\n";
	struct fixture *fixture = *state;
	char folder[] = "/tmp/pgitops-test-XXXXXX";
	const char *why;
	struct error err;
	assert_non_null(mkdtemp(folder));
	const char *one = arena_printf(fixture->mem, "%s/a.yaml", folder),
		   *two = arena_printf(fixture->mem, "%s/b.yaml", folder);
	assert_true(file_replace(one, team, strlen(team), 0600, &err));
	assert_true(project_set_load(fixture->set, folder, &err));
	assert_true(project_set_known(fixture->set, NULL));
	assert_non_null(project_set_find(fixture->set, "team", fixture->mem, &why));

	assert_true(file_replace(two, team, strlen(team), 0600, &err));
	assert_false(project_set_load(fixture->set, folder, &err));
	assert_string_equal(err.text,
		arena_printf(fixture->mem,
			"%s:1: AppProject \"team\" is also in %s: give one of them another name", two, one));
	assert_non_null(project_set_find(fixture->set, "team", fixture->mem, &why));

	assert_int_equal(unlink(one) + unlink(two), 0);
	assert_true(project_set_load(fixture->set, folder, &err));
	expect_none(fixture, "team", "spec.project: there is no AppProject \"team\"");
	assert_true(file_remove_folder(folder, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_anything_is_known_there_is_no_project),
		TEST(the_default_need_not_exist_and_is_obeyed_when_it_does),
		TEST(the_newest_of_a_name_counts),
		TEST(before_the_list_is_complete_nothing_counts),
		TEST(a_folder_replaces_what_was_known_unless_it_has_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
