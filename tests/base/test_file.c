#include <fcntl.h>
#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>

#include "fixture.h"

struct folder {
	char *path;
	char name[128]; /* of a file in it */
};

static int open_folder(void **state)
{
	static struct folder folder;
	folder.path = fixture_folder();
	snprintf(folder.name, sizeof(folder.name), "%s/file", folder.path);
	*state = &folder;
	return 0;
}

static int close_folder(void **state)
{
	struct error err;
	struct folder *folder = *state;
	bool ok = file_remove_folder(folder->path, &err);
	free(folder->path);
	return ok ? 0 : -1;
}

static void a_file_is_replaced_and_read_back(void **state)
{
	struct error err;
	struct stat status;
	struct folder *folder = *state;
	CLEANUP(buf_done) struct buf buf = BUF(100);
	assert_true(file_replace(folder->name, "old", 3, 0644, &err));
	assert_true(file_replace(folder->name, "new\0bytes", 9, 0600, &err));
	assert_true(file_read(folder->name, &buf, &err));
	assert_int_equal(buf.length, 9);
	assert_memory_equal(buf.data, "new\0bytes", 9);
	assert_int_equal(stat(folder->name, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void replacing_leaves_nothing_else_behind(void **state)
{
	struct error err;
	struct folder *folder = *state;
	assert_true(file_replace(folder->name, "x", 1, 0600, &err));
	assert_int_equal(unlink(folder->name), 0);
	assert_int_equal(rmdir(folder->path), 0);
	assert_int_equal(mkdir(folder->path, 0700), 0);
}

static void a_replace_that_fails_keeps_the_old_file(void **state)
{
	struct error err = {0};
	struct folder *folder = *state;
	char inside[160];
	assert_int_equal(mkdir(folder->name, 0700), 0);
	snprintf(inside, sizeof(inside), "%s/x", folder->name);
	assert_true(file_replace(inside, "x", 1, 0600, &err));
	assert_false(file_replace(folder->name, "y", 1, 0600, &err)); /* a folder that is not empty */
	assert_int_equal(access(inside, F_OK), 0);
	assert_int_equal(unlink(inside), 0);
	assert_int_equal(rmdir(folder->name), 0);
	assert_int_equal(rmdir(folder->path), 0); /* no temporary file is left */
	assert_int_equal(mkdir(folder->path, 0700), 0);
}

static void a_file_that_is_there_is_not_made_anew(void **state)
{
	struct error err = {0};
	struct folder *folder = *state;
	CLEANUP(buf_done) struct buf buf = BUF(100);
	assert_true(file_create(folder->name, "first", 5, 0600, &err));
	assert_false(file_create(folder->name, "second", 6, 0600, &err));
	assert_int_equal(err.kind, ERROR_CONFLICT);
	assert_true(file_read(folder->name, &buf, &err));
	assert_string_equal(buf_string(&buf), "first");
	assert_int_equal(unlink(folder->name), 0);
	assert_int_equal(rmdir(folder->path), 0); /* no temporary file is left */
	assert_int_equal(mkdir(folder->path, 0700), 0);
}

static void what_is_missing_is_told_from_what_is_too_large(void **state)
{
	struct error err = {0};
	struct folder *folder = *state;
	CLEANUP(buf_done) struct buf buf = BUF(10);
	assert_false(file_read(folder->name, &buf, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	assert_true(file_replace(folder->name, "0123456789a", 11, 0600, &err));
	assert_false(file_read(folder->name, &buf, &err));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.text, "10 bytes"));
	assert_false(file_read(folder->path, &buf, &err));
}

static void folders_are_made_with_their_parents(void **state)
{
	struct error err = {0};
	struct folder *folder = *state;
	struct stat status;
	char deep[200];
	snprintf(deep, sizeof(deep), "%s/a/b/c", folder->path);
	assert_true(file_make_folder(deep, &err));
	assert_true(file_make_folder(deep, &err));
	assert_int_equal(stat(deep, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_false(file_make_folder("", &err));
	assert_int_equal(err.kind, ERROR_INVALID);
}

static void removing_a_folder_does_not_follow_links(void **state)
{
	struct error err = {0};
	struct folder *folder = *state;
	char inner[200], link[220];
	snprintf(inner, sizeof(inner), "%s/inner", folder->path);
	snprintf(link, sizeof(link), "%s/link", inner);
	assert_true(file_make_folder(inner, &err));
	assert_true(file_replace(folder->name, "keep", 4, 0600, &err));
	assert_int_equal(symlink(folder->path, link), 0);
	assert_true(file_remove_folder(inner, &err));
	assert_int_equal(access(folder->name, F_OK), 0);
	assert_int_equal(access(inner, F_OK), -1);
	assert_true(file_remove_folder(inner, &err));
}

static void a_file_in_memory_holds_what_it_was_made_for_and_no_more(void **state)
{
	(void)state;
	char byte = 'x';
	int fd = file_in_memory("test");
	assert_true(fd >= 0 && file_fix_size(fd, 16));
	assert_int_equal(pwrite(fd, "hello", 5, 11), 5);
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 0);
	assert_int_equal(pwrite(fd, "x", 1, 16), -1);
	assert_int_equal(ftruncate(fd, 17), -1);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_replaced_and_read_back, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(replacing_leaves_nothing_else_behind, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(
			a_replace_that_fails_keeps_the_old_file, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(
			a_file_that_is_there_is_not_made_anew, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(
			what_is_missing_is_told_from_what_is_too_large, open_folder, close_folder),
		cmocka_unit_test(a_file_in_memory_holds_what_it_was_made_for_and_no_more),
		cmocka_unit_test_setup_teardown(folders_are_made_with_their_parents, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(
			removing_a_folder_does_not_follow_links, open_folder, close_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
