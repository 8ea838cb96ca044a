/* Started as `test_application jq-worker` it is the jq process, as the program is. */
#include "application_fixture.h"

#include "base/file.h"
#include "reconcile/ignore/jq_worker.h"

static void a_plain_application_has_argo_cds_defaults(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture, GOOD_SOURCE GOOD_DESTINATION, "");
	const struct application *application = &fixture->application;
	assert_string_equal(application->name, "a");
	assert_string_equal(application->namespace, "argocd");
	assert_string_equal(application->uid, "u-1");
	assert_string_equal(application->file, "a.yaml");
	assert_int_equal(application->source_count, 1);
	assert_false(application->sources_listed);
	const struct application_source *source = &application->sources[0];
	assert_string_equal(source->repo_url, "https://h/x");
	assert_string_equal(source->revision, "");
	assert_string_equal(source->tag_prefix, "");
	assert_string_equal(source->ref, "");
	assert_string_equal(source->directory.path, "team");
	assert_false(source->files_only || source->directory.recurse);
	assert_null(source->directory.include);
	assert_string_equal(application->destination, "team");
	assert_string_equal(application->project, "default");
	assert_false(application->automated || application->prune || application->self_heal ||
		application->allow_empty);
	const struct sync_options *options = &application->options;
	assert_false(options->create_namespace || options->force_conflicts || options->prune_last ||
		options->replace || options->lenient || application->skip_reconcile);
	assert_int_equal(options->prune, CHOICE_UNSET);
	assert_int_equal(application->cascade, CASCADE_NONE);
	assert_int_equal(application->refresh, REFRESH_NONE);
	assert_int_equal(application->history_limit, 10);
	assert_int_equal(application->retry_limit, 5);
	assert_int_equal(application->retry_duration, 5000);
	assert_int_equal(application->retry_max, 180000);
	assert_true(application->retry_factor == 2.0);
}

static void every_supported_field_is_read(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  project: other\n  info: [{name: a, value: b}]\n  revisionHistoryLimit: 3\n"
		"  source:\n    repoURL: https://h/x\n    path: ./a/b/\n    targetRevision: v1\n    tagPrefix: team/\n    name: src\n"
		"    directory: {recurse: true, include: '*.yaml', exclude: '{a,b}', disableExtensionFilter: true}\n"
		"  destination: {name: in-cluster, namespace: team}\n"
		"  syncPolicy:\n    automated: {prune: true, selfHeal: true, allowEmpty: true, enabled: true}\n"
		"    syncOptions: [CreateNamespace=true, ServerSideApply=true, ForceConflicts=true, ApplyOutOfSyncOnly=true,\n"
		"      PruneLast=true, Prune=false, Validate=true]\n"
		"    retry: {limit: -1, refresh: true, backoff: {duration: 10s, factor: 3, maxDuration: 10m}}\n"
		"    managedNamespaceMetadata: {labels: {team: db}}\n",
		"");
	const struct application *application = &fixture->application;
	assert_string_equal(application->project, "other");
	const struct application_source *source = &application->sources[0];
	assert_string_equal(source->revision, "v1");
	assert_string_equal(source->directory.path, "a/b");
	assert_string_equal(source->tag_prefix, "team/");
	assert_true(source->directory.recurse && source->directory.any_name);
	assert_string_equal(source->directory.include, "*.yaml");
	assert_string_equal(source->directory.exclude, "{a,b}");
	assert_true(application->automated && application->prune && application->self_heal &&
		application->allow_empty);
	assert_true(application->options.create_namespace && application->options.force_conflicts &&
		application->options.prune_last);
	assert_int_equal(application->options.prune, CHOICE_FALSE);
	assert_string_equal(json_text_at(application->namespace_metadata, "labels.team", ""), "db");
	assert_int_equal(application->history_limit, 3);
	assert_int_equal(application->retry_limit, -1);
	assert_int_equal(application->retry_duration, 10000);
	assert_int_equal(application->retry_max, 600000);
	assert_true(application->retry_factor == 3.0);
}

static void automated_is_on_when_it_is_there_and_not_disabled(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture, GOOD_SOURCE GOOD_DESTINATION "  syncPolicy: {automated: {}}\n", "");
	assert_true(fixture->application.automated);
	expect(fixture,
		GOOD_SOURCE GOOD_DESTINATION "  syncPolicy: {automated: {enabled: null, prune: null}}\n", "");
	assert_true(fixture->application.automated);
	assert_false(fixture->application.prune);
	expect(fixture,
		GOOD_SOURCE GOOD_DESTINATION "  syncPolicy: {automated: {enabled: false, prune: true}}\n", "");
	assert_false(fixture->application.automated);
	expect(fixture, GOOD_SOURCE GOOD_DESTINATION "  syncPolicy: {automated: null}\n", "");
	assert_false(fixture->application.automated);
	expect(fixture, GOOD_SOURCE GOOD_DESTINATION "  syncPolicy:\n", "");
}

static void each_unsupported_field_is_an_error_that_names_it(void **state)
{
	expect(*state,
		"  source: {repoURL: x, path: p, plugin: {name: p}, chart: c,\n"
		"    ref: r, directory: {jsonnet: {tlas: [{name: a}]}}}\n" GOOD_DESTINATION
		"  sourceHydrator: {drySource: {repoURL: x}}\n",
		"spec.sourceHydrator is not supported: name the branch with the rendered manifests in "
		"spec.source.targetRevision\n"
		"spec.source.plugin is not supported: render to YAML and commit the result\n"
		"spec.source.chart is not supported: nothing is fetched from a chart repository: commit the chart, and name "
		"its folder in path\n"
		"spec.source.directory.jsonnet is not supported: render to YAML and commit the result\n"
		"spec.source.ref is not supported: it names one of spec.sources for the others\n");
}

static void empty_fields_that_argo_cd_writes_ask_for_nothing(void **state)
{
	expect(*state,
		"  source: {repoURL: x, path: p, helm: {}, chart: '', ref: '', directory: {jsonnet: {tlas: [], extVars: null},\n"
		"    disableExtensionFilter: false}, kustomize: null}\n" GOOD_DESTINATION
		"  sources: []\n  ignoreDifferences: null\n  syncPolicy: {managedNamespaceMetadata: {}, syncOptions: null, retry: null}\n",
		"");
}

static void an_unknown_field_names_its_neighbour(void **state)
{
	expect(*state,
		"  source: {repoUrl: x, repoURL: x, path: p, directory: {recursive: true}}\n" GOOD_DESTINATION
		"  syncPolicies: {}\n  syncPolicy: {automated: {selfheal: true}}\n",
		"spec.syncPolicies: there is no such field\n"
		"spec.source.repoUrl: there is no such field, did you mean \"repoURL\"?\n"
		"spec.source.directory.recursive: there is no such field, did you mean \"recurse\"?\n"
		"spec.syncPolicy.automated.selfheal: there is no such field, did you mean \"selfHeal\"?\n");
}

static void sync_options_that_are_not_known_are_errors(void **state)
{
	static const char *const bad[] = {"Replace=ture", "Prune=maybe", "Delete=never",
		"PrunePropagationPolicy=slow", "CreateNamespace = true", "createnamespace=true", ""};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		read_document(fixture,
			arena_printf(fixture->mem,
				HEAD "spec:\n" GOOD_SOURCE GOOD_DESTINATION
				     "  syncPolicy: {syncOptions: [\"%s\"]}\n",
				bad[i]));
		assert_int_equal(fixture->application.spec_error_count, 1);
		assert_non_null(strstr(
			fixture->application.spec_errors[0], arena_printf(fixture->mem, "\"%s\"", bad[i])));
	}
}

static void the_destination_is_the_agents_own_cluster(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture, GOOD_SOURCE "  destination: {server: https://elsewhere}\n",
		"spec.destination.server must be https://kubernetes.default.svc: the agent writes to its own cluster\n");
	expect(fixture, GOOD_SOURCE "  destination: {name: prod}\n",
		"spec.destination.name must be in-cluster: the agent writes to its own cluster\n");
	expect(fixture,
		GOOD_SOURCE "  destination: {name: in-cluster, server: https://kubernetes.default.svc}\n",
		"spec.destination has both server and name: set one\n");
	expect(fixture, GOOD_SOURCE "  destination: {namespace: a}\n",
		"spec.destination names no cluster: set server to https://kubernetes.default.svc\n");
	expect(fixture, GOOD_SOURCE, "spec.destination is missing\n");
	expect(fixture, GOOD_SOURCE "  destination: {name: in-cluster, namespace: A/b}\n",
		"spec.destination.namespace is not a valid name\n");
}

static void a_path_stays_inside_the_repository(void **state)
{
	static const char *const bad[] = {"/etc", "..", "a/../b", "a/..", "../a", "a//b", "a/./b"};
	static const char *const good[][2] = {
		{".", ""}, {"./", ""}, {"a/b/", "a/b"}, {"./a", "a"}, {"..a/b..", "..a/b.."}};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		expect(fixture,
			arena_printf(
				fixture->mem, "  source: {repoURL: x, path: %s}\n" GOOD_DESTINATION, bad[i]),
			"spec.source.path must lie inside the repository: no leading '/', no '..'\n");
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		expect(fixture,
			arena_printf(fixture->mem, "  source: {repoURL: x, path: %s}\n" GOOD_DESTINATION,
				good[i][0]),
			"");
		assert_string_equal(fixture->application.sources[0].directory.path, good[i][1]);
	}
}

static void what_is_missing_or_of_another_kind_is_named(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  project: 7\n  source: {path: 3, targetRevision: 1.5}\n  destination: x\n  syncPolicy: []\n"
		"  revisionHistoryLimit: many\n",
		"spec.source.targetRevision must be a string\nspec.source.path must be a string\n"
		"spec.source.repoURL is missing\nspec.source.path is missing: \".\" is the root of the repository\n"
		"spec.destination must be an object\nspec.syncPolicy must be an object\nspec.project must be a string\n"
		"spec.revisionHistoryLimit must be an integer\n");
	expect(fixture,
		GOOD_SOURCE GOOD_DESTINATION
		"  revisionHistoryLimit: -1\n  syncPolicy: {automated: {prune: 'yes'}, syncOptions: [1], retry: {limit: x,\n"
		"    backoff: {duration: 5x, factor: 0.5, maxDuration: 3}}}\n",
		"spec.syncPolicy.automated.prune must be true or false\n"
		"spec.syncPolicy.syncOptions must hold strings such as \"PruneLast=true\"\n"
		"spec.syncPolicy.retry.limit must be an integer\n"
		"spec.syncPolicy.retry.backoff.duration must be a duration such as 5s or 3m\n"
		"spec.syncPolicy.retry.backoff.maxDuration must be a string\n"
		"spec.syncPolicy.retry.backoff.factor must be a number of at least 1\n"
		"spec.revisionHistoryLimit may not be negative\n");
	assert_true(read_document(fixture, HEAD));
	assert_string_equal(fixture->application.spec_errors[0], "spec is missing");
}

static void only_an_application_with_a_name_is_one(void **state)
{
	struct fixture *fixture = *state;
	assert_false(read_document(
		fixture, "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: a}\n"));
	assert_false(read_document(
		fixture, "apiVersion: argoproj.io/v1\nkind: Application\nmetadata: {name: a}\n"));
	assert_false(read_document(
		fixture, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: A b}\n"));
	assert_false(read_document(fixture, "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"));
	assert_int_equal(fixture->err.kind, ERROR_INVALID);
}

static void annotations_ask_for_refresh_and_rest(void **state)
{
	static const struct {
		const char *annotation;
		int refresh;
		bool skip;
	} cases[] = {
		{"argocd.argoproj.io/refresh: normal", REFRESH_NORMAL, false},
		{"argocd.argoproj.io/refresh: hard", REFRESH_HARD, false},
		{"argocd.argoproj.io/refresh: \"\"", REFRESH_NORMAL, false},
		{"argocd.argoproj.io/skip-reconcile: \"true\"", REFRESH_NONE, true},
		{"argocd.argoproj.io/skip-reconcile: \"1\"", REFRESH_NONE, true},
		{"argocd.argoproj.io/skip-reconcile: \"false\"", REFRESH_NONE, false},
		{"other: x", REFRESH_NONE, false},
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_true(read_document(fixture,
			arena_printf(fixture->mem,
				"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, annotations: {%s}}\n",
				cases[i].annotation)));
		assert_int_equal(fixture->application.refresh, cases[i].refresh);
		assert_int_equal(fixture->application.skip_reconcile, cases[i].skip);
	}
}

static void only_what_a_person_changes_makes_a_difference(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *document;
		bool same;
	} cases[] = {
		{HEAD "spec: {project: a}\n", true},
		{HEAD "spec: {project: a}\nstatus: {sync: {status: Synced}}\n", true},
		{"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {project: a}\n"
		 "metadata: {name: a, namespace: argocd, uid: u-1, resourceVersion: '7', labels: {x: one}}\n",
			true},
		{HEAD "spec: {project: b}\n", false},
		{HEAD "spec: {project: a, ignoreDifferences: [{kind: X}]}\n", false},
		{HEAD "spec: {project: a}\noperation: {sync: {}}\n", false},
		{"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {project: a}\n"
		 "metadata: {name: a, namespace: argocd, uid: u-2}\n",
			false},
		{"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {project: a}\n"
		 "metadata: {name: a, namespace: argocd, uid: u-1, annotations: {argocd.argoproj.io/refresh: hard}}\n",
			false},
	};
	struct application first;
	CLEANUP(json_done) json_t *document = json_of(HEAD "spec: {project: a}\n", fixture->mem);
	assert_true(application_read(document, NULL, fixture->mem, &first, &fixture->err));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_true(read_document(fixture, cases[i].document));
		assert_int_equal(application_same(&first, &fixture->application), cases[i].same);
	}
	application_done(&first);
}

static char folder[64];

static void put(const char *name, const char *text)
{
	struct error err;
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_true(file_replace(path, text, strlen(text), 0600, &err));
}

static int open_folder(void **state)
{
	strcpy(folder, "/tmp/pgitops-test-XXXXXX");
	return mkdtemp(folder) ? open_fixture(state) : -1;
}

static int close_folder(void **state)
{
	struct error err;
	return file_remove_folder(folder, &err) ? close_fixture(state) : -1;
}

#define NAMED(name)                                                                                          \
	"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: " name "}\nspec: {}\n"

static void a_folder_gives_its_applications_sorted(void **state)
{
	size_t count = 0;
	char link[128];
	struct application *items = NULL;
	struct fixture *fixture = *state;
	struct mistakes mistakes = {.mem = fixture->mem};
	put("z.yaml", NAMED("a") "---\n" NAMED("c"));
	put("b.json",
		"{\"apiVersion\": \"argoproj.io/v1alpha1\", \"kind\": \"Application\", \"metadata\": {\"name\": \"b\"}}");
	put("project.yaml",
		"apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: a}\nspec: {}\n");
	put("README.md", "no manifest");
	put("..data", NAMED("d"));
	snprintf(link, sizeof(link), "%s/d.yaml", folder);
	assert_int_equal(symlink("..data", link), 0); /* as in a mounted ConfigMap */
	assert_true(application_read_folder(folder, fixture->mem, &items, &count, &mistakes, &fixture->err));
	assert_int_equal(mistakes.count, 0);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(items[i].name[0], 'a' + (char)i);
		application_done(&items[i]);
	}
	assert_string_equal(items[3].file, link);
}

static void other_kinds_and_equal_names_in_a_folder_are_mistakes(void **state)
{
	size_t count = 0;
	struct application *items = NULL;
	struct fixture *fixture = *state;
	struct mistakes mistakes = {.mem = fixture->mem};
	put("a.yaml", NAMED("a") "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
	put("b.yaml", NAMED("a"));
	put("c.yaml", "broken: [\n");
	assert_true(application_read_folder(folder, fixture->mem, &items, &count, &mistakes, &fixture->err));
	assert_int_equal(count, 1);
	application_done(&items[0]);
	assert_int_equal(mistakes.count, 3);
	assert_string_equal(mistakes.items[0].text, "not an Application of argoproj.io/v1alpha1");
	assert_int_equal(mistakes.items[0].line, 6);
	assert_string_equal(mistakes.items[1].text,
		arena_printf(fixture->mem,
			"Application \"a\" is also in %s/a.yaml: give one of them another name", folder));
	assert_string_equal(mistakes.items[2].file, arena_printf(fixture->mem, "%s/c.yaml", folder));
}

static void a_missing_folder_is_an_error(void **state)
{
	size_t count = 42;
	struct application *items = NULL;
	struct fixture *fixture = *state;
	struct mistakes mistakes = {.mem = fixture->mem};
	assert_false(application_read_folder(
		"/nonexistent/folder", fixture->mem, &items, &count, &mistakes, &fixture->err));
	assert_int_equal(fixture->err.kind, ERROR_MISSING);
	assert_int_equal(count, 42);
}

static void ignored_differences_are_read(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		GOOD_SOURCE GOOD_DESTINATION
		"  syncPolicy: {syncOptions: [RespectIgnoreDifferences=true]}\n"
		"  ignoreDifferences:\n"
		"  - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas], jqPathExpressions: ['.a[]']}\n",
		"");
	assert_true(fixture->application.options.respect_ignored);
	assert_int_equal(fixture->application.ignore.count, 1);
	assert_string_equal(fixture->application.ignore.items[0].pointers[0], "/spec/replicas");
	expect(fixture,
		GOOD_SOURCE GOOD_DESTINATION
		"  ignoreDifferences:\n"
		"  - {group: apps, kind: Deployment, jsonPointers: [spec], jqPathExpressions: ['.a[']}\n",
		"spec.ignoreDifferences[0].jsonPointers[0]: \"spec\" is no JSON pointer such as /spec/replicas (~1 stands for "
		"a slash in a name)\n"
		"spec.ignoreDifferences[0].jqPathExpressions[0]: \".a[\" is no jq path expression: syntax error, unexpected "
		"INVALID_CHARACTER\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)
#define FOLDER_TEST(function) cmocka_unit_test_setup_teardown(function, open_folder, close_folder)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plain_application_has_argo_cds_defaults),
		TEST(every_supported_field_is_read),
		TEST(automated_is_on_when_it_is_there_and_not_disabled),
		TEST(each_unsupported_field_is_an_error_that_names_it),
		TEST(empty_fields_that_argo_cd_writes_ask_for_nothing),
		TEST(an_unknown_field_names_its_neighbour),
		TEST(sync_options_that_are_not_known_are_errors),
		TEST(the_destination_is_the_agents_own_cluster),
		TEST(a_path_stays_inside_the_repository),
		TEST(what_is_missing_or_of_another_kind_is_named),
		TEST(only_an_application_with_a_name_is_one),
		TEST(ignored_differences_are_read),
		TEST(annotations_ask_for_refresh_and_rest),
		TEST(only_what_a_person_changes_makes_a_difference),
		FOLDER_TEST(a_folder_gives_its_applications_sorted),
		FOLDER_TEST(other_kinds_and_equal_names_in_a_folder_are_mistakes),
		FOLDER_TEST(a_missing_folder_is_an_error),
	};
	if (argc > 1 && strcmp(argv[1], "jq-worker") == 0)
		return jq_worker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
