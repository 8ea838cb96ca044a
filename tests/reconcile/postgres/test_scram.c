#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "reconcile/postgres/scram.h"

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define GOOD "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$" KEY ":" KEY

static bool parses(const char *text)
{
	struct scram_verifier verifier;
	return scram_parse(text, strlen(text), &verifier);
}

/* RFC 7677, section 3: user, "pencil", salt W22ZaJ0SNY7soEsUEjb6gQ==, 4096 rounds. The RFC shows the server's signature of the
   exchange, which is made with the ServerKey. */
static void test_keys_are_those_of_rfc_7677(void **state)
{
	(void)state;
	unsigned char salt[32];
	size_t length;
	char text[SCRAM_TEXT_SIZE];
	struct scram_verifier verifier;
	const char *encoded = "W22ZaJ0SNY7soEsUEjb6gQ==";
	assert_true(text_base64_decode(encoded, strlen(encoded), salt, &length));
	scram_format("pencil", 6, salt, length, 4096, text);
	assert_true(scram_parse(text, strlen(text), &verifier));

	const char *message =
		"n=user,r=rOprNGfwEbeRWgbNEkqO,"
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	unsigned char signature[DIGEST_SIZE];
	char shown[64];
	digest_hmac(verifier.server_key, SCRAM_KEY, message, strlen(message), signature);
	text_base64(signature, sizeof(signature), shown);
	assert_string_equal(shown, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

static void test_a_verifier_is_of_its_password_only(void **state)
{
	(void)state;
	struct error err = {0};
	char one[SCRAM_TEXT_SIZE], two[SCRAM_TEXT_SIZE];
	struct scram_verifier verifier;
	assert_true(scram_make("geheim", 6, SCRAM_ITERATIONS, one, &err));
	assert_true(scram_make("geheim", 6, SCRAM_ITERATIONS, two, &err));
	assert_string_not_equal(one, two);
	assert_true(text_starts(one, "SCRAM-SHA-256$4096:"));
	assert_true(scram_parse(one, strlen(one), &verifier));
	assert_int_equal(verifier.salt_length, SCRAM_SALT);
	assert_true(scram_check(&verifier, "geheim", 6));
	assert_false(scram_check(&verifier, "Geheim", 6));
	assert_false(scram_check(&verifier, "geheim", 5));
	assert_false(scram_check(&verifier, "", 0));
	verifier.server_key[0] ^= 1;
	assert_false(scram_check(&verifier, "geheim", 6));
}

static void test_only_exact_verifiers_are_read(void **state)
{
	(void)state;
	assert_true(parses(GOOD));
	assert_true(parses("SCRAM-SHA-256$1:AAAA$" KEY ":" KEY));
	assert_true(parses("SCRAM-SHA-256$1000000:AAAA$" KEY ":" KEY));
	const char *const wrong[] = {
		"",
		"SCRAM-SHA-256",
		"SCRAM-SHA-256$",
		"SCRAM-SHA-1$4096:AAAA$" KEY ":" KEY,
		"scram-sha-256$4096:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$0:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$1000001:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$99999999999999999999:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$-1:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$+1:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$ 1:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$01:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$:AAAA$" KEY ":" KEY,
		"SCRAM-SHA-256$4096:$" KEY ":" KEY,
		"SCRAM-SHA-256$4096:A$" KEY ":" KEY,
		"SCRAM-SHA-256$4096:AAAA$" KEY,
		"SCRAM-SHA-256$4096:AAAA$" KEY ":",
		"SCRAM-SHA-256$4096:AAAA$AAAA:" KEY,
		"SCRAM-SHA-256$4096:AAAA$" KEY ":AAAA",
		GOOD "\n",
		GOOD " ",
		" " GOOD,
		GOOD "AAAA",
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(parses(wrong[i]));
	char long_salt[400] = "SCRAM-SHA-256$4096:";
	for (int i = 0; i < 80; i++)
		strcat(long_salt, "AAA");
	strcat(long_salt, "$" KEY ":" KEY);
	assert_false(parses(long_salt));
}

static enum scram_kind kind(const char *text)
{
	return scram_kind_of(text, strlen(text));
}

static void test_near_misses_are_told_from_passwords(void **state)
{
	(void)state;
	assert_int_equal(kind("geheim"), SCRAM_PASSWORD);
	assert_int_equal(kind(""), SCRAM_PASSWORD);
	assert_int_equal(kind("md5 is old"), SCRAM_PASSWORD);
	assert_int_equal(kind("SCRAM-SHA-256 is new"), SCRAM_PASSWORD);
	assert_int_equal(kind(GOOD), SCRAM_VERIFIER);
	assert_int_equal(kind(GOOD "\n"), SCRAM_NEAR_MISS);
	assert_int_equal(kind("'" GOOD "'"), SCRAM_NEAR_MISS);
	assert_int_equal(kind("md50123456789abcdef0123456789abcdef"), SCRAM_OUTDATED);
	assert_int_equal(kind("md50123456789ABCDEF0123456789abcdef"), SCRAM_NEAR_MISS);
	assert_int_equal(kind("md50123456789abcdef0123456789abcdef\n"), SCRAM_NEAR_MISS);
	assert_int_equal(kind("md50123456789abcdef0123456789abcde"), SCRAM_NEAR_MISS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_those_of_rfc_7677),
		cmocka_unit_test(test_a_verifier_is_of_its_password_only),
		cmocka_unit_test(test_only_exact_verifiers_are_read),
		cmocka_unit_test(test_near_misses_are_told_from_passwords),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
