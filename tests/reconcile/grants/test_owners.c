/*
 * What the catalog's rows of a database become when it gets another owner. That PostgreSQL does the same: roles/test_databases.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"
#include "reconcile/grants/owners.h"

static const struct grants_owner app_to_new = {"app", "new"};
static const struct grants_wanted to_new = {.owners = &app_to_new, .owner_count = 1};

static struct grant on_database(const char *database, const char *role, const char *grantor, bool grantable)
{
	return (struct grant){.database = database,
		.role = role,
		.on = GRANT_ON_DATABASE,
		.schema = "",
		.name = database,
		.column = "",
		.privilege = "CREATE",
		.grantor = grantor,
		.grantable = grantable};
}

static struct grants changed(struct grant *rows, size_t count, struct arena *mem)
{
	struct grants_present present = {.grants = {rows, count}};
	qsort(rows, count, sizeof(*rows), grant_compare);
	owners_change(&present, &to_new, mem);
	return present.grants;
}

static void what_the_new_owner_has_comes_with_owning(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 16);
	struct grant rows[] = {on_database("app", "new", "", true), on_database("app", "bob", "", false),
		on_database("shop", "new", "", false)};
	struct grants left = changed(rows, COUNT_OF(rows), mem);
	assert_int_equal(left.count, 2);
	assert_string_equal(left.items[0].role, "bob");
	assert_string_equal(left.items[1].database, "shop");
	arena_free(mem);
}

static void what_he_gave_is_the_owners_and_one_with_what_that_one_gave(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 16);
	for (int order = 0; order < 2; order++) {
		struct grant rows[] = {on_database("app", "bob", order ? "new" : "", order),
			on_database("app", "bob", "carol", false),
			on_database("app", "bob", order ? "" : "new", !order)};
		struct grants left = changed(rows, COUNT_OF(rows), mem);
		assert_int_equal(left.count, 2);
		const struct grant *owners = *left.items[0].grantor ? &left.items[1] : &left.items[0];
		const struct grant *carols = *left.items[0].grantor ? &left.items[0] : &left.items[1];
		assert_string_equal(owners->grantor, "");
		assert_true(owners->grantable);
		assert_string_equal(carols->grantor, "carol");
		size_t count;
		assert_ptr_equal(grant_rows(&left, carols, &count), left.items);
		assert_int_equal(count, 2);
	}
	arena_free(mem);
}

static void whoever_owned_it_owns_it_no_more(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 16);
	struct grant owned[] = {on_database("app", "old", "", false), on_database("shop", "old", "", false)};
	owned[0].privilege = owned[1].privilege = "";
	struct grants_present present = {0};
	for (size_t i = 0; i < COUNT_OF(owned); i++) {
		present.owned.items = arena_grow(mem, present.owned.items, present.owned.count, sizeof(*owned));
		present.owned.items[present.owned.count++] = owned[i];
	}
	owners_change(&present, &to_new, mem);
	assert_int_equal(present.owned.count, 2);
	assert_string_equal(present.owned.items[0].role, "new");
	assert_string_equal(present.owned.items[1].database, "shop");
	assert_string_equal(present.owned.items[1].role, "old");
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_new_owner_has_comes_with_owning),
		cmocka_unit_test(what_he_gave_is_the_owners_and_one_with_what_that_one_gave),
		cmocka_unit_test(whoever_owned_it_owns_it_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
