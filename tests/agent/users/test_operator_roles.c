/*
 * Which roles a `postgresql` object has the operator make, as its documentation of users and preparedDatabases says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/users/operator_roles.h"
#include "base/buf.h"

static void expect(const char *spec, const char *names)
{
	struct arena *mem = arena_new(1 << 20);
	struct buf said = BUF(1 << 16);
	struct error err;
	json_t *object = NULL;
	const char *text = arena_printf(mem, "{\"metadata\":{\"name\":\"acid-main\"},\"spec\":%s}", spec);
	assert_true(json_read(text, strlen(text), &object, &err));
	const struct role_claims claims = operator_roles(object, mem);
	for (size_t i = 0; i < claims.count; i++)
		buf_printf(&said, "%s%s", i ? " " : "", claims.items[i].name);
	assert_string_equal(buf_string(&said), names);
	buf_done(&said);
	json_decref(object);
	arena_free(mem);
}

static void users_and_owners_are_named(void **state)
{
	(void)state;
	expect("{}", "");
	expect("{\"users\":{\"zoe\":[],\"ada\":[\"superuser\"]},\"databases\":{\"app\":\"zoe\",\"shop\":\"owner\"}}",
		"ada owner zoe");
	expect("{\"connectionPooler\":{\"user\":\"lender\"}}", "lender");
	expect("{\"users\":[],\"databases\":{\"app\":7},\"preparedDatabases\":null}", "");
}

static void prepared_databases_have_roles_of_their_own(void **state)
{
	(void)state;
	expect("{\"preparedDatabases\":{}}",
		"acid_main_data_owner acid_main_data_reader acid_main_data_writer acid_main_owner acid_main_reader acid_main_writer");
	expect("{\"preparedDatabases\":{\"s\":{\"schemas\":{\"a\":{\"defaultRoles\":false},\"b\":{\"defaultUsers\":true}}}}}",
		"s_b_owner s_b_owner_user s_b_reader s_b_reader_user s_b_writer s_b_writer_user s_owner s_reader s_writer");
	expect("{\"preparedDatabases\":{\"s\":{\"defaultUsers\":true,\"schemas\":{\"a\":{\"defaultRoles\":false}}}}}",
		"s_owner s_owner_user s_reader s_reader_user s_writer s_writer_user");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_and_owners_are_named),
		cmocka_unit_test(prepared_databases_have_roles_of_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
