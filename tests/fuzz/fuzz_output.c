/*
 * fuzz_output.c - what is shown of anything foreign: tables, YAML, CSV, Markdown, metrics
 *
 * The input is a text that may stand anywhere, bytes and all. Whatever it is, a terminal gets no control character and no mark that
 * turns the direction of writing, YAML is read back as the same value, a line of CSV stays one line with its columns, a fence of
 * Markdown is closed by its end alone, and a label of a metric stays in its quotes.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "agent/show/csv.h"
#include "agent/show/markdown.h"
#include "agent/show/output.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 22 };

static void require_visible(const char *text, bool lines)
{
	uint32_t character;
	for (size_t taken; *text; text += taken) {
		taken = text_character(text, SIZE_MAX, &character);
		require(taken && (!text_is_hidden(character) || (lines && character == '\n')));
	}
}

static void show(const char *text)
{
	for (int lines = 0; lines < 2; lines++) {
		CLEANUP(buf_done) struct buf out = BUF(ROOM);
		output_visible(text, lines, &out);
		require_visible(buf_string(&out), lines);
		require(output_width(buf_string(&out)) <= out.length);
	}
	char *copy = strdup(text), *escaped = malloc(4 * strlen(text) + 1);
	require(copy && escaped);
	text_make_printable(copy);
	require(text_is_utf8(copy, strlen(copy)));
	text_escape(text, escaped);
	require(text_is_utf8(escaped, strlen(escaped)));
	free(copy);
	free(escaped);
}

/* Keys and values at several depths; only where the text is one that JSON can hold. */
static void write_yaml(const char *text, size_t size)
{
	CLEANUP(json_done)
	json_t *value = json_pack("{s:[s,{s:s}],s:s}", "list", text, "key", text, "other", text);
	if (size && text_is_utf8(text, size))
		require(json_object_set_new(value, text, json_string(text)) == 0);
	CLEANUP(buf_done) struct buf out = BUF(ROOM), plain = BUF(ROOM);
	output_json(value, &plain);
	output_yaml(value, &out);
	if (size > 1024 || buf_failed(&out))
		return;
	struct arena *mem = arena_new(ROOM);
	struct mistakes mistakes = {.mem = mem};
	struct yaml_documents documents = {0};
	yaml_read("fuzz.yaml", buf_string(&out), out.length, mem, &documents, &mistakes);
	require(mistakes.count == 0 && documents.count == 1);
	CLEANUP(json_done) json_t *again = yaml_to_json(documents.items[0]);
	require(json_equal(value, again));
	arena_free(mem);
}

static void write_csv(const char *text)
{
	CLEANUP(buf_done) struct buf out = BUF(ROOM);
	const char *const values[] = {text, "middle", text};
	size_t quotes = 0, commas = 0;
	csv_line(values, COUNT_OF(values), &out);
	const char *line = buf_string(&out);
	require(text_ends(line, "\r\n") && strcspn(line, "\r\n") == out.length - 2);
	for (const char *at = line; *at; at++) {
		quotes += *at == '"';
		commas += *at == ',' && quotes % 2 == 0;
	}
	require(quotes % 2 == 0 && commas == 2);
	require(!strchr("=+-@", *line));
}

/* As CommonMark has fences: every one that is opened is closed by a line of as many backticks, and outside of them no tag is begun. */
static void require_fenced(const char *all)
{
	size_t fence = 0;
	for (size_t length; *all; all += length + (all[length] == '\n')) {
		char line[512];
		size_t ticks = strspn(all, "`");
		length = strcspn(all, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)length, all);
		if (fence && ticks >= fence && ticks == length)
			fence = 0;
		else if (!fence && ticks >= 3)
			fence = ticks;
		else
			require(fence || !strcasestr(line, "<script"));
	}
	require(!fence);
}

static void write_markdown(const char *text)
{
	CLEANUP(buf_done) struct buf out = BUF(ROOM);
	CLEANUP(json_done)
	json_t *items = json_pack("[{s:s,s:s,s:s,s:s,s:s,s:[{s:s,s:s,s:s,s:s}]}]", "group", text, "kind",
		text, "namespace", text, "name", text, "change", "update", "fields", "path", text, "wanted",
		text, "found", text, "by", text);
	CLEANUP(json_done)
	json_t *plans = json_pack("[{s:s,s:[{s:s,s:s,s:s}]}]", "database", text, "steps", "user", text,
		"action", text, "statement", text);
	markdown_differences(items, &out);
	markdown_plans(plans, &out);
	markdown_not_compared(text, &out);
	require(out.length <= 3 * MARKDOWN_BYTES);
	const char *all = buf_string(&out);
	require_visible(all, true);
	require_fenced(all);
}

static void write_label(const char *text)
{
	CLEANUP(buf_done) struct buf out = BUF(ROOM);
	metrics_label(&out, "name", text);
	const char *label = buf_string(&out), *open = strchr(label, '"');
	require(open && text_is_utf8(label, out.length) && !strchr(label, '\n'));
	const char *at = open + 1;
	while (*at && *at != '"')
		at += *at == '\\' && at[1] ? 2 : 1;
	require(*at == '"' && !at[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	require(text);
	memcpy(text, data, size);
	text[size] = '\0';
	show(text);
	write_yaml(text, strlen(text));
	write_csv(text);
	write_markdown(text);
	write_label(text);
	free(text);
	return 0;
}
