/*
 * Version 2 of users.yaml: groups, and what groups and users may do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "tests/reconcile/roles/fixture.h"

static const struct roles_policy policy = {
	.protected_roles = (const char *[]){"root_*"},
	.protected_count = 1,
};

/* "role SELECT on tables app s.t(column)", one a line. */
static const char *rows_of(struct reading *reading)
{
	const struct grants *grants = &reading->users.grants.grants;
	struct arena *mem = reading->mem;
	const char *all = "";
	for (size_t i = 0; i < grants->count; i++) {
		const struct grant *grant = &grants->items[i];
		all = arena_printf(mem, "%s%s %s on %s %s %s.%s(%s)\n", all, grant->role, grant->privilege,
			grant_on_word(grant->on), grant->database, grant->schema, grant->name,
			grant->column ? grant->column : "any");
	}
	return all;
}

static void what_groups_and_users_may_do_is_read(void **state)
{
	static const char text[] =
		"version: 2\n"
		"groups:\n"
		"  - name: readers\n"
		"    grants:\n"
		"      - {database: app, on: database, privileges: [connect]}\n"
		"      - {database: app, on: schema, schema: s, privileges: [USAGE]}\n"
		"      - {database: app, on: schema, names: [s, t], privileges: [create]}\n"
		"      - {database: app, on: tables, schema: s, names: [\"*\"], privileges: [SELECT]}\n"
		"      - {database: app, on: tables, schema: s, names: [t], columns: [a, b], privileges: [SELECT, UPDATE]}\n"
		"      - {on: functions, schema: s, names: [f, \"f(integer, text)\", \"g()\"], privileges: [ALL]}\n"
		"      - {database: app, on: languages, names: [plpgsql], privileges: [USAGE]}\n"
		"    defaultPrivileges:\n"
		"      - {database: app, owner: o, schema: s, on: tables, privileges: [SELECT]}\n"
		"      - {database: app, owner: o, on: schemas, privileges: [USAGE]}\n"
		"  - {name: empty, grants: []}\n"
		"  - {name: free}\n"
		"users:\n"
		"  - {username: alice, roles: [readers], grants: [{database: app, on: sequences, schema: s, names: [q], privileges: [USAGE]}]}\n"
		"  - {username: bob}\n";
	struct reading reading;
	(void)state;
	read_text(&reading, text, "postgres", &policy);
	for (size_t i = 0; i < reading.mistakes.count; i++)
		fail_msg("%s", mistake_text(&reading.mistakes.items[i], reading.mem));
	assert_string_equal(rows_of(&reading),
		"readers CONNECT on database app .app()\n"
		"readers USAGE on schema app .s()\n"
		"readers CREATE on schema app .s()\n"
		"readers CREATE on schema app .t()\n"
		"readers SELECT on tables app s.*()\n"
		"readers SELECT on columns app s.t(a)\n"
		"readers UPDATE on columns app s.t(a)\n"
		"readers SELECT on columns app s.t(b)\n"
		"readers UPDATE on columns app s.t(b)\n"
		"readers ALL on functions postgres s.f(any)\n"
		"readers ALL on functions postgres s.f(integer, text)\n"
		"readers ALL on functions postgres s.g()\n"
		"readers USAGE on languages app .plpgsql()\n"
		"readers SELECT on tables app s.o()\n"
		"readers USAGE on schemas app .o()\n"
		"alice USAGE on sequences app s.q()\n");
	const struct users *users = &reading.users;
	assert_int_equal(users->group_count, 3);
	assert_string_equal(users->groups[0].name, "empty");
	assert_int_equal(users->groups[2].line, 3);
	assert_int_equal(users->grants.role_count, 3); /* alice, empty, readers: of bob and free nothing is said */
	assert_string_equal(users->grants.roles[1], "empty");
	assert_int_equal(users->grants.user_count, 1);
	arena_free(reading.mem);
}

/* Two entries of one name are one user; a role is a name, or has options beside it. */
static void roles_with_options_are_read_and_sorted(void **state)
{
	static const char text[] =
		"version: 2\n"
		"users:\n"
		"- {username: alice, database: a, roles: [writers, {name: readers, admin: true, inherit: false}]}\n"
		"- {username: alice, database: b, roles: [{name: readers, inherit: false, admin: true}, {name: all}]}\n"
		"- {username: bob, roles: [{name: readers}, writers, readers]}\n";
	struct reading reading;
	(void)state;
	read_text(&reading, text, "postgres", &policy);
	assert_int_equal(reading.mistakes.count, 0);
	const struct user *alice = &reading.users.items[0], *bob = &reading.users.items[1];
	assert_int_equal(alice->role_count, 3);
	assert_string_equal(alice->roles[1], "readers");
	assert_true(alice->role_options[1].admin && !alice->role_options[1].inherit &&
		alice->role_options[1].set);
	assert_true(!alice->role_options[0].admin && alice->role_options[2].inherit);
	assert_int_equal(bob->role_count, 2);
	assert_null(bob->role_options);
	arena_free(reading.mem);
}

#define GROUP "version: 2\nusers: []\ngroups:\n- name: g\n  grants:\n  - "
#define ROLES "version: 2\nusers:\n- username: u\n  roles:\n  - "
#define GROUPS "version: 2\nusers: [{username: u}]\ngroups:\n- "
#define USER "version: 2\nusers:\n- username: u\n  "
#define DEFAULTS "version: 2\nusers: []\ngroups:\n- name: g\n  defaultPrivileges:\n  - "

static const struct {
	const char *text, *place, *words;
} mistaken[] = {
	{"version: 3\nusers: []\n", "users.yaml:1:10", "version must be 1 or 2"},
	{"version: two\nusers: []\n", "users.yaml:1:10", "version must be 1 or 2"},
	{"users: []\ngroups: []\n", "users.yaml:2:9", "groups needs version: 2"},
	{"users: [{username: a, grants: []}]\n", "users.yaml:1:31", "grants needs version: 2"},
	{"users: [{username: a, roles: [{name: r, admin: true}]}]\n", "users.yaml:1:31", "needs version: 2"},
	{ROLES "{name: r, admn: true}\n", "users.yaml:5:15", "did you mean admin?"},
	{ROLES "{name: r, admin: yes please}\n", "users.yaml:5:22", "admin must be true or false"},
	{ROLES "{name: r, inherit: 1}\n", "users.yaml:5:24", "inherit must be true or false"},
	{ROLES "{admin: true}\n", "users.yaml:5:5", "this role has no name"},
	{ROLES "{name: 7}\n", "users.yaml:5:12", "role must be a string"},
	{ROLES "{name: u, set: false}\n", "users.yaml:5:5", "member of itself"},
	{ROLES "{name: pg_read_server_files, admin: true}\n", "users.yaml:5:5", "rights of a superuser"},
	{ROLES "r\n- {username: u, database: b, roles: [{name: r, admin: true}]}\n", "users.yaml:3",
		"\"r\" twice, with different options"},
	{GROUPS "{name: g, memberOf: r}\n", "users.yaml:4:23", "memberOf must be a list"},
	{GROUPS "{name: g, memberOf: [g]}\n", "users.yaml:4:24", "member of itself"},
	{GROUPS "{name: g, memberOf: [{name: r, sett: true}]}\n", "users.yaml:4:34", "did you mean set?"},
	{GROUPS "{name: g, memberOf: [r, {name: r, admin: true}]}\n", "users.yaml:4:23", "\"r\" twice"},
	{GROUPS "{name: g, memberOf: [pg_write_server_files]}\n", "users.yaml:4:24", "rights of a superuser"},
	{GROUPS "{name: g, memberOf: [u]}\n", "users.yaml:4", "which is a user"},
	{GROUPS "{name: g, dropWhenUnused: maybe}\n", "users.yaml:4:29", "dropWhenUnused must be true or false"},
	{GROUPS "{name: g, memberOf: [h]}\n- {name: h, memberOf: [i]}\n- {name: i, memberOf: [g]}\n",
		"users.yaml:6", "break the circle"},
	{"users: [{username: a, parameters: {}}]\n", "users.yaml:1:35", "parameters needs version: 2"},
	{USER "parameters: x\n", "users.yaml:4:15", "parameters must be a map"},
	{USER "parameters: {a b: 1}\n", "users.yaml:4:16", "no parameter's name"},
	{USER "parameters: {sort_mem: 1}\n", "users.yaml:4:16", "sort_mem is called work_mem"},
	{USER "parameters: {work_mem: }\n", "users.yaml:4:26", "must be a text, a number or a boolean"},
	{USER "parameters: {work_mem: {a: b}}\n", "users.yaml:4:26", "must be a text, a number or a boolean"},
	{USER "parameters: {search_path: 'a, b'}\n", "users.yaml:4:29", "search_path is a list"},
	{USER "parameters: {role: postgres}\n", "users.yaml:4:16", "policy.allowParameters"},
	{USER "parameters: {work_mem: 1MB, WORK_MEM: 2MB}\n", "users.yaml:3", "twice, with different values"},
	{USER "parametersIn: {app: 1}\n", "users.yaml:4:23", "what is set in a database must be a map"},
	{USER "parametersIn: {app: {role: x}}\n", "users.yaml:4:24", "policy.allowParameters"},
	{"version: 2\nusers: []\ngroups: [{name: g, parameters: {}}]\n", "users.yaml:3:20",
		"settings of a role that nobody logs in as have no effect"},
	{USER "memberships: additiv\n", "users.yaml:4:16", "did you mean additive?"},
	{USER "memberships: [exact]\n", "users.yaml:4:16", "must be exact, additive or report"},
	{USER "grantsMode: report\n", "users.yaml:4:15", "there are none here"},
	{USER "database: a\n  memberships: exact\n- {username: u, database: b, memberships: report}\n",
		"users.yaml:6", "has other memberships: in another entry"},
	{"version: 2\nusers: []\ndefaults: {grants: none}\n", "users.yaml:3:20",
		"must be exact, additive or report"},
	{GROUPS "{name: g, grantsMode: report}\n", "users.yaml:4:25", "there are none here"},
	{"version: 2\nusers: []\ngroups: x\n", "users.yaml:3:9", "groups must be a list"},
	{"version: 2\nusers: []\ngroups: [x]\n", "users.yaml:3:10", "must be a map with name"},
	{"version: 2\nusers: []\ngroups: [{}]\n", "users.yaml:3:10", "this group has no name"},
	{"version: 2\nusers: []\ngroups: [{name: g, grnats: []}]\n", "users.yaml:3:20", "did you mean grants?"},
	{"version: 2\nusers: []\ngroups: [{name: root_1}]\n", "users.yaml:3:17",
		"cannot be a user or group here"},
	{"version: 2\nusers: []\ngroups: [{name: pg_monitor}]\n", "users.yaml:3:17", "group \"pg_monitor\""},
	{"version: 2\nusers: []\ngroups:\n- name: g\n- name: g\n", "users.yaml:5", "listed twice"},
	{"version: 2\nusers: [{username: g}]\ngroups: [{name: g}]\n", "users.yaml:3", "it is one or the other"},
	{GROUP "x\n", "users.yaml:6:5", "must be a map, as in"},
	{GROUP "{on: table, schema: s, names: [t], privileges: [SELECT]}\n", "users.yaml:6:10",
		"there is no \"table\": did you mean tables?"},
	{GROUP "{schema: s, names: [t], privileges: [SELECT]}\n", "users.yaml:6:5", "on is missing"},
	{GROUP "{on: columns, schema: s, names: [t], privileges: [SELECT]}\n", "users.yaml:6:10",
		"there is no \"columns\""},
	{GROUP "{on: tables, names: [t], privileges: [SELECT]}\n", "users.yaml:6:5", "schema is missing"},
	{GROUP "{on: tables, schema: s, privileges: [SELECT]}\n", "users.yaml:6:5", "names must be a list"},
	{GROUP "{on: tables, schema: s, names: [], privileges: [SELECT]}\n", "users.yaml:6:36",
		"names must be a list that is not empty"},
	{GROUP "{on: tables, schema: s, names: [t]}\n", "users.yaml:6:5", "privileges must be a list"},
	{GROUP "{on: tables, schema: s, names: [t], privileges: [CONNECT]}\n", "users.yaml:6:54",
		"no privilege \"CONNECT\" on tables: ALL, or of SELECT"},
	{GROUP "{on: tables, schema: s, names: [t], privileges: SELECT}\n", "users.yaml:6:53", "must be a list"},
	{GROUP "{on: tables, schema: s, names: [1], privileges: [SELECT]}\n", "users.yaml:6:37",
		"write it in quotes"},
	{GROUP "{on: tables, schema: s, names: [\"*\"], columns: [a], privileges: [SELECT]}\n",
		"users.yaml:6:37", "each has to be named"},
	{GROUP "{on: languages, names: [\"*\"], privileges: [USAGE]}\n", "users.yaml:6:29",
		"each has to be named"},
	{GROUP "{on: languages, names: [plperlu], privileges: [USAGE]}\n", "users.yaml:6:29",
		"cannot be granted here: a language"},
	{GROUP "{on: parameters, names: [work_mem], privileges: [SET]}\n", "users.yaml:6:30",
		"cannot be granted here"},
	{GROUP "{on: tables, schema: pg_catalog, names: [pg_authid], privileges: [SELECT]}\n",
		"users.yaml:6:46", "cannot be granted here"},
	{GROUP "{on: functions, schema: user_management, names: [create_user], privileges: [EXECUTE]}\n",
		"users.yaml:6:54", "cannot be granted here"},
	{GROUP "{on: functions, schema: s, names: [\"f(int\"], privileges: [EXECUTE]}\n", "users.yaml:6:40",
		"a function must be a string"},
	{GROUP "{on: functions, schema: s, names: [\"(int)\"], privileges: [EXECUTE]}\n", "users.yaml:6:40",
		"the function's name is empty"},
	{GROUP "{on: schema, schema: s, names: [t], privileges: [USAGE]}\n", "users.yaml:6:26", "leave one out"},
	{GROUP "{on: database, names: [app], privileges: [CONNECT]}\n", "users.yaml:6:27", "are not needed"},
	{GROUP "{on: sequences, schema: s, names: [q], columns: [a], privileges: [USAGE]}\n",
		"users.yaml:6:53", "are those of tables"},
	{GROUP "{on: foreignServers, schema: s, names: [q], privileges: [USAGE]}\n", "users.yaml:6:34",
		"has no meaning here"},
	{DEFAULTS "{on: tables, schema: s, privileges: [SELECT]}\n", "users.yaml:6:5", "owner is missing"},
	{DEFAULTS "{owner: o, on: database, privileges: [CONNECT]}\n", "users.yaml:6:20",
		"there is no \"database\""},
	{DEFAULTS "{owner: o, on: schemas, schema: s, privileges: [USAGE]}\n", "users.yaml:6:37",
		"no meaning for schemas"},
	{"version: 2\nusers: [{username: a, grants: [{on: database, privileges: [CONNECT]}]}]\n",
		"users.yaml:2:31", "CONNECT of a user is what database says"},
	{"users: []\ndefaults: {}\n", "users.yaml:2:11", "defaults needs version: 2"},
	{"users: [{username: a, databases: [b]}]\n", "users.yaml:1:34", "databases needs version: 2"},
	{"version: 2\nusers: []\ndefaults: [database]\n", "users.yaml:3:11", "defaults must be a map"},
	{"version: 2\nusers: []\ndefaults: {databse: app}\n", "users.yaml:3:12", "did you mean database?"},
	{"version: 2\nusers: []\ndefaults: {database: 7}\n", "users.yaml:3:22", "write it in quotes"},
	{"version: 2\nusers: [{username: a, database: b, databases: [c]}]\n", "users.yaml:2:47",
		"leave one out"},
	{"version: 2\nusers: [{username: a, databases: b}]\n", "users.yaml:2:34", "must be a list, as in"},
	{"version: 2\nusers: [{username: a, databases: [b, \"\"]}]\n", "users.yaml:2:38", "a database is empty"},
};

static void each_mistake_is_told_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(mistaken); i++) {
		struct reading reading;
		read_text(&reading, mistaken[i].text, "postgres", &policy);
		const char *said = reading.mistakes.count
			? mistake_text(&reading.mistakes.items[0], reading.mem)
			: "no mistake";
		if (!strstr(said, mistaken[i].words) ||
			strncmp(said, mistaken[i].place, strlen(mistaken[i].place)) != 0)
			fail_msg("%zu: \"%s\", wanted %s ... %s", i, said, mistaken[i].place,
				mistaken[i].words);
		assert_int_equal(reading.users.group_count, 0);
		assert_int_equal(reading.users.grants.grants.count, 0);
		arena_free(reading.mem);
	}
}

static void a_database_has_to_be_named_where_the_agent_names_none(void **state)
{
	struct reading reading;
	(void)state;
	read_text(&reading, GROUP "{on: schema, schema: s, privileges: [USAGE]}\n", "", &policy);
	assert_non_null(strstr(mistake_text(&reading.mistakes.items[0], reading.mem), "database is missing"));
	arena_free(reading.mem);
}

static const char *databases_of(struct reading *reading, size_t user)
{
	const struct user *found = &reading->users.items[user];
	const char *all = "";
	for (size_t i = 0; i < found->database_count; i++)
		all = arena_printf(reading->mem, "%s%s ", all, found->databases[i]);
	return all;
}

static void databases_are_listed_or_come_from_the_defaults(void **state)
{
	static const char text[] =
		"version: 2\n"
		"defaults: {database: app}\n"
		"groups: [{name: g, grants: [{on: schema, schema: s, privileges: [USAGE]}]}]\n"
		"users:\n"
		"  - {username: a, databases: [two, one, two]}\n"
		"  - {username: b, databases: []}\n"
		"  - {username: c}\n"
		"  - {username: d, database: own}\n"
		"  - {username: d, databases: [other]}\n";
	struct reading reading;
	(void)state;
	read_text(&reading, text, "postgres", &policy);
	assert_int_equal(reading.mistakes.count, 0);
	assert_string_equal(databases_of(&reading, 0), "one two ");
	assert_string_equal(databases_of(&reading, 1), "");
	assert_string_equal(databases_of(&reading, 2), "app ");
	assert_string_equal(databases_of(&reading, 3), "other own ");
	assert_string_equal(rows_of(&reading), "g USAGE on schema app .s()\n");
	arena_free(reading.mem);
	read_text(&reading, "version: 2\ndefaults:\nusers: [{username: a}]\n", "postgres", &policy);
	assert_string_equal(databases_of(&reading, 0), "postgres ");
	arena_free(reading.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_groups_and_users_may_do_is_read),
		cmocka_unit_test(roles_with_options_are_read_and_sorted),
		cmocka_unit_test(each_mistake_is_told_at_its_place),
		cmocka_unit_test(a_database_has_to_be_named_where_the_agent_names_none),
		cmocka_unit_test(databases_are_listed_or_come_from_the_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
