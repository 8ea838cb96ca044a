/* Receipts: known to this clone only, and nothing is lost with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/memory.h"
#include "reconcile/sealed/receipts.h"

static char folder[64];
static char *path;
static const char certificate[DIGEST_HEX_SIZE] =
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/receipts-XXXXXX");
	assert_non_null(mkdtemp(folder));
	path = memory_printf("%s/below/receipts", folder);
	return 0;
}

static int teardown(void **state)
{
	struct error err;
	(void)state;
	free(path);
	assert_true(file_remove_folder(folder, &err));
	return 0;
}

static void a_receipt_fits_one_password_one_place_and_one_ciphertext(void **state)
{
	struct receipts *receipts;
	struct error err;
	(void)state;
	assert_true(receipts_open(path, &receipts, &err));
	receipts_note(receipts, "ns/a/password", "hunter2", 7, "AgX", certificate);
	assert_true(receipts_match(receipts, "ns/a/password", "hunter2", 7, "AgX"));
	assert_false(receipts_match(receipts, "ns/a/password", "hunter3", 7, "AgX"));
	assert_false(receipts_match(receipts, "ns/a/password", "hunter2", 7, "AgY"));
	assert_false(receipts_match(receipts, "ns/b/password", "hunter2", 7, "AgX"));
	assert_string_equal(receipts_fingerprint(receipts, "ns/a/password", "AgX"), certificate);
	assert_string_equal(receipts_fingerprint(receipts, "ns/a/password", "AgY"), "");
	receipts_note(receipts, "ns/a/password", "hunter3", 7, "AgY", certificate);
	assert_true(receipts_match(receipts, "ns/a/password", "hunter3", 7, "AgY"));
	assert_false(receipts_match(receipts, "ns/a/password", "hunter2", 7, "AgX"));
	receipts_close(receipts);
}

static void they_survive_are_private_and_differ_between_clones(void **state)
{
	struct receipts *receipts;
	struct error err;
	struct stat status;
	CLEANUP(buf_done) struct buf one = BUF(1 << 20);
	CLEANUP(buf_done) struct buf two = BUF(1 << 20);
	char *other = memory_printf("%s/other", folder);
	(void)state;
	for (int i = 0; i < 300; i++) { /* more than one block of the table, not in order */
		char place[32];
		if (i == 0)
			assert_true(receipts_open(path, &receipts, &err));
		snprintf(place, sizeof(place), "ns/%d/password", i * 7 % 300);
		receipts_note(receipts, place, "hunter2", 7, place, certificate);
	}
	assert_true(receipts_write(receipts, &err));
	receipts_close(receipts);
	assert_true(receipts_open(path, &receipts, &err));
	assert_true(receipts_match(receipts, "ns/299/password", "hunter2", 7, "ns/299/password"));
	assert_true(receipts_match(receipts, "ns/0/password", "hunter2", 7, "ns/0/password"));
	receipts_close(receipts);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_true(receipts_open(other, &receipts, &err));
	receipts_note(receipts, "ns/0/password", "hunter2", 7, "ns/0/password", certificate);
	assert_true(receipts_write(receipts, &err));
	receipts_close(receipts);
	assert_true(file_read(path, &one, &err));
	assert_true(file_read(other, &two, &err));
	char *line = strchr(buf_string(&two), '\n') + 1;
	line[64] = '\0';
	assert_null(strstr(buf_string(&one), line)); /* the same password in another clone has another digest */
	assert_null(strstr(buf_string(&one), "hunter2"));
	free(other);
}

static void a_damaged_file_is_begun_anew(void **state)
{
	static const char *const damaged[] = {"", "nonsense", "pgitops receipts 1 zz\n",
		"pgitops receipts 1 0000000000000000000000000000000000000000000000000000000000000000\ncut off"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(damaged); i++) {
		struct receipts *receipts;
		struct error err;
		char *file = memory_printf("%s/damaged", folder);
		assert_true(file_replace(file, damaged[i], strlen(damaged[i]), 0600, &err));
		assert_true(receipts_open(file, &receipts, &err));
		assert_false(receipts_match(receipts, "ns/a/password", "hunter2", 7, "AgX"));
		receipts_note(receipts, "ns/a/password", "hunter2", 7, "AgX", certificate);
		assert_true(receipts_write(receipts, &err));
		receipts_close(receipts);
		assert_true(receipts_open(file, &receipts, &err));
		assert_true(receipts_match(receipts, "ns/a/password", "hunter2", 7, "AgX"));
		receipts_close(receipts);
		free(file);
	}
}

static void the_state_of_a_file_is_remembered(void **state)
{
	struct receipts *receipts;
	struct error err;
	(void)state;
	assert_true(receipts_open(path, &receipts, &err));
	assert_false(receipts_file_known(receipts, "a/edit\nusers.yaml"));
	receipts_file_note(receipts, "a/edit\nusers.yaml", "abc", 3);
	assert_true(receipts_write(receipts, &err));
	receipts_close(receipts);
	assert_true(receipts_open(path, &receipts, &err));
	assert_true(receipts_file_match(receipts, "a/edit\nusers.yaml", "abc", 3));
	assert_false(receipts_file_match(receipts, "a/edit\nusers.yaml", "abd", 3));
	assert_false(receipts_file_match(receipts, "a/edit", "abc", 3));
	static const char *const states[] = {"2", "3", "3"};
	for (size_t i = 0; i < COUNT_OF(states); i++)
		receipts_file_note(receipts, "a/edit\nusers.yaml", states[i], 1);
	assert_true(receipts_file_was(receipts, "a/edit\nusers.yaml", "abc", 3));
	assert_true(receipts_file_was(receipts, "a/edit\nusers.yaml", "2", 1));
	assert_true(receipts_file_was(receipts, "a/edit\nusers.yaml", "3", 1));
	assert_false(receipts_file_match(receipts, "a/edit\nusers.yaml", "2", 1));
	receipts_file_note(receipts, "a/edit\nusers.yaml", "4", 1);
	assert_false(receipts_file_was(receipts, "a/edit\nusers.yaml", "abc", 3));
	receipts_close(receipts);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_receipt_fits_one_password_one_place_and_one_ciphertext),
		TEST(they_survive_are_private_and_differ_between_clones),
		TEST(a_damaged_file_is_begun_anew),
		TEST(the_state_of_a_file_is_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
