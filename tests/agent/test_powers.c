#include "agent/config/powers.h"

#include "json_fixture.h"

#include "base/text.h"

/* One line for each: "setting path what". */
static const char *found(struct arena *mem, const char *spec)
{
	CLEANUP(json_done) json_t *document = json_of(spec, mem);
	struct power *items;
	size_t count = powers_find(document, mem, &items);
	const char *all = "";
	for (size_t i = 0; i < count; i++)
		all = arena_printf(
			mem, "%s%s %s %s\n", all, power_setting(items[i].part), items[i].path, items[i].what);
	return all;
}

static void each_power_is_found(void **state)
{
	struct arena *mem = arena_new(1u << 20);
	(void)state;
	assert_string_equal(
		found(mem,
			"users: {eve: [createdb, SUPERUSER], app: [login]}\n"
			"patroni: {pg_hba: [host all all all md5, '  local all all trust', 'host all all 10.0.0.0 255.0.0.0 TRUST']}\n"
			"sidecars: [{name: a}, {name: b, securityContext: {privileged: true}}]\n"
			"initContainers: [{securityContext: {runAsUser: 0}}, {securityContext: {capabilities: {add: [SYS_ADMIN]}}}]\n"
			"additionalVolumes: [{volumeSource: {emptyDir: {}}}, {volumeSource: {hostPath: {path: /}}}]\n"
			"env: [{name: TZ}, {name: PGPASSWORD_SUPERUSER}, {name: SPILO_CONFIGURATION}, {name: CRONTAB}, {name: LD_AUDIT}]\n"
			"envFrom: [{secretRef: {name: a}}]\n"
			"postgresql: {parameters: {work_mem: 4MB, archive_command: 'curl x', restore_command: '', hba_file: /x}}\n"),
		"superusers spec.users.eve is a superuser\n"
		"pgHba spec.patroni.pg_hba[1] lets in without a password (trust)\n"
		"pgHba spec.patroni.pg_hba[2] lets in without a password (trust)\n"
		"sidecars spec.sidecars[1] runs privileged\n"
		"sidecars spec.initContainers[0] runs as root\n"
		"sidecars spec.initContainers[1] has added capabilities\n"
		"volumes spec.additionalVolumes[1] is a folder of the node (hostPath)\n"
		"env spec.env[1] (PGPASSWORD_SUPERUSER) overrules what the operator and Spilo configure\n"
		"env spec.env[2] (SPILO_CONFIGURATION) overrules what the operator and Spilo configure\n"
		"env spec.env[3] (CRONTAB) overrules what the operator and Spilo configure\n"
		"env spec.env[4] (LD_AUDIT) overrules what the operator and Spilo configure\n"
		"env spec.envFrom[0] brings variables that do not stand here, which may overrule what the operator and Spilo "
		"configure\n"
		"commands spec.postgresql.parameters.archive_command is a command that the server runs\n"
		"pgHba spec.postgresql.parameters.hba_file takes who may log in from another file\n");
	arena_free(mem);
}

/* PostgreSQL reads the lines of pg_hba and the names of parameters its own way, and what it reads is what counts. */
static void what_is_written_otherwise_gives_the_same_power(void **state)
{
	static const char *const lines[] = {"host all all all md5 # a\\nlocal all all trust",
		"# a\\nlocal all all trust", "local all all \\\"trust\\\"", "local all all t\\\"rus\\\"t",
		"local\\tall\\rall\\ttrust", "local all \\\"a b\\\" trust", "local all all \\\\\\ntrust",
		"local all all tru\\\\\\nst", "local all all trust#", "\\nlocal all all trust\\n",
		"include /tmp/a", "include_if_exists /tmp/a", "local all \\\"a#b\\\" trust"};
	struct arena *mem = arena_new(1u << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		const char *spec = arena_printf(mem, "patroni: {pg_hba: [\"%s\"]}\n", lines[i]);
		if (!text_starts(found(mem, spec), "pgHba spec.patroni.pg_hba[0] "))
			fail_msg("passed: %s", lines[i]);
	}
	assert_string_equal(
		found(mem, "postgresql: {parameters: {Archive_Command: 'curl x', SSL_PASSPHRASE_COMMAND: x}}\n"),
		"commands spec.postgresql.parameters.Archive_Command is a command that the server runs\n"
		"commands spec.postgresql.parameters.SSL_PASSPHRASE_COMMAND is a command that the server runs\n");
	arena_free(mem);
}

/* Its own container is the database: whoever chooses the program has all of it. */
static void the_databases_program_and_its_user_are_power(void **state)
{
	struct arena *mem = arena_new(1u << 20);
	(void)state;
	assert_string_equal(
		found(mem, "dockerImage: ghcr.io/zalando/spilo-17:4.0-p3\nspiloRunAsUser: 101\n"), "");
	assert_string_equal(
		found(mem,
			"dockerImage: example.org/zalando/spilo\nspiloRunAsUser: 0\nconnectionPooler: {dockerImage: x}\n"),
		"images spec.dockerImage is a program that is not the operator's, with all data and its superuser's password\n"
		"images spec.connectionPooler.dockerImage is a program that is not the operator's, with all data and its superuser's "
		"password\n"
		"images spec.spiloRunAsUser runs the database as root\n");
	arena_free(mem);
}

static void what_is_usual_gives_no_power(void **state)
{
	struct arena *mem = arena_new(1u << 20);
	(void)state;
	assert_string_equal(
		found(mem,
			"users: {trust: [], superuser: [login], x: superuser}\n"
			"patroni: {pg_hba: ['hostssl trust trust 0.0.0.0/0 scram-sha-256', '# local all all trust', 3,"
			" 'host all all all md5 # not trust', \"host all all all md5\\n# local all all trust\"]}\n"
			"sidecars: [{name: a, securityContext: {privileged: false, runAsUser: 101}}, 5]\n"
			"env: {}\nadditionalVolumes: x\npostgresql: []\n"),
		"");
	arena_free(mem);
}

static void a_field_that_is_filled_in_is_named_whatever_it_holds(void **state)
{
	struct arena *mem = arena_new(1u << 20);
	CLEANUP(json_done)
	json_t *spec = json_of("sidecars: [{name: a}]\nenvFrom: [{}]\nenv: []\ninitContainers: null\n", mem);
	struct power *items;
	(void)state;
	assert_int_equal(powers_fields(spec, mem, &items), 2);
	assert_string_equal(items[0].path, "spec.sidecars");
	assert_int_equal(items[1].part, POWER_ENV);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_power_is_found),
		cmocka_unit_test(what_is_written_otherwise_gives_the_same_power),
		cmocka_unit_test(the_databases_program_and_its_user_are_power),
		cmocka_unit_test(what_is_usual_gives_no_power),
		cmocka_unit_test(a_field_that_is_filled_in_is_named_whatever_it_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
