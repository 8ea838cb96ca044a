/* The common ancestor as it is kept: what was written is read, what is damaged is not known, and the first format is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/memory.h"
#include "reconcile/sealed/users_base.h"

#define FULL "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct arena *mem;
static char folder[64], *file;

static int setup(void **state)
{
	(void)state;
	mem = arena_new(1 << 22);
	strcpy(folder, "/tmp/users-base-XXXXXX");
	assert_non_null(mkdtemp(folder));
	file = memory_printf("%s/sealed/one.json", folder);
	return 0;
}

static int teardown(void **state)
{
	struct error err;
	(void)state;
	assert_true(file_remove_folder(folder, &err));
	arena_free(mem);
	free(file);
	return 0;
}

static void assert_text(const char *found, const char *wanted)
{
	if (wanted)
		assert_string_equal(found, wanted);
	else
		assert_null(found);
}

static void assert_same(const struct users_base *found, const struct users_base *wanted)
{
	assert_true(found->known);
	assert_string_equal(found->commit, wanted->commit);
	assert_string_equal(found->frame_edit, wanted->frame_edit);
	assert_string_equal(found->frame_git, wanted->frame_git);
	assert_string_equal(found->settled, wanted->settled ? wanted->settled : "");
	assert_int_equal(found->kept, wanted->kept);
	assert_int_equal(found->count, wanted->count);
	for (size_t i = 0; i < wanted->count; i++) {
		const struct base_user *user = users_base_find(found, wanted->items[i].name);
		assert_non_null(user);
		assert_text(user->edit, wanted->items[i].edit);
		assert_text(user->git, wanted->items[i].git);
		assert_string_equal(user->password, wanted->items[i].password);
		assert_string_equal(user->sealed, wanted->items[i].sealed);
		assert_int_equal(user->seen, wanted->items[i].seen);
		assert_int_equal(user->aside, wanted->items[i].aside);
	}
}

static struct base_user users[] = {
	{"al\nice \xc3\xa4", "- username: alice\n", "- username: alice\n", FULL, FULL, true, false},
	{"bob", "- username: bob\n  roles: [\n a]\n", NULL, "", FULL, false, true},
	{"carol", NULL, "- carol", FULL, "", true, true},
	{"dave", "", "", "", "", false, false},
	{"eve", NULL, NULL, "", "", false, false},
};
static const struct users_base whole = {true, FULL, "frame", "", users, COUNT_OF(users), FULL, 17};

static void what_was_written_is_read(void **state)
{
	const struct users_base empty = {.known = true, .commit = "", .frame_edit = "", .frame_git = ""};
	struct users_base read;
	struct error err;
	(void)state;
	users_base_read(file, mem, &read);
	assert_false(read.known);
	assert_true(users_base_write(file, &whole, &err));
	users_base_read(file, mem, &read);
	assert_same(&read, &whole);
	assert_true(users_base_write(file, &read, &err)); /* and once more of what was read */
	users_base_read(file, mem, &read);
	assert_same(&read, &whole);
	assert_true(users_base_write(file, &empty, &err));
	users_base_read(file, mem, &read);
	assert_same(&read, &empty);
}

static void the_first_format_is_read(void **state)
{
	static const char json[] =
		"{\"commit\":\"" FULL
		"\",\"frameEdit\":\"frame\",\"frameGit\":\"\",\"kept\":17,\"settled\":\"" FULL "\",\"users\":{"
		"\"bob\":{\"aside\":true,\"edit\":\"x\\n\",\"password\":\"\",\"sealed\":\"" FULL
		"\",\"seen\":false}},\"version\":1}";
	struct base_user bob = {"bob", "x\n", NULL, "", FULL, false, true};
	struct users_base wanted = whole, read;
	struct error err;
	(void)state;
	wanted.items = &bob;
	wanted.count = 1;
	assert_true(file_make_folder(arena_printf(mem, "%s/sealed", folder), &err));
	assert_true(file_replace(file, json, strlen(json), 0600, &err));
	users_base_read(file, mem, &read);
	assert_same(&read, &wanted);
}

/* Cut anywhere, and with any byte another: it is read as something, or not known, and nothing worse. */
static void what_is_damaged_is_not_known(void **state)
{
	CLEANUP(buf_done) struct buf text = BUF(1 << 20);
	struct users_base read;
	struct error err;
	(void)state;
	assert_true(users_base_write(file, &whole, &err));
	assert_true(file_read(file, &text, &err));
	for (size_t length = 0; length < text.length; length++) {
		assert_true(file_replace(file, text.data, length, 0600, &err));
		users_base_read(file, mem, &read);
		assert_false(read.known);
	}
	for (size_t at = 0; at < text.length; at++) {
		char was = text.data[at];
		text.data[at] = was == '\n' ? '9' : '\n';
		assert_true(file_replace(file, text.data, text.length, 0600, &err));
		users_base_read(file, mem, &read);
		text.data[at] = was;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(the_first_format_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_damaged_is_not_known, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
