#include "agent/commands/common.h"

#include "base/text.h"

enum { HISTORY_SHOWN = 5 };

static const char *policy(const struct command_context *context, const json_t *application)
{
	const json_t *automated = json_at(application, "spec.syncPolicy.automated");
	if (!automated || !json_bool_at(automated, "enabled", true))
		return "manual";
	return arena_printf(context->mem, "automated%s%s",
		json_bool_at(automated, "prune", false) ? ", prune" : "",
		json_bool_at(automated, "selfHeal", false) ? ", self-heal" : "");
}

static void show_head(const struct command_context *context, const json_t *application)
{
	const char *sync = json_text_at(application, "status.sync.status", "Unknown");
	const char *health = json_text_at(application, "status.health.status", "Unknown");
	const char *checked = command_age(context, json_text_at(application, "status.reconciledAt", NULL));

	command_field(context, "Name", json_text_at(application, "metadata.name", ""), CELL_PLAIN);
	command_field(context, "Sync", sync, output_style_of(sync));
	command_field(context, "Health", health, output_style_of(health));
	command_block(context, stdout, COMMAND_FIELD_WIDTH,
		json_text_at(application, "status.health.message", ""), CELL_PLAIN);
	command_field(context, "Revision",
		command_or_dash(json_text_at(application, "status.sync.revision", "")), CELL_PLAIN);
	command_field(context, "Repository", json_text_at(application, "spec.source.repoURL", "-"), CELL_PLAIN);
	command_field(context, "Path", json_text_at(application, "spec.source.path", "-"), CELL_PLAIN);
	command_field(context, "Target",
		command_or_dash(json_text_at(application, "spec.source.targetRevision", "HEAD")), CELL_PLAIN);
	command_field(context, "Namespace", json_text_at(application, "spec.destination.namespace", "-"),
		CELL_PLAIN);
	command_field(context, "Policy", policy(context, application), CELL_PLAIN);
	command_field(context, "Checked",
		text_equal(checked, "-") ? "never" : arena_printf(context->mem, "%s ago", checked), CELL_PLAIN);
}

/* A condition can hold every mistake of a path, a line each. */
static void show_conditions(const struct command_context *context, const json_t *application)
{
	const json_t *condition;
	size_t i;
	json_array_foreach (json_at(application, "status.conditions"), i, condition) {
		const char *type = json_text_at(condition, "type", "");
		const char *since = command_age(context, json_text_at(condition, "lastTransitionTime", NULL));
		putchar('\n');
		output_text(&context->output, stdout, type, text_ends(type, "Error") ? CELL_BAD : CELL_BUSY);
		printf(", for %s\n", since);
		command_block(context, stdout, 2, json_text_at(condition, "message", ""), CELL_PLAIN);
	}
}

/* What is to be known about a resource: its own message, or what the last operation said about it; "" = nothing. */
static const char *message_of(const json_t *application, const json_t *resource)
{
	static const char *const identity[] = {"group", "kind", "namespace", "name"};
	const char *message = json_text_at(resource, "message", json_text_at(resource, "health.message", ""));
	const json_t *result;
	size_t i;
	if (*message)
		return message;
	if (json_bool_at(resource, "requiresPruning", false))
		return "not in Git any more: a sync with --prune removes it";
	json_array_foreach (json_at(application, "status.operationState.syncResult.resources"), i, result) {
		bool same = true;
		for (size_t j = 0; j < COUNT_OF(identity); j++)
			same = same &&
				text_equal(json_text_at(result, identity[j], ""),
					json_text_at(resource, identity[j], ""));
		if (same)
			return json_text_at(result, "message", "");
	}
	return "";
}

static void show_resources(const struct command_context *context, const json_t *application)
{
	static const char *const headers[] = {
		"GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "MESSAGE"};
	const json_t *resources = json_at(application, "status.resources");
	const json_t *resource;
	size_t i;
	if (!json_array_size(resources))
		return;
	putchar('\n');
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (resources, i, resource) {
		table_cell(table, json_text_at(resource, "group", ""), CELL_PLAIN);
		table_cell(table, json_text_at(resource, "kind", ""), CELL_PLAIN);
		table_cell(table, command_or_dash(json_text_at(resource, "namespace", "")), CELL_PLAIN);
		table_cell(table, json_text_at(resource, "name", ""), CELL_PLAIN);
		command_status_cell(table, json_text_at(resource, "status", ""));
		command_status_cell(table, json_text_at(resource, "health.status", ""));
		table_cell(table, command_first_line(context, message_of(application, resource)), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

static void show_operation(const struct command_context *context, const json_t *application)
{
	const json_t *state = json_at(application, "status.operationState");
	if (!state)
		return;
	const char *phase = json_text_at(state, "phase", "");
	const char *when = json_text_at(state, "finishedAt", json_text_at(state, "startedAt", NULL));
	const char *by = json_bool_at(state, "operation.initiatedBy.automated", false)
		? "automated"
		: json_text_at(state, "operation.initiatedBy.username", "-");
	putchar('\n');
	command_field(context, "Operation", phase, output_style_of(phase));
	command_field(context, "",
		arena_printf(context->mem, "%s ago, by %s, revision %s", command_age(context, when), by,
			command_commit(context, json_text_at(state, "syncResult.revision", ""))),
		CELL_PLAIN);
	command_block(context, stdout, COMMAND_FIELD_WIDTH, json_text_at(state, "message", ""), CELL_PLAIN);
}

static void show_history(const struct command_context *context, const json_t *application)
{
	static const char *const headers[] = {"ID", "DEPLOYED", "REVISION"};
	const json_t *history = json_at(application, "status.history");
	size_t count = json_array_size(history);
	if (!count)
		return;
	putchar('\n');
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	for (size_t i = count; i > 0 && count - i < HISTORY_SHOWN; i--) {
		const json_t *entry = json_array_get(history, i - 1);
		table_cell(table, arena_printf(context->mem, "%lld", (long long)json_number_at(entry, "id", 0)),
			CELL_PLAIN);
		table_cell(table, command_time(context, json_text_at(entry, "deployedAt", NULL)), CELL_PLAIN);
		table_cell(table, command_commit(context, json_text_at(entry, "revision", "")), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

int command_app_get(struct command_context *context, int argc, char **argv)
{
	CLEANUP(json_done) json_t *application = NULL;
	struct error err;
	if (!command_arguments(context, &argc, argv, NULL, 0, 1, 1))
		return EXIT_NO_ANSWER;
	if (!command_view(context, command_application_path(context, argv[0], ""), &application, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		output_document(&context->output, application);
		return EXIT_YES;
	}
	show_head(context, application);
	show_conditions(context, application);
	show_resources(context, application);
	show_operation(context, application);
	show_history(context, application);
	return EXIT_YES;
}
