/* Edit file and Git brought together: each row of the table, and the texts that come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "reconcile/sealed/users_base.h"
#include "reconcile/sealed/users_merge.h"
#include "reconcile/sealed/users_parts.h"

#define A "- username: a\n  roles: [r]\n"
#define A_EDIT "- username: a\n  password: aaaa\n  roles: [r]\n"
#define B "- username: b\n"
#define B_EDIT "- username: b\n  password: bbbb\n"
#define C "- username: c\n"
#define C_EDIT "- username: c\n  password: cccc\n"

static const struct sealed_values none;

/* One merge; the texts that come of it, or the conflicts. */
struct outcome {
	struct buf edit, git;
	const char *conflicts;
	struct users_base next;
};

static void merge(struct arena *mem, const char *edit, const char *git, const struct users_base *base,
	bool mine, struct outcome *outcome)
{
	CLEANUP(edit_users_done) struct edit_users ours = {0};
	CLEANUP(edit_users_done) struct edit_users theirs = {0};
	struct mistakes conflicts = {.mem = mem};
	struct users_merge_input input = {
		.edit = &ours, .git = git ? &theirs : NULL, .sealed = &none, .base = base, .mine = mine};
	struct users_merge made;
	struct error err;
	size_t dropped;
	*outcome = (struct outcome){.edit = BUF(1 << 20), .git = BUF(1 << 20), .conflicts = ""};
	assert_true(edit_users_read("edit", edit, strlen(edit), NULL, &ours, &conflicts));
	if (git)
		assert_true(edit_users_read("users", git, strlen(git), NULL, &theirs, &conflicts));
	if (!users_merge_make(&input, mem, &made, &conflicts, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < conflicts.count; i++)
		outcome->conflicts = arena_join(mem, outcome->conflicts, "; ", conflicts.items[i].text);
	if (!users_merge_edit(&made, &outcome->edit, &err) ||
		!users_merge_public(&made, &outcome->git, &dropped, &err))
		fail_msg("%s", err.text);
	users_merge_base(&made, "1234", true, mem, &outcome->next);
}

static void done(struct outcome *outcome)
{
	buf_done(&outcome->edit);
	buf_done(&outcome->git);
}

/* The ancestor: both sides as they were, brought together by a commit of this clone. */
static struct users_base ancestor(struct arena *mem, const char *edit, const char *git)
{
	const struct users_base unknown = {.commit = "", .frame_edit = "", .frame_git = ""};
	struct outcome outcome;
	merge(mem, edit, git, &unknown, false, &outcome);
	assert_string_equal(outcome.conflicts, "");
	done(&outcome);
	return outcome.next;
}

static void what_one_side_changed_the_other_gets_and_no_password_goes(void **state)
{
	static const struct {
		const char *was, *was_git, *edit, *git, *edit_after, *git_after, *conflict;
	} rows[] = {
		/* nothing */
		{A_EDIT, A, A_EDIT, A, A_EDIT, A, ""},
		/* the edit file changed */
		{A_EDIT, A, A_EDIT C_EDIT, A, A_EDIT C_EDIT, A C, ""},
		{A_EDIT B_EDIT, A B, A_EDIT, A B, A_EDIT, A, ""},
		{A_EDIT, A, "- username: a\n  password: aaaa\n  roles: [x]\n", A,
			"- username: a\n  password: aaaa\n  roles: [x]\n", "- username: a\n  roles: [x]\n", ""},
		/* Git changed */
		{A_EDIT, A, A_EDIT, A B, A_EDIT B, A B, ""},
		{A_EDIT, A, A_EDIT, B A, B A_EDIT, B A, ""},
		{A_EDIT, A, A_EDIT, "- username: a\n  roles: [x]\n",
			"- username: a\n  password: aaaa\n  roles: [x]\n", "- username: a\n  roles: [x]\n", ""},
		{A_EDIT B, A B, A_EDIT B, A, A_EDIT, A, ""},
		/* gone from Git, with a password here: stays, and does not come back to Git */
		{A_EDIT B_EDIT, A B, A_EDIT B_EDIT, A, A_EDIT B_EDIT, A, ""},
		{A_EDIT B_EDIT, A B, A_EDIT B_EDIT C_EDIT, A, A_EDIT B_EDIT C_EDIT, A C, ""},
		/* both changed: differently, in the same way, in different users */
		{A_EDIT, A, A_EDIT C_EDIT, A B, A_EDIT B C_EDIT, A C B, ""},
		{A_EDIT B_EDIT, A B, A_EDIT, A, A_EDIT, A, ""},
		{A_EDIT, A, "- username: a\n  password: aaaa\n  roles: [x]\n",
			"- username: a\n  roles: [y]\n", "- username: a\n  password: aaaa\n  roles: [x]\n",
			"- username: a\n  roles: [y]\n", "is not the same in users (roles)"},
		{A_EDIT, A, "- username: a\n  password: aaaa\n  roles: [x]\n", "- roles: [x]\n  username: a\n",
			"- username: a\n  password: aaaa\n  roles: [x]\n", "- roles: [x]\n  username: a\n", ""},
		{A_EDIT B_EDIT, A B, A_EDIT, A "- username: b\n  roles: [y]\n", A_EDIT,
			A "- username: b\n  roles: [y]\n",
			"was taken out of this file, and changed in users since"},
		/* layout: comments and the order of both files stay */
		{A_EDIT, A, A_EDIT, "# one\n" A "# two\n" B, A_EDIT "# two\n" B, "# one\n" A "# two\n" B, ""},
		{A_EDIT "# mine\n" B_EDIT, A "# mine\n" B, A_EDIT "# mine\n" B_EDIT, C A "# mine\n" B,
			C A_EDIT "# mine\n" B_EDIT, C A "# mine\n" B, ""},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena *mem = arena_new(1 << 24);
		struct outcome outcome;
		const char *list = "users:\n";
		struct users_base base = ancestor(mem, arena_printf(mem, "%s%s", list, rows[i].was),
			arena_printf(mem, "%s%s", list, rows[i].was_git));
		merge(mem, arena_printf(mem, "%s%s", list, rows[i].edit),
			arena_printf(mem, "%s%s", list, rows[i].git), &base, false, &outcome);
		print_message("row %zu: %s\n", i, outcome.conflicts);
		assert_non_null(strstr(outcome.conflicts, rows[i].conflict));
		assert_true(*rows[i].conflict || !*outcome.conflicts);
		assert_string_equal(
			buf_string(&outcome.edit), arena_printf(mem, "%s%s", list, rows[i].edit_after));
		assert_string_equal(
			buf_string(&outcome.git), arena_printf(mem, "%s%s", list, rows[i].git_after));
		done(&outcome);
		arena_free(mem);
	}
}

static void who_came_from_git_is_not_removed_by_a_file_that_never_had_them_sealed(void **state)
{
	struct arena *mem = arena_new(1 << 24);
	struct outcome outcome;
	(void)state;
	struct users_base base = ancestor(mem, "users:\n" A_EDIT, "users:\n" A);
	merge(mem, "users:\n" A_EDIT, "users:\n" A B, &base, false, &outcome); /* a pull */
	base = outcome.next;
	done(&outcome);
	merge(mem, "users:\n" A_EDIT C_EDIT, "users:\n" A B, &base, false,
		&outcome); /* an editor that had the old file */
	assert_string_equal(buf_string(&outcome.edit), "users:\n" A_EDIT B C_EDIT);
	assert_string_equal(buf_string(&outcome.git), "users:\n" A C B);
	done(&outcome);
	arena_free(mem);
}

static void without_an_ancestor_nobody_is_removed_and_what_differs_is_a_conflict(void **state)
{
	const struct users_base unknown = {.commit = "", .frame_edit = "", .frame_git = ""};
	struct arena *mem = arena_new(1 << 24);
	struct outcome outcome;
	(void)state;
	merge(mem, "users:\n" C_EDIT, "users:\n" A B, &unknown, false, &outcome);
	assert_string_equal(outcome.conflicts, "");
	assert_string_equal(buf_string(&outcome.edit), "users:\n" A B C_EDIT);
	assert_string_equal(buf_string(&outcome.git), "users:\n" C A B);
	done(&outcome);
	merge(mem, "users:\n- username: a\n  password: aaaa\n", "users:\n" A, &unknown, false, &outcome);
	assert_non_null(strstr(outcome.conflicts, "run `pgitops seal users --resolve`"));
	done(&outcome);
	merge(mem, "users:\n- username: a\n  password: aaaa\n", "users:\n" A, &unknown, true, &outcome);
	assert_string_equal(outcome.conflicts, "");
	assert_string_equal(buf_string(&outcome.git), "users:\n- username: a\n");
	done(&outcome);
	merge(mem, "users:\n" A_EDIT, NULL, &unknown, false, &outcome);
	assert_string_equal(buf_string(&outcome.git), "users:\n" A);
	done(&outcome);
	arena_free(mem);
}

static void every_layout_of_a_list_is_brought_together(void **state)
{
	static const char config[] =
		"kind: ConfigMap\ndata:\n  users.yaml: |\n    users:\n      - username: a\n        password: aaaa\n"
		"metadata:\n  name: x\n";
	static const struct {
		const char *edit, *git, *edit_after;
	} rows[] = {
		{"users: []\n", "users:\n" B, "users:\n  - username: b\n"},
		{"users:\n", "users:\n" B, "users:\n  - username: b\n"},
		{"users: # who\n", "users:\n" B, "users: # who\n  - username: b\n"},
		{"version: 1\nusers:\n- {username: a, password: aaaa}\ndefaults: {}\n",
			"version: 1\nusers:\n- username: a\n" B "defaults: {}\n",
			"version: 1\nusers:\n- {username: a, password: aaaa}\n" B "defaults: {}\n"},
		{"users: [{username: a, password: aaaa}]\n", "users:\n- username: a\n" B,
			"users:\n  - username: a\n    password: aaaa\n  - username: b\n"},
		{config, "kind: ConfigMap\ndata:\n  users.yaml: |\n    users:\n    - username: b\n    - username: a\nmetadata:\n  name: x\n",
			"kind: ConfigMap\ndata:\n  users.yaml: |\n    users:\n      - username: b\n      - username: a\n        password: aaaa\n"
			"metadata:\n  name: x\n"},
		{"users:\n-\n  username: a\n  password: aaaa\n  comment: |\n    # no comment\n\n# end\n",
			"users:\n- username: a\n  comment: |\n    # no comment\n" B,
			"users:\n-\n  username: a\n  password: aaaa\n  comment: |\n    # no comment\n" B
			"\n# end\n"},
	};
	const struct users_base unknown = {.commit = "", .frame_edit = "", .frame_git = ""};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena *mem = arena_new(1 << 24);
		struct outcome outcome;
		merge(mem, rows[i].edit, rows[i].git, &unknown, false, &outcome);
		print_message("row %zu: %s\n", i, outcome.conflicts);
		assert_string_equal(buf_string(&outcome.edit), rows[i].edit_after);
		done(&outcome);
		arena_free(mem);
	}
}

static void the_ancestor_is_kept_without_a_password(void **state)
{
	char folder[] = "/tmp/users-base-XXXXXX";
	struct arena *mem = arena_new(1 << 24);
	struct users_base read;
	struct error err;
	(void)state;
	assert_non_null(mkdtemp(folder));
	struct users_base base = ancestor(mem, "users:\n" A_EDIT, "users:\n" A);
	const char *file = arena_printf(mem, "%s/sealed/x.json", folder);
	users_base_read(file, mem, &read);
	assert_false(read.known);
	assert_true(users_base_write(file, &base, &err));
	users_base_read(file, mem, &read);
	assert_true(read.known);
	assert_string_equal(read.commit, "1234");
	assert_string_equal(users_base_find(&read, "a")->git, A);
	assert_string_equal(users_base_find(&read, "a")->edit, A);
	assert_null(users_base_find(&read, "b"));
	CLEANUP(buf_done) struct buf text = BUF(1 << 20);
	assert_true(file_read(file, &text, &err));
	assert_null(strstr(buf_string(&text), "aaaa"));
	assert_true(file_replace(file, "{\"version\":", 11, 0600, &err));
	users_base_read(file, mem, &read);
	assert_false(read.known);
	assert_true(file_remove_folder(folder, &err));
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_side_changed_the_other_gets_and_no_password_goes),
		cmocka_unit_test(who_came_from_git_is_not_removed_by_a_file_that_never_had_them_sealed),
		cmocka_unit_test(without_an_ancestor_nobody_is_removed_and_what_differs_is_a_conflict),
		cmocka_unit_test(every_layout_of_a_list_is_brought_together),
		cmocka_unit_test(the_ancestor_is_kept_without_a_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
