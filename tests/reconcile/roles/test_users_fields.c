/*
 * What an entry of version 2 says of the role itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "tests/reconcile/roles/fixture.h"

static const struct roles_policy usual;

static void what_a_role_may_by_itself_is_read(void **state)
{
	static const char text[] =
		"version: 2\n"
		"groups: [{name: g, comment: all of us}]\n"
		"users:\n"
		"  - username: alice\n"
		"    ensure: locked\n"
		"    login: false\n"
		"    connectionLimit: 0\n"
		"    validUntil: 2027-01-01T01:00:00.5000+01:00\n"
		"    comment: hers\n"
		"    attributes: {createdb: true, inherit: false, superuser: false}\n"
		"  - {username: bob, connectionLimit: -1, validUntil: infinity, attributes: }\n";
	struct reading reading;
	(void)state;
	read_text(&reading, text, "postgres", &usual);
	assert_int_equal(reading.mistakes.count, 0);
	const struct user *alice = &reading.users.items[0], *bob = &reading.users.items[1];
	assert_int_equal(alice->ensure, USER_LOCKED);
	assert_true(alice->fields.no_login && alice->fields.limited);
	assert_int_equal(alice->fields.connection_limit, 0);
	assert_string_equal(alice->fields.valid_until, "2027-01-01T00:00:00.5Z");
	assert_string_equal(alice->fields.comment, "hers");
	assert_true(user_has_attribute(alice, ATTRIBUTE_CREATEDB));
	assert_false(user_has_attribute(alice, ATTRIBUTE_INHERIT));
	assert_false(user_has_attribute(alice, ATTRIBUTE_SUPERUSER));
	assert_null(user_danger(alice));
	assert_false(user_logs_in(alice));
	assert_true(user_logs_in(bob));
	assert_false(bob->fields.limited);
	assert_null(bob->fields.valid_until);
	assert_true(user_has_attribute(bob, ATTRIBUTE_INHERIT));
	assert_string_equal(reading.users.groups[0].comment, "all of us");
	arena_free(reading.mem);
}

static const struct {
	const char *field, *words;
} mistaken[] = {
	{"login: 1", "login must be true or false"},
	{"login: \"false\"", "login must be true or false"},
	{"ensure: lock", "ensure must be present, locked or absent"},
	{"connectionLimit: -2", "connectionLimit must be a number"},
	{"connectionLimit: 2147483648", "connectionLimit must be a number"},
	{"connectionLimit: ", "connectionLimit must be a number"},
	{"connectionLimit: 1.5", "connectionLimit must be a number"},
	{"validUntil: 7", "validUntil must be an instant"},
	{"validUntil: 2027-01-01", "validUntil must be an instant"},
	{"validUntil: 2027-01-01T00:00:00", "validUntil must be an instant"},
	{"validUntil: 2027-02-29T00:00:00Z", "validUntil must be an instant"},
	{"validUntil: 2027-1-1T00:00:00Z    ", "validUntil must be an instant"},
	{"validUntil: 2027-01-01T24:00:00Z", "validUntil must be an instant"},
	{"validUntil: 2027-01-01T00:00:60Z", "validUntil must be an instant"},
	{"validUntil: 2027-01-01T00:00:00Z now", "validUntil must be an instant"},
	{"validUntil: \"\"", "validUntil must be an instant"},
	{"validUntil: 2027-01-01T00:00:00.0000001Z", "at most six digits"},
	{"validUntil: 1969-12-31T23:59:59Z", "in the years 1970 to 9999"},
	{"validUntil: 9999-12-31T23:59:59-01:00", "in the years 1970 to 9999"},
	{"until: infinity", "until must be an instant"},
	{"until: ", "who is to have no end has no until"},
	{"until: 2027-02-29T00:00:00Z", "until must be an instant"},
	{"until: 2027-01-01T00:00:00.0000001Z", "until: PostgreSQL keeps at most six digits"},
	{"until: 1969-12-31T23:59:59Z", "until must be in the years 1970 to 9999"},
	{"until: 2027-01-01T00:00:00Z, validUntil: infinity", "has until and validUntil"},
	{"until: 2027-01-01T00:00:00Z, ensure: absent", "has until and ensure: absent"},
	{"until: 2027-01-01T00:00:00Z, onRemove: keep", "has until and onRemove: keep"},
	{"untill: 2027-01-01T00:00:00Z", "did you mean until?"},
	{"comment: 7", "comment must be a string"},
	{"comment: [a]", "comment must be a string"},
	{"attributes: [createdb]", "attributes must be a map"},
	{"attributes: {createdbs: true}", "did you mean createdb?"},
	{"attributes: {createdb: \"true\"}", "createdb must be true or false"},
	{"attributes: {superuser: true}", "superuser cannot be given by users.yaml: policy.allowAttributes"},
	{"attributes: {bypassrls: true}", "bypassrls cannot be given"},
	{"attributes: {replication: true}", "replication cannot be given"},
	{"attributes: {createrole: true}", "createrole cannot be given"},
};

static void each_mistake_is_told_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(mistaken); i++) {
		struct reading reading = {.mem = arena_new(64 << 20)};
		const char *text = arena_printf(
			reading.mem, "version: 2\nusers: [{username: a, %s}]\n", mistaken[i].field);
		struct arena *own = reading.mem;
		read_text(&reading, text, "postgres", &usual);
		const char *said = reading.mistakes.count
			? mistake_text(&reading.mistakes.items[0], reading.mem)
			: "no mistake";
		if (!strstr(said, mistaken[i].words) ||
			strncmp(said, "users.yaml:2:", strlen("users.yaml:2:")) != 0)
			fail_msg("%s: \"%s\"", mistaken[i].field, said);
		assert_int_equal(reading.users.count, 0);
		arena_free(reading.mem);
		arena_free(own);
	}
}

static void who_has_ended_is_to_be_absent(void **state)
{
	static const char text[] =
		"version: 2\n"
		"users:\n"
		"  - {username: alice, until: 2027-01-01T01:00:00.5+01:00, renamedFrom: alyce}\n"
		"  - {username: bob}\n";
	struct reading reading;
	(void)state;
	read_text(&reading, text, "postgres", &usual);
	assert_int_equal(reading.mistakes.count, 0);
	const struct user *alice = &reading.users.items[0];
	assert_string_equal(alice->fields.until, "2027-01-01T00:00:00.5Z");
	assert_string_equal(alice->fields.valid_until, alice->fields.until);
	assert_int_equal(alice->fields.end, 1798761601);
	assert_ptr_equal(users_at(&reading.users, 1798761600, reading.mem), &reading.users);
	const struct users *later = users_at(&reading.users, 1798761601, reading.mem);
	assert_int_equal(later->items[0].ensure, USER_ABSENT);
	assert_true(user_has_ended(&later->items[0]));
	assert_int_equal(later->items[1].ensure, USER_PRESENT);
	assert_int_equal(later->renamed_count, 0);
	assert_int_equal(alice->ensure, USER_PRESENT);
	assert_int_equal(reading.users.renamed_count, 1);
	arena_free(reading.mem);
}

static void what_stands_in_two_entries_of_one_user_is_told(void **state)
{
	static const char text[] = "version: 2\n"
				   "users:\n"
				   "  - {username: a, database: one, validUntil: 2027-01-01T00:00:00Z}\n"
				   "  - {username: a, database: two,\n"
				   "     until: 2027-01-01T00:00:00Z}\n";
	struct reading reading;
	(void)state;
	read_text(&reading, text, "postgres", &usual);
	assert_int_equal(reading.mistakes.count, 1);
	assert_int_equal(reading.mistakes.items[0].line, 5);
	assert_non_null(strstr(reading.mistakes.items[0].text, "has until and validUntil"));
	arena_free(reading.mem);
}

static void the_agent_file_says_what_git_may_give(void **state)
{
	static const char text[] = "version: 2\nusers: [{username: a, attributes: {superuser: true}}]\n";
	static const char less[] = "version: 2\nusers: [{username: a, attributes: {inherit: false}}]\n";
	const struct roles_policy allowing = {.attributes_said = true, .attributes = 1U << ATTRIBUTE_SUPERUSER};
	struct reading reading;
	(void)state;
	read_text(&reading, text, "postgres", &allowing);
	assert_int_equal(reading.mistakes.count, 0);
	assert_string_equal(user_danger(&reading.users.items[0]), "it is a superuser");
	arena_free(reading.mem);
	read_text(&reading, less, "postgres", &allowing);
	assert_non_null(strstr(reading.mistakes.items[0].text, "inherit cannot be taken away"));
	arena_free(reading.mem);
}

static void a_comment_as_long_as_can_be_kept_is_read(void **state)
{
	struct reading reading;
	struct arena *mem = arena_new(64 << 20);
	char *comment = arena_alloc(mem, 65026);
	(void)state;
	memset(comment, 'x', 65025);
	read_text(&reading, arena_printf(mem, "version: 2\nusers: [{username: a, comment: %s}]\n", comment),
		"postgres", &usual);
	assert_non_null(strstr(reading.mistakes.items[0].text, "longer than"));
	arena_free(reading.mem);
	comment[65024] = '\0';
	read_text(&reading, arena_printf(mem, "version: 2\nusers: [{username: a, comment: %s}]\n", comment),
		"postgres", &usual);
	assert_int_equal(reading.mistakes.count, 0);
	arena_free(reading.mem);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_role_may_by_itself_is_read),
		cmocka_unit_test(each_mistake_is_told_at_its_place),
		cmocka_unit_test(who_has_ended_is_to_be_absent),
		cmocka_unit_test(what_stands_in_two_entries_of_one_user_is_told),
		cmocka_unit_test(the_agent_file_says_what_git_may_give),
		cmocka_unit_test(a_comment_as_long_as_can_be_kept_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
