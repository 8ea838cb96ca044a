#include "base/json.h"

#include "base/memory.h"
#include "fixture.h"

static json_t *read_text(const char *text)
{
	struct error err;
	json_t *value = NULL;
	assert_true(json_read(text, strlen(text), &value, &err));
	return value;
}

static void equal_values_give_equal_bytes(void **state)
{
	CLEANUP(json_done) json_t *a = read_text("{\"b\": [1, 2.5, \"é\\u0001\"], \"a\": null}");
	CLEANUP(json_done) json_t *b = read_text(" {\"a\":null,\"b\":[1,2.5,\"\\u00e9\\u0001\"]}");
	CLEANUP(memory_freep) char *left = json_canonical(a);
	CLEANUP(memory_freep) char *right = json_canonical(b);
	(void)state;
	assert_string_equal(left, right);
	assert_string_equal(left, "{\"a\":null,\"b\":[1,2.5,\"é\\u0001\"]}");
}

static void what_is_not_to_be_seen_is_escaped(void **state)
{
	CLEANUP(json_done)
	json_t *value = read_text("[\"\\u007f\\u0085\\u009b\\u202e\\u2028\\ufeff\\uffff é 🐘 \\u0001\"]");
	CLEANUP(memory_freep) char *text = json_canonical(value);
	(void)state;
	assert_string_equal(text, "[\"\\u007f\\u0085\\u009b\\u202e\\u2028\\ufeff\\uffff é 🐘 \\u0001\"]");
	CLEANUP(json_done) json_t *again = read_text(text);
	assert_true(json_equal(value, again));
	assert_null(json_written(NULL, 0));
}

static void integers_are_exact(void **state)
{
	CLEANUP(json_done)
	json_t *value = read_text("[9223372036854775807, -9223372036854775808, 9007199254740993]");
	CLEANUP(memory_freep) char *text = json_canonical(value);
	(void)state;
	assert_string_equal(text, "[9223372036854775807,-9223372036854775808,9007199254740993]");
}

static void what_is_wrong_is_refused_without_its_text(void **state)
{
	static const char *const bad[] = {"", "{", "{\"secret\": 1, \"secret\": 2}", "[1,]", "{'secret': 1}",
		"[1] secret", "\"\\u0000\"", "\"\xff\"", "99999999999999999999", "nul"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct error err = {0};
		json_t *value = NULL;
		if (json_read(bad[i], strlen(bad[i]), &value, &err))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_null(strstr(err.text, "secret"));
		assert_null(value);
	}
}

static void nesting_is_bounded(void **state)
{
	struct error err;
	json_t *value = NULL;
	char text[100000];
	(void)state;
	memset(text, '[', sizeof(text));
	assert_false(json_read(text, sizeof(text), &value, &err));
}

static void paths_lead_through_objects(void **state)
{
	CLEANUP(json_done)
	json_t *value = read_text("{\"a\": {\"b\": {\"text\": \"x\", \"n\": 7, \"yes\": true}}, \"l\": []}");
	(void)state;
	assert_string_equal(json_text_at(value, "a.b.text", "-"), "x");
	assert_string_equal(json_text_at(value, "a.b.n", "-"), "-");
	assert_string_equal(json_text_at(value, "a.c.text", "-"), "-");
	assert_string_equal(json_text_at(value, "l.x", "-"), "-");
	assert_string_equal(json_text_at(NULL, "l.x", "-"), "-");
	assert_int_equal(json_number_at(value, "a.b.n", 1), 7);
	assert_int_equal(json_number_at(value, "a.b.text", 1), 1);
	assert_true(json_bool_at(value, "a.b.yes", false));
	assert_true(json_bool_at(value, "a.b.no", true));
}

static void empty_texts_are_not_set(void **state)
{
	CLEANUP(json_done) json_t *value = json_object();
	(void)state;
	json_set_text(value, "a", "");
	json_set_text(value, "b", NULL);
	json_set_text(json_make_object(value, "o"), "c", "x");
	json_set_text(json_make_object(value, "o"), "d", "y");
	CLEANUP(memory_freep) char *text = json_canonical(value);
	assert_string_equal(text, "{\"o\":{\"c\":\"x\",\"d\":\"y\"}}");
}

static void a_text_of_any_bytes_becomes_a_string(void **state)
{
	(void)state;
	static const struct {
		const char *text, *string;
	} cases[] = {
		{"plain", "plain"}, {"é", "é"}, {"j\xe9r", "j\\xe9r"}, {"cut\xc3", "cut\\xc3"}, {NULL, ""}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(json_done) json_t *value = json_text(cases[i].text);
		assert_string_equal(json_string_value(value), cases[i].string);
	}
	CLEANUP(json_done) json_t *object = json_object();
	json_set_text(object, "name", "j\xe9r");
	assert_string_equal(json_text_at(object, "name", ""), "j\\xe9r");
}

static void a_zero_value_is_what_go_leaves_out(void **state)
{
	static const struct {
		const char *text;
		int depth;
		bool zero;
	} cases[] = {{"[null, \"\", 0, false, [], {}]", 0, true},
		{"[true, 1, \"0\", [null], 0.5, {\"a\": null}]", 0, false}, {"[{\"a\": {\"b\": 0}}]", 2, true},
		{"[{\"a\": {\"b\": 0}}]", 1, false}, {"[{\"a\": {\"b\": 1}}]", 2, false}};
	(void)state;
	assert_true(json_is_zero(NULL, 0));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(json_done) json_t *values = read_text(cases[i].text);
		size_t at;
		json_t *value;
		json_array_foreach (values, at, value)
			assert_int_equal(json_is_zero(value, cases[i].depth), cases[i].zero);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_of_any_bytes_becomes_a_string),
		cmocka_unit_test(equal_values_give_equal_bytes),
		cmocka_unit_test(what_is_not_to_be_seen_is_escaped),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(what_is_wrong_is_refused_without_its_text),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(paths_lead_through_objects),
		cmocka_unit_test(empty_texts_are_not_set),
		cmocka_unit_test(a_zero_value_is_what_go_leaves_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
