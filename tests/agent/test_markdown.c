#include "agent/show/markdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *object(const char *name, const char *found, const char *wanted)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:[{s:s, s:s, s:s}]}", "kind", "ConfigMap", "namespace", "team",
		"name", name, "change", "update", "fields", "path", "data.x", "found", found, "wanted", wanted);
}

static void an_object_is_a_line_with_its_fields_folded(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	CLEANUP(json_done) json_t *items = json_pack("[o]", object("a", "\"1\"", "\"2\""));
	(void)state;
	markdown_differences(items, &out);
	assert_string_equal(buf_string(&out),
		"**Objects: 1 differs.**\n\n"
		"<details><summary>~ <code>ConfigMap team/a</code> differs</summary>\n\n"
		"```diff\n  data.x\n- \"1\"\n+ \"2\"\n```\n\n</details>\n");
}

static void nothing_is_said_in_one_line(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	CLEANUP(json_done) json_t *items = json_array();
	(void)state;
	markdown_differences(items, &out);
	assert_string_equal(buf_string(&out), "**Objects:** nothing differs.\n\n");
}

static void foreign_text_ends_neither_fence_nor_tag(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	CLEANUP(json_done)
	json_t *items = json_pack("[o]", object("</summary><b>&", "````\n</details>\x1b[1m", "x"));
	(void)state;
	markdown_differences(items, &out);
	const char *text = buf_string(&out);
	assert_non_null(strstr(text, "&lt;/summary&gt;&lt;b&gt;&amp;"));
	assert_non_null(strstr(text, "`````diff\n"));
	assert_non_null(strstr(text, "\n- ````\n- </details>"));
	assert_null(strchr(text, '\x1b'));
}

static void what_has_no_room_is_counted(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	CLEANUP(json_done) json_t *items = json_array();
	char long_text[2000], note[64];
	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		json_array_append_new(items, object("a", long_text, "y"));
	markdown_differences(items, &out);
	assert_true(out.length <= MARKDOWN_BYTES);
	assert_true(out.length > MARKDOWN_BYTES - 4096);
	size_t shown = 0;
	for (const char *at = buf_string(&out); (at = strstr(at, "<details>")); at++)
		shown++;
	snprintf(note, sizeof(note), "**%zu more are not shown", 100 - shown);
	assert_non_null(strstr(buf_string(&out), note));
}

static void a_plan_has_a_section_for_each_user(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	CLEANUP(json_done)
	json_t *items = json_pack("[{s:s, s:b, s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s, s:s}]}]",
		"database", "main", "blocked", 1, "steps", "user", "alice", "action", "create", "statement",
		"CREATE ROLE \"alice\"", "user", "alice", "action", "grant", "statement",
		"GRANT a TO \"alice\"", "user", "bob", "action", "drop", "statement", "DROP ROLE \"bob\"");
	(void)state;
	markdown_plans(items, &out);
	assert_string_equal(buf_string(&out),
		"**Database <code>main</code>:** 3 steps, and removals that wait for a confirmation.\n\n"
		"<details><summary><code>alice</code>: create, grant</summary>\n\n"
		"```sql\nCREATE ROLE \"alice\"\nGRANT a TO \"alice\"\n```\n\n</details>\n"
		"<details><summary><code>bob</code>: drop</summary>\n\n"
		"```sql\nDROP ROLE \"bob\"\n```\n\n</details>\n");
}

static void who_cannot_be_as_wanted_has_a_section_too(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	CLEANUP(json_done)
	json_t *items = json_pack("[{s:s, s:[], s:[{s:s, s:s, s:s}]}]", "database", "main", "steps", "refusals",
		"user", "<dave>", "status", "Degraded", "reason", "Secret ```user-dave-secret` is missing");
	(void)state;
	markdown_plans(items, &out);
	assert_string_equal(buf_string(&out),
		"**Database <code>main</code>:** 0 steps.\n\n"
		"<details><summary><code>&lt;dave&gt;</code>: Degraded</summary>\n\n"
		"````\nSecret ```user-dave-secret` is missing\n````\n\n</details>\n");
}

static void what_was_not_compared_is_not_said_to_be_equal(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	(void)state;
	markdown_not_compared("Kubernetes is off: <2> objects", &out);
	assert_string_equal(buf_string(&out), "**Objects:** Kubernetes is off: &lt;2&gt; objects.\n\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_a_line_with_its_fields_folded),
		cmocka_unit_test(nothing_is_said_in_one_line),
		cmocka_unit_test(foreign_text_ends_neither_fence_nor_tag),
		cmocka_unit_test(what_has_no_room_is_counted),
		cmocka_unit_test(a_plan_has_a_section_for_each_user),
		cmocka_unit_test(who_cannot_be_as_wanted_has_a_section_too),
		cmocka_unit_test(what_was_not_compared_is_not_said_to_be_equal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
