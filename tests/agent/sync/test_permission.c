/*
 * What an Application may do: the first of project, windows and rules that stands in the way is named.
 */
#include "agent/sync/permission.h"

#include "tests/agent/json_fixture.h"

struct fixture {
	struct application_source sources[2];
	struct arena *mem;
	struct config config;
	struct rule_config rule;
	struct agent agent;
	struct app app;
};

static void see(struct fixture *fixture, const char *name, const char *spec)
{
	CLEANUP(json_done)
	json_t *document = json_of(
		arena_printf(fixture->mem,
			"{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: %s}, spec: %s}\n",
			name, spec),
		fixture->mem);
	project_set_put(fixture->agent.projects, document, false);
}

static int open_fixture(void **state)
{
	static const char *namespaces[] = {"team"};
	static struct fixture fixture;
	fixture = (struct fixture){.mem = arena_new(64u << 20)};
	fixture.config = (struct config){.file = "agent.yaml", .namespace = "argocd"};
	fixture.rule = (struct rule_config){
		.application = "ruled", .namespaces = namespaces, .namespace_count = 1, .line = 3};
	fixture.config.rules = &fixture.rule;
	fixture.config.rule_count = 1;
	fixture.agent.config = &fixture.config;
	fixture.agent.projects = project_set_new();
	fixture.sources[0].repo_url = "https://h/x";
	fixture.sources[1].repo_url = "https://h/y";
	fixture.app.spec = (struct application){.name = "shop",
		.project = "default",
		.sources = fixture.sources,
		.source_count = 1,
		.destination = "team"};
	assert_true(project_set_known(fixture.agent.projects, NULL));
	*state = &fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;
	project_set_free(fixture->agent.projects);
	arena_free(fixture->mem);
	return 0;
}

static void expect(struct fixture *fixture, const char *project, const char *reason)
{
	const char *why = NULL;
	fixture->app.spec.project = project;
	const struct project *found = permission_project(&fixture->agent, &fixture->app, fixture->mem, &why);
	assert_int_equal(found != NULL, reason == NULL);
	if (reason)
		assert_string_equal(why, reason);
}

static void a_project_allows_source_and_destination_or_says_why_not(void **state)
{
	struct fixture *fixture = *state;
	see(fixture, "good", "{sourceRepos: ['https://h/*'], destinations: [{server: '*', namespace: 'te*'}]}");
	see(fixture, "source", "{sourceRepos: ['https://h/y'], destinations: [{server: '*', namespace: '*'}]}");
	see(fixture, "place", "{sourceRepos: ['*'], destinations: [{name: in-cluster, namespace: other}]}");
	see(fixture, "odd", "{sourceRepos: ['*'], signatureKeys: [{keyID: A}], sorceRepos: []}");
	expect(fixture, "default", NULL);
	expect(fixture, "good", NULL);
	expect(fixture, "none", "spec.project: there is no AppProject \"none\"");
	expect(fixture, "source",
		"project \"source\" does not allow the repository https://h/x: it is not in sourceRepos");
	fixture->app.spec.source_count = 2; /* each has to be allowed */
	expect(fixture, "good", NULL);
	expect(fixture, "source",
		"project \"source\" does not allow the repository https://h/x: it is not in sourceRepos");
	fixture->sources[0].repo_url = "https://h/y";
	expect(fixture, "source", NULL);
	fixture->sources[1].repo_url = "https://h/z";
	expect(fixture, "source",
		"project \"source\" does not allow the repository https://h/z: it is not in sourceRepos");
	expect(fixture, "place",
		"project \"place\" does not allow the destination https://kubernetes.default.svc, namespace \"team\": it is not "
		"among its destinations");
	expect(fixture, "odd",
		"AppProject \"odd\" cannot be used: spec.signatureKeys is not supported: say whose commits count in the "
		"agent file, repositories[].signatures; spec.sorceRepos: there is no such field, did you mean \"sourceRepos\"?");
}

static void a_rule_narrows_what_the_project_allows(void **state)
{
	struct fixture *fixture = *state;
	const struct object_key here = {"", "ConfigMap", "team", "a"}, there = {"", "ConfigMap", "other", "a"},
				own = {"argoproj.io", "Application", "argocd", "a"};
	const char *why;
	expect(fixture, "default", NULL);
	assert_true(permission_object(
		&fixture->agent, &fixture->app, project_allow_all(), &there, fixture->mem, &why));
	assert_false(permission_object(
		&fixture->agent, &fixture->app, project_allow_all(), &own, fixture->mem, &why));
	fixture->app.spec.name = "ruled";
	expect(fixture, "default", NULL);
	assert_true(permission_object(
		&fixture->agent, &fixture->app, project_allow_all(), &here, fixture->mem, &why));
	assert_false(permission_object(
		&fixture->agent, &fixture->app, project_allow_all(), &there, fixture->mem, &why));
	assert_string_equal(why,
		"ConfigMap other/a is not written: other is not among the namespaces of the rule at agent.yaml:3");
	fixture->app.spec.destination = "other";
	expect(fixture, "default",
		"spec.destination.namespace \"other\" is not among the namespaces of the rule at agent.yaml:3");
}

static void an_object_is_asked_of_the_project_too(void **state)
{
	struct fixture *fixture = *state;
	const struct object_key role = {"rbac.authorization.k8s.io", "ClusterRole", "", "a"};
	const char *why;
	see(fixture, "good", "{sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}");
	fixture->app.spec.project = "good";
	const struct project *project = permission_project(&fixture->agent, &fixture->app, fixture->mem, &why);
	assert_non_null(project);
	assert_false(permission_object(&fixture->agent, &fixture->app, project, &role, fixture->mem, &why));
	assert_string_equal(why,
		"project \"good\" does not allow ClusterRole.rbac.authorization.k8s.io a: it is not in clusterResourceWhitelist");
}

/* Windows that are open, or closed, at any time of day. */
#define ALWAYS "schedule: '* * * * *', duration: 1h, applications: ['*']"

static void windows_say_who_may_sync_and_when_to_look_again(void **state)
{
	struct fixture *fixture = *state;
	struct error why;
	int64_t again = -1;
	assert_true(permission_to_sync(&fixture->agent, &fixture->app, false, &why, &again));
	assert_int_equal(again, 0);

	see(fixture, "default", "{syncWindows: [{kind: deny, manualSync: true, " ALWAYS "}]}");
	assert_false(permission_to_sync(&fixture->agent, &fixture->app, false, &why, &again));
	assert_int_equal(why.kind, ERROR_RETRY);
	assert_non_null(strstr(why.text,
		"sync is blocked by a sync window of project \"default\": deny window '* * * * *' for 1h (UTC) is open until "));
	assert_true(again > clock_steady() && again <= clock_steady() + 3600 * 1000);
	assert_true(permission_to_sync(&fixture->agent, &fixture->app, true, &why, &again));

	see(fixture, "default", "{syncWindows: [{kind: deny, " ALWAYS "}]}");
	assert_false(permission_to_sync(&fixture->agent, &fixture->app, true, &why, &again));
	see(fixture, "default", "{syncWindows: [{kind: allow, " ALWAYS "}]}");
	assert_true(permission_to_sync(&fixture->agent, &fixture->app, false, &why, &again));
	fixture->app.spec.project = "none";
	assert_false(permission_to_sync(&fixture->agent, &fixture->app, true, &why, &again));
	assert_string_equal(why.text, "spec.project: there is no AppProject \"none\"");
}

static void a_sync_that_began_before_a_window_goes_on_only_by_overrun(void **state)
{
	struct fixture *fixture = *state;
	struct error why;
	int64_t again, before = clock_now() - (int64_t)7200 * 1000000;
	/* From the beginning of this minute on: the only one of its kind in the year, and two hours ago it was not open. */
	char text[CLOCK_TEXT_SIZE];
	clock_text_seconds(clock_now(), text);
	const char *schedule =
		arena_printf(fixture->mem, "%.2s %.2s %.2s %.2s *", text + 14, text + 11, text + 8, text + 5);
	see(fixture, "default",
		arena_printf(fixture->mem,
			"{syncWindows: [{kind: deny, schedule: '%s', duration: 1h, applications: ['*']}]}",
			schedule));
	assert_false(permission_to_continue(&fixture->agent, &fixture->app, false, before, &why, &again));
	see(fixture, "default",
		arena_printf(fixture->mem,
			"{syncWindows: [{kind: deny, schedule: '%s', duration: 1h, applications: ['*'], syncOverrun: true}]}",
			schedule));
	assert_true(permission_to_continue(&fixture->agent, &fixture->app, false, before, &why, &again));
	assert_false(permission_to_continue(&fixture->agent, &fixture->app, false, clock_now(), &why, &again));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_project_allows_source_and_destination_or_says_why_not),
		TEST(a_rule_narrows_what_the_project_allows),
		TEST(an_object_is_asked_of_the_project_too),
		TEST(windows_say_who_may_sync_and_when_to_look_again),
		TEST(a_sync_that_began_before_a_window_goes_on_only_by_overrun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
