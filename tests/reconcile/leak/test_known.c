/* How much of a chance a known value needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/leak/known.h"

static bool finds(const struct known *known, const char *text, bool encoded)
{
	struct known_hit hit;
	return known_find(known, text, strlen(text), encoded, 0, &hit);
}

static void values_are_found_by_their_length(void **state)
{
	struct known *known = known_new();
	(void)state;
	known_add(known, "bob", "correct horse", 13);
	known_add(known, "amy", "tiger5", 6);
	known_add(known, "eve", "butterflies", 11);
	known_ready(known);
	assert_true(finds(known, "xxcorrect horsexx", false));
	assert_true(finds(known, "is tiger5!", false));
	assert_false(finds(known, "xtiger5", false));
	assert_false(finds(known, "tiger56", false));
	assert_true(finds(known, "butterflies", false));
	assert_false(finds(known, "thebutterfliesfly", false));
	assert_true(finds(known, "tiger5\n", true));
	assert_false(finds(known, "is tiger5!", true));
	assert_false(finds(known, "correct hors", false));
	known_free(known);
}

static void short_and_common_values_are_named_and_not_looked_for(void **state)
{
	struct known *known = known_new();
	(void)state;
	known_add(known, "bob", "abc", 3);
	known_add(known, "amy", "postgres", 8);
	known_add(known, "charlotte", "Charlotte", 9);
	known_add(known, "eve", "good one 7", 10);
	known_ready(known);
	assert_string_equal(known_weak(known, 0), "bob");
	assert_string_equal(known_weak(known, 1), "amy");
	assert_string_equal(known_weak(known, 2), "charlotte");
	assert_null(known_weak(known, 3));
	assert_false(finds(known, "abc postgres Charlotte charlotte", false));
	known_free(known);
}

static void each_line_of_a_value_is_found(void **state)
{
	static const char key[] = "-----BEGIN X-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END X-----\n";
	struct known *known = known_new();
	(void)state;
	known_add(known, "bob", key, strlen(key));
	known_ready(known);
	assert_true(finds(known, "    hkiG9w0BAQEFAASC\n", false));
	assert_false(finds(known, "-----BEGIN X-----", false));
	known_free(known);
}

static void values_beyond_ascii_are_found_in_latin_1(void **state)
{
	struct known *known = known_new();
	(void)state;
	known_add(known, "bob", "gr\xc3\xbc\xc3\x9f dich", 11);
	known_ready(known);
	assert_true(finds(known, "gr\xfc\xdf dich", false));
	assert_true(finds(known, "gr\xc3\xbc\xc3\x9f dich", false));
	known_free(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_by_their_length),
		cmocka_unit_test(short_and_common_values_are_named_and_not_looked_for),
		cmocka_unit_test(each_line_of_a_value_is_found),
		cmocka_unit_test(values_beyond_ascii_are_found_in_latin_1),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
