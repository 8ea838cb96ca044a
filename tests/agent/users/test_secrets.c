#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/config/folder.h"
#include "agent/users/secrets.h"
#include "base/file.h"
#include "base/limits.h"

static struct arena *mem;
static char folder[64];

static int set_up(void **state)
{
	(void)state;
	mem = arena_new(LIMIT_CONFIG_BYTES);
	strcpy(folder, "/tmp/test_secrets.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	struct error err;
	arena_free(mem);
	return file_remove_folder(folder, &err) ? 0 : -1;
}

static void put(const char *name, const char *text, unsigned mode)
{
	struct error err;
	assert_true(file_replace(arena_printf(mem, "%s/%s", folder, name), text, strlen(text), mode, &err));
}

static void assert_value(struct secrets *secrets, const char *namespace, const char *name, const char *expected)
{
	struct secret value = {0};
	struct error err = {0};
	secrets_refresh(secrets);
	bool found = secrets_value(secrets, NULL, namespace, name, "password", &value, &err);
	if (expected) {
		if (!found)
			fail_msg("%s", err.text);
		assert_string_equal(value.bytes, expected);
	} else {
		assert_false(found);
	}
	secret_done(&value);
}

static void the_folder_gives_plain_and_encoded_values(void **state)
{
	(void)state;
	struct secrets *secrets = secrets_new(folder);
	put("alice.yaml",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: user-alice-secret, namespace: postgres}\n"
		"stringData: {password: plain}\n",
		0600);
	put("bob.yaml",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: user-bob-secret}\ndata: {password: aGlkZGVu}\n",
		0600);
	assert_value(secrets, "postgres", "user-alice-secret", "plain");
	assert_value(secrets, "other", "user-alice-secret", NULL);
	assert_value(secrets, "postgres", "user-bob-secret", "hidden");
	secrets_free(secrets);
}

static void a_changed_file_has_another_version(void **state)
{
	(void)state;
	struct secrets *secrets = secrets_new(folder);
	const char *first, *second, *why;
	put("a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: one}\n", 0600);
	secrets_refresh(secrets);
	assert_true(secrets_version(secrets, "ns", "s", mem, &first, &why));
	put("a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: three}\n",
		0600);
	secrets_refresh(secrets);
	assert_true(secrets_version(secrets, "ns", "s", mem, &second, &why));
	assert_string_not_equal(first, second);
	assert_value(secrets, "ns", "s", "three");
	secrets_free(secrets);
}

static void a_file_that_others_may_read_is_refused(void **state)
{
	(void)state;
	struct secrets *secrets = secrets_new(folder);
	const char *version, *why;
	put("a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: one}\n", 0644);
	assert_false(secrets_version(secrets, "ns", "s", mem, &version, &why));
	assert_value(secrets, "ns", "s", NULL);
	secrets_free(secrets);
}

static void a_missing_secret_says_where_it_was_looked_for(void **state)
{
	(void)state;
	struct secrets *secrets = secrets_new(folder);
	const char *version, *why = NULL;
	assert_false(secrets_version(secrets, "postgres", "user-x-secret", mem, &version, &why));
	assert_non_null(strstr(why, "namespace postgres"));
	assert_non_null(strstr(why, folder));
	secrets_expect_cluster(secrets); /* a cluster that does not answer is no cluster without it */
	assert_false(secrets_version(secrets, "postgres", "user-x-secret", mem, &version, &why));
	assert_non_null(strstr(why, "the Secrets of the cluster cannot be read yet, and it is not in"));
	secrets_follow(secrets, "postgres");
	assert_false(secrets_version(secrets, "postgres", "user-x-secret", mem, &version, &why));
	assert_non_null(strstr(why, "neither in the cluster"));
	secrets_free(secrets);
}

static void the_cluster_comes_first_and_its_version_moves(void **state)
{
	(void)state;
	struct secrets *secrets = secrets_new(folder);
	const char *version, *why;
	json_t *object = json_pack("{s:{s:s, s:s, s:s, s:s}}", "metadata", "name", "s", "namespace", "ns",
		"uid", "u", "resourceVersion", "5");
	put("a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: one}\n", 0600);
	secrets_refresh(secrets);
	secrets_seen(secrets, object, false);
	assert_true(secrets_version(secrets, "ns", "s", mem, &version, &why));
	assert_string_equal(version, "u/5");
	secrets_seen(secrets, object, true);
	assert_true(secrets_version(secrets, "ns", "s", mem, &version, &why));
	assert_string_not_equal(version, "u/5");
	json_decref(object);
	secrets_free(secrets);
}

/* However many files there are: the state of the folder is no text with an end. */
static void the_last_of_thousands_of_files_is_seen_to_change(void **state)
{
	(void)state;
	enum { FILES = 4500 };
	char name[256];

	for (int i = 0; i < FILES; i++) {
		char path[sizeof(name) + sizeof(folder)];
		snprintf(name, sizeof(name), "%0240d.yaml", i);
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		FILE *file = fopen(path, "w"); /* no flush of the disk for each, as put() does */
		assert_non_null(file);
		fclose(file);
	}
	char *before = folder_state(folder, NULL, NULL);
	put(name, "# changed\n", 0600);
	char *after = folder_state(folder, NULL, NULL);
	assert_string_not_equal(before, after);
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_folder_gives_plain_and_encoded_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_changed_file_has_another_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_others_may_read_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_missing_secret_says_where_it_was_looked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_cluster_comes_first_and_its_version_moves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_last_of_thousands_of_files_is_seen_to_change, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
