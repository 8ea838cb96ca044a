#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/show/output.h"
#include "base/memory.h"
#include "reconcile/manifest/yaml.h"

/* ---- foreign text ---- */

static void check_visible(const char *text, const char *expected)
{
	CLEANUP(buf_done) struct buf out = BUF(1024);
	output_visible(text, false, &out);
	assert_string_equal(buf_string(&out), expected);
}

static void control_characters_are_shown_and_not_obeyed(void **state)
{
	(void)state;
	check_visible("plain, zoë, 漢字, 🐘", "plain, zoë, 漢字, 🐘");
	check_visible("\x1b[2Jgone\x07", "\\x1b[2Jgone\\x07");
	check_visible("one\ntwo\ttab\rback", "one\\ntwo\\ttab\\rback");
	check_visible("csi \xc2\x9b"
		      "31m",
		"csi \\u009b31m");
	check_visible("abc\xe2\x80\xae"
		      "fed",
		"abc\\u202efed");
	check_visible("\xef\xbb\xbfmark\xe2\x80\x8b", "\\ufeffmark\\u200b");
	check_visible("del\x7f", "del\\x7f");
}

static void bytes_that_are_no_utf8_are_shown_as_bytes(void **state)
{
	(void)state;
	check_visible("a\xff\xc0\x80z", "a\\xff\\xc0\\x80z");
	check_visible("cut \xe6\xbc", "cut \\xe6\\xbc");
	check_visible("surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80");
	check_visible("beyond \xf4\x90\x80\x80", "beyond \\xf4\\x90\\x80\\x80");
}

static void lines_stay_where_they_are_wanted(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(1024);
	output_visible("one\ntwo\x1b", true, &out);
	assert_string_equal(buf_string(&out), "one\ntwo\\x1b");
}

static void width_is_counted_in_columns(void **state)
{
	(void)state;
	assert_int_equal(output_width(""), 0);
	assert_int_equal(output_width("abc"), 3);
	assert_int_equal(output_width("zoë"), 3);
	assert_int_equal(output_width("zoe\xcc\x88"), 3); /* combining */
	assert_int_equal(output_width("漢字"), 4);
	assert_int_equal(output_width("🐘"), 2);
	assert_int_equal(output_width("\xff"), 1);
}

/* ---- tables ---- */

/* What a table prints; the caller frees it. */
static char *printed(struct table *table)
{
	char *text = NULL;
	size_t size = 0;
	FILE *real = stdout;
	stdout = open_memstream(&text, &size);
	table_print(table);
	fclose(stdout);
	stdout = real;
	table_free(table);
	return text;
}

static struct table *people(const struct output *output)
{
	static const char *const headers[] = {"NAME", "STATUS", "REASON"};
	struct table *table = table_new(output, headers, 3);
	table_cell(table, "漢字", CELL_PLAIN);
	table_cell(table, "Synced", CELL_GOOD);
	table_cell(table, "", CELL_PLAIN);
	table_cell(table, "zoë", CELL_PLAIN);
	table_cell(table, "Refused", CELL_BAD);
	table_cell(table, "not\nallowed", CELL_PLAIN);
	return table;
}

static void columns_are_aligned_by_what_is_seen(void **state)
{
	(void)state;
	const struct output output = {.headers = true};
	CLEANUP(memory_freep) char *text = printed(people(&output));
	assert_string_equal(text,
		"NAME  STATUS   REASON\n"
		"漢字  Synced\n"
		"zoë   Refused  not\\nallowed\n");
}

static void without_headers_the_columns_are_as_wide_as_the_rows(void **state)
{
	(void)state;
	const struct output output = {.headers = false};
	CLEANUP(memory_freep) char *text = printed(people(&output));
	assert_string_equal(text, "漢字  Synced\nzoë   Refused  not\\nallowed\n");
}

static void colours_take_no_room(void **state)
{
	(void)state;
	const struct output output = {.headers = false, .colour = true};
	CLEANUP(memory_freep) char *text = printed(people(&output));
	assert_string_equal(text, "漢字  \033[32mSynced\033[0m\nzoë   \033[31mRefused\033[0m  not\\nallowed\n");
}

static void a_table_without_rows_is_its_headers(void **state)
{
	(void)state;
	static const char *const headers[] = {"A", "B"};
	const struct output output = {.headers = true}, bare = {.headers = false};
	CLEANUP(memory_freep) char *text = printed(table_new(&output, headers, 2));
	CLEANUP(memory_freep) char *nothing = printed(table_new(&bare, headers, 2));
	assert_string_equal(text, "A  B\n");
	assert_string_equal(nothing, "");
}

static void status_words_have_the_colour_they_deserve(void **state)
{
	(void)state;
	assert_int_equal(output_style_of("Synced"), CELL_GOOD);
	assert_int_equal(output_style_of("OutOfSync"), CELL_BAD);
	assert_int_equal(output_style_of("Progressing"), CELL_BUSY);
	assert_int_equal(output_style_of("something"), CELL_PLAIN);
}

/* ---- documents ---- */

static json_t *read_json(const char *text)
{
	struct error err;
	json_t *value = NULL;
	if (!json_read(text, strlen(text), &value, &err))
		fail_msg("%s", err.text);
	return value;
}

static void json_stays_json_and_obeys_no_escape(void **state)
{
	(void)state;
	CLEANUP(json_done)
	json_t *value = read_json("{\"a\":\"\\u009b31m \\u202e \\u007f zoë\",\"b\":[1,true,null]}");
	CLEANUP(buf_done) struct buf out = BUF(4096);
	output_json(value, &out);
	assert_string_equal(buf_string(&out),
		"{\n  \"a\": \"\\u009b31m \\u202e \\u007f zoë\",\n  \"b\": [\n    1,\n"
		"    true,\n    null\n  ]\n}\n");
	CLEANUP(json_done) json_t *again = read_json(buf_string(&out));
	assert_true(json_equal(value, again));
}

static void yaml_stays_yaml_and_obeys_no_escape(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf out = BUF(4096);
	CLEANUP(arena_freep) struct arena *mem = arena_new(16 * 1024 * 1024);
	CLEANUP(json_done)
	json_t *value = read_json("{\"b\":\"\\u009b31m \\u202e\\u200b zoë\",\"a\\u202e\":\"one\\ntwo\\n\"}");
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = mem};
	output_yaml(value, &out);
	assert_string_equal(
		buf_string(&out), "b: \"\\x9B31m \\u202e\\u200b zoë\"\n\"a\\u202e\": |\n  one\n  two\n");
	yaml_read("out.yaml", buf_string(&out), out.length, mem, &documents, &mistakes);
	assert_int_equal(mistakes.count, 0);
	CLEANUP(json_done) json_t *again = yaml_to_json(documents.items[0]);
	assert_true(json_equal(value, again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters_are_shown_and_not_obeyed),
		cmocka_unit_test(bytes_that_are_no_utf8_are_shown_as_bytes),
		cmocka_unit_test(lines_stay_where_they_are_wanted),
		cmocka_unit_test(width_is_counted_in_columns),
		cmocka_unit_test(columns_are_aligned_by_what_is_seen),
		cmocka_unit_test(without_headers_the_columns_are_as_wide_as_the_rows),
		cmocka_unit_test(colours_take_no_room),
		cmocka_unit_test(a_table_without_rows_is_its_headers),
		cmocka_unit_test(status_words_have_the_colour_they_deserve),
		cmocka_unit_test(json_stays_json_and_obeys_no_escape),
		cmocka_unit_test(yaml_stays_yaml_and_obeys_no_escape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
