#include "agent/commands/common.h"

static void add_row(const struct command_context *context, struct table *table, const json_t *drift)
{
	const json_t *user = json_object_get(drift, "user");
	const char *healed = json_text_at(drift, "healed", NULL);
	const char *what = user ? arena_printf(context->mem, "user %s/%s", json_text_at(user, "database", ""),
					  json_text_at(user, "name", ""))
				: command_object(context, json_object_get(drift, "object"));
	table_cell(table, command_time(context, json_text_at(drift, "time", NULL)), CELL_PLAIN);
	table_cell(table, what, CELL_PLAIN);
	table_cell(table, json_text_at(drift, "field", ""), CELL_PLAIN);
	table_cell(table, command_or_dash(json_text_at(drift, "wanted", "")), CELL_PLAIN);
	table_cell(table, command_or_dash(json_text_at(drift, "found", "")), CELL_PLAIN);
	table_cell(table, command_or_dash(json_text_at(drift, "by", "")), CELL_PLAIN);
	table_cell(table, healed ? command_time(context, healed) : "open", healed ? CELL_PLAIN : CELL_BAD);
	if (context->output.format == OUTPUT_WIDE) {
		table_cell(table, command_or_dash(json_text_at(drift, "application", "")), CELL_PLAIN);
		table_cell(table, arena_printf(context->mem, "%lld", (long long)json_number_at(drift, "id", 0)),
			CELL_PLAIN);
	}
}

static const char *make_path(const struct command_context *context, const char *application, const char *user,
	const char *since, bool open)
{
	return arena_printf(context->mem, "/api/v1/drift?open=%s%s%s%s%s%s%s", open ? "true" : "false",
		application ? "&application=" : "", application ? command_encoded(context, application) : "",
		user ? "&user=" : "", user ? command_encoded(context, user) : "", since ? "&since=" : "",
		since ? command_encoded(context, since) : "");
}

int command_drift_list(struct command_context *context, int argc, char **argv)
{
	static const char *const headers[] = {
		"TIME", "WHAT", "FIELD", "WANTED", "FOUND", "BY", "HEALED", "APPLICATION", "ID"};
	const char *application = NULL, *user = NULL, *since = NULL;
	bool open = false;
	const struct command_option options[] = {{"--app", NULL, &application}, {"--user", NULL, &user},
		{"--since", NULL, &since}, {"--open", &open, NULL}};
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	const json_t *drift;
	size_t i;

	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 0) ||
		(since && !command_since(context, since, &since)))
		return EXIT_NO_ANSWER;
	if (!command_view(context, make_path(context, application, user, since, open), &answer, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		output_document(&context->output, answer);
		return EXIT_YES;
	}
	const json_t *items = json_object_get(answer, "items");
	if (command_is_empty(items, "no drift is recorded"))
		return EXIT_YES;
	size_t columns = context->output.format == OUTPUT_WIDE ? COUNT_OF(headers) : COUNT_OF(headers) - 2;
	struct table *table = table_new(&context->output, headers, columns);
	json_array_foreach (items, i, drift)
		add_row(context, table, drift);
	table_print(table);
	table_free(table);
	return EXIT_YES;
}
