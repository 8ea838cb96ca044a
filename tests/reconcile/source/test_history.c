#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>

#include "base/file.h"
#include "reconcile/source/history.h"
#include "reconcile/source/repository.h"

static char folder[64];
static struct arena *mem;
static struct repository repository;

static int set_up(void **state)
{
	struct error err;
	struct url url;
	(void)state;
	strcpy(folder, "/tmp/history.XXXXXX");
	mem = arena_new((size_t)32 << 20);
	return mkdtemp(folder) && url_parse("https://h/team/db.git", mem, &url, &err) &&
			repository_prepare(folder, &url, mem, &repository, &err) &&
			repository_open(&repository, &err)
		? 0
		: -1;
}

static int tear_down(void **state)
{
	struct error err;
	(void)state;
	repository_close(&repository);
	arena_free(mem);
	return file_remove_folder(folder, &err) ? 0 : -1;
}

/* A commit with an empty tree; its parents need not exist. */
static git_oid commit(const char *message, const git_oid *first, const git_oid *second)
{
	git_oid tree, id;
	char hex[GIT_OID_HEXSZ + 1], text[1024];
	int length;
	assert_int_equal(git_odb_write(&tree, repository.odb, "", 0, GIT_OBJECT_TREE), 0);
	length = snprintf(text, sizeof(text), "tree %s\n", git_oid_tostr(hex, sizeof(hex), &tree));
	if (first)
		length += snprintf(text + length, sizeof(text) - (size_t)length, "parent %s\n",
			git_oid_tostr(hex, sizeof(hex), first));
	if (second)
		length += snprintf(text + length, sizeof(text) - (size_t)length, "parent %s\n",
			git_oid_tostr(hex, sizeof(hex), second));
	length += snprintf(text + length, sizeof(text) - (size_t)length,
		"author A <a> 1 +0000\ncommitter A <a> 1 +0000\n\n%s\n", message);
	assert_int_equal(git_odb_write(&id, repository.odb, text, (size_t)length, GIT_OBJECT_COMMIT), 0);
	return id;
}

static void an_ancestor_is_found_on_every_way(void **state)
{
	git_oid first = commit("first", NULL, NULL), second = commit("second", &first, NULL);
	git_oid side = commit("side", &first, NULL), merge = commit("merge", &second, &side);
	git_oid last = commit("last", &merge, NULL);
	(void)state;
	assert_int_equal(history_between(&repository, &first, &last), HISTORY_CONTINUED);
	assert_int_equal(history_between(&repository, &side, &last), HISTORY_CONTINUED);
	assert_int_equal(history_between(&repository, &last, &last), HISTORY_CONTINUED);
	assert_int_equal(history_between(&repository, &last, &first), HISTORY_REWRITTEN);
	assert_int_equal(history_between(&repository, &side, &second), HISTORY_REWRITTEN);
}

static void where_history_was_cut_the_cut_itself_is_still_found(void **state)
{
	git_oid absent, other;
	(void)state;
	assert_int_equal(git_oid_fromstr(&absent, "1111111111111111111111111111111111111111"), 0);
	assert_int_equal(git_oid_fromstr(&other, "2222222222222222222222222222222222222222"), 0);
	git_oid cut = commit("cut", &absent, NULL), next = commit("next", &cut, NULL);
	assert_int_equal(history_between(&repository, &cut, &next), HISTORY_CONTINUED);
	assert_int_equal(history_between(&repository, &absent, &next), HISTORY_CONTINUED);
	assert_int_equal(history_between(&repository, &other, &next), HISTORY_UNKNOWN);
}

static void a_long_history_is_not_walked_for_ever(void **state)
{
	git_oid first = commit("begin", NULL, NULL), tip = first;
	char message[32];
	git_odb_backend *memory;
	(void)state;
	assert_int_equal(git_mempack_new(&memory), 0);
	assert_int_equal(git_odb_add_backend(repository.odb, memory, 999), 0);
	for (int i = 0; i < 20050; i++) {
		snprintf(message, sizeof(message), "%d", i);
		tip = commit(message, &tip, NULL);
	}
	assert_int_equal(history_between(&repository, &first, &tip), HISTORY_UNKNOWN);
}

static void tips_and_cuts_are_remembered(void **state)
{
	struct repository_ids tips = {0}, shallow = {0}, read = {0};
	struct error err = {0};
	git_oid first = commit("tip", NULL, NULL);
	(void)state;
	assert_true(repository_remember(&repository, "main", &first, &err));
	assert_true(repository_remember(&repository, "a/very/../odd name", &first, &err));
	assert_true(repository_tips(&repository, &tips, &err));
	assert_int_equal(tips.count, 1);
	assert_true(repository_ids_have(&tips, &first));
	repository_ids_add(&shallow, &first, mem);
	assert_true(repository_set_shallow(&repository, &shallow, &err));
	assert_true(repository_shallow(&repository, &read, &err));
	assert_true(read.count == 1 && git_oid_equal(&read.items[0], &first));
	repository_ids_remove(&shallow, &first);
	read.count = 0;
	assert_true(repository_set_shallow(&repository, &shallow, &err));
	assert_true(repository_shallow(&repository, &read, &err));
	assert_int_equal(read.count, 0);
}

static void what_is_no_commit_cannot_be_peeled(void **state)
{
	git_oid blob, peeled;
	struct error err = {0};
	(void)state;
	assert_int_equal(git_odb_write(&blob, repository.odb, "x", 1, GIT_OBJECT_BLOB), 0);
	assert_false(repository_peel(&repository, &blob, &peeled, &err));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.text, "blob"));
	assert_int_equal(git_oid_fromstr(&blob, "3333333333333333333333333333333333333333"), 0);
	assert_false(repository_peel(&repository, &blob, &peeled, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	assert_false(repository_has_commit(&repository, &blob));
}

static void a_fresh_repository_takes_the_old_ones_place_when_it_is_settled(void **state)
{
	struct error err = {0};
	git_oid old = commit("old", NULL, NULL);
	(void)state;
	assert_true(repository_begin_fresh(&repository, &err));
	assert_false(repository_has_commit(&repository, &old));
	git_oid new = commit("new", NULL, NULL);
	assert_true(repository_settle(&repository, &err));
	assert_true(repository_has_commit(&repository, &new));
	assert_false(repository_has_commit(&repository, &old));
	assert_true(repository_settle(&repository, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_ancestor_is_found_on_every_way),
		TEST(where_history_was_cut_the_cut_itself_is_still_found),
		TEST(a_long_history_is_not_walked_for_ever),
		TEST(tips_and_cuts_are_remembered),
		TEST(what_is_no_commit_cannot_be_peeled),
		TEST(a_fresh_repository_takes_the_old_ones_place_when_it_is_settled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
