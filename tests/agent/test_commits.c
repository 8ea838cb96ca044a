/*
 * The commits of an Application's sources as one text, and as the documents of Argo CD have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/commits.h"

#define A "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
#define B "2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d1a"

static void one_commit_is_the_text_itself(void **state)
{
	(void)state;
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 16);
	char commits[COMMITS_SIZE] = "", commit[COMMIT_SIZE];
	assert_int_equal(commits_count(commits), 0);
	assert_false(commits_are_whole(commits));
	assert_true(commits_add(commits, A));
	assert_string_equal(commits, A);
	assert_int_equal(commits_count(commits), 1);
	assert_true(commits_are_whole(commits));
	commits_at(commits, 0, commit);
	assert_string_equal(commit, A);
	commits_at(commits, 1, commit);
	assert_string_equal(commit, "");
	assert_string_equal(commits_short(commits, 7, mem), "1a2b3c4");
}

static void several_keep_the_order_of_their_sources(void **state)
{
	(void)state;
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 16);
	char commits[COMMITS_SIZE] = "", commit[COMMIT_SIZE];
	assert_true(commits_add(commits, A) && commits_add(commits, B));
	assert_string_equal(commits, A "," B);
	assert_int_equal(commits_count(commits), 2);
	commits_at(commits, 1, commit);
	assert_string_equal(commit, B);
	assert_string_equal(commits_short(commits, 12, mem), "1a2b3c4d5e6f, 2b3c4d5e6f70");
	assert_true(commits_have(commits, "2b3c") && commits_have(commits, A));
	assert_false(commits_have(commits, "3c4d"));
}

static void no_more_than_fit_and_nothing_longer_than_a_commit(void **state)
{
	(void)state;
	char commits[COMMITS_SIZE] = "";
	assert_false(commits_add(commits, A "0"));
	for (size_t i = 0; i < LIMIT_SOURCES; i++)
		assert_true(commits_add(commits, A));
	assert_true(commits_are_whole(commits));
	assert_int_equal(strlen(commits), COMMITS_SIZE - 1);
	assert_false(commits_add(commits, B));
	assert_int_equal(commits_count(commits), LIMIT_SOURCES);
}

static void what_is_no_commit_is_seen(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "main", A ",", "," A, A ",main", A "0", "G" A};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(commits_are_whole(bad[i]));
}

static void assert_read(json_t *document, const char *expected)
{
	char commits[COMMITS_SIZE];
	commits_read(document, commits);
	assert_string_equal(commits, expected);
	json_decref(document);
}

static void documents_have_a_revision_or_a_list(void **state)
{
	(void)state;
	CLEANUP(json_done) json_t *list = commits_list(A "," B), *none = commits_list("");
	assert_int_equal(json_array_size(none), 0);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_array_get(list, 1)), B);
	assert_read(json_pack("{s:s}", "revision", A), A);
	assert_read(json_pack("{s:s, s:O}", "revision", "", "revisions", list), A "," B);
	assert_read(json_pack("{s:s, s:[]}", "revision", A, "revisions"), A);
	assert_read(json_pack("{s:[s, i]}", "revisions", A, 7), "");
	assert_read(json_object(), "");
	assert_read(json_null(), "");
	json_t *many = json_array();
	for (size_t i = 0; i <= LIMIT_SOURCES; i++)
		json_array_append_new(many, json_string(A));
	assert_read(json_pack("{s:o}", "revisions", many), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_commit_is_the_text_itself),
		cmocka_unit_test(several_keep_the_order_of_their_sources),
		cmocka_unit_test(no_more_than_fit_and_nothing_longer_than_a_commit),
		cmocka_unit_test(what_is_no_commit_is_seen),
		cmocka_unit_test(documents_have_a_revision_or_a_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
