#include "agent/commands/common.h"

#include <string.h>

#include "agent/show/access_rows.h"
#include "agent/show/csv.h"
#include "agent/show/markdown_access.h"
#include "agent/show/markdown.h"
#include "base/text.h"

enum { LINE_BYTES = 4 * 1024 * 1024 };

/* ---- the question ---- */

static const char *question(const struct command_context *context, const char *const *names,
	const char *const *values, size_t count)
{
	const char *path = "/api/v1/users/access", *before = "?";
	for (size_t i = 0; i < count; i++) {
		if (!values[i])
			continue;
		path = arena_printf(context->mem, "%s%s%s=%s", path, before, names[i],
			command_encoded(context, values[i]));
		before = "&";
	}
	return path;
}

/* ---- the answer ---- */

static void show_table(const struct command_context *context, const struct access_row *rows, size_t count)
{
	static const char *const headers[] = {
		"USER", "DATABASE", "OBJECT", "PRIVILEGES", "THROUGH", "GIVEN BY", "NOTE"};
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	for (size_t i = 0; i < count; i++) {
		const struct access_row *row = &rows[i];
		table_cell(table, row->user, CELL_PLAIN);
		table_cell(table, command_or_dash(row->database), CELL_PLAIN);
		table_cell(table, row->object, CELL_PLAIN);
		table_cell(table, row->privileges, row->idle ? CELL_DIM : CELL_PLAIN);
		table_cell(table, row->through, CELL_PLAIN);
		table_cell(table, row->given, row->hand ? CELL_BUSY : CELL_PLAIN);
		table_cell(table, command_or_dash(row->note), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

static const char *number(const struct command_context *context, const json_t *item, const char *name)
{
	long long value = json_number_at(item, name, 0);
	return value ? arena_printf(context->mem, "%lld", value) : "";
}

static const char *truth(const json_t *item, const char *name)
{
	return json_bool_at(item, name, false) ? "true" : "false";
}

/* One line for each way, with everything that the document has. */
static void show_csv(const struct command_context *context, const json_t *items)
{
	static const char *const headers[] = {"user", "database", "kind", "object", "privilege", "grantable",
		"via", "setRole", "needs", "rowSecurity", "origin", "byHand", "hand", "commit", "file",
		"line", "means", "standsFor", "more"};
	CLEANUP(buf_done) struct buf line = BUF(LINE_BYTES);
	const json_t *item;
	size_t i;
	if (context->output.headers)
		csv_line(headers, COUNT_OF(headers), &line);
	json_array_foreach (items, i, item) {
		const char *values[COUNT_OF(headers)];
		for (size_t j = 0; j < COUNT_OF(headers); j++)
			values[j] = json_text_at(item, headers[j], "");
		values[5] = truth(item, "grantable");
		values[6] = access_via(item, context->mem);
		values[9] = truth(item, "rowSecurity");
		values[11] = truth(item, "byHand");
		values[15] = number(context, item, "line");
		values[17] = number(context, item, "standsFor");
		values[18] = number(context, item, "more");
		csv_line(values, COUNT_OF(headers), &line);
		fputs(buf_string(&line), stdout);
		buf_clear(&line);
	}
	fputs(buf_string(&line), stdout);
}

static void show_rows(const struct command_context *context, const json_t *items)
{
	struct access_row *rows;
	bool wide = context->output.format == OUTPUT_WIDE;
	size_t count = access_rows(items, wide, context->mem, &rows);
	if (!command_is_markdown(context)) {
		show_table(context, rows, count);
		return;
	}
	CLEANUP(buf_done) struct buf out = BUF(MARKDOWN_BYTES);
	markdown_access(rows, count, &out);
	fputs(buf_string(&out), stdout);
}

static void tell(const struct command_context *context, const char *text)
{
	fputs("pgitops: ", stderr);
	output_text(&context->output, stderr, text, CELL_PLAIN);
	fputc('\n', stderr);
}

static void tell_notes(const struct command_context *context, const json_t *answer)
{
	const json_t *note;
	size_t i;
	long long count = json_number_at(answer, "count", 0);
	size_t shown = json_array_size(json_object_get(answer, "items"));
	json_array_foreach (json_object_get(answer, "notes"), i, note)
		tell(context, json_string_value(note));
	if (*json_text_at(answer, "pending", ""))
		tell(context, json_text_at(answer, "pending", ""));
	if (count > (long long)shown)
		tell(context,
			arena_printf(context->mem,
				"%lld of %lld rows are not shown: ask about one user, table or database",
				count - (long long)shown, count));
}

int command_user_access(struct command_context *context, int argc, char **argv)
{
	static const char *const names[] = {"user", "database", "table", "entry", "groups"};
	const char *database = NULL, *table = NULL, *entry = NULL;
	bool groups = false;
	const struct command_option options[] = {{"--database", NULL, &database}, {"--table", NULL, &table},
		{"--entry", NULL, &entry}, {"--groups", &groups, NULL}};
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 1))
		return EXIT_NO_ANSWER;
	const char *const values[] = {argc ? argv[0] : NULL, database, table, entry, groups ? "true" : NULL};
	const char *path = question(context, names, values, COUNT_OF(names));
	if (!client_call(context, "GET", path, NULL, &answer, &err))
		return command_failed(&err);
	const json_t *items = json_object_get(answer, "items");
	if (command_is_document(context)) {
		output_document(&context->output, answer);
	} else {
		tell_notes(context, answer);
		if (context->output.format == OUTPUT_CSV)
			show_csv(context, items);
		else if (!command_is_empty(items, "nobody may do anything there"))
			show_rows(context, items);
	}
	return json_array_size(items) ? EXIT_YES : EXIT_NO;
}
