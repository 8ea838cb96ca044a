/*
 * A file as kubectl takes it apart: what kubectl 1.36's reader made of these (k8s.io/apimachinery/pkg/util/yaml).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/manifest/stream.h"

#define MARK "\xef\xbb\xbf"

static void what_kubectl_takes_becomes_yaml(void **state)
{
	static const char *const cases[][2] = {
		/* NULL = good as it is */
		{"", NULL},
		{"a: 1\n", NULL},
		{"a: 1\n---\nb: 2\n", NULL},
		{"a: |\n  x", "a: |\n  x\n"},
		{"a: |+\n  x\n\n", NULL},
		{"a: 1\n---# c\nb: 2\n", "a: 1\n--- # c\nb: 2\n"},
		{"---#\na: 1\n", "--- #\na: 1\n"},
		{"a: '\n  ---# no separator'\n", NULL},
		{"a: 1\n--- # c\n" MARK "b: 2\n", "a: 1\n--- # c\nb: 2\n"},
		{"a: 1\n" MARK "---\nb: 2\n", "a: 1\n---\nb: 2\n"},
		{"a: 1\n---\r\n" MARK "b: 2\r\n", "a: 1\n---\nb: 2\n"},
		{"a: |\r\n  x\r\r\n  y", "a: |\n  x\r\n  y\n"},
		{MARK "a: |\n  x", "a: |\n  x\n"},
		{"{\"a\":1}\n", NULL},
		{"{\"a\":1}{\"b\":2}\n", "{\"a\":1}\n--- {\"b\":2}\n"},
		{"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}\n--- {\"b\":2}\n"},
		{"{\"a\":1}\n\n  {\"b\":2}\n", "{\"a\":1}\n\n--- {\"b\":2}\n"},
		{"{\"a\":\"}{\\\"\"}\n{\"b\":[{}]}\n", "{\"a\":\"}{\\\"\"}\n--- {\"b\":[{}]}\n"},
		{"{\"a\":1}\n{\"b\":2", "{\"a\":1}\n{\"b\":2\n"},
		{"{\"a\":1}\n---\n{\"b\":2}\n", NULL},
		{"---\n{\"a\":1}\n---\n{\"b\":2}\n", NULL},
		{"{\"a\":1}\n---\nb: {c: 3}\n", NULL},
		{"{\"a\":1}\n---\n{\"b\":2}\n{\"c\":3}\n", NULL},
		{"{a: 1}\n{b: 2}\n", NULL},
		{"{\"a\":1,}\n{\"b\":2}\n", NULL},
		{"{a: 1} # {\n", NULL},
		{"[{\"a\":1}]\n", NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t length = strlen(cases[i][0]);
		struct mistakes mistakes = {0};
		char *made = manifest_stream("f.yaml", cases[i][0], length, &length, &mistakes);
		assert_int_equal(mistakes.count, 0);
		if (!made != !cases[i][1] ||
			(made && (strcmp(made, cases[i][1]) != 0 || strlen(made) != length)))
			fail_msg("case %zu: %s", i, made ? made : "NULL");
		free(made);
	}
}

static void what_kubectl_cuts_otherwise_is_a_mistake(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *mistake;
	} cases[] = {
		{"--- a: 1\n", 1, "text stands behind"},
		{"{\"a\":1}\n\n--- b\n", 3, "text stands behind"},
		{"a: \"b\n---c\"\n", 2, "text stands behind"},
		{"a: 1\n\r--- \nb: 2\n", 2, "\"---\" stands behind a line break that is none to kubectl"},
		{"a: 1\xe2\x80\xa8---\n", 1, "\"---\" stands behind a line break that is none to kubectl"},
		{"a: 1\xc2\x85---\xe2\x80\xa9", 1, "\"---\" stands behind a line break that is none to kubectl"},
		{"a: 1\n" MARK "b: 2\n", 2, "a byte order mark (U+FEFF) begins a line"},
		{"a: 1\r" MARK "b: 2\n", 1, "a byte order mark (U+FEFF) begins a line"},
	};
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t length = strlen(cases[i].text);
		struct mistakes mistakes = {.mem = mem};
		free(manifest_stream("f.yaml", cases[i].text, length, &length, &mistakes));
		assert_int_equal(mistakes.count, 1);
		assert_int_equal(mistakes.items[0].line, cases[i].line);
		assert_memory_equal(mistakes.items[0].text, cases[i].mistake, strlen(cases[i].mistake));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_kubectl_takes_becomes_yaml),
		cmocka_unit_test(what_kubectl_cuts_otherwise_is_a_mistake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
