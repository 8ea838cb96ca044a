#include "base/secret.h"

#include "base/file.h"
#include "base/limits.h"
#include "fixture.h"

static void a_secret_is_a_copy_and_forgets_the_last_one(void **state)
{
	char bytes[] = "one\0two";
	CLEANUP(secret_done) struct secret secret = {0};
	(void)state;
	secret_set(&secret, bytes, 7);
	bytes[0] = 'x';
	assert_memory_equal(secret.bytes, "one\0two", 8);
	secret_set(&secret, "", 0);
	assert_string_equal(secret.bytes, "");
	assert_int_equal(secret.length, 0);
	secret_done(&secret);
	assert_null(secret.bytes);
}

static void setting_a_secret_from_itself_works(void **state)
{
	CLEANUP(secret_done) struct secret secret = {0};
	(void)state;
	secret_set(&secret, "password\n", 9);
	secret_set(&secret, secret.bytes, 8);
	assert_string_equal(secret.bytes, "password");
}

static void base64_is_read_as_kubernetes_reads_it(void **state)
{
	static const char *const wrong[] = {"c2VjcmV0X", "c2Vj cmV0", "c2VjcmV0IQ", "secret!", "c2VjcmV0=Cg="};
	CLEANUP(secret_done) struct secret secret = {0};
	(void)state;
	assert_true(secret_set_base64(&secret, "c2VjcmV0", 8));
	assert_string_equal(secret.bytes, "secret");
	assert_true(secret_set_base64(&secret, "c2Vj\r\ncmV0IQ==\n", 15));
	assert_string_equal(secret.bytes, "secret!");
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(secret_set_base64(&secret, wrong[i], strlen(wrong[i])));
	assert_string_equal(secret.bytes, "secret!"); /* untouched by what failed */
	assert_true(secret_set_base64(&secret, "", 0));
	assert_int_equal(secret.length, 0);
	assert_string_equal(secret.bytes, "");
}

static void check_file(const char *path, const char *content, size_t length, bool trim, const char *wanted)
{
	struct error err;
	CLEANUP(secret_done) struct secret secret = {0};
	assert_true(file_replace(path, content, length, 0600, &err));
	assert_true(secret_read(&secret, path, trim, &err));
	assert_int_equal(secret.length, strlen(wanted));
	assert_string_equal(secret.bytes, wanted);
}

static void one_line_end_of_a_file_is_dropped(void **state)
{
	struct error err;
	char path[128];
	char *folder = fixture_folder();
	(void)state;
	snprintf(path, sizeof(path), "%s/secret", folder);
	check_file(path, "pw\n", 3, true, "pw");
	check_file(path, "pw\r\n", 4, true, "pw");
	check_file(path, "pw\n\n", 4, true, "pw\n");
	check_file(path, "pw \n", 4, true, "pw ");
	check_file(path, "pw\n", 3, false, "pw\n");
	check_file(path, "", 0, true, "");
	assert_true(file_remove_folder(folder, &err));
	free(folder);
}

static void errors_name_the_file_and_not_its_content(void **state)
{
	struct error err;
	char path[128];
	char *folder = fixture_folder();
	char *large = calloc(1, LIMIT_SECRET_FILE + 1);
	CLEANUP(secret_done) struct secret secret = {0};
	(void)state;
	memset(large, 'S', LIMIT_SECRET_FILE + 1);
	snprintf(path, sizeof(path), "%s/secret", folder);
	assert_false(secret_read(&secret, path, true, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	assert_non_null(strstr(err.text, path));
	assert_true(file_replace(path, large, LIMIT_SECRET_FILE + 1, 0600, &err));
	assert_false(secret_read(&secret, path, true, &err));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_null(strstr(err.text, "SSS"));
	assert_null(secret.bytes);
	assert_true(file_replace(path, large, LIMIT_SECRET_FILE, 0600, &err));
	assert_true(secret_read(&secret, path, true, &err));
	assert_true(file_remove_folder(folder, &err));
	free(large);
	free(folder);
}

static void secrets_are_compared_whole(void **state)
{
	CLEANUP(secret_done) struct secret a = {0}, b = {0}, c = {0}, none = {0};
	(void)state;
	secret_set(&a, "abc", 3);
	secret_set(&b, "abc", 3);
	secret_set(&c, "abcd", 4);
	assert_true(secret_equal(&a, &b));
	assert_false(secret_equal(&a, &c));
	assert_false(secret_equal(&a, &none));
	secret_set(&b, "abd", 3);
	assert_false(secret_equal(&a, &b));
}

static void a_generated_one_is_of_letters_and_digits_and_never_the_same(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	CLEANUP(secret_done) struct secret one = {0}, two = {0}, many = {0};
	struct error err;
	(void)state;
	assert_true(secret_random(&one, SECRET_GENERATED, &err));
	assert_true(secret_random(&two, SECRET_GENERATED, &err));
	assert_int_equal(one.length, SECRET_GENERATED);
	assert_int_equal(strspn(one.bytes, alphabet), SECRET_GENERATED);
	assert_false(secret_equal(&one, &two));
	assert_true(secret_random(&many, 20000, &err));
	for (const char *at = alphabet; *at; at++)
		assert_non_null(strchr(many.bytes, *at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_a_copy_and_forgets_the_last_one),
		cmocka_unit_test(setting_a_secret_from_itself_works),
		cmocka_unit_test(base64_is_read_as_kubernetes_reads_it),
		cmocka_unit_test(one_line_end_of_a_file_is_dropped),
		cmocka_unit_test(errors_name_the_file_and_not_its_content),
		cmocka_unit_test(secrets_are_compared_whole),
		cmocka_unit_test(a_generated_one_is_of_letters_and_digits_and_never_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
