#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/manager.h"
#include "base/file.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	memcpy(folder, "/tmp/pgitops-manager-XXXXXX", sizeof("/tmp/pgitops-manager-XXXXXX"));
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	struct error ignored;
	(void)state;
	return file_remove_folder(folder, &ignored) ? 0 : -1;
}

static void write_file(const char *text)
{
	char path[128];
	struct error err;
	snprintf(path, sizeof(path), "%s/manager", folder);
	assert_true(file_replace(path, text, strlen(text), 0644, &err));
}

static void a_name_is_made_once_for_a_state_folder(void **state)
{
	struct manager first, second, other;
	struct error err;
	(void)state;
	assert_true(manager_read(folder, NULL, &first, &err));
	assert_true(manager_read(folder, NULL, &second, &err));
	assert_string_equal(first.name, second.name);
	assert_string_equal(first.former, "");
	assert_int_equal(strlen(strrchr(first.name, '-')), 9);
	remove_folder(state);
	make_folder(state);
	assert_true(manager_read(folder, NULL, &other, &err));
	assert_string_not_equal(first.name, other.name);
}

static void the_agent_file_comes_first_and_the_folders_name_stays_ours(void **state)
{
	struct manager made, named;
	struct error err;
	(void)state;
	assert_true(manager_read(folder, "west", &named, &err));
	assert_string_equal(named.name, "west");
	assert_string_equal(named.former, "");
	assert_true(manager_read(folder, NULL, &made, &err));
	assert_true(manager_read(folder, "west", &named, &err));
	assert_string_equal(named.name, "west");
	assert_string_equal(named.former, made.name);
	assert_true(manager_read(folder, made.name, &named, &err));
	assert_string_equal(named.former, "");
}

static void a_name_can_be_written_by_hand_and_a_bad_one_is_refused(void **state)
{
	struct manager manager;
	struct error err;
	(void)state;
	write_file("the old one\n");
	assert_true(manager_read(folder, NULL, &manager, &err));
	assert_string_equal(manager.name, "the old one");
	for (size_t i = 0; i < 2; i++) {
		write_file(i ? "\n" : "\xff\n");
		assert_false(manager_read(folder, NULL, &manager, &err));
		assert_non_null(strstr(err.text, "/manager must hold the name of this agent"));
	}
	assert_string_equal(manager.name, "the old one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_name_is_made_once_for_a_state_folder, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(the_agent_file_comes_first_and_the_folders_name_stays_ours,
			make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			a_name_can_be_written_by_hand_and_a_bad_one_is_refused, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
