#include "agent/commands/common.h"

static const char *wave(const struct command_context *context, const json_t *item)
{
	const json_t *value = json_object_get(item, "syncWave");
	return json_is_integer(value)
		? arena_printf(context->mem, "%lld", (long long)json_integer_value(value))
		: "-";
}

/* A hook is never compared: what is known of it is how it ended. */
static const char *status_of(const json_t *item)
{
	return json_text_at(item, "hookType", NULL) ? json_text_at(item, "hookPhase", "")
						    : json_text_at(item, "status", "");
}

static void show_rows(const struct command_context *context, const json_t *items)
{
	static const char *const headers[] = {
		"KIND", "NAMESPACE", "NAME", "SYNC", "HEALTH", "HOOK", "WAVE", "MESSAGE", "GROUP", "VERSION"};
	bool wide = context->output.format == OUTPUT_WIDE;
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers) - (wide ? 0 : 2));
	const json_t *item;
	size_t i;
	json_array_foreach (items, i, item) {
		const char *message = json_text_at(item, "message", "");
		table_cell(table, json_text_at(item, "kind", ""), CELL_PLAIN);
		table_cell(table, command_or_dash(json_text_at(item, "namespace", "")), CELL_PLAIN);
		table_cell(table, json_text_at(item, "name", ""), CELL_PLAIN);
		command_status_cell(table, status_of(item));
		command_status_cell(table, json_text_at(item, "health.status", ""));
		table_cell(table, json_text_at(item, "hookType", "-"), CELL_PLAIN);
		table_cell(table, wave(context, item), CELL_PLAIN);
		table_cell(table, wide ? message : command_first_line(context, message), CELL_PLAIN);
		if (wide) {
			table_cell(table, command_or_dash(json_text_at(item, "group", "")), CELL_PLAIN);
			table_cell(table, json_text_at(item, "version", ""), CELL_PLAIN);
		}
	}
	table_print(table);
	table_free(table);
}

int command_app_resources(struct command_context *context, int argc, char **argv)
{
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	if (!command_arguments(context, &argc, argv, NULL, 0, 1, 1))
		return EXIT_NO_ANSWER;
	if (!command_view(context, command_application_path(context, argv[0], "/resources"), &answer, &err))
		return command_failed(&err);
	const json_t *items = json_object_get(answer, "items");
	if (command_is_document(context))
		output_document(&context->output, answer);
	else if (!command_is_empty(items, "no objects"))
		show_rows(context, items);
	return EXIT_YES;
}
