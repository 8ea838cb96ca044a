#include "base/http/percent.h"

#include "../fixture.h"

static void unreserved_characters_stay(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(100);
	(void)state;
	percent_encode(&out, "aZ09-._~ /%é");
	assert_string_equal(buf_string(&out), "aZ09-._~%20%2F%25%C3%A9");
}

static void what_was_encoded_comes_back(void **state)
{
	static const struct {
		const char *text, *decoded;
	} cases[] = {
		{"", ""},
		{"a%20b", "a b"},
		{"%C3%A9", "é"},
		{"%2f%2F", "//"},
		{"%", "%"},
		{"%4", "%4"},
		{"%zz", "%zz"},
		{"%%41", "%A"},
		{"%2541", "%41"},
		{"a%00b", "a"},
	};
	struct arena *mem = arena_new(1 << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(
			percent_decode(cases[i].text, strlen(cases[i].text), mem), cases[i].decoded);
	assert_string_equal(percent_decode("a%2", 2, mem), "a%"); /* what is behind the length is not looked at */
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unreserved_characters_stay),
		cmocka_unit_test(what_was_encoded_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
