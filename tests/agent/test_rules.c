#include "agent/config/rules.h"

#include "json_fixture.h"

#include "base/file.h"

struct fixture {
	struct rules rules;
	struct kube_account account;
	char folder[64];
	char file[96];
	struct arena *mem;
	struct config config;
	struct mistakes mistakes, refused, warned;
};

static int open_fixture(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.mem = arena_new(64u << 20), .folder = "/tmp/pgitops-test-XXXXXX"};
	fixture.mistakes.mem = fixture.refused.mem = fixture.warned.mem = fixture.mem;
	fixture.rules = (struct rules){&fixture.config, &fixture.account};
	if (!mkdtemp(fixture.folder))
		return -1;
	snprintf(fixture.file, sizeof(fixture.file), "%s/agent.yaml", fixture.folder);
	*state = &fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;
	struct error err;
	arena_free(fixture->mem);
	return file_remove_folder(fixture->folder, &err) ? 0 : -1;
}

static bool read_rules(struct fixture *fixture, const char *rules)
{
	struct error err;
	const char *text = arena_printf(fixture->mem, "version: 1\nrules:\n%s", rules);
	fixture->mistakes.count = 0;
	assert_true(file_replace(fixture->file, text, strlen(text), 0600, &err));
	return config_read(fixture->file, fixture->mem, &fixture->config, &fixture->mistakes, &err);
}

/* One text a line, with "@" for the agent file. */
static const char *said(const struct fixture *fixture, const struct mistakes *mistakes)
{
	const char *all = "";
	for (size_t i = 0; i < mistakes->count; i++)
		all = arena_printf(
			fixture->mem, "%s%s\n", all, mistake_text(&mistakes->items[i], fixture->mem));
	for (const char *at; (at = strstr(all, fixture->file));)
		all = arena_printf(fixture->mem, "%.*s@%s", (int)(at - all), all, at + strlen(fixture->file));
	return all;
}

static void expect(struct fixture *fixture, const char *application, struct object_key key, const char *why)
{
	const char *found = NULL;
	bool allowed = rules_allow_object(&fixture->rules, application, &key, fixture->mem, &found);
	assert_int_equal(allowed, why == NULL);
	if (why)
		assert_string_equal(found, why);
}

#define EXAMPLE                                                                                               \
	"- application: postgres-*\n  namespaces: [default, 'team-*']\n"                                      \
	"  kinds: [postgresql.acid.zalan.do, ConfigMap]\n"                                                    \
	"  postgresql: {superusers: [zalando], pgHba: refuse, sidecars: refuse, volumes: warn, env: allow}\n" \
	"- {application: '*', kinds: ['*'], applications: ['child-*']}\n"

static void rules_are_read(void **state)
{
	struct fixture *fixture = *state;
	if (!read_rules(fixture, EXAMPLE))
		fail_msg("%s", said(fixture, &fixture->mistakes));
	const struct rule_config *rule = &fixture->config.rules[0];
	assert_int_equal(fixture->config.rule_count, 2);
	assert_string_equal(rule->application, "postgres-*");
	assert_int_equal(rule->namespace_count, 2);
	assert_string_equal(rule->kinds[1], "ConfigMap");
	assert_int_equal(rule->line, 3);
	assert_string_equal(rule->postgresql.superusers[0], "zalando");
	assert_int_equal(rule->postgresql.answers[POWER_PG_HBA], RULE_REFUSE);
	assert_int_equal(rule->postgresql.answers[POWER_SIDECARS], RULE_REFUSE);
	assert_int_equal(rule->postgresql.answers[POWER_VOLUMES], RULE_WARN);
	assert_int_equal(rule->postgresql.answers[POWER_ENV], RULE_ALLOW);
	assert_null(fixture->config.rules[1].namespaces);
}

static void mistakes_have_their_place(void **state)
{
	struct fixture *fixture = *state;
	const char *text =
		"- namespaces: default\n  kinds: [apps/v1]\n  postgresql: {pgHba: no, superuser: []}\n- 5\n";
	assert_false(read_rules(fixture, text));
	assert_string_equal(said(fixture, &fixture->mistakes),
		"@:3:3: rules[0]: application is missing\n"
		"@:3:3: rules[0]: kinds are named \"Kind\" (of the core group) or \"Kind.group\"\n"
		"@:3:15: namespaces is a string and must be a list of strings\n"
		"@:5:23: pgHba must be refuse, warn or allow\n"
		"@:5:27: unknown field \"superuser\": did you mean \"superusers\"?\n"
		"@:6:3: rules[1] is an integer and must be a map\n");
}

static void the_first_rule_that_matches_decides(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_rules(fixture, EXAMPLE));
	expect(fixture, "postgres-cluster",
		(struct object_key){"acid.zalan.do", "postgresql", "default", "a"}, NULL);
	expect(fixture, "postgres-cluster", (struct object_key){"", "ConfigMap", "team-a", "a"}, NULL);
	expect(fixture, "postgres-cluster", (struct object_key){"", "Secret", "default", "a"},
		arena_printf(fixture->mem,
			"Secret default/a is not written: Secret is not among the kinds of the rule at %s:3",
			fixture->file));
	expect(fixture, "postgres-cluster", (struct object_key){"", "ConfigMap", "other", "a"},
		arena_printf(fixture->mem,
			"ConfigMap other/a is not written: other is not among the namespaces of the rule at %s:3",
			fixture->file));
	expect(fixture, "shop", (struct object_key){"", "Secret", "other", "a"}, NULL);
	expect(fixture, "shop", (struct object_key){"apps", "Deployment", "other", "a"}, NULL);
}

static void without_a_rule_everything_but_the_walls_is_allowed(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_rules(fixture, "- {application: other}\n"));
	expect(fixture, "shop", (struct object_key){"rbac.authorization.k8s.io", "ClusterRole", "", "a"}, NULL);
	expect(fixture, "shop", (struct object_key){"argoproj.io", "Application", "elsewhere", "a"}, NULL);
	expect(fixture, "shop", (struct object_key){"apps", "Deployment", "team", "pgitops"}, NULL);
	expect(fixture, "shop", (struct object_key){"", "Namespace", "", "team"}, NULL);
}

static void what_is_in_no_namespace_needs_its_kind_where_namespaces_are_narrowed(void **state)
{
	struct fixture *fixture = *state;
	const struct object_key role = {"rbac.authorization.k8s.io", "ClusterRole", "", "a"};
	assert_true(read_rules(fixture,
		"- {application: a, namespaces: [team]}\n"
		"- {application: b, namespaces: [team], kinds: ['*']}\n"));
	expect(fixture, "a", role,
		arena_printf(fixture->mem,
			"ClusterRole.rbac.authorization.k8s.io a is not written: it is in no namespace of the rule at %s:3",
			fixture->file));
	expect(fixture, "b", role, NULL);
	expect(fixture, "a", (struct object_key){"", "Namespace", "", "team"}, NULL);
	expect(fixture, "b", (struct object_key){"", "Namespace", "", "other"},
		arena_printf(fixture->mem,
			"Namespace other is not written: it is in no namespace of the rule at %s:4",
			fixture->file));
}

static void an_empty_list_allows_nothing(void **state)
{
	struct fixture *fixture = *state;
	const char *why;
	assert_true(read_rules(fixture, "- {application: a, kinds: []}\n- {application: b, namespaces: []}\n"));
	const struct object_key key = {"", "ConfigMap", "team", "a"};
	assert_false(rules_allow_object(&fixture->rules, "a", &key, fixture->mem, &why));
	assert_false(rules_allow_object(&fixture->rules, "b", &key, fixture->mem, &why));
}

static void applications_are_written_only_by_name(void **state)
{
	struct fixture *fixture = *state;
	const struct object_key child = {"argoproj.io", "Application", "argocd", "child-a"},
				other = {"argoproj.io", "Application", "argocd", "other"},
				project = {"argoproj.io", "AppProject", "argocd", "default"};
	static const char unnamed[] =
		"Application.argoproj.io argocd/other is not written: it is in the agent's own "
		"namespace, and no rule of the agent file names it in `applications`";
	static const char no_project[] =
		"AppProject.argoproj.io argocd/default is not written: it is in the agent's own "
		"namespace, and no rule of the agent file names AppProject.argoproj.io in `kinds`";
	assert_true(read_rules(fixture,
		"- {application: root, kinds: ['*'], applications: ['child-*']}\n"
		"- {application: admin, namespaces: [argocd], kinds: [AppProject.argoproj.io]}\n"));
	expect(fixture, "root", child, NULL);
	expect(fixture, "root", other, unnamed);
	expect(fixture, "root", project, no_project);
	expect(fixture, "nobody", other, unnamed);
	expect(fixture, "nobody", project, no_project);
	expect(fixture, "admin", other, unnamed);
	expect(fixture, "admin", project, NULL);
}

static void the_agents_installation_is_written_only_where_its_kind_is_named(void **state)
{
	static const struct object_key own[] = {
		{"apps", "Deployment", "argocd", "pgitops"},
		{"", "ServiceAccount", "argocd", "pgitops"},
		{"", "ConfigMap", "argocd", "pgitops"},
		{"", "ConfigMap", "argocd", "postgres-ca"},
		{"", "Secret", "argocd", "pgitops-sealing-key-2027"},
		{"bitnami.com", "SealedSecret", "argocd", "pgitops-sealing-key"},
		{"", "Namespace", "", "argocd"},
		{"rbac.authorization.k8s.io", "Role", "default", "pgitops"},
		{"rbac.authorization.k8s.io", "ClusterRoleBinding", "", "pgitops"},
		{"apiextensions.k8s.io", "CustomResourceDefinition", "", "applications.argoproj.io"},
	};
	struct fixture *fixture = *state;
	const char *why;
	assert_true(read_rules(fixture,
		"- {application: all, kinds: ['*']}\n- {application: self, kinds: [Deployment.apps, ServiceAccount, ConfigMap, "
		"Secret, SealedSecret.bitnami.com, Namespace, Role.rbac.authorization.k8s.io, ClusterRoleBinding.rbac.authorization.k8s.io, "
		"CustomResourceDefinition.apiextensions.k8s.io]}\n"));
	for (size_t i = 0; i < COUNT_OF(own); i++) {
		assert_false(rules_allow_object(&fixture->rules, "all", &own[i], fixture->mem, &why));
		assert_non_null(strstr(why, "belongs to the agent's own installation"));
		assert_false(rules_allow_object(&fixture->rules, "nobody", &own[i], fixture->mem, &why));
		if (!rules_allow_object(&fixture->rules, "self", &own[i], fixture->mem, &why))
			fail_msg("%s", why);
	}
	expect(fixture, "all", (struct object_key){"", "ConfigMap", "argocd", "argocd-cm"}, NULL);
	expect(fixture, "all", (struct object_key){"", "ConfigMap", "postgres", "postgres-ca"}, NULL);
}

static void a_destination_is_one_of_the_namespaces(void **state)
{
	struct fixture *fixture = *state;
	const char *why;
	assert_true(read_rules(fixture, EXAMPLE));
	assert_true(rules_allow_destination(&fixture->config, "postgres-x", "team-a", fixture->mem, &why));
	assert_true(rules_allow_destination(&fixture->config, "postgres-x", "", fixture->mem, &why));
	assert_true(rules_allow_destination(&fixture->config, "shop", "anywhere", fixture->mem, &why));
	assert_false(rules_allow_destination(&fixture->config, "postgres-x", "other", fixture->mem, &why));
	assert_string_equal(why,
		arena_printf(fixture->mem,
			"spec.destination.namespace \"other\" is not among the namespaces of the rule at %s:3",
			fixture->file));
}

static void judge(struct fixture *fixture, const char *application, struct object_key key, const char *text)
{
	CLEANUP(json_done) json_t *document = json_of(text, fixture->mem);
	char *json = json_canonical(document);
	struct object object = {
		.key = key, .file = "a.yaml", .line = 7, .json = json, .json_length = strlen(json)};
	fixture->refused.count = fixture->warned.count = 0;
	rules_judge_object(&fixture->rules, application, &object, &fixture->refused, &fixture->warned);
	free(json);
}

static const struct object_key cluster = {"acid.zalan.do", "postgresql", "default", "main"};

static void a_postgresql_object_asks_for_no_more_than_its_rule_allows(void **state)
{
	static const char all[] =
		"spec:\n  patroni: {pg_hba: [host all all all trust]}\n  sidecars: [{name: a}]\n  initContainers: [{name: a}]\n"
		"  additionalVolumes: [{name: a}]\n  env: [{name: a}]\n  envFrom: [{x: y}]\n"
		"  users: {zalando: [superuser], eve: [createdb, SUPERUSER], app: [createdb], x: []}\n";
	struct fixture *fixture = *state;
	assert_true(read_rules(fixture, EXAMPLE));
	judge(fixture, "postgres-cluster", cluster, all);
	assert_string_equal(said(fixture, &fixture->refused),
		"a.yaml:7: spec.patroni.pg_hba: refused by the rule at @:3\n"
		"a.yaml:7: spec.sidecars: refused by the rule at @:3\n"
		"a.yaml:7: spec.initContainers: refused by the rule at @:3\n"
		"a.yaml:7: spec.users.eve: superuser: refused by the rule at @:3\n");
	assert_string_equal(said(fixture, &fixture->warned),
		"a.yaml:7: spec.additionalVolumes: warned of by the rule at @:3\n");
	judge(fixture, "shop", cluster, all); /* whose rule says nothing of it */
	assert_int_equal(fixture->refused.count, 0);
	assert_string_equal(said(fixture, &fixture->warned),
		"a.yaml:7: spec.users.eve is a superuser; whether that may be, say in a rule of the agent file "
		"(postgresql.superusers)\n"
		"a.yaml:7: spec.users.zalando is a superuser; whether that may be, say in a rule of the agent file "
		"(postgresql.superusers)\n"
		"a.yaml:7: spec.patroni.pg_hba[0] lets in without a password (trust); whether that may be, say in a rule of the "
		"agent file (postgresql.pgHba)\n"
		"a.yaml:7: spec.envFrom[0] brings variables that do not stand here, which may overrule what the operator and Spilo "
		"configure; whether that may be, say in a rule of the agent file (postgresql.env)\n");
	judge(fixture, "postgres-cluster", (struct object_key){"", "postgresql", "default", "main"}, all);
	assert_int_equal(fixture->refused.count + fixture->warned.count, 0);
}

static void what_is_empty_asks_for_nothing(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_rules(fixture, EXAMPLE));
	judge(fixture, "postgres-cluster", cluster,
		"spec: {patroni: {pg_hba: []}, sidecars: [], initContainers: null, users: {eve: [], bob: [login]}}\n");
	assert_int_equal(fixture->refused.count, 0);
}

static void a_login_reaches_no_namespace_beyond_its_rule(void **state)
{
	static const char all[] =
		"spec:\n  users: {app: [], default.a: [], team-x.b: [], kube-system.c: [], No.d: []}\n"
		"  preparedDatabases: {one: {}, two: {secretNamespace: team-y}, three: {secretNamespace: other}}\n";
	struct fixture *fixture = *state;
	assert_true(read_rules(fixture, EXAMPLE));
	judge(fixture, "postgres-cluster", cluster, all);
	assert_string_equal(said(fixture, &fixture->refused),
		"a.yaml:7: spec.users.kube-system.c: the operator would write a Secret into kube-system (enable_cross_namespace_secret), "
		"which is not among the namespaces of the rule at @:3\n"
		"a.yaml:7: spec.preparedDatabases.three.secretNamespace: the operator would write a Secret into other "
		"(enable_cross_namespace_secret), which is not among the namespaces of the rule at @:3\n");
	judge(fixture, "shop", cluster, all); /* whose rule names no namespaces */
	assert_int_equal(fixture->refused.count, 0);
}

static void the_agents_label_is_not_borrowed(void **state)
{
	static const char labelled[] = "metadata: {labels: {app.kubernetes.io/name: pgitops}}\n";
	struct fixture *fixture = *state;
	assert_true(read_rules(fixture, "- {application: self, kinds: [ConfigMap]}\n"));
	judge(fixture, "shop", (struct object_key){"", "ConfigMap", "argocd", "a"}, labelled);
	assert_string_equal(said(fixture, &fixture->refused),
		"a.yaml:7: ConfigMap argocd/a is not written: it says by its label that it belongs to the agent's own installation, "
		"and no rule of the agent file names ConfigMap in `kinds`\n");
	judge(fixture, "self", (struct object_key){"", "ConfigMap", "argocd", "a"}, labelled);
	assert_int_equal(fixture->refused.count, 0);
	judge(fixture, "shop", (struct object_key){"", "ConfigMap", "team", "a"}, labelled);
	assert_int_equal(fixture->refused.count, 0);
}

static void expect_live(struct fixture *fixture, const char *application, struct object_key key,
	struct wall_marks marks, const char *why)
{
	const char *found = NULL;
	bool allowed = rules_allow_live(&fixture->rules, application, &key, &marks, fixture->mem, &found);
	assert_int_equal(allowed, why == NULL);
	if (why)
		assert_non_null(strstr(found, why));
}

static void a_label_in_the_cluster_counts_as_one_in_git(void **state)
{
	static const struct object_key secret = {"", "Secret", "argocd", "a"}, role = {"", "Node", "", "a"};
	static const struct wall_marks none = {0}, credential = {.credential = true},
				       installation = {.installation = true};
	struct fixture *fixture = *state;
	assert_true(read_rules(
		fixture, "- {application: all, kinds: ['*']}\n- {application: self, kinds: [Secret]}\n"));
	expect_live(fixture, "shop", secret, none, NULL);
	expect_live(fixture, "shop", secret, credential, "is a repository's credentials");
	expect_live(fixture, "all", secret, credential, "no rule of the agent file names Secret in `kinds`");
	expect_live(fixture, "self", secret, credential, NULL);
	expect_live(fixture, "shop", secret, installation, "says by its label");
	expect_live(fixture, "shop", role, installation, "says by its label");
	expect_live(fixture, "shop", (struct object_key){"", "Secret", "team", "a"}, credential, NULL);
	expect_live(fixture, "shop", (struct object_key){"", "Secret", "team", "a"}, installation, NULL);
}

/* Installed under another name, in another namespace than that of the Applications. */
static void the_installation_is_known_by_what_it_runs_as(void **state)
{
	static const struct object_key own[] = {
		{"apps", "Deployment", "gitops", "delivery"},
		{"", "ServiceAccount", "gitops", "robot"},
		{"rbac.authorization.k8s.io", "ClusterRoleBinding", "", "robot"},
		{"", "Namespace", "", "gitops"},
	};
	static const struct {
		struct object_key key;
		const char *text, *why;
	} contents[] = {
		{{"", "Pod", "gitops", "x"}, "spec: {serviceAccountName: robot}\n",
			"runs as the agent's own ServiceAccount"},
		{{"apps", "DaemonSet", "gitops", "x"}, "spec: {template: {spec: {serviceAccount: robot}}}\n",
			"runs as the agent's own ServiceAccount"},
		{{"batch", "CronJob", "gitops", "x"},
			"spec: {jobTemplate: {spec: {template: {spec: {serviceAccountName: robot}}}}}\n",
			"runs as the agent's own ServiceAccount"},
		{{"rbac.authorization.k8s.io", "RoleBinding", "team", "x"},
			"subjects: [{kind: ServiceAccount, name: robot, namespace: gitops}]\n",
			"binds rights to the agent's own ServiceAccount"},
		{{"rbac.authorization.k8s.io", "ClusterRoleBinding", "", "x"},
			"subjects: [{kind: User, name: 'system:serviceaccount:gitops:robot'}]\n",
			"binds rights to the agent's own ServiceAccount"},
		{{"rbac.authorization.k8s.io", "RoleBinding", "gitops", "x"},
			"subjects: [{kind: Group, name: 'system:serviceaccounts:gitops'}]\n",
			"binds rights to the agent's own ServiceAccount"},
		{{"", "Secret", "gitops", "x"},
			"metadata: {annotations: {kubernetes.io/service-account.name: robot}}\n",
			"is a token of the agent's own ServiceAccount"},
		{{"", "Secret", "argocd", "x"},
			"metadata: {labels: {argocd.argoproj.io/secret-type: repo-creds}}\n",
			"is a repository's credentials in the agent's own namespace"},
		{{"bitnami.com", "SealedSecret", "argocd", "x"},
			"spec: {template: {metadata: {labels: {argocd.argoproj.io/secret-type: repository}}}}\n",
			"is a repository's credentials in the agent's own namespace"},
	};
	struct fixture *fixture = *state;
	char namespace[] = "gitops", name[] = "robot", pod[] = "delivery-7c9d5f8b6-x2x4z";
	const char *why;
	assert_true(read_rules(fixture, "- {application: all, kinds: ['*']}\n"));
	for (size_t i = 0; i < COUNT_OF(own); i++)
		assert_true(rules_allow_object(&fixture->rules, "all", &own[i], fixture->mem, &why));
	judge(fixture, "all", contents[0].key, contents[0].text);
	assert_int_equal(fixture->refused.count, 0);

	fixture->account = (struct kube_account){namespace, name, pod};
	for (size_t i = 0; i < COUNT_OF(own); i++) {
		assert_false(rules_allow_object(&fixture->rules, "all", &own[i], fixture->mem, &why));
		assert_non_null(strstr(why, "belongs to the agent's own installation"));
	}
	for (size_t i = 0; i < COUNT_OF(contents); i++) {
		judge(fixture, "all", contents[i].key, contents[i].text);
		assert_int_equal(fixture->refused.count, 1);
		assert_non_null(strstr(fixture->refused.items[0].text, contents[i].why));
	}
	judge(fixture, "all", (struct object_key){"", "Pod", "team", "x"}, contents[0].text);
	assert_int_equal(fixture->refused.count, 0);
	expect(fixture, "all", (struct object_key){"apps", "Deployment", "gitops", "deli"}, NULL);
	expect(fixture, "all", (struct object_key){"apps", "Deployment", "team", "delivery"}, NULL);
}

static void what_the_agent_obeys_in_its_namespace_is_not_written(void **state)
{
	struct fixture *fixture = *state;
	const char *why;
	const struct object_key obeyed[] = {{"argoproj.io", "ApplicationSet", "argocd", "x"},
		{"", "ConfigMap", "argocd", "argocd-ssh-known-hosts-cm"},
		{"", "ConfigMap", "argocd", "argocd-tls-certs-cm"}};
	assert_true(read_rules(fixture, "- {application: all, kinds: ['*']}\n"));
	for (size_t i = 0; i < COUNT_OF(obeyed); i++)
		assert_false(rules_allow_object(&fixture->rules, "all", &obeyed[i], fixture->mem, &why));
}

static void what_an_application_may_do_is_told(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_rules(fixture, EXAMPLE));
	const char *text = rules_text(&fixture->config, "postgres-cluster", fixture->mem);
	assert_string_equal(text,
		arena_printf(fixture->mem,
			"postgresql.acid.zalan.do, ConfigMap in default, team-*; superusers: zalando; pgHba refused; sidecars refused; "
			"volumes warned of; env allowed (rule at %s:3)",
			fixture->file));
	text = rules_text(&fixture->config, "shop", fixture->mem);
	assert_non_null(strstr(text, "* in every namespace; the Applications child-* (rule at "));
	fixture->config.rule_count = 0;
	assert_non_null(strstr(
		rules_text(&fixture->config, "shop", fixture->mem), "no rule of the agent file names it"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rules_are_read),
		TEST(mistakes_have_their_place),
		TEST(the_first_rule_that_matches_decides),
		TEST(without_a_rule_everything_but_the_walls_is_allowed),
		TEST(what_is_in_no_namespace_needs_its_kind_where_namespaces_are_narrowed),
		TEST(an_empty_list_allows_nothing),
		TEST(applications_are_written_only_by_name),
		TEST(the_agents_installation_is_written_only_where_its_kind_is_named),
		TEST(a_destination_is_one_of_the_namespaces),
		TEST(a_postgresql_object_asks_for_no_more_than_its_rule_allows),
		TEST(a_login_reaches_no_namespace_beyond_its_rule),
		TEST(what_is_empty_asks_for_nothing),
		TEST(the_agents_label_is_not_borrowed),
		TEST(a_label_in_the_cluster_counts_as_one_in_git),
		TEST(the_installation_is_known_by_what_it_runs_as),
		TEST(what_the_agent_obeys_in_its_namespace_is_not_written),
		TEST(what_an_application_may_do_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
