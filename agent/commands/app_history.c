#include "agent/commands/common.h"

static const char *changes(const struct command_context *context, const json_t *entry)
{
	static const struct {
		const char *name;
		long long least; /* worth a word; once is every row */
	} counts[] = {{"created", 1}, {"configured", 1}, {"pruned", 1}, {"failed", 1}, {"times", 2}};
	CLEANUP(json_done) json_t *texts = json_array();
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		long long count = json_number_at(entry, counts[i].name, 0);
		if (count >= counts[i].least)
			json_array_append_new(texts,
				json_string(arena_printf(context->mem, "%lld %s", count, counts[i].name)));
	}
	return command_join(context, texts, "-");
}

static void add_row(const struct command_context *context, struct table *table, const json_t *entry)
{
	bool wide = context->output.format == OUTPUT_WIDE;
	const char *commit = json_text_at(entry, "commit", "");
	int64_t id = json_number_at(entry, "id", -1);
	table_cell(table, id < 0 ? "-" : arena_printf(context->mem, "%lld", (long long)id), CELL_PLAIN);
	table_cell(table, command_time(context, json_text_at(entry, "started", NULL)), CELL_PLAIN);
	table_cell(table, wide ? commit : command_commit(context, commit), CELL_PLAIN);
	command_status_cell(table, json_text_at(entry, "phase", ""));
	table_cell(table, command_or_dash(json_text_at(entry, "trigger", "")), CELL_PLAIN);
	table_cell(table, changes(context, entry), CELL_PLAIN);
	table_cell(table, command_or_dash(json_text_at(entry, "author", "")), CELL_PLAIN);
	table_cell(table, command_first_line(context, json_text_at(entry, "message", "")), CELL_PLAIN);
	if (wide)
		table_cell(table, json_text_at(entry, "text", ""), CELL_PLAIN);
}

int command_app_history(struct command_context *context, int argc, char **argv)
{
	static const char *const headers[] = {
		"ID", "STARTED", "REVISION", "PHASE", "TRIGGER", "CHANGES", "AUTHOR", "COMMIT", "OUTCOME"};
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	const json_t *entry;
	size_t i;

	if (!command_arguments(context, &argc, argv, NULL, 0, 1, 1))
		return EXIT_NO_ANSWER;
	if (!command_view(context, command_application_path(context, argv[0], "/history"), &answer, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		output_document(&context->output, answer);
		return EXIT_YES;
	}
	const json_t *items = json_object_get(answer, "items");
	if (command_is_empty(items, "nothing was applied yet"))
		return EXIT_YES;
	bool wide = context->output.format == OUTPUT_WIDE;
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers) - !wide);
	json_array_foreach (items, i, entry)
		add_row(context, table, entry);
	table_print(table);
	table_free(table);
	return EXIT_YES;
}
