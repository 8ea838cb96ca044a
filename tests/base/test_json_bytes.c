#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"

static void expect(json_t *made, const char *text)
{
	CLEANUP(json_done) json_t *value = made;
	CLEANUP(memory_freep) char *shown = json_canonical(value);
	assert_string_equal(shown, text);
}

static void a_string_takes_any_bytes(void **state)
{
	(void)state;
	expect(json_string("caf\xe9"), "\"caf\\\\xe9\"");
	expect(json_string("café"), "\"café\"");
	expect(json_string(""), "\"\"");
	assert_null(json_string(NULL));
}

static void every_format_of_the_program_is_packed(void **state)
{
	(void)state;
	expect(json_pack("{s:s, s:i, s:I, s:b, s:b}", "a", "x", "b", -1, "c", (json_int_t)1 << 40, "d", 1,
		       "e", 0),
		"{\"a\":\"x\",\"b\":-1,\"c\":1099511627776,\"d\":true,\"e\":false}");
	expect(json_pack("{s:{}, s:[], s:{s:[s, o]}}", "a", "b", "c", "d", "x", json_true()),
		"{\"a\":{},\"b\":[],\"c\":{\"d\":[\"x\",true]}}");
	expect(json_pack("[{ss ss}, {s:s#}]", "a", "1", "b", "2", "c", "text", 2),
		"[{\"a\":\"1\",\"b\":\"2\"},{\"c\":\"te\"}]");
	expect(json_pack("{s:s*, s:s*}", "a", NULL, "b", "x"), "{\"b\":\"x\"}");
	CLEANUP(json_done) json_t *kept = json_integer(7);
	expect(json_pack("[O, O]", kept, kept), "[7,7]");
}

static void bytes_in_it_are_shown_and_a_missing_value_is_null(void **state)
{
	(void)state;
	expect(json_pack("{s:s, s:[s]}", "a", "j\xe9r", "b", "cut\xc3"),
		"{\"a\":\"j\\\\xe9r\",\"b\":[\"cut\\\\xc3\"]}");
	expect(json_pack("{s:s, s:o, s:O}", "a", NULL, "b", NULL, "c", NULL),
		"{\"a\":null,\"b\":null,\"c\":null}");
	expect(NULL, "null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_string_takes_any_bytes),
		cmocka_unit_test(every_format_of_the_program_is_packed),
		cmocka_unit_test(bytes_in_it_are_shown_and_a_missing_value_is_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
