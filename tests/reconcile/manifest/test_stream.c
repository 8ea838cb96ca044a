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
		{"a: 1\n---\r\n" MARK "b: 2\r\n", "a: 1\n---\r\nb: 2\r\n"},
		{"a: 1\n" MARK "b: 2\n", NULL},
		{MARK "a: |\n  x", "a: |\n  x\n"},
		{"{\"a\":1}\n", NULL},
		{"{\"a\":1}{\"b\":2}\n", "{\"a\":1}\n--- {\"b\":2}\n"},
		{"{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}\n--- {\"b\":2}\n"},
		{"{\"a\":1}\n\n  {\"b\":2}\n", "{\"a\":1}\n\n--- {\"b\":2}\n"},
		{"{\"a\":\"}{\\\"\"}\n{\"b\":[{}]}\n", "{\"a\":\"}{\\\"\"}\n--- {\"b\":[{}]}\n"},
		{"{\"a\":1}\n{\"b\":2", "{\"a\":1}\n{\"b\":2\n"},
		{"{\"a\":1}\n---\n{\"b\":2}\n", NULL},
		{"---\n{\"a\":1}\n---\n{\"b\":2}\n", NULL},
		{"{\"a\":1}\n---\n{\"b\":2}\n{\"c\":3}\n", "{\"a\":1}\n---\n{\"b\":2}\n--- {\"c\":3}\n"},
		{"{a: 1} # {\n", NULL},
		{"[{\"a\":1}]\n", NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t length = strlen(cases[i][0]);
		char *made = manifest_stream(cases[i][0], length, &length);
		if (!made != !cases[i][1] ||
			(made && (strcmp(made, cases[i][1]) != 0 || strlen(made) != length)))
			fail_msg("case %zu: %s", i, made ? made : "NULL");
		free(made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_kubectl_takes_becomes_yaml)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
