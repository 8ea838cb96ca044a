/*
 * What a quiet pass remembers: exactly what it was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/users/users_memory.h"

static void only_what_was_right_is_known(void **state)
{
	(void)state;
	struct users_memory memory = {0};
	unsigned char right[3][DIGEST_SIZE], other[DIGEST_SIZE];
	users_memory_digest("ada", "verifier", "7", right[0]);
	users_memory_digest("bob", "verifier", "7", right[1]);
	users_memory_digest("eve", "verifier", "7", right[2]);
	assert_false(users_memory_knows(&memory, right[0]));
	users_memory_keep(&memory, right, 3);
	for (int i = 0; i < 3; i++)
		assert_true(users_memory_knows(&memory, right[i]));
	users_memory_digest("ada", "verifier", "8", other);
	assert_false(users_memory_knows(&memory, other));
	users_memory_digest("ada", "verifier7", "", other);
	assert_false(users_memory_knows(&memory, other));
	users_memory_keep(&memory, right + 1, 1);
	assert_false(users_memory_knows(&memory, right[0]));
	assert_true(users_memory_knows(&memory, right[1]));
	users_memory_done(&memory);
	assert_false(users_memory_knows(&memory, right[1]));
}

static void digest_of(const char *const *texts, size_t count, unsigned char out[DIGEST_SIZE])
{
	struct users_digest digest = {.length = 0};
	for (size_t i = 0; i < count; i++)
		users_digest_add(&digest, texts[i]);
	users_digest_end(&digest, out);
}

static void texts_of_any_length_are_told_apart(void **state)
{
	(void)state;
	char large[10000];
	unsigned char a[DIGEST_SIZE], b[DIGEST_SIZE];
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	digest_of((const char *[]){"ab", "c"}, 2, a);
	digest_of((const char *[]){"a", "bc"}, 2, b);
	assert_memory_not_equal(a, b, DIGEST_SIZE);
	digest_of((const char *[]){large, "c"}, 2, a);
	digest_of((const char *[]){large, "c"}, 2, b);
	assert_memory_equal(a, b, DIGEST_SIZE);
	large[9998] = 'y';
	digest_of((const char *[]){large, "c"}, 2, b);
	assert_memory_not_equal(a, b, DIGEST_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_right_is_known),
		cmocka_unit_test(texts_of_any_length_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
