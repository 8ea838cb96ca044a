#include "fixture.h"

#include "base/text.h"
#include "reconcile/manifest/yaml_write.h"

static json_t *read_json(const char *text)
{
	struct error err;
	json_t *value = NULL;
	if (!json_read(text, strlen(text), &value, &err))
		fail_msg("%s: %s", text, err.text);
	return value;
}

/* What our reader, which reads as kubectl does, makes of the text. */
static json_t *read_yaml(const char *text, size_t length)
{
	struct fixture *fixture;
	fixture_open((void **)&fixture);
	struct yaml_documents documents = fixture_yaml(fixture, text, length);
	if (fixture->desired.mistakes.count || documents.count != 1)
		fail_msg("%zu documents, %s\n%s", documents.count, fixture_mistakes(fixture), text);
	json_t *value = yaml_to_json(documents.items[0]);
	fixture_close((void **)&fixture);
	return value;
}

static void check_round_trip(const json_t *value)
{
	for (enum yaml_order order = YAML_AS_GIVEN; order <= YAML_SORTED; order++) {
		CLEANUP(buf_done) struct buf out = BUF(1 << 20);
		yaml_write(value, order, &out);
		CLEANUP(json_done) json_t *again = read_yaml(buf_string(&out), out.length);
		if (!json_equal(value, again))
			fail_msg("not the same again:\n%s", buf_string(&out));
	}
}

static void check_json(const char *text)
{
	CLEANUP(json_done) json_t *value = read_json(text);
	check_round_trip(value);
}

static void what_was_written_is_read_back_equal(void **state)
{
	(void)state;
	static const char *const documents[] = {
		"{\"items\":[]}",
		"{\"a\":{},\"b\":[{}],\"c\":[[]],\"d\":[[1,[2]],[{\"x\":{\"y\":[3]}}]]}",
		"{\"items\":[{\"name\":\"ada\",\"roles\":[\"a\",\"b\"]},{\"name\":\"eve\",\"deep\":{\"list\":[{\"k\":1,\"l\":2}]}}]}",
		"{\"n\":[0,-1,9223372036854775807,-9223372036854775808,1.5,1e100,-2.5e-7,1e-7,1.25e+200,true,false,null]}",
		"{\"text\":\"line one\\nline two\\n\",\"none\":\"a\\nb\",\"many\":\"a\\n\\n\\n\",\"inner\":\"a\\n\\n  b\\n\"}",
		"{\"l\":[\"a\\nb\\n\",{\"k\":\"x\\ny\"}],\"tail\":1}",
		"{\"blank\":\" a\\nb\",\"end\":\"a \\nb\",\"first\":\"\\na\",\"cr\":\"a\\r\\nb\",\"tab\":\"\\ta\\nb\",\"last\":\"a\\nb \"}",
		"{\"odd\":\"tab\\t 'quote' \\\"d\\\" \\u00e4\",\"123\":\"key\",\"two\\nlines\":\"key\",\"keep\":\"a\\n\\n\"}",
		"[1,[2,[]],{},\"a\\n\\n\"]",
	};
	for (size_t i = 0; i < COUNT_OF(documents); i++)
		check_json(documents[i]);
}

static const char *const strings[] = {"", " ", "~", "null", "Null", "true", "True", "yes", "No", "ON", "off",
	"y", "N", "0", "1", "-1", "+1", "0x1F", "0o7", "010", "0b11", "1_000", "1.5", ".5", "1e3", "6.",
	".inf", "-.Inf", "+.INF", ".nan", "12:30:45", "2026-01-02", "2026-01-02T03:04:05Z",
	"2026-01-02t03:04:05z", "2026-01-02 03:04:05 +1", "=", "<<", "-", "--", "- a", "---", "--- a", "...",
	"?", "? a", "?a", ":", ":a", "a: b", "a:", "a #b", "#a", "&a", "*a", "!a", "!!str a", "|", ">", "%a",
	"@a", "`a", "[a]", "{a}", "a, b", "a,b", "'a'", "\"a\"", "a\\b", "a]", "}", "trailing ", "two  blanks",
	"zo\xc3\xab", "\xe6\xbc\xa2", "\xf0\x9f\x90\x98", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbf",
	"\xc2\xa0", "\xe2\x80\xae", "\x1b[2J", "\t", "a\tb", "\xef\xbf\xbe", "http://a:80/b?c=d&e#f", "a=b;c",
	"(a)", "/path", "_a", "e5", "key: |", "a\n# b\n", "\n", "\r", "a\n---\nb", "a\n...\n"};

static void strings_stay_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(strings); i++) {
		CLEANUP(memory_freep) char *other = memory_printf("x%s", strings[i]);
		CLEANUP(json_done)
		json_t *value = json_pack(
			"{s:s, s:[s], s:{s:i}}", "key", strings[i], other, strings[i], "map", strings[i], 1);
		check_round_trip(value);
	}
}

static void a_text_stands_on_one_line_wherever_it_is_put(void **state)
{
	static const char *const places[] = {"list:\n- key: %s\n  other: 1\n",
		"list: [{key: %s, other: 1}]\n", "list: [{other: 1, key: %s}]\n"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(strings); i++) {
		CLEANUP(buf_done) struct buf text = BUF(1000);
		yaml_write_text(strings[i], strlen(strings[i]), &text);
		assert_null(strchr(buf_string(&text), '\n'));
		CLEANUP(json_done)
		json_t *wanted = json_pack("{s:[{s:s, s:i}]}", "list", "key", strings[i], "other", 1);
		for (size_t k = 0; k < COUNT_OF(places); k++) {
			const char *place = strstr(places[k], "%s");
			CLEANUP(memory_freep)
			char *whole = memory_printf("%.*s%s%s", (int)(place - places[k]), places[k],
				buf_string(&text), place + 2);
			CLEANUP(json_done) json_t *got = read_yaml(whole, strlen(whole));
			if (!json_equal(wanted, got))
				fail_msg("not the same again:\n%s", whole);
		}
	}
}

static void a_text_that_holds_a_nul_keeps_it(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(100);
	CLEANUP(json_done) json_t *value = json_pack("{s:s#}", "a", "x\0y", (size_t)3);
	yaml_write(value, YAML_SORTED, &out);
	assert_string_equal(buf_string(&out), "a: \"x\\0y\"\n");
}

/* ---- any value ---- */

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* Strings made of what YAML finds special. */
static json_t *any_text(void)
{
	static const char *const pieces[] = {" ", "\n", ":", "#", "-", "a", "\"", "'", "\\", "|", "&", "{",
		"]", ",", "?", "!", "0", "\t", "\xc3\xab", "\xe2\x80\xa8", "\xe2\x80\xae", "\xf0\x9f\x90\x98",
		"%", "@", "=", "<", "\r", "~", "*", "e", ".", "+", "_", "word", "\n\n", "  ", "---", "x: y"};
	CLEANUP(buf_done) struct buf text = BUF(4096);
	if (any(4) == 0)
		return json_string(strings[any(COUNT_OF(strings))]);
	for (uint32_t i = any(9); i > 0; i--)
		buf_text(&text, pieces[any(COUNT_OF(pieces))]);
	if (any(50) == 0)
		for (int i = 0; i < 40; i++)
			buf_text(&text, "longer than one line has room for ");
	return json_string(buf_string(&text));
}

static json_t *any_value(int depth)
{
	json_t *value;
	switch (any(depth > 0 ? 9 : 6)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(any(2));
	case 2:
		return json_integer((json_int_t)any(1000) * (any(2) ? 1 : -98765432109));
	case 3:
		return json_real((any(1000) + 0.5) * (any(2) ? 1e-9 : 0.25));
	case 6:
		value = json_array();
		for (uint32_t i = any(4); i > 0; i--)
			json_array_append_new(value, any_value(depth - 1));
		return value;
	case 7:
	case 8:
		value = json_object();
		for (uint32_t i = any(5); i > 0; i--) {
			CLEANUP(json_done) json_t *key = any_text();
			json_object_set_new(value, json_string_value(key), any_value(depth - 1));
		}
		return value;
	default:
		return any_text();
	}
}

static void any_value_is_read_back_equal(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 5000; round++) {
		seed = round;
		CLEANUP(json_done) json_t *value = json_pack("{s:o}", "value", any_value(5));
		check_round_trip(value);
	}
}

/* ---- layout ---- */

static void assert_written(enum yaml_order order, const char *json, const char *yaml)
{
	CLEANUP(json_done) json_t *value = read_json(json);
	CLEANUP(buf_done) struct buf out = BUF(4096);
	yaml_write(value, order, &out);
	assert_string_equal(buf_string(&out), yaml);
}

static void what_people_read_most_stands_as_kubectl_writes_it(void **state)
{
	(void)state;
	assert_written(YAML_AS_GIVEN,
		"{\"kind\":\"Application\",\"items\":[{\"url\":\"https://git.example.org/a.git\",\"text\":\"one\\ntwo\\n\"}],"
		"\"a\":{\"empty\":{},\"none\":[],\"no\":null,\"yes\":true},\"l\":[[1,2],[{\"x\":1,\"y\":-1.5e300}]]}",
		"kind: Application\nitems:\n- url: https://git.example.org/a.git\n  text: |\n    one\n    two\n"
		"a:\n  empty: {}\n  none: []\n  \"no\": null\n  \"yes\": true\n"
		"l:\n- - 1\n  - 2\n- - x: 1\n    \"y\": -1.5e+300\n");
	assert_written(YAML_SORTED,
		"{\"b\":\"no\",\"a\":\"a: b\",\"B\":\"zo\xc3\xab \xe2\x80\x93 x\",\"c\":\"\",\"d\":\"it's\",\"e\":\"a\\nb\",\"f\":\"1.2.3\"}",
		"B: zo\xc3\xab \xe2\x80\x93 x\na: 'a: b'\nb: \"no\"\nc: \"\"\nd: it's\ne: |-\n  a\n  b\nf: \"1.2.3\"\n");
}

static void a_line_is_never_broken(void **state)
{
	struct fixture *fixture = *state;
	const char *words = fixture_repeat(fixture, "some words ", 100);
	CLEANUP(buf_done) struct buf out = BUF(1 << 16);
	CLEANUP(json_done)
	json_t *value =
		json_pack("{s:o, s:o}", "a", json_sprintf("%sx", words), "b", json_sprintf("- %s", words));
	yaml_write(value, YAML_SORTED, &out);
	assert_string_equal(buf_string(&out), arena_printf(fixture->mem, "a: %sx\nb: '- %s'\n", words, words));
}

/* Blocks keep their line breaks, and nothing stands behind them: the next document begins with "---" alone. */
static void a_document_ends_with_its_last_line(void **state)
{
	(void)state;
	assert_written(YAML_SORTED, "{\"a\":\"b\\n\\n\"}", "a: |+\n  b\n\n");
	assert_written(YAML_SORTED, "{\"a\":\"b\\n\"}", "a: |\n  b\n");
	assert_written(YAML_SORTED, "{\"a\":[]}", "a: []\n");
}

static void what_is_hidden_stands_in_double_quotes(void **state)
{
	static const char *const hidden[] = {
		"\xe2\x80\xae", "\xe2\x80\x8b", "\xe2\x80\xa8", "\xef\xbb\xbf", "\xc2\x85", "\t", "\x7f"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(hidden); i++) {
		CLEANUP(memory_freep) char *text = memory_printf("first\nse%scond\n", hidden[i]);
		CLEANUP(buf_done) struct buf out = BUF(1000);
		yaml_write_text(text, strlen(text), &out);
		assert_int_equal(buf_string(&out)[0], '"');
		CLEANUP(json_done) json_t *value = json_pack("{s:s}", "a", text);
		buf_clear(&out);
		yaml_write(value, YAML_SORTED, &out);
		assert_true(text_starts(buf_string(&out), "a: \"first\\nse"));
	}
}

static void what_does_not_fit_is_said_by_the_buf(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(10);
	CLEANUP(json_done) json_t *value = read_json("{\"a\":\"longer than that\"}");
	yaml_write(value, YAML_SORTED, &out);
	assert_true(buf_failed(&out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_back_equal),
		cmocka_unit_test(strings_stay_strings),
		cmocka_unit_test(a_text_stands_on_one_line_wherever_it_is_put),
		cmocka_unit_test(a_text_that_holds_a_nul_keeps_it),
		cmocka_unit_test(any_value_is_read_back_equal),
		cmocka_unit_test(what_people_read_most_stands_as_kubectl_writes_it),
		FIXTURE_TEST(a_line_is_never_broken),
		cmocka_unit_test(a_document_ends_with_its_last_line),
		cmocka_unit_test(what_is_hidden_stands_in_double_quotes),
		cmocka_unit_test(what_does_not_fit_is_said_by_the_buf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
