#include "agent/config/project.h"

#include "json_fixture.h"

#include "base/file.h"

#define HEAD "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: team}\nspec: "

static struct project project_of(const char *spec, struct arena *mem)
{
	struct project project;
	struct error err;
	CLEANUP(json_done) json_t *document = json_of(arena_printf(mem, HEAD "%s\n", spec), mem);
	if (!project_read(document, NULL, mem, &project, &err))
		fail_msg("%s", err.text);
	return project;
}

static void a_source_is_matched_as_argo_cd_does(void **state)
{
	static const struct {
		const char *repos, *url;
		bool allowed;
	} cases[] = {
		{"['*']", "https://git.example.org/team/db.git", true},
		{"[]", "https://git.example.org/team/db.git", false},
		{"['https://git.example.org/team/db']", "https://git.example.org/team/db.git", true},
		{"['https://Git.Example.org/Team/DB.git/']", "https://git.example.org/team/db", true},
		{"['https://git.example.org/team/*']", "https://git.example.org/team/db.git", true},
		{"['https://git.example.org/*']", "https://git.example.org/team/db.git", false},
		{"['https://git.example.org/**']", "https://git.example.org/team/db.git", true},
		{"['git@git.example.org:team/db.git']", "ssh://git@git.example.org/team/db", true},
		{"['ssh://git@git.example.org/team/*']", "git@git.example.org:team/db.git", true},
		{"['*', '!https://git.example.org/secret/*']", "https://git.example.org/secret/db.git", false},
		{"['*', '!https://git.example.org/secret/*']", "https://git.example.org/team/db.git", true},
		{"['!https://git.example.org/secret/**', '*']", "https://git.example.org/secret/a/b", false},
		/* In Argo CD a prohibition that does not match is a permission. */
		{"['!https://git.example.org/secret/*']", "https://git.example.org/team/db.git", true},
		{"['https://git.example.org/team/db']", "https://git.example.org/team/db2", false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *why;
		const struct project project =
			project_of(arena_printf(*state, "{sourceRepos: %s}", cases[i].repos), *state);
		if (project_allows_source(&project, cases[i].url, *state, &why) != cases[i].allowed)
			fail_msg("%s %s", cases[i].repos, cases[i].url);
	}
}

static void a_destination_is_a_cluster_and_a_namespace(void **state)
{
	static const struct {
		const char *destinations, *namespace;
		bool allowed;
	} cases[] = {
		{"[]", "team", false},
		{"[{server: '*', namespace: '*'}]", "team", true},
		{"[{server: '*', namespace: '*'}]", "", true},
		{"[{server: 'https://kubernetes.default.svc', namespace: team}]", "team", true},
		{"[{server: 'https://kubernetes.default.svc', namespace: team}]", "team2", false},
		{"[{name: in-cluster, namespace: 'team-*'}]", "team-a", true},
		{"[{name: elsewhere, namespace: '*'}]", "team", false},
		{"[{server: 'https://elsewhere', namespace: team}]", "team", false},
		{"[{namespace: team}]", "team", false},
		{"[{server: '*'}]", "team", false},
		{"[{server: '*', namespace: '*'}, {server: '*', namespace: '!kube-system'}]", "kube-system",
			false},
		{"[{server: '*', namespace: '*'}, {server: '*', namespace: '!kube-*'}]", "team", true},
		{"[{server: '*', namespace: '!kube-system'}]", "team", true},
		{"[{server: '*', namespace: '*'}, {server: '!https://kubernetes.default.svc', namespace: team}]",
			"team", false},
		{"[{server: '*', namespace: '*'}, {server: '!https://kubernetes.default.svc', namespace: team}]",
			"other", true},
		{"[{server: '*', namespace: '*'}, {name: '!in-cluster', namespace: '!team'}]", "team", false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *why = NULL;
		const struct project_destination to = {
			DESTINATION_SERVER, DESTINATION_NAME, cases[i].namespace};
		const struct project project =
			project_of(arena_printf(*state, "{destinations: %s}", cases[i].destinations), *state);
		if (project_allows_destination(&project, &to, *state, &why) != cases[i].allowed)
			fail_msg("%s %s", cases[i].destinations, cases[i].namespace);
	}
}

static const char anywhere[] = "destinations: [{server: '*', namespace: '*'}]";

static void kinds_are_allowed_and_denied_by_lists(void **state)
{
	static const struct {
		const char *lists;
		struct object_key key;
		bool namespaced, allowed;
	} cases[] = {
		{"", {"", "ConfigMap", "team", "a"}, true, true},
		{"", {"", "Namespace", "", "team"}, false, false},
		{"clusterResourceWhitelist: [{group: '*', kind: '*'}]", {"", "Namespace", "", "team"}, false,
			true},
		{"clusterResourceWhitelist: [{group: '', kind: Namespace}]", {"", "Namespace", "", "team"},
			false, true},
		{"clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'team-*'}]",
			{"", "Namespace", "", "team"}, false, false},
		{"clusterResourceWhitelist: [{group: '', kind: Namespace, name: 'team-*'}]",
			{"", "Namespace", "", "team-a"}, false, true},
		{"clusterResourceWhitelist: [{group: '*', kind: '*'}], clusterResourceBlacklist: [{group: '*.k8s.io', kind: "
		 "'Cluster*'}]",
			{"rbac.authorization.k8s.io", "ClusterRole", "", "a"}, false, false},
		{"namespaceResourceBlacklist: [{group: '', kind: ResourceQuota}]",
			{"", "ResourceQuota", "team", "a"}, true, false},
		{"namespaceResourceBlacklist: [{group: '', kind: ResourceQuota}]",
			{"", "ConfigMap", "team", "a"}, true, true},
		{"namespaceResourceWhitelist: [{group: apps, kind: Deployment}]",
			{"apps", "Deployment", "team", "a"}, true, true},
		{"namespaceResourceWhitelist: [{group: apps, kind: Deployment}]",
			{"", "ConfigMap", "team", "a"}, true, false},
		{"namespaceResourceWhitelist: [{group: apps, kind: '*'}], namespaceResourceBlacklist: [{group: apps, kind: "
		 "DaemonSet}]",
			{"apps", "DaemonSet", "team", "a"}, true, false},
		{"namespaceResourceWhitelist: []", {"", "ConfigMap", "team", "a"}, true, false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *why;
		const struct project project = project_of(
			arena_printf(*state, "{%s%s%s}", anywhere, *cases[i].lists ? ", " : "", cases[i].lists),
			*state);
		if (project_allows_object(&project, &cases[i].key, cases[i].namespaced, *state, &why) !=
			cases[i].allowed)
			fail_msg("%s %s", cases[i].lists, cases[i].key.kind);
	}
}

static void an_object_may_go_only_where_its_namespace_is_a_destination(void **state)
{
	const struct project project = project_of("{destinations: [{server: '*', namespace: team}]}", *state);
	const struct object_key here = {"", "ConfigMap", "team", "a"}, there = {"", "ConfigMap", "other", "a"};
	const char *why;
	assert_true(project_allows_object(&project, &here, true, *state, &why));
	assert_false(project_allows_object(&project, &there, true, *state, &why));
	assert_string_equal(why,
		"project \"team\" does not allow the destination https://kubernetes.default.svc, "
		"namespace \"other\": it is not among its destinations");
}

static void each_refusal_is_one_sentence(void **state)
{
	const struct project project =
		project_of("{sourceRepos: ['!https://h/x'], destinations: [{server: '*', namespace: "
			   "'*'}, {server: '*', namespace: '!kube-system'}], "
			   "namespaceResourceBlacklist: [{group: '', kind: Secret}]}",
			*state);
	const struct project_destination to = {DESTINATION_SERVER, DESTINATION_NAME, "kube-system"};
	const struct object_key secret = {"", "Secret", "team", "a"}, role = {"g", "ClusterThing", "", "a"};
	const char *why;
	assert_false(project_allows_source(&project, "https://h/x", *state, &why));
	assert_string_equal(
		why, "project \"team\" forbids the repository https://h/x: sourceRepos has \"!https://h/x\"");
	assert_false(project_allows_destination(&project, &to, *state, &why));
	assert_string_equal(why,
		"project \"team\" does not allow the destination https://kubernetes.default.svc, "
		"namespace \"kube-system\": destinations forbids it");
	assert_false(project_allows_object(&project, &secret, true, *state, &why));
	assert_string_equal(
		why, "project \"team\" does not allow Secret team/a: it is in namespaceResourceBlacklist");
	assert_false(project_allows_object(&project, &role, false, *state, &why));
	assert_string_equal(why,
		"project \"team\" does not allow ClusterThing.g a: it is not in clusterResourceWhitelist");
}

static void what_is_not_supported_is_named(void **state)
{
	const struct project project = project_of(
		"{description: ours, roles: [{name: ci}], orphanedResources: {warn: true}, sourceNamespaces: [a],\n"
		" signatureKeys: [{keyID: ABC}], destinationServiceAccounts: [{server: x}],\n"
		" permitOnlyProjectScopedClusters: true, sourceIntegrity: {git: {}}, sourceRepo: ['*'],\n"
		" destinations: [{servre: x}, 5], syncWindows: {}, clusterResourceWhitelist: [{kind: 5}]}",
		*state);
	assert_string_equal(lines(project.errors, project.error_count, *state),
		"spec.signatureKeys is not supported: say whose commits count in the agent file, repositories[].signatures\n"
		"spec.destinationServiceAccounts is not supported: everything is written with the agent's own ServiceAccount\n"
		"spec.permitOnlyProjectScopedClusters is not supported: the agent writes to its own cluster, which belongs to no "
		"project\n"
		"spec.sourceIntegrity is not supported: say whose commits count in the agent file, repositories[].signatures\n"
		"spec.sourceRepo: there is no such field, did you mean \"sourceRepos\"?\n"
		"spec.destinations[0].servre: there is no such field, did you mean \"server\"?\n"
		"spec.destinations[1] must be an object\n"
		"spec.syncWindows must be a list\n"
		"spec.clusterResourceWhitelist[0].kind must be a string\n");
	assert_string_equal(lines(project.warnings, project.warning_count, *state),
		"spec.roles has no effect here: who may do what is decided by Kubernetes and the API's token\n"
		"spec.orphanedResources has no effect here: objects of nobody are not looked for\n"
		"spec.sourceNamespaces has no effect here: Applications are read from the agent's namespace only\n");
}

static void what_go_writes_for_nothing_asks_for_nothing(void **state)
{
	const struct project project = project_of(
		"{signatureKeys: [], permitOnlyProjectScopedClusters: false, orphanedResources: null, roles: []}",
		*state);
	assert_int_equal(project.error_count + project.warning_count, 0);
}

static void only_an_app_project_with_a_name_is_one(void **state)
{
	static const char *const documents[] = {
		"{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a}, spec: {}}",
		"{apiVersion: argoproj.io/v1, kind: AppProject, metadata: {name: a}, spec: {}}",
		"{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: A_B}, spec: {}}",
		"{apiVersion: argoproj.io/v1alpha1, kind: AppProject, spec: {}}",
	};
	for (size_t i = 0; i < COUNT_OF(documents); i++) {
		struct project project;
		struct error err;
		CLEANUP(json_done) json_t *document = json_of(documents[i], *state);
		assert_false(project_read(document, NULL, *state, &project, &err));
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}

static void the_default_that_does_not_exist_allows_everything(void **state)
{
	const struct object_key keys[] = {{"", "Namespace", "", "a"}, {"", "Secret", "kube-system", "a"}};
	const struct project_destination to = {DESTINATION_SERVER, DESTINATION_NAME, "anywhere"};
	const char *why;
	assert_true(project_allows_source(project_allow_all(), "git@h:a/b/c", *state, &why));
	assert_true(project_allows_destination(project_allow_all(), &to, *state, &why));
	assert_true(project_allows_object(project_allow_all(), &keys[0], false, *state, &why));
	assert_true(project_allows_object(project_allow_all(), &keys[1], true, *state, &why));
	assert_int_equal(project_allow_all()->windows.count, 0);
}

static void write_file(const char *folder, const char *name, const char *text, struct arena *mem)
{
	struct error err;
	assert_true(file_replace(arena_printf(mem, "%s/%s", folder, name), text, strlen(text), 0600, &err));
}

static void a_folder_gives_its_projects(void **state)
{
	char folder[] = "/tmp/pgitops-test-XXXXXX";
	struct mistakes mistakes = {.mem = *state};
	struct project *items;
	size_t count;
	struct error err;
	assert_non_null(mkdtemp(folder));
	write_file(folder, "z.yaml", HEAD "{sourceRepos: ['*']}\n", *state);
	write_file(folder, "b.yml",
		"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\nspec: {}\n---\n"
		"apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: default}\nspec: {}\n",
		*state);
	write_file(folder, "zz.yaml", HEAD "{}\n", *state);
	assert_true(project_read_folder(folder, *state, &items, &count, &mistakes, &err));
	assert_int_equal(count, 2);
	assert_string_equal(items[0].name, "default");
	assert_string_equal(items[1].name, "team");
	assert_string_equal(items[1].file, arena_printf(*state, "%s/z.yaml", folder));
	assert_int_equal(mistakes.count, 1);
	assert_string_equal(mistakes.items[0].text,
		arena_printf(*state,
			"AppProject \"team\" is also in %s/z.yaml: give one of them another name", folder));
	assert_true(file_remove_folder(folder, &err));
}

/* No projects would mean that `default` allows everything. */
static void a_folder_that_cannot_be_read_is_no_empty_one(void **state)
{
	char folder[] = "/tmp/pgitops-test-XXXXXX";
	struct mistakes mistakes = {.mem = *state};
	struct project *items;
	size_t count = 42;
	struct error err;
	assert_false(project_read_folder("/nonexistent/folder", *state, &items, &count, &mistakes, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(symlink("gone", arena_printf(*state, "%s/a.yaml", folder)), 0);
	assert_false(project_read_folder(folder, *state, &items, &count, &mistakes, &err));
	assert_int_equal(count, 42);
	assert_true(file_remove_folder(folder, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_is_matched_as_argo_cd_does),
		TEST(a_destination_is_a_cluster_and_a_namespace),
		TEST(kinds_are_allowed_and_denied_by_lists),
		TEST(an_object_may_go_only_where_its_namespace_is_a_destination),
		TEST(each_refusal_is_one_sentence),
		TEST(what_is_not_supported_is_named),
		TEST(what_go_writes_for_nothing_asks_for_nothing),
		TEST(only_an_app_project_with_a_name_is_one),
		TEST(the_default_that_does_not_exist_allows_everything),
		TEST(a_folder_gives_its_projects),
		TEST(a_folder_that_cannot_be_read_is_no_empty_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
