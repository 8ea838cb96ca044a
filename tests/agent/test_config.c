#include "agent/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"

struct fixture {
	char folder[64];
	char file[96];
	struct arena *mem;
	struct config config;
	struct mistakes mistakes;
	struct error err;
};

static int open_fixture(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.mem = arena_new(64u << 20), .folder = "/tmp/pgitops-test-XXXXXX"};
	fixture.mistakes.mem = fixture.mem;
	if (!mkdtemp(fixture.folder))
		return -1;
	snprintf(fixture.file, sizeof(fixture.file), "%s/agent.yaml", fixture.folder);
	*state = &fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;
	arena_free(fixture->mem);
	return file_remove_folder(fixture->folder, &fixture->err) ? 0 : -1;
}

static bool read_text(struct fixture *fixture, const char *text)
{
	fixture->mistakes.count = 0;
	assert_true(file_replace(fixture->file, text, strlen(text), 0600, &fixture->err));
	return config_read(fixture->file, fixture->mem, &fixture->config, &fixture->mistakes, &fixture->err);
}

/* The mistakes, without the file's name. */
static const char *said(const struct fixture *fixture)
{
	const char *all = "";
	for (size_t i = 0; i < fixture->mistakes.count; i++)
		all = arena_printf(fixture->mem, "%s%s\n", all,
			mistake_text(&fixture->mistakes.items[i], fixture->mem) + strlen(fixture->file) + 1);
	return all;
}

static void expect(struct fixture *fixture, const char *text, const char *mistakes)
{
	assert_false(read_text(fixture, text));
	assert_string_equal(said(fixture), mistakes);
	assert_null(fixture->config.file);
}

static const char *below(const struct fixture *fixture, const char *name)
{
	return arena_printf(fixture->mem, "%s/%s", fixture->folder, name);
}

static void everything_has_a_default_but_the_version(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_text(fixture, "version: 1\n"));
	const struct config *config = &fixture->config;
	assert_string_equal(config->state, "/var/lib/pgitops");
	assert_int_equal(config->poll, 30000);
	assert_string_equal(config->listen, "127.0.0.1:8080");
	assert_string_equal(config->namespace, "argocd");
	assert_null(config->installation);
	assert_int_equal(config->git_deadline, 60000);
	assert_null(config->tools[RENDER_KUSTOMIZE]);
	assert_null(config->tools[RENDER_HELM]);
	assert_string_equal(config->log_level, "info");
	assert_string_equal(config->log_format, "text");
	assert_null(config->applications);
	assert_null(config->secrets);
	assert_null(config->kubeconfig);
	assert_null(config->webhook_secret_file);
	assert_false(config->kubernetes_off);
	assert_int_equal(config->database_count + config->repository_count + config->sealing_key_count, 0);
}

static void assert_webhook(const struct config *config, struct fixture *fixture)
{
	assert_string_equal(config->webhook_secret_file, below(fixture, "hook"));
	assert_int_equal(config->webhook_count, 1);
	assert_string_equal(config->webhooks[0].url, "https://git.example.org/own");
	assert_string_equal(config->webhooks[0].secret_file, below(fixture, "own"));
}

static void every_field_is_read_and_paths_begin_at_the_file(void **state)
{
	struct fixture *fixture = *state;
	const char *text =
		"version: 1\nstate: ./state\npoll: 5m\nlisten: \"[::1]:0\"\nnamespace: gitops\napplications: apps\n"
		"secrets: /abs/secrets\nkubernetes: {kubeconfig: kube.conf, context: one}\ngit: {timeout: 90s}\n"
		"tools: {kustomize: /abs/kustomize, helm: bin/helm}\n"
		"api: {tokenFile: token}\nlog: {level: debug, format: json}\nwebhook: {secretFile: hook, repositories: [{url: \"https://git.example.org/own\", secretFile: own}]}\n"
		"sealing: {keys: [./keys, /more]}\n"
		"repositories:\n- url: https://git.example.org/team\n  username: ci\n  passwordFile: pw\n  caFile: ca.crt\n"
		"  clientCertFile: c\n  clientKeyFile: k\n  proxy: http://proxy:3128\n  insecure: true\n"
		"- {url: ssh://git@h/x, sshKeyFile: id, knownHostsFile: known}\n"
		"- {url: https://h/y, tokenFile: t, signatures: {required: true, sshKeys: signers, gpgKeys: /keys}}\n"
		"databases:\n- name: main\n  connection: host=h dbname=app user=postgres\n"
		"  authentication: scram\n"
		"  passwordFrom: {secret: {namespace: default, name: pg, key: pass}}\n"
		"  users: {application: users, configMap: list, key: u.yaml, namespace: team, database: other}\n"
		"  policy: {protectedRoles: [a, 'b*'], grantableRoles: [r], denyRoles: [d], allowParameters: [session_*], allowGrants: ['TRIGGER app.*'], adopt: listed, memberships: additive,\n"
		"    mode: report, maxDeletions: 7, passwordCheck: login, allowAttributes: [createdb, superuser]}\n"
		"  retirement: {hold: 7d, reassignOwnedTo: keeper, memberships: [reports]}\ninstallationID: west\n";
	if (!read_text(fixture, text))
		fail_msg("%s", said(fixture));
	const struct config *config = &fixture->config;
	assert_string_equal(config->state, below(fixture, "state"));
	assert_int_equal(config->poll, 300000);
	assert_string_equal(config->listen, "[::1]:0");
	assert_string_equal(config->namespace, "gitops");
	assert_string_equal(config->installation, "west");
	assert_string_equal(config->applications, below(fixture, "apps"));
	assert_string_equal(config->secrets, "/abs/secrets");
	assert_string_equal(config->kubeconfig, below(fixture, "kube.conf"));
	assert_string_equal(config->kube_context, "one");
	assert_int_equal(config->git_deadline, 90000);
	assert_string_equal(config->tools[RENDER_KUSTOMIZE], "/abs/kustomize");
	assert_non_null(strstr(config->tools[RENDER_HELM], "/bin/helm"));
	assert_string_equal(config->token_file, below(fixture, "token"));
	assert_string_equal(config->log_level, "debug");
	assert_string_equal(config->log_format, "json");
	assert_webhook(config, fixture);
	assert_int_equal(config->sealing_key_count, 2);
	assert_string_equal(config->sealing_keys[0], below(fixture, "keys"));
	assert_string_equal(config->sealing_keys[1], "/more");

	assert_int_equal(config->repository_count, 3);
	const struct repository_config *repository = &config->repositories[0];
	assert_string_equal(repository->username, "ci");
	assert_string_equal(repository->password_file, below(fixture, "pw"));
	assert_string_equal(repository->proxy, "http://proxy:3128");
	assert_false(repository->signatures);
	assert_true(config->repositories[2].signatures && config->repositories[2].signed_commits);
	assert_string_equal(config->repositories[2].ssh_keys, below(fixture, "signers"));
	assert_string_equal(config->repositories[2].gpg_keys, "/keys");
	assert_true(repository->insecure);
	assert_int_equal(repository->line, 16);
	assert_string_equal(config->repositories[1].known_hosts_file, below(fixture, "known"));
	assert_string_equal(config->repositories[2].token_file, below(fixture, "t"));

	assert_int_equal(config->database_count, 1);
	const struct database_config *database = &config->databases[0];
	assert_string_equal(database->password.key, "pass");
	assert_string_equal(database->application, "users");
	assert_string_equal(database->config_map, "list");
	assert_string_equal(database->key, "u.yaml");
	assert_string_equal(database->users_namespace, "team");
	assert_string_equal(database->database, "other");
	assert_int_equal(database->policy.protected_count, 2);
	assert_string_equal(database->policy.protected_roles[1], "b*");
	assert_string_equal(database->policy.grantable[0], "r");
	assert_string_equal(database->policy.denied[0], "d");
	assert_int_equal(database->authentication, SESSION_AUTHENTICATION_SCRAM);
	assert_true(database->policy.adopt && database->policy.report_only);
	assert_true(database->policy.memberships == UPKEEP_ADDITIVE && database->policy.parameter_count == 1);
	assert_int_equal(database->policy.max_deletions, 7);
	assert_true(database->policy.password_login && database->policy.grants_allowed_count == 1);
	assert_string_equal(database->policy.heir, "keeper");
	assert_int_equal(database->policy.hold, 7 * 86400 * 1000);
	assert_true(database->policy.heir_role_count == 1 &&
		database->policy.attributes == (1U << ATTRIBUTE_CREATEDB | 1U << ATTRIBUTE_SUPERUSER));
	assert_string_equal(database->policy.heir_roles[0], "reports");
}

static void a_database_has_defaults(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_text(fixture,
		"version: 1\ndatabases:\n- name: main\n  connection: 'host=h dbname = ''my app'''\n  users: {application: users}\n"
		"- name: uri\n  connection: postgresql://user@h1:1,h2:2/my%20db?sslmode=verify-full\n  users: {application: users}\n"
		"  passwordFrom: {file: pw}\n- name: none\n  connection: host=h\n  users: {application: users}\n  policy:\n"));
	const struct database_config *databases = fixture->config.databases;
	assert_string_equal(databases[0].config_map, "postgres-users-config");
	assert_string_equal(databases[0].key, "users.yaml");
	assert_string_equal(databases[0].database, "my app");
	assert_null(databases[0].password.file);
	assert_int_equal(databases[0].authentication, SESSION_AUTHENTICATION_UNSAID);
	assert_false(databases[0].policy.adopt);
	assert_string_equal(databases[1].database, "my db");
	assert_string_equal(databases[1].password.file, below(fixture, "pw"));
	assert_null(databases[2].database);
}

static void a_cluster_of_the_operators_needs_no_connection(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_text(fixture,
		"version: 1\ndatabases:\n- {name: a, postgresql: default/acid-main, users: {application: u}}\n"
		"- {name: b, postgresql: db/x, users: {application: u, database: app}, authentication: channel-binding,\n"
		"   operator: {superUsername: root, secretNameTemplate: '{username}.{cluster}'}}\n"));
	const struct database_config *databases = fixture->config.databases;
	assert_null(databases[0].connection);
	assert_string_equal(databases[0].cluster.namespace, "default");
	assert_string_equal(databases[0].cluster.name, "acid-main");
	assert_string_equal(databases[0].cluster.superuser, "postgres");
	assert_string_equal(databases[0].cluster.secret_template,
		"{username}.{cluster}.credentials.{tprkind}.{tprgroup}");
	assert_string_equal(databases[0].database, "postgres");
	assert_string_equal(databases[1].cluster.superuser, "root");
	assert_string_equal(databases[1].cluster.secret_template, "{username}.{cluster}");
	assert_string_equal(databases[1].database, "app");
}

static void what_does_not_go_with_a_cluster_of_the_operators_is_refused(void **state)
{
	expect(*state,
		"version: 1\nkubernetes: {none: true}\ndatabases:\n- {name: a, postgresql: default/x, users: {application: u}}\n",
		"4: postgresql is an object of the cluster, and kubernetes.none is true: name a connection\n");
	expect(*state,
		"version: 1\ndatabases:\n- {name: b, postgresql: x, users: {application: u}}\n"
		"- {name: c, postgresql: d/x, connection: host=h, users: {application: u}}\n"
		"- {name: d, postgresql: d/x, passwordFrom: {file: p}, users: {application: u}}\n"
		"- {name: e, connection: host=h, operator: {superUsername: p}, users: {application: u}}\n"
		"- {name: f, postgresql: d/x, operator: {secretNameTemplate: '{user}'}, users: {application: u}}\n",
		"3:25: postgresql must be NAMESPACE/NAME of a postgresql object, as in default/acid-minimal-cluster\n"
		"4:13: postgresql and connection say the same twice: leave one out\n"
		"5:30: passwordFrom goes with connection: of a postgresql the password is in the operator's Secret\n"
		"6:33: operator says how what postgresql names is found, and there is no postgresql\n"
		"7:40: secretNameTemplate is the operator's secret_name_template: it has {username}, and may have {cluster}, "
		"{tprkind} and {tprgroup}\n");
}

static void off_is_said_with_nothing(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_text(
		fixture, "version: 1\nlisten: \"\"\npoll: 0\nkubernetes: {none: true}\nrepositories: []\n"));
	assert_null(fixture->config.listen);
	assert_int_equal(fixture->config.poll, 0);
	assert_true(fixture->config.kubernetes_off);
	assert_true(read_text(fixture, "version: 1\nkubernetes:\ndatabases:\n"));
	assert_false(fixture->config.kubernetes_off);
}

static void an_unknown_field_names_its_neighbour_at_every_level(void **state)
{
	expect(*state,
		"version: 1\npol: 30s\nlisten_: x\nkubernetes: {kubeconfg: x}\nrepositories:\n- {url: x, passwordfile: y}\n"
		"databases:\n- {name: a, connection: host=h, users: {application: u, configmap: x}, policy: {deniedRole: []}, zz: 1}\n",
		"2:1: unknown field \"pol\": did you mean \"poll\"?\n"
		"3:1: unknown field \"listen_\": did you mean \"listen\"?\n"
		"4:14: unknown field \"kubeconfg\": did you mean \"kubeconfig\"?\n"
		"6:12: unknown field \"passwordfile\": did you mean \"passwordFile\"?\n"
		"8:57: unknown field \"configmap\": did you mean \"configMap\"?\n"
		"8:81: unknown field \"deniedRole\"\n"
		"8:98: unknown field \"zz\"\n");
}

static void the_version_is_required_and_known(void **state)
{
	expect(*state, "", "1:1: the agent file: version is missing\n");
	expect(*state, "state: x\n", "1:1: the agent file: version is missing\n");
	expect(*state, "version: 2\n", "1:10: version must be 1: this program knows no other\n");
	expect(*state, "version: \"1\"\n", "1:10: version must be 1: this program knows no other\n");
}

static void values_of_the_wrong_shape_are_named_and_not_quoted(void **state)
{
	expect(*state,
		"version: 1\nstate: [x]\npoll: soon\nlisten: 8080\nnamespace: Team\napi: token\ngit: {timeout: 1h}\n"
		"kubernetes: {none: maybe}\nlog: {level: loud, format: xml}\nsealing: {keys: k}\nwebhook: {}\nrepositories: x\n"
		"databases: {a: b}\n",
		"2:8: state is a list and must be a string\n"
		"3:7: poll must be a duration such as 30s, 5m or 0\n"
		"4:9: listen must be HOST:PORT in quotes, such as \"127.0.0.1:8080\", or \"\" for none\n"
		"5:12: namespace must be lower-case letters, digits and '-'\n"
		"6:6: api is a string and must be a map\n"
		"7:1: git.timeout must be between 1s and 120s\n"
		"8:20: none is a string and must be true or false\n"
		"9:1: log.format must be text or json\n"
		"9:1: log.level must be debug, info, warning or error\n"
		"10:17: keys is a string and must be a list of strings\n"
		"11:1: webhook: secretFile is missing\n"
		"12:15: repositories is a string and must be a list\n"
		"13:12: databases is a map and must be a list\n");
}

static void a_password_in_the_connection_is_refused_and_not_shown(void **state)
{
	static const char *const bad[] = {"host=h password=hunter2", "host=h password = 'hunter2'",
		"postgresql://u:hunter2@h/d", "postgres://u:hunter2@/d", "postgresql://h/d?password=hunter2",
		"postgresql://h/d?sslmode=require&pass%77ord=hunter2", "host=h sslpassword=hunter2",
		"dbname=postgresql://u:hunter2@h/d", "dbname='host=h password=hunter2'", "host=h hunter2",
		"host='h password=hunter2", "=hunter2", "postgresql://u:@h/d", "postgresql://h?hunter2"};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const char *text = arena_printf(fixture->mem,
			"version: 1\ndatabases:\n- name: a\n  connection: \"%s\"\n  users: {application: u}\n",
			bad[i]);
		if (read_text(fixture, text))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(fixture->mistakes.count, 1);
		assert_int_equal(fixture->mistakes.items[0].line, 4);
		assert_null(strstr(said(fixture), "hunter2"));
		assert_null(strstr(fixture->err.text, "hunter2"));
	}
}

static void other_connections_are_taken(void **state)
{
	static const char *const good[] = {"", "host=h", "host=a,b port=1,2 user=postgres dbname=d",
		"service=main passfile=/x", "postgresql://", "postgresql:///d?host=/run",
		"postgresql://u@[::1]:5432/d", "host = 'a\\'b'",
		"postgresql://h/d?target_session_attrs=primary&application_name=a%26b"};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		const char *text = arena_printf(fixture->mem,
			"version: 1\ndatabases:\n- name: a\n  connection: >-\n    %s\n  users: {application: u}\n",
			good[i]);
		if (!read_text(fixture, text))
			fail_msg("%s: %s", good[i], said(fixture));
	}
}

static void databases_and_repositories_must_make_sense(void **state)
{
	expect(*state,
		"version: 1\ndatabases:\n- {name: a, connection: host=h, users: {application: u}}\n"
		"- {name: a, connection: host=h, users: {application: u}, passwordFrom: {}}\n"
		"- {name: A b, connection: host=h, users: {}, authentication: md5}\n- {}\n- x\n"
		"repositories:\n- url: https://u:p@h/x\n- {url: x, passwordFile: a, tokenFile: b}\n- {url: x, sshKeyFile: a}\n"
		"- {url: x, clientKeyFile: a, proxy: 'http://u:p@h'}\n- {url: x, signatures: {required: true}}\n"
		"- {url: x, signatures: {sshKeys: a, keys: b}}\n",
		"4:10: the database of line 3 has this name too\n"
		"4:58: passwordFrom names one of file and secret\n"
		"5:10: name must be lower-case letters, digits, '-' and '.'\n"
		"5:35: users: application is missing\n"
		"5:62: authentication must be channel-binding, scram or any\n"
		"6:3: databases[3]: connection is missing, or postgresql\n"
		"6:3: databases[3]: name is missing\n"
		"6:3: databases[3]: users is missing\n"
		"7:3: databases[4] is a string and must be a map\n"
		"9:8: url holds a password: remove it and name a file in passwordFile or tokenFile\n"
		"10:3: repositories[1]: set one of passwordFile and tokenFile\n"
		"11:3: repositories[2]: sshKeyFile needs knownHostsFile: without it every host is refused (ssh-keyscan HOST "
		"makes one; compare the fingerprint)\n"
		"12:3: repositories[3]: clientCertFile and clientKeyFile go together\n"
		"12:37: proxy holds a password, which is not supported\n"
		"13:12: signatures: required without sshKeys or gpgKeys would refuse every commit: name whose signatures "
		"count\n"
		"14:12: signatures: required is missing\n"
		"14:37: unknown field \"keys\"\n");
}

static void a_file_that_is_no_yaml_says_where(void **state)
{
	expect(*state, "version: 1\nstate: [\n", "3:1: not valid YAML: did not find expected node content\n");
	expect(*state, "version: 1\nversion: 1\n",
		"2:1: key \"version\" is already set in the line above: remove one of them\n");
	expect(*state, "version: 1\n---\nversion: 1\n", "3:1: a second document: the agent file is one\n");
	expect(*state, "- version\n", "1:1: the agent file is a list and must be a map\n");
}

static void a_missing_file_is_an_error_of_its_own(void **state)
{
	struct fixture *fixture = *state;
	assert_false(config_read(
		below(fixture, "none"), fixture->mem, &fixture->config, &fixture->mistakes, &fixture->err));
	assert_int_equal(fixture->err.kind, ERROR_MISSING);
	assert_int_equal(fixture->mistakes.count, 1);
}

static void the_error_is_the_first_mistake(void **state)
{
	struct fixture *fixture = *state;
	assert_false(read_text(fixture, "version: 1\nb: 1\na: 1\n"));
	assert_int_equal(fixture->err.kind, ERROR_INVALID);
	assert_non_null(strstr(fixture->err.text, "agent.yaml:2:1: unknown field \"b\" (and 1 more)"));
}

static void patroni_is_named_by_urls_without_anybodys_name(void **state)
{
	struct fixture *fixture = *state;
	assert_true(read_text(fixture,
		"version: 1\ndatabases:\n- {name: a, connection: host=h, patroni: ['https://h:8008', 'http://i:8008'],\n"
		"   patroniCaFile: ca.pem, users: {application: u}}\n"));
	assert_int_equal(fixture->config.databases[0].patroni_count, 2);
	assert_string_equal(fixture->config.databases[0].patroni[1], "http://i:8008");
	assert_int_equal(fixture->config.databases[0].patroni_ca_file[0], '/');
	fixture->config = (struct config){0};
	expect(fixture,
		"version: 1\ndatabases:\n- {name: a, connection: host=h, patroni: ['h:8008'], users: {application: u}}\n"
		"- {name: b, connection: host=h, patroni: ['http://me:x@h'], users: {application: u}}\n"
		"- {name: c, connection: host=h, patroniCaFile: x, users: {application: u}}\n"
		"- {name: d, postgresql: d/x, patroni: ['http://h'], users: {application: u}}\n"
		"- {name: e, connection: 'postgresql://h/x', patroni: ['http://h'], users: {application: u}}\n"
		"- {name: f, postgresql: d/x, patroniUsername: x, patroniClientKeyFile: x, users: {application: u}}\n",
		"3:33: patroni lists URLs of its members' REST APIs, as in [https://10.0.0.5:8008]\n"
		"4:33: patroni: a URL has somebody's name in it: reading Patroni's REST API takes none\n"
		"5:33: patroniCaFile goes with patroni, or with postgresql, and there is neither\n"
		"6:30: patroni goes with connection: of a postgresql the leader is in its Endpoints\n"
		"7:45: with patroni the connection is words as in \"dbname=postgres user=postgres sslmode=require\": "
		"no URI, hostaddr or service, since Patroni says the host\n"
		"8:3: patroniClientCertFile and patroniClientKeyFile go together: one of them is missing\n"
		"8:3: patroniUsername and patroniPasswordFile go together: one of them is missing\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_fixture, close_fixture)

static void a_lease_has_defaults_and_makes_sense(void **state)
{
	struct fixture *fixture = *state;
	const struct config *config = &fixture->config;
	expect(fixture, "version: 1\nlease: {name: A, namespace: B, duration: 2500ms}\n",
		"2:1: lease.duration must be whole seconds between 3s and 300s\n"
		"2:1: lease.name must be lower-case letters, digits, '-' and '.'\n"
		"2:1: lease.namespace must be lower-case letters, digits and '-'\n");
	expect(fixture, "version: 1\nlease: {}\nkubernetes: {none: true}\n",
		" lease is an object of the cluster, and kubernetes.none is true: take one of them out\n");
	assert_true(read_text(fixture, "version: 1\n"));
	assert_false(config->lease.used);
	assert_null(config->manager);
	assert_true(read_text(fixture, "version: 1\nnamespace: gitops\nlease:\n"));
	assert_true(config->lease.used);
	assert_string_equal(config->lease.namespace, "gitops");
	assert_string_equal(config->lease.name, "pgitops");
	assert_int_equal(config->lease.duration, 12000);
	assert_string_equal(config->manager, "gitops/pgitops");
	assert_true(
		read_text(fixture, "version: 1\nlease: {name: a.b, namespace: kube-system, duration: 1m}\n"));
	assert_string_equal(config->lease.namespace, "kube-system");
	assert_string_equal(config->lease.name, "a.b");
	assert_int_equal(config->lease.duration, 60000);
}

static void a_share_of_the_applications_is_of_those_in_the_cluster(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture, "version: 1\napplicationSelector: {shard: a}\n",
		"2:22: applicationSelector must be a selector of labels as kubectl get -l takes it, such as \"shard=a\"\n");
	expect(fixture, "version: 1\napplicationSelector: shard=a\napplications: ./apps\n",
		" applicationSelector chooses among objects of the cluster, and applications names a folder: take one of them out\n");
	assert_true(read_text(fixture, "version: 1\napplicationSelector: \"shard=a,team in (x,y)\"\n"));
	assert_string_equal(fixture->config.selector, "shard=a,team in (x,y)");
}

static void an_installation_id_is_a_short_text(void **state)
{
	struct fixture *fixture = *state;
	static const char told[] =
		"2:17: installationID must be a string of 1 to 100 characters, the one in argocd-cm\n";
	expect(fixture, "version: 1\ninstallationID: \"\"\n", told);
	expect(fixture, "version: 1\ninstallationID: [a]\n", told);
	expect(fixture, arena_printf(fixture->mem, "version: 1\ninstallationID: x%0100d\n", 7), told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_has_a_default_but_the_version),
		TEST(every_field_is_read_and_paths_begin_at_the_file),
		TEST(a_database_has_defaults),
		TEST(a_lease_has_defaults_and_makes_sense),
		TEST(a_share_of_the_applications_is_of_those_in_the_cluster),
		TEST(an_installation_id_is_a_short_text),
		TEST(a_cluster_of_the_operators_needs_no_connection),
		TEST(what_does_not_go_with_a_cluster_of_the_operators_is_refused),
		TEST(patroni_is_named_by_urls_without_anybodys_name),
		TEST(off_is_said_with_nothing),
		TEST(an_unknown_field_names_its_neighbour_at_every_level),
		TEST(the_version_is_required_and_known),
		TEST(values_of_the_wrong_shape_are_named_and_not_quoted),
		TEST(a_password_in_the_connection_is_refused_and_not_shown),
		TEST(other_connections_are_taken),
		TEST(databases_and_repositories_must_make_sense),
		TEST(a_file_that_is_no_yaml_says_where),
		TEST(a_missing_file_is_an_error_of_its_own),
		TEST(the_error_is_the_first_mistake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
