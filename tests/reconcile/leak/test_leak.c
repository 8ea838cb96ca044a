/* Windows, lines, what a change adds, fingerprints. The three nets themselves: test_corpus.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "reconcile/leak/known.h"
#include "reconcile/leak/leak.h"

static const char secret[] =
	"apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  token: hunter2\n";

static struct leaks read_text(const char *path, const char *text, size_t length)
{
	struct known *known = known_new();
	struct leaks leaks = {.mem = arena_new(1 << 24)};
	known_add(known, "bob", "correct horse", 13);
	known_ready(known);
	leak_read(known, path, text, length, &leaks);
	known_free(known);
	return leaks;
}

static void done(struct leaks *leaks)
{
	leak_done(leaks);
	arena_free(leaks->mem);
}

static void a_finding_has_its_line_and_never_the_value(void **state)
{
	static const struct {
		const char *path, *text;
		enum leak_rule rule;
		int line;
	} cases[] = {
		{"a.yaml", secret, LEAK_SECRET, 5},
		{"a.yaml", "kind: Secret\napiVersion: v1\ndata: {token: aHVudGVyMg==}\n", LEAK_SECRET, 3},
		{"a.yaml", "kind: List\nitems:\n- kind: ConfigMap\n- kind: Secret\n  stringData: {a: hunter2}\n",
			LEAK_SECRET, 5},
		{"a.yaml", "a: b\n---\nkind: Secret\nstringData: {a: hunter2}\n", LEAK_SECRET, 4},
		{"a.yaml", "users:\n- username: a\n  Old_Password: hunter2\n", LEAK_USERS, 3},
		{"a.yaml", "kind: ConfigMap\ndata:\n  users.yaml: |\n    users:\n      - username: a\n        password: hunter2\n",
			LEAK_USERS, 6},
		{"a.yaml",
			"kind: SealedSecret\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n"
			"      {\"kind\":\"Secret\",\"stringData\":{\"a\":\"hunter2\"}}\n",
			LEAK_SECRET, 5},
		{"a.txt", "# notes\nthe password is correct horse, do not tell\n", LEAK_KNOWN, 2},
		{"a.md", "# x\n```yaml\napiVersion: v1\nkind: Secret\nstringData:\n  a: hunter2\n```\n",
			LEAK_SECRET, 6},
		{"a.yaml", "{{ if .x }}\nkind: Secret\nstringData:\n  password: hunter2\n{{ end }}\n",
			LEAK_SECRET, 4},
		{"a.yaml", "kind: Secret # x\nstringData:\n  a: hunter2\n  a: hunter2b\n", LEAK_SECRET, 3},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct leaks leaks = read_text(cases[i].path, cases[i].text, strlen(cases[i].text));
		if (!leaks.count || leaks.items[0].rule != cases[i].rule || leaks.items[0].line != cases[i].line)
			fail_msg("case %zu: %zu findings, line %d", i, leaks.count,
				leaks.count ? leaks.items[0].line : 0);
		for (size_t k = 0; k < leaks.count; k++) {
			assert_null(strstr(leaks.items[k].text, "hunter2"));
			assert_null(strstr(leaks.items[k].text, "correct horse"));
		}
		done(&leaks);
	}
}

/* Of what is broken, a name may be a whole line: with a password in it that is known, or none that anybody knows. */
static void a_name_in_a_finding_is_not_the_value(void **state)
{
	static const char *const texts[] = {
		"users:\n    - username: word: |\n    - username: word: correct horse\n\n      Old_Password: hunter2b\n",
		"users:\n- {username: correct horse, password: hunter2b}\n",
		"users:\n- {username: 'bob password: hunter2', password: hunter2b}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: 'x token=hunter2'}\nstringData: {a: hunter2b}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {'correct horse': hunter2b}\n",
		"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec: {encryptedData: {'a: hunter2': hunter2b}}\n",
		"kind: Config\nclusters: []\nusers:\n- name: 'ops token: hunter2'\n  user: {token: c29tZS10b2tlbi1vZi1vcHM=}\n",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct leaks leaks = read_text("a.yaml", texts[i], strlen(texts[i]));
		if (!leaks.count)
			fail_msg("case %zu: nothing found", i);
		for (size_t k = 0; k < leaks.count; k++)
			if (strstr(leaks.items[k].text, "hunter2") ||
				strstr(leaks.items[k].text, "correct horse"))
				fail_msg("case %zu: %s", i, leaks.items[k].text);
		done(&leaks);
	}
}

/* Fed in pieces of 65536 bytes, as git gives it. */
static struct leaks feed(const char *text, size_t length)
{
	struct known *known = known_new();
	struct leaks leaks = {.mem = arena_new(1 << 24)};
	known_add(known, "bob", "correct horse", 13);
	known_ready(known);
	struct leak_scan *scan = leak_scan_new(known, "large.yaml", &leaks);
	for (size_t at = 0; at < length; at += 65536)
		leak_scan_feed(scan, text + at, length - at < 65536 ? length - at : 65536);
	leak_scan_end(scan);
	known_free(known);
	return leaks;
}

static void a_file_of_any_size_is_read_to_its_end(void **state)
{
	const size_t size = 5L * 1024 * 1024;
	char *text = memory_alloc(size);
	(void)state;
	for (size_t i = 0; i < size; i++)
		text[i] = i % 64 == 63 ? '\n' : 'a' + (char)(i % 7);
	const size_t places[] = {(4L << 20) - 64, size - 128};
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		char kept[sizeof(secret)];
		memcpy(kept, text + places[i], sizeof(kept));
		memcpy(text + places[i], secret, sizeof(secret) - 1);
		struct leaks leaks = feed(text, size);
		assert_int_equal(leaks.count, 1);
		assert_int_equal(leaks.items[0].rule, LEAK_SECRET);
		assert_int_equal(leaks.items[0].line, (int)(places[i] / 64) + 5);
		done(&leaks);
		memcpy(text + places[i], "correct horse", 13);
		leaks = feed(text, size);
		assert_int_equal(leaks.items[0].rule, LEAK_KNOWN);
		assert_int_equal(leaks.items[0].line, (int)(places[i] / 64) + 1);
		done(&leaks);
		memcpy(text + places[i], kept, sizeof(kept));
	}
	free(text);
}

static void what_was_there_before_is_taken_out_as_often_as_it_was_there(void **state)
{
	char twice[512], other[512];
	(void)state;
	snprintf(twice, sizeof(twice), "%s---\n%s", secret, secret);
	snprintf(other, sizeof(other), "# moved\n%s  more: hunter3\n", secret);
	struct leaks before = read_text("a.yaml", secret, strlen(secret)),
		     same = read_text("a.yaml", secret, strlen(secret)),
		     two = read_text("a.yaml", twice, strlen(twice)),
		     more = read_text("a.yaml", other, strlen(other));
	leak_subtract(&same, &before);
	assert_int_equal(same.count, 0);
	leak_subtract(&two, &before);
	assert_int_equal(two.count, 1);
	leak_subtract(&more, &before);
	assert_int_equal(more.count, 1);
	assert_int_equal(more.items[0].line, 7);
	done(&before);
	done(&same);
	done(&two);
	done(&more);
}

/* Each was read in the square of its length once; the time that a test may take is the measure. */
static void a_text_made_to_be_read_slowly_is_read_to_its_end(void **state)
{
	static const char *const pieces[] = {"kind: Secret\n", "# kind: Secret\n# data:\n",
		"{\"kind\":\"Secret\",", "\"users\":[{\"username\":\"a\",",
		"kind%3A Secret user password %41", "users:\n- username: a\n", "QUJD QUJD\n", "\\", "{"};
	char *text = memory_alloc(150000);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		size_t length = 0, size = strlen(pieces[i]);
		while (length + size + 20 < 150000) {
			memcpy(text + length, pieces[i], size);
			length += size;
		}
		memcpy(text + length, "\ncorrect horse\n", 15);
		struct leaks leaks = read_text("a.yaml", text, length + 15);
		bool known = false;
		for (size_t k = 0; k < leaks.count; k++)
			known = known || leaks.items[k].rule == LEAK_KNOWN;
		assert_true(known);
		done(&leaks);
	}
	free(text);
}

static void a_fingerprint_is_of_path_rule_and_value(void **state)
{
	unsigned char one[DIGEST_SIZE], other[DIGEST_SIZE];
	char a[LEAK_FINGERPRINT + 1], b[LEAK_FINGERPRINT + 1];
	(void)state;
	digest_sha256("hunter2", 7, one);
	digest_sha256("hunter3", 7, other);
	leak_fingerprint("a.yaml", LEAK_SECRET, one, a);
	leak_fingerprint("a.yaml", LEAK_SECRET, one, b);
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), LEAK_FINGERPRINT);
	leak_fingerprint("a.yaml", LEAK_SECRET, other, b);
	assert_string_not_equal(a, b);
	leak_fingerprint("b.yaml", LEAK_SECRET, one, b);
	assert_string_not_equal(a, b);
	leak_fingerprint("a.yaml", LEAK_USERS, one, b);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finding_has_its_line_and_never_the_value),
		cmocka_unit_test(a_name_in_a_finding_is_not_the_value),
		cmocka_unit_test(a_file_of_any_size_is_read_to_its_end),
		cmocka_unit_test(what_was_there_before_is_taken_out_as_often_as_it_was_there),
		cmocka_unit_test(a_text_made_to_be_read_slowly_is_read_to_its_end),
		cmocka_unit_test(a_fingerprint_is_of_path_rule_and_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
