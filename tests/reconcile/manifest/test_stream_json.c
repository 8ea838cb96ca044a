#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/limits.h"
#include "reconcile/manifest/stream_json.h"

/* How many bytes the object has; -1 = it is none. */
static long object(const char *text)
{
	const char *end = stream_json_end(text, text + strlen(text));
	return end ? (long)(end - text) : -1;
}

static void an_object_ends_with_its_brace(void **state)
{
	static const char *const whole[] = {"{}", "{ }", "{\"a\":1}", "{\"a\" : [ ] , \"b\" : { } }",
		"{\"a\":\"}\\\"{\\u00e9\\/\"}", "{\"a\":[1,-0,0.5,1e3,1.5E-3,2e+1,true,false,null,\"\"]}",
		"{\"a\":[[],{\"b\":{}}]}", "{\n\t\"\": 1\r\n}"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(whole); i++) {
		char behind[128];
		assert_int_equal(object(whole[i]), strlen(whole[i]));
		strcpy(behind, whole[i]);
		strcat(behind, "}x{");
		assert_int_equal(object(behind), strlen(whole[i]));
	}
}

static void what_is_no_object_of_json_has_no_end(void **state)
{
	static const char *const cases[] = {"", "[]", "\"a\"", " {}", "{", "{\"a\"", "{\"a\":", "{\"a\":1",
		"{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}",
		"{\"a\":1e}", "{\"a\":-}", "{\"a\":tru}", "{\"a\":yes}", "{\"a\":\"\n\"}", "{\"a\":\"\\x41\"}",
		"{\"a\":\"\\u12\"}", "{\"a\":\"b", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":{]}", "{\"a\" 1}",
		"{\"a\":1 \"b\":2}", "{\"a\":[1 2]}", "{\"a\":# c\n1}", "{1:2}", "{\"a\":\"\\"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (object(cases[i]) != -1)
			fail_msg("taken: %s", cases[i]);
}

static void it_is_as_deep_as_a_document_may_be(void **state)
{
	char text[LIMIT_YAML_DEPTH * 6 + 16] = "";
	(void)state;
	for (int depth = LIMIT_YAML_DEPTH; depth <= LIMIT_YAML_DEPTH + 1; depth++) {
		text[0] = '\0';
		for (int i = 1; i < depth; i++)
			strcat(text, "{\"a\":");
		strcat(text, "{}");
		for (int i = 1; i < depth; i++)
			strcat(text, "}");
		assert_int_equal(object(text), depth == LIMIT_YAML_DEPTH ? (long)strlen(text) : -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_ends_with_its_brace),
		cmocka_unit_test(what_is_no_object_of_json_has_no_end),
		cmocka_unit_test(it_is_as_deep_as_a_document_may_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
