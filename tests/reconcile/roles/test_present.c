#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconcile/roles/present.h"

static void test_a_mark_says_whose_a_role_is(void **state)
{
	(void)state;
	assert_int_equal(mark_read("", "main"), MARK_NONE);
	assert_int_equal(mark_read("a person's role", "main"), MARK_NONE);
	assert_int_equal(mark_read("see: managed by pgitops (main)", "main"), MARK_NONE);
	assert_int_equal(mark_read("managed by pgitops (main)", "main"), MARK_USER);
	assert_int_equal(mark_read("managed by pgitops (main): note", "main"), MARK_USER);
	assert_int_equal(mark_read("managed by pgitops (main) group", "main"), MARK_GROUP);
	assert_int_equal(mark_read("managed by pgitops (main) retiring: note", "main"), MARK_RETIRING);
	assert_int_equal(mark_read("managed by pgitops (mainz)", "main"), MARK_OTHER);
	assert_int_equal(mark_read("managed by pgitops (", "main"), MARK_OTHER);
}

static void test_a_mark_keeps_what_people_wrote(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 20);
	assert_string_equal(mark_write(MARK_USER, "main", "", mem), "managed by pgitops (main)");
	const char *text = mark_write(MARK_USER, "main", "from finance: Bob", mem);
	assert_string_equal(text, "managed by pgitops (main): from finance: Bob");
	text = mark_write(MARK_RETIRING, "main", text, mem);
	assert_string_equal(text, "managed by pgitops (main) retiring: from finance: Bob");
	assert_int_equal(mark_read(text, "main"), MARK_RETIRING);
	assert_string_equal(
		mark_write(MARK_USER, "main", text, mem), "managed by pgitops (main): from finance: Bob");
	assert_string_equal(mark_write(MARK_GROUP, "main", "managed by pgitops (main)", mem),
		"managed by pgitops (main) group");
	assert_string_equal(mark_write(MARK_USER, "main", "managed by pgitops (other)", mem),
		"managed by pgitops (main)");
	assert_string_equal(mark_write(MARK_USER, "main", "managed by pgitops (other) group: note", mem),
		"managed by pgitops (main): note");
	arena_free(mem);
}

static void test_rows_are_found_by_their_keys(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 20);
	struct role roles[] = {{.oid = 30, .name = "c"}, {.oid = 10, .name = "b"}, {.oid = 20, .name = "a"}};
	struct membership memberships[] = {
		{1, 30, 10, 0, 0, 0}, {2, 10, 10, 0, 0, 0}, {1, 10, 30, 0, 0, 0}, {1, 10, 20, 0, 0, 0}};
	struct database databases[] = {{.oid = 2, .name = "y"}, {.oid = 1, .name = "x"}};
	struct roles_present present = {
		.roles = roles,
		.role_count = 3,
		.memberships = memberships,
		.membership_count = 4,
		.databases = databases,
		.database_count = 2,
	};
	size_t count;
	present_index(&present, mem);
	assert_int_equal(present_role(&present, "a")->oid, 20);
	assert_null(present_role(&present, "d"));
	for (uint32_t oid = 10; oid <= 30; oid += 10)
		assert_int_equal(present_role_by_oid(&present, oid)->oid, oid);
	assert_null(present_role_by_oid(&present, 15));
	assert_string_equal(present_database_by_oid(&present, 1)->name, "x");
	assert_int_equal(present_database(&present, "y")->oid, 2);
	const struct membership *rows = present_memberships(&present, 10, &count);
	assert_int_equal(count, 3);
	assert_int_equal(rows[0].grantor, 20);
	assert_int_equal(rows[2].role, 2);
	assert_null(present_memberships(&present, 11, &count));
	assert_int_equal(count, 0);
	assert_null(present_connects(&present, 10, &count));
	assert_null(present_dependencies(&present, 10, &count));
	arena_free(mem);
}

static void test_an_empty_cluster_has_nothing(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 20);
	struct roles_present present = {0};
	present_index(&present, mem);
	assert_null(present_role(&present, "a"));
	assert_null(present_role_by_oid(&present, 1));
	assert_null(present_database(&present, "a"));
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mark_says_whose_a_role_is),
		cmocka_unit_test(test_a_mark_keeps_what_people_wrote),
		cmocka_unit_test(test_rows_are_found_by_their_keys),
		cmocka_unit_test(test_an_empty_cluster_has_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
