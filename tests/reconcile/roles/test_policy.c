#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"
#include "reconcile/roles/users_check.h"

static void test_roles_of_others_are_protected_without_being_told(void **state)
{
	(void)state;
	struct roles_policy none = {0};
	const char *const theirs[] = {"postgres", "standby", "admin", "cron_admin", "robot_zmon", "zalandos",
		"pooler", "fes_user", "pg_monitor", "PG_x", "public", "PUBLIC", "none", "current_user",
		"Session_User", "bob_deleted"};
	const char *const ours[] = {"alice", "pgbouncer", "postgres2", "administrator", "deleted", "publicist"};
	for (size_t i = 0; i < COUNT_OF(theirs); i++)
		assert_true(roles_policy_protects(&none, theirs[i]));
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		assert_false(roles_policy_protects(&none, ours[i]));
}

static void test_the_agent_file_protects_more(void **state)
{
	(void)state;
	const char *globs[] = {"*_owner", "vip"};
	struct roles_policy policy = {.protected_roles = globs, .protected_count = 2};
	assert_true(roles_policy_protects(&policy, "app_owner"));
	assert_true(roles_policy_protects(&policy, "vip"));
	assert_false(roles_policy_protects(&policy, "vips"));
	assert_non_null(roles_policy_denies(&policy, "app_owner"));
}

static void test_dangerous_memberships_are_denied(void **state)
{
	(void)state;
	const char *all[] = {"*", "pg_read_all_data", "pg_execute_server_program", "postgres"};
	struct roles_policy none = {0}, named = {.grantable = all, .grantable_count = 4},
			    star = {.grantable = all, .grantable_count = 1};
	const char *const never[] = {"postgres", "zalandos", "admin", "pg_execute_server_program",
		"pg_read_server_files", "pg_write_server_files", "pg_database_owner"};
	for (size_t i = 0; i < COUNT_OF(never); i++) {
		assert_non_null(roles_policy_denies(&none, never[i]));
		assert_non_null(roles_policy_denies(&named, never[i]));
	}
	assert_non_null(roles_policy_denies(&none, "pg_read_all_data"));
	assert_non_null(roles_policy_denies(&star, "pg_read_all_data"));
	assert_null(roles_policy_denies(&named, "pg_read_all_data"));
	assert_non_null(roles_policy_denies(&named, "pg_write_all_data"));
	assert_null(roles_policy_denies(&none, "pg_monitor"));
	assert_null(roles_policy_denies(&none, "read_only"));
}

static void test_a_list_of_what_may_be_granted_is_complete(void **state)
{
	(void)state;
	const char *some[] = {"team_*"}, *bad[] = {"team_secret"};
	struct roles_policy policy = {
		.grantable = some, .grantable_count = 1, .denied = bad, .denied_count = 1};
	assert_null(roles_policy_denies(&policy, "team_a"));
	assert_non_null(roles_policy_denies(&policy, "other"));
	assert_non_null(roles_policy_denies(&policy, "team_secret"));
	assert_null(policy_endangers(&policy, "other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles_of_others_are_protected_without_being_told),
		cmocka_unit_test(test_the_agent_file_protects_more),
		cmocka_unit_test(test_dangerous_memberships_are_denied),
		cmocka_unit_test(test_a_list_of_what_may_be_granted_is_complete),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
