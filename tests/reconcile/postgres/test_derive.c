#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "reconcile/postgres/derive.h"

enum { MANY = 40 };

static bool verifies(const char *text, const char *password)
{
	struct scram_verifier verifier;
	return scram_parse(text, strlen(text), &verifier) && scram_check(&verifier, password, strlen(password));
}

static void test_every_job_gets_its_own_answer_on_two_threads(void **state)
{
	(void)state;
	struct derivation jobs[MANY] = {0};
	char found[MANY][SCRAM_TEXT_SIZE], password[32];
	for (int i = 0; i < MANY; i++) {
		int length = snprintf(password, sizeof(password), "geheim%d", i);
		secret_set(&jobs[i].password, password, (size_t)length);
		if (i % 3 == 0)
			continue;
		/* every other one of these is of another password */
		scram_format(i % 2 ? password : "other", i % 2 ? (size_t)length : 5,
			(const unsigned char *)"salt", 4, 4096, found[i]);
		jobs[i].found = found[i];
	}
	derive_all(jobs, MANY);
	for (int i = 0; i < MANY; i++) {
		snprintf(password, sizeof(password), "geheim%d", i);
		assert_int_equal(jobs[i].error.kind, ERROR_NONE);
		assert_int_equal(jobs[i].matches, i % 3 != 0 && i % 2 == 1);
		if (!jobs[i].matches)
			assert_true(verifies(jobs[i].verifier, password));
		secret_done(&jobs[i].password);
	}
}

static void test_too_few_iterations_and_other_hashes_do_not_match(void **state)
{
	(void)state;
	char few[SCRAM_TEXT_SIZE];
	scram_format("geheim", 6, (const unsigned char *)"salt", 4, 100, few);
	const char *const found[] = {few, "md50123456789abcdef0123456789abcdef", ""};
	for (size_t i = 0; i < COUNT_OF(found); i++) {
		struct derivation job = {.found = found[i]};
		secret_set(&job.password, "geheim", 6);
		derive_all(&job, 1);
		assert_false(job.matches);
		assert_true(verifies(job.verifier, "geheim"));
		secret_done(&job.password);
	}
}

/* U+212B ANGSTROM SIGN is normalised to U+00C5; U+00AD SOFT HYPHEN is dropped. */
static void test_text_beyond_ascii_is_normalised(void **state)
{
	(void)state;
	struct derivation job = {0};
	secret_set(&job.password, "\xe2\x84\xab\xc2\xad", 5);
	derive_all(&job, 1);
	assert_true(verifies(job.verifier, "\xc3\x85"));
	secret_done(&job.password);
}

static void test_text_that_is_normal_already_can_be_compared(void **state)
{
	(void)state;
	char found[SCRAM_TEXT_SIZE];
	struct derivation job = {.found = found};
	scram_format("\xc3\x85", 2, (const unsigned char *)"salt", 4, 4096, found);
	secret_set(&job.password, "\xc3\x85", 2);
	derive_all(&job, 1);
	assert_true(job.matches);
	secret_done(&job.password);
}

/* What SASLprep changes, drops, prohibits, and what is no UTF-8 at all, which is taken as it is. */
static void test_a_password_that_normalising_changes_is_found_again(void **state)
{
	(void)state;
	static const char *const passwords[] = {"\xe2\x84\xab\xc2\xad", "\xef\xbc\xa1\xef\xbd\x82",
		"\xc2\xa0x\xe2\x80\x8b", "\xef\xac\x81nd=,", "a\xcc\x8a", "\xe9t\xe9", "\xd8\xa7\x31",
		"\xc3\x85"};
	for (size_t i = 0; i < COUNT_OF(passwords); i++) {
		struct derivation first = {0}, again = {.found = first.verifier},
				  other = {.found = first.verifier};
		secret_set(&first.password, passwords[i], strlen(passwords[i]));
		secret_set(&again.password, passwords[i], strlen(passwords[i]));
		secret_set(&other.password, "\xc3\x96", 2);
		derive_all(&first, 1);
		assert_int_equal(first.error.kind, ERROR_NONE);
		derive_all(&again, 1);
		assert_true(again.matches);
		derive_all(&other, 1);
		assert_false(other.matches);
		secret_done(&first.password);
		secret_done(&again.password);
		secret_done(&other.password);
	}
}

static void test_a_verifier_of_bytes_that_no_client_sends_does_not_match(void **state)
{
	(void)state;
	char found[SCRAM_TEXT_SIZE];
	struct derivation job = {.found = found};
	scram_format("\xe2\x84\xab", 3, (const unsigned char *)"salt", 4, 4096, found);
	secret_set(&job.password, "\xe2\x84\xab", 3);
	derive_all(&job, 1);
	assert_false(job.matches);
	assert_true(verifies(job.verifier, "\xc3\x85"));
	secret_done(&job.password);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_job_gets_its_own_answer_on_two_threads),
		cmocka_unit_test(test_too_few_iterations_and_other_hashes_do_not_match),
		cmocka_unit_test(test_text_beyond_ascii_is_normalised),
		cmocka_unit_test(test_text_that_is_normal_already_can_be_compared),
		cmocka_unit_test(test_a_password_that_normalising_changes_is_found_again),
		cmocka_unit_test(test_a_verifier_of_bytes_that_no_client_sends_does_not_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
