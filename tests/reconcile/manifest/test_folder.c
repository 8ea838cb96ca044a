#include "fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#define OBJECT "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"

static char root[64];

static void put(const char *path, const char *text)
{
	struct error err;
	CLEANUP(memory_freep) char *full = memory_printf("%s/%s", root, path);
	CLEANUP(memory_freep) char *folder = memory_copy(full);
	*strrchr(folder, '/') = '\0';
	assert_true(file_make_folder(folder, &err));
	assert_true(file_replace(full, text, strlen(text), 0600, &err));
}

static void put_object(const char *path, const char *name)
{
	CLEANUP(memory_freep) char *text = memory_printf(OBJECT, name);
	put(path, text);
}

static int open_folder(void **state)
{
	snprintf(root, sizeof(root), "/tmp/pgitops-test-XXXXXX");
	return mkdtemp(root) ? fixture_open(state) : -1;
}

static int close_folder(void **state)
{
	struct error err;
	return file_remove_folder(root, &err) ? fixture_close(state) : -1;
}

static bool read_folder(struct fixture *fixture, const struct manifest_directory *directory, struct error *err)
{
	return manifest_read_folder(root, directory, fixture->mem, &fixture->desired, err);
}

static const char *names(const struct fixture *fixture)
{
	const char *all = "";
	for (size_t i = 0; i < fixture->desired.objects.count; i++)
		all = arena_printf(fixture->mem, "%s%s:%s ", all, fixture->desired.objects.items[i].file,
			fixture->desired.objects.items[i].key.name);
	return all;
}

static void files_are_read_in_path_order(void **state)
{
	struct error err;
	struct fixture *fixture = *state;
	const struct manifest_directory deep = {.path = "", .recurse = true};
	put_object("b.yaml", "one");
	put_object("a/z.yml", "two");
	put_object("a.yaml", "four");
	put_object("a/deep/c.json.yaml", "three");
	put("README.md", "kind: nothing");
	put("run.py", "import os");
	put(".git/config.yaml", "[broken");
	assert_true(read_folder(fixture, &deep, &err));
	assert_string_equal(fixture_mistakes(fixture), "");
	assert_string_equal(names(fixture), "a.yaml:four a/deep/c.json.yaml:three a/z.yml:two b.yaml:one ");
}

static void a_path_below_the_root_keeps_whole_names_and_relative_globs(void **state)
{
	struct error err;
	struct fixture *fixture = *state;
	const struct manifest_directory users = {.path = "team/users", .recurse = true, .exclude = "old/*"};
	put_object("team/users/a.yaml", "a");
	put_object("team/users/old/b.yaml", "b");
	put_object("other/c.yaml", "c");
	assert_true(read_folder(fixture, &users, &err));
	assert_string_equal(names(fixture), "team/users/a.yaml:a ");
}

static void without_recurse_folders_are_passed_over(void **state)
{
	struct error err;
	struct fixture *fixture = *state;
	const struct manifest_directory flat = {.path = "."};
	put_object("a.yaml", "a");
	put_object("b/c.yaml", "c");
	assert_true(read_folder(fixture, &flat, &err));
	assert_string_equal(names(fixture), "a.yaml:a ");
}

static void symbolic_links_are_refused(void **state)
{
	struct error err;
	struct fixture *fixture = *state;
	const struct manifest_directory deep = {.path = "", .recurse = true};
	CLEANUP(memory_freep) char *link = memory_printf("%s/passwords.yaml", root);
	CLEANUP(memory_freep) char *loop = memory_printf("%s/loop", root);
	CLEANUP(memory_freep) char *pipe = memory_printf("%s/pipe.yaml", root);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(symlink(".", loop), 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_true(read_folder(fixture, &deep, &err));
	assert_string_equal(fixture_mistakes(fixture),
		"passwords.yaml: symbolic links are not followed: put the file itself here\npipe.yaml: not a plain file\n");
}

static void helm_and_kustomize_are_told_from_plain_manifests(void **state)
{
	struct error err;
	struct fixture *fixture = *state;
	const struct manifest_directory deep = {.path = "", .recurse = true};
	put("kustomization.yaml", "resources: [a.yaml]\n");
	put_object("a.yaml", "a");
	assert_true(read_folder(fixture, &deep, &err));
	assert_string_equal(fixture_mistakes(fixture),
		"kustomization.yaml: makes this a Kustomize directory, which cannot be applied as it lies: have kustomize on the PATH "
		"and leave source.directory empty, or render it and "
		"commit the result\n");
}

static void a_large_file_is_a_mistake_and_the_others_are_read(void **state)
{
	struct error err;
	struct fixture *fixture = *state;
	const struct manifest_directory flat = {.path = ""};
	put("a.yaml", fixture_repeat(fixture, "# 10 bytes", 1000000));
	put_object("b.yaml", "b");
	assert_true(read_folder(fixture, &flat, &err));
	assert_string_equal(names(fixture), "b.yaml:b ");
	assert_string_equal(fixture_mistakes(fixture),
		"a.yaml: larger than 3145728 bytes: split it, or keep it out of the path\n");
}

static void folders_nest_up_to_the_limit(void **state)
{
	struct error err = {0};
	struct fixture *fixture = *state;
	const struct manifest_directory deep = {.path = "", .recurse = true};
	put_object(arena_printf(fixture->mem, "%sa.yaml", fixture_repeat(fixture, "d/", LIMIT_TREE_DEPTH + 1)),
		"a");
	assert_false(read_folder(fixture, &deep, &err));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.text, "nested deeper than 32"));
}

static void a_missing_folder_is_no_empty_folder(void **state)
{
	struct error err = {0};
	struct fixture *fixture = *state;
	const struct manifest_directory missing = {.path = "none"};
	assert_false(read_folder(fixture, &missing, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_read_in_path_order, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(a_path_below_the_root_keeps_whole_names_and_relative_globs,
			open_folder, close_folder),
		cmocka_unit_test_setup_teardown(
			without_recurse_folders_are_passed_over, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(symbolic_links_are_refused, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(
			helm_and_kustomize_are_told_from_plain_manifests, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(
			a_large_file_is_a_mistake_and_the_others_are_read, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(folders_nest_up_to_the_limit, open_folder, close_folder),
		cmocka_unit_test_setup_teardown(a_missing_folder_is_no_empty_folder, open_folder, close_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
