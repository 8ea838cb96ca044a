#include "base/text.h"

#include "fixture.h"

static void equal_starts_and_ends(void **state)
{
	(void)state;
	assert_true(text_equal(NULL, NULL));
	assert_false(text_equal(NULL, ""));
	assert_true(text_equal("a", "a"));
	assert_true(text_starts("abc", "ab"));
	assert_false(text_starts("a", "ab"));
	assert_true(text_ends("a.yaml", ".yaml"));
	assert_false(text_ends("yaml", ".yaml"));
}

static void utf8_is_shortest_form_without_surrogates(void **state)
{
	static const char *const good[] = {
		"", "a", "é", "€", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xee\x80\x80"};
	static const char *const bad[] = {"\xff", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xc3", "\xe2\x82",
		"\xf0\x9f\x98", "\303a"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(text_is_utf8(good[i], strlen(good[i])));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(text_is_utf8(bad[i], strlen(bad[i])));
}

static void bytes_that_are_no_utf8_are_shown(void **state)
{
	(void)state;
	static const char *const cases[][2] = {{"", ""}, {"é\n", "é\n"}, {"caf\xe9", "caf\\xe9"},
		{"\xc3(\xa9", "\\xc3(\\xa9"}, {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, {"\xf0\x9f", "\\xf0\\x9f"}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char out[64];
		assert_int_equal(text_escape(cases[i][0], out), strlen(cases[i][1]));
		assert_string_equal(out, cases[i][1]);
	}
}

static void printable_text_keeps_characters_and_drops_controls(void **state)
{
	char text[] = "é\x1b\n\t\r\x7f\xc2\x85\xff€\xe2\x80\xae\xe2\x82";
	(void)state;
	text_make_printable(text);
	assert_string_equal(text, "é?  ??\?\?\?€\?\?\?\?\?");
}

static void labels_and_subdomains_follow_rfc_1123(void **state)
{
	char long_name[300];
	(void)state;
	memset(long_name, 'a', sizeof(long_name));
	long_name[63] = '\0';
	assert_true(text_is_dns_label(long_name));
	long_name[63] = 'a';
	long_name[64] = '\0';
	assert_false(text_is_dns_label(long_name));
	assert_true(text_is_dns_label("a-1"));
	assert_false(text_is_dns_label(""));
	assert_false(text_is_dns_label("-a"));
	assert_false(text_is_dns_label("a-"));
	assert_false(text_is_dns_label("A"));
	assert_false(text_is_dns_label("a.b"));
	assert_true(text_is_dns_subdomain("a.b-c.1"));
	assert_false(text_is_dns_subdomain("a..b"));
	assert_false(text_is_dns_subdomain(".a"));
	assert_false(text_is_dns_subdomain("a."));
	assert_false(text_is_dns_subdomain("a.-b"));
	assert_false(text_is_dns_subdomain("a-.b"));
	assert_false(text_is_dns_subdomain("a_b"));
	memset(long_name, 'a', sizeof(long_name));
	long_name[253] = '\0';
	assert_true(text_is_dns_subdomain(long_name));
	long_name[253] = 'a';
	long_name[254] = '\0';
	assert_false(text_is_dns_subdomain(long_name));
}

static void what_fits_ends_between_characters(void **state)
{
	(void)state;
	assert_int_equal(text_fit("abc", 3), 3);
	assert_int_equal(text_fit("abc", 2), 2);
	assert_int_equal(text_fit("", 0), 0);
	assert_int_equal(text_fit("a\xc3\xa4", 3), 3);
	assert_int_equal(text_fit("a\xc3\xa4", 2), 1);
	assert_int_equal(text_fit("\xf0\x9f\x98\x80", 3), 0);
	assert_int_equal(text_fit("\x80\x80\x80", 2), 0);
}

static void globs_match_as_argo_cd_has_them(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"*", "a/b.yaml", true},
		{"*.yaml", "a/b.yaml", true},
		{"a/*.yaml", "a/b/c.yaml", true},
		{"?.yaml", "b.yaml", true},
		{"?.yaml", "bb.yaml", false},
		{"[a-c].yaml", "b.yaml", true},
		{"[!a-c].yaml", "b.yaml", false},
		{"[^a-c].yaml", "d.yaml", true},
		{"{a,b}.yaml", "b.yaml", true},
		{"{a,b}.yaml", "c.yaml", false},
		{"{a,b{1,2}}.yaml", "b2.yaml", true},
		{"{a,b}/{c,d}", "b/c", true},
		{"", "", true},
		{"", "a", false},
		{"\\*", "*", true},
		{"\\*", "a", false},
		{"[", "[", false},
		{"{a", "{a", true},
		{"a**b", "axxb", true},
		{"[]a]", "]", true},
		{"[a-]", "-", true},
		{"{,a}b", "b", true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (text_glob(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
}

static void in_a_path_one_star_stops_at_a_slash(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"https://h/*", "https://h/x", true},
		{"https://h/*", "https://h/x/y", false},
		{"https://h/**", "https://h/x/y", true},
		{"https://*/x", "https://h/x", true},
		{"https://*/x", "https://h/y/x", false},
		{"**/x", "https://h/y/x", true},
		{"**/*b*/x", "a/b/c/abc/x", true},
		{"**a/*", "a/a/b", true},
		{"**a/*", "a/b/c", false},
		{"a?c", "a/c", false},
		{"a?c", "abc", true},
		{"{a,b/*}", "b/c", true},
		{"{a,b/*}", "b/c/d", false},
		{"*", "a/b", false},
		{"a*", "a", true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (text_glob_path(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
}

static void a_glob_cannot_work_for_ever(void **state)
{
	char text[2001];
	(void)state;
	memset(text, 'a', 2000);
	text[2000] = '\0';
	assert_false(text_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
	assert_false(text_glob("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}c", text));
	assert_false(text_glob(text, text));
}

static void hex_and_base64_go_there_and_back(void **state)
{
	static const char *const pairs[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
	char text[32];
	unsigned char bytes[32];
	size_t length;
	(void)state;
	text_hex((const unsigned char *)"\x00\xff\x1a", 3, text);
	assert_string_equal(text, "00ff1a");
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		text_base64((const unsigned char *)pairs[i][0], strlen(pairs[i][0]), text);
		assert_string_equal(text, pairs[i][1]);
		assert_true(text_base64_decode(text, strlen(text), bytes, &length));
		assert_int_equal(length, strlen(pairs[i][0]));
		assert_string_equal((char *)bytes, pairs[i][0]);
	}
}

static void base64_is_strict(void **state)
{
	static const char *const bad[] = {
		"Zg", "Zg=", "Zg= =", "Z===", "====", "Zm9v\n", "Zh==", "Zm9=", "Zm-v", "Zg==Zg=="};
	unsigned char bytes[32];
	size_t length;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (text_base64_decode(bad[i], strlen(bad[i]), bytes, &length))
			fail_msg("taken: %s", bad[i]);
}

static void base64_decodes_in_place(void **state)
{
	char text[] = "Zm9vYmFy";
	size_t length;
	(void)state;
	assert_true(text_base64_decode(text, strlen(text), (unsigned char *)text, &length));
	assert_string_equal(text, "foobar");
}

static void the_nearest_word_is_found(void **state)
{
	static const char *const words[] = {"connection", "password", "users", "poll"};
	(void)state;
	assert_string_equal(text_nearest("conection", words, 4), "connection");
	assert_string_equal(text_nearest("Password", words, 4), "password");
	assert_string_equal(text_nearest("user", words, 4), "users");
	assert_string_equal(text_nearest("pol", words, 4), "poll");
	assert_null(text_nearest("pl", words, 4));
	assert_null(text_nearest("something", words, 4));
	assert_null(text_nearest("", words, 0));
	char hint[TEXT_HINT_SIZE];
	assert_string_equal(text_hint("poll", hint), ", did you mean \"poll\"?");
	assert_string_equal(text_hint(NULL, hint), "");
}

static void texts_sort_by_bytes(void **state)
{
	const char *words[] = {"b", "a", "B", "ab"};
	(void)state;
	qsort(words, 4, sizeof(words[0]), text_compare);
	assert_string_equal(words[0], "B");
	assert_string_equal(words[1], "a");
	assert_string_equal(words[2], "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_starts_and_ends),
		cmocka_unit_test(utf8_is_shortest_form_without_surrogates),
		cmocka_unit_test(bytes_that_are_no_utf8_are_shown),
		cmocka_unit_test(printable_text_keeps_characters_and_drops_controls),
		cmocka_unit_test(labels_and_subdomains_follow_rfc_1123),
		cmocka_unit_test(globs_match_as_argo_cd_has_them),
		cmocka_unit_test(in_a_path_one_star_stops_at_a_slash),
		cmocka_unit_test(a_glob_cannot_work_for_ever),
		cmocka_unit_test(hex_and_base64_go_there_and_back),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(base64_decodes_in_place),
		cmocka_unit_test(what_fits_ends_between_characters),
		cmocka_unit_test(the_nearest_word_is_found),
		cmocka_unit_test(texts_sort_by_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
