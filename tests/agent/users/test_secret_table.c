/*
 * The table of Secrets against a plain list, by a random walk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/users/secret_table.h"

enum { NAMES = 300, STEPS = 20000 };

static bool is_there(const struct secret_table *table, int name, bool in_folder, int version)
{
	char text[16], wanted[16];
	snprintf(text, sizeof(text), "s%d", name);
	snprintf(wanted, sizeof(wanted), "%d", version);
	const struct secret_entry *found = secret_table_find(table, "ns", text, in_folder);
	return version ? found && strcmp(found->version, wanted) == 0 : !found;
}

static void put(struct secret_table *table, int name, bool in_folder, int version)
{
	char text[16], number[16];
	snprintf(text, sizeof(text), "s%d", name);
	snprintf(number, sizeof(number), "%d", version);
	secret_table_set(table,
		&(struct secret_entry){
			.namespace = "ns", .name = text, .version = number, .file = in_folder ? "f" : NULL});
}

static void what_was_put_is_found_and_nothing_else(void **state)
{
	(void)state;
	struct secret_table table = {0};
	static int versions[NAMES][2];
	unsigned seed = 7;
	size_t count = 0;

	for (int step = 1; step <= STEPS; step++) {
		int name = (int)((seed = seed * 1103515245 + 12345) >> 16) % NAMES;
		bool in_folder = (seed >> 8) & 1;
		int *version = &versions[name][in_folder];
		if (*version && (seed >> 9) % 3) {
			char text[16];
			snprintf(text, sizeof(text), "s%d", name);
			secret_table_remove(&table, secret_table_find(&table, "ns", text, in_folder));
			*version = 0;
			count--;
		} else {
			count += !*version;
			*version = step;
			put(&table, name, in_folder, step);
		}
		assert_int_equal(table.count, count);
		assert_true(is_there(&table, name, in_folder, *version));
	}
	for (int name = 0; name < NAMES; name++)
		for (int in_folder = 0; in_folder < 2; in_folder++)
			assert_true(is_there(&table, name, in_folder, versions[name][in_folder]));
	secret_table_forget_folder(&table);
	for (int name = 0; name < NAMES; name++) {
		assert_true(is_there(&table, name, true, 0));
		assert_true(is_there(&table, name, false, versions[name][0]));
	}
	secret_table_done(&table);
	assert_true(is_there(&table, 1, true, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_put_is_found_and_nothing_else)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
