/* Plain passwords in files that are about to be committed: found under any name, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/sealed/plain.h"

static const struct plain_known known[] = {{"correct horse", 13, "bob"}, {"short", 5, "amy"}};

static void scan(const char *text, size_t *findings, size_t *unsure, int *line, struct arena *mem)
{
	struct mistakes certain = {.mem = mem}, possible = {.mem = mem};
	struct plain_scan plain = {known, 2, &certain, &possible};
	plain_scan(&plain, "file.yaml", text, strlen(text));
	*findings = certain.count;
	*unsure = possible.count;
	*line = certain.count ? certain.items[0].line : possible.count ? possible.items[0].line : 0;
	for (size_t i = 0; i < certain.count; i++) {
		assert_null(strstr(certain.items[i].text, "hunter2"));
		assert_null(strstr(certain.items[i].text, "correct horse"));
	}
}

static void plain_passwords_are_found_wherever_they_stand(void **state)
{
	static const struct {
		const char *text;
		int line;
	} cases[] = {
		{"kind: Secret\napiVersion: v1\nmetadata: {name: x}\nstringData:\n  token: hunter2\n", 5},
		{"kind: Secret\napiVersion: v1\ndata: {token: aHVudGVyMg==}\n", 3},
		{"{\"kind\":\"Secret\",\"data\":{\"a\":\"aHVudGVyMg==\"}}", 1},
		{"kind: List\nitems:\n- kind: ConfigMap\n- kind: Secret\n  stringData: {a: hunter2}\n", 5},
		{"a: b\n---\nkind: Secret\nstringData: {a: hunter2}\n", 4},
		{"users:\n- username: a\n  password: hunter2\n", 3},
		{"users:\n- username: a\n  Old_Password: hunter2\n", 3},
		{"users:\n- username: a\n  passwd: 12345\n", 3},
		{"kind: ConfigMap\ndata:\n  users.yaml: |\n    users:\n      - username: a\n        password: hunter2\n",
			6},
		{"kind: ConfigMap\ndata:\n  team.yaml: \"users:\\n- username: a\\n  password: hunter2\\n\"\n",
			5},
		{"kind: SealedSecret\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n"
		 "      {\"kind\":\"Secret\",\"stringData\":{\"a\":\"hunter2\"}}\n",
			4},
		{"# notes\nthe password is correct horse, do not tell\n", 2},
		{"blob: Y29ycmVjdCBob3JzZQ==\n", 0},
		{"blob: eGNvcnJlY3QgaG9yc2U=\n", 0},
		{"blob: eHhjb3JyZWN0IGhvcnNl\n", 0},
	};
	struct arena *mem = arena_new(1 << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t findings, unsure;
		int line;
		scan(cases[i].text, &findings, &unsure, &line, mem);
		if (findings != 1 || (cases[i].line && line != cases[i].line))
			fail_msg("case %zu: %zu findings, line %d", i, findings, line);
	}
	arena_free(mem);
}

static void what_is_sealed_or_empty_or_only_speaks_of_it_is_no_finding(void **state)
{
	static const char *const cases[] = {
		"",
		"kind: Secret\nmetadata: {name: x}\ndata: {}\n",
		"kind: Secret\nstringData: {a: ''}\n",
		"kind: SealedSecret\nspec: {encryptedData: {password: AgX}}\n",
		"users:\n- username: a\n  database: passwords\n",
		"users:\n- username: a\n  password: {secretRef: {name: x}}\n",
		"users:\n- username: a\n  password:\n",
		"kind: ConfigMap\ndata: {about: 'username and password are in the Secret'}\n",
		"# How to: username: x, password: see the vault\ntext: about a Secret\n",
		"short\n",
		"kind: Role\nrules: [{resources: [secrets], verbs: [get]}]\n",
		"{{- if .x }}\nkind: Secret\nstringData:\n  password: {{ .Values.password }}\n{{- end }}\n",
	};
	struct arena *mem = arena_new(1 << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t findings, unsure;
		int line;
		scan(cases[i], &findings, &unsure, &line, mem);
		if (findings || unsure)
			fail_msg("case %zu: %zu findings, %zu unsure, line %d", i, findings, unsure, line);
	}
	arena_free(mem);
}

static void what_cannot_be_read_but_looks_like_it_is_unsure(void **state)
{
	static const char *const cases[] = {
		"users:\n- username: a\n   password: hunter2\n",
		"{{ x }}\nkind: Secret\nstringData:\n  password: hunter2\n",
		"<<<<<<< HEAD\nusers:\n- username: a\n  password: hunter2\n=======\n",
	};
	struct arena *mem = arena_new(1 << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t findings, unsure;
		int line;
		scan(cases[i], &findings, &unsure, &line, mem);
		if (findings + unsure == 0)
			fail_msg("case %zu passed", i);
	}
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_passwords_are_found_wherever_they_stand),
		cmocka_unit_test(what_is_sealed_or_empty_or_only_speaks_of_it_is_no_finding),
		cmocka_unit_test(what_cannot_be_read_but_looks_like_it_is_unsure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
