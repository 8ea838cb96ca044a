#include "agent/commands/common.h"

#include <string.h>

#include "agent/show/view.h"
#include "base/text.h"

/* The time of the last successful sync; an Application that had none shows its own age. */
static const char *since(const json_t *application)
{
	const json_t *history = json_at(application, "status.history");
	const json_t *last =
		json_array_size(history) ? json_array_get(history, json_array_size(history) - 1) : NULL;
	return json_text_at(last, "deployedAt", json_text_at(application, "metadata.creationTimestamp", NULL));
}

/* The types of the conditions, each once as in the list: it is sorted. */
static const char *conditions(const struct command_context *context, const json_t *application)
{
	CLEANUP(json_done) json_t *types = json_array();
	const json_t *condition;
	const char *previous = "";
	size_t i;
	json_array_foreach (json_at(application, "status.conditions"), i, condition) {
		const char *type = json_text_at(condition, "type", "");
		if (!text_equal(type, previous))
			json_array_append_new(types, json_string(type));
		previous = type;
	}
	return command_join(context, types, "");
}

/* A field of each source, in their order. */
static const char *of_sources(const struct command_context *context, const json_t *application,
	const char *field, const char *fallback)
{
	const char *all = NULL;
	const json_t *source;
	for (size_t i = 0; (source = view_source(application, i)); i++)
		all = arena_join(context->mem, all, ", ", json_text_at(source, field, fallback));
	return all ? all : fallback;
}

static void add_row(const struct command_context *context, struct table *table, const json_t *application)
{
	const char *found = conditions(context, application);
	const char *revision = command_commits(context, json_at(application, "status.sync"));
	bool wide = context->output.format == OUTPUT_WIDE;

	table_cell(table, json_text_at(application, "metadata.name", ""), CELL_PLAIN);
	command_status_cell(table, json_text_at(application, "status.sync.status", "Unknown"));
	command_status_cell(table, json_text_at(application, "status.health.status", "Unknown"));
	table_cell(table, wide ? command_or_dash(revision) : command_commit(context, revision), CELL_PLAIN);
	table_cell(table, command_age(context, since(application)), CELL_PLAIN);
	if (wide) {
		table_cell(table, command_or_dash(of_sources(context, application, "repoURL", "")), CELL_PLAIN);
		table_cell(table, command_or_dash(of_sources(context, application, "path", "")), CELL_PLAIN);
		table_cell(table, of_sources(context, application, "targetRevision", "HEAD"), CELL_PLAIN);
		table_cell(table, command_or_dash(json_text_at(application, "spec.destination.namespace", "")),
			CELL_PLAIN);
	}
	table_cell(table, found, strstr(found, "Error") ? CELL_BAD : CELL_BUSY);
}

int command_app_list(struct command_context *context, int argc, char **argv)
{
	static const char *const narrow[] = {"NAME", "SYNC", "HEALTH", "REVISION", "AGE", "CONDITIONS"};
	static const char *const wide[] = {"NAME", "SYNC", "HEALTH", "REVISION", "AGE", "REPOSITORY", "PATH",
		"TARGET", "NAMESPACE", "CONDITIONS"};
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	const json_t *item;
	size_t i;

	if (!command_arguments(context, &argc, argv, NULL, 0, 0, 0))
		return EXIT_NO_ANSWER;
	if (!command_view(context, "/api/v1/applications", &answer, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		output_document(&context->output, answer);
		return EXIT_YES;
	}
	const json_t *items = json_object_get(answer, "items");
	if (command_is_empty(
		    items, "there are no Applications; `pgitops doctor` says where they are looked for"))
		return EXIT_YES;
	bool is_wide = context->output.format == OUTPUT_WIDE;
	struct table *table = table_new(
		&context->output, is_wide ? wide : narrow, is_wide ? COUNT_OF(wide) : COUNT_OF(narrow));
	json_array_foreach (items, i, item)
		add_row(context, table, item);
	table_print(table);
	table_free(table);
	return EXIT_YES;
}
