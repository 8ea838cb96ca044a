#include "agent/commands/common.h"

#include "agent/show/view.h"
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

/* One alone has the plain words; of several each has its number, by which --source-positions means it. */
static void show_source(const struct command_context *context, const json_t *application, size_t source)
{
	static const char *const words[] = {"Revision", "Repository", "Path", "Target"};
	const json_t *at = view_source(application, source);
	char commit[COMMIT_SIZE];
	commits_at(command_commits(context, json_at(application, "status.sync")), source, commit);
	const char *const values[] = {command_or_dash(commit), json_text_at(at, "repoURL", "-"),
		json_text_at(at, "path", json_text_at(at, "ref", "-")),
		command_or_dash(json_text_at(at, "targetRevision", "HEAD"))};

	if (view_source(application, 1))
		command_field(context, "Source", arena_printf(context->mem, "%zu", source + 1), CELL_PLAIN);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		command_field(context, words[i], values[i], CELL_PLAIN);
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
	for (size_t i = 0; i == 0 || view_source(application, i); i++)
		show_source(context, application, i);
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

/* The table of a list that has its first row now. */
static struct table *begin_table(
	const struct command_context *context, const char *const *headers, size_t columns)
{
	putchar('\n');
	return table_new(&context->output, headers, columns);
}

static void end_table(struct table *table)
{
	if (table)
		table_print(table);
	table_free(table);
}

static void show_resources(const struct command_context *context, const json_t *items)
{
	static const char *const headers[] = {
		"GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "MESSAGE"};
	struct table *table = NULL;
	const json_t *item;
	size_t i;
	json_array_foreach (items, i, item) {
		if (json_object_get(item, "hookType"))
			continue;
		if (!table)
			table = begin_table(context, headers, COUNT_OF(headers));
		table_cell(table, json_text_at(item, "group", ""), CELL_PLAIN);
		table_cell(table, json_text_at(item, "kind", ""), CELL_PLAIN);
		table_cell(table, command_or_dash(json_text_at(item, "namespace", "")), CELL_PLAIN);
		table_cell(table, json_text_at(item, "name", ""), CELL_PLAIN);
		command_status_cell(table, json_text_at(item, "status", ""));
		command_status_cell(table, json_text_at(item, "health.status", ""));
		table_cell(table, command_first_line(context, json_text_at(item, "message", "")), CELL_PLAIN);
	}
	end_table(table);
}

/* Those of the last operation, in the order in which they ran. */
static void show_hooks(const struct command_context *context, const json_t *items)
{
	static const char *const headers[] = {"HOOK", "OBJECT", "PHASE", "MESSAGE"};
	struct table *table = NULL;
	const json_t *item;
	size_t i;
	json_array_foreach (items, i, item) {
		if (!json_object_get(item, "hookType"))
			continue;
		if (!table)
			table = begin_table(context, headers, COUNT_OF(headers));
		table_cell(table, json_text_at(item, "hookType", ""), CELL_PLAIN);
		table_cell(table, command_object(context, item), CELL_PLAIN);
		command_status_cell(table, json_text_at(item, "hookPhase", ""));
		table_cell(table, command_first_line(context, json_text_at(item, "message", "")), CELL_PLAIN);
	}
	end_table(table);
}

/* "for 5m" while it runs, "5m ago" when it has ended; the message says what it waits for or what came of it. Running with an end
   is a failed one that waits for its next try (argocd.md 2.2). */
static const char *operation_time(const struct command_context *context, const json_t *state)
{
	const char *phase = json_text_at(state, "phase", "");
	const char *finished = json_text_at(state, "finishedAt", NULL);
	const char *started = command_age(context, json_text_at(state, "startedAt", NULL));
	bool open = text_equal(phase, "Running") || text_equal(phase, "Terminating");
	if (open && finished)
		return arena_printf(context->mem, "failed %s ago and waits for its next try, for %s",
			command_age(context, finished), started);
	if (open)
		return arena_printf(context->mem, "for %s", started);
	return arena_printf(context->mem, "%s ago", finished ? command_age(context, finished) : started);
}

static void show_operation(const struct command_context *context, const json_t *application)
{
	const json_t *state = json_at(application, "status.operationState");
	if (!state)
		return;
	const char *phase = json_text_at(state, "phase", "");
	int64_t retries = json_number_at(state, "retryCount", 0);
	const char *by = json_bool_at(state, "operation.initiatedBy.automated", false)
		? "automated"
		: json_text_at(state, "operation.initiatedBy.username", "-");
	putchar('\n');
	command_field(context, "Operation", phase, output_style_of(phase));
	command_field(context, "",
		arena_printf(context->mem, "%s, by %s, revision %s%s", operation_time(context, state), by,
			command_commit(context, command_commits(context, json_at(state, "syncResult"))),
			retries ? arena_printf(context->mem, ", retried %lld times", (long long)retries) : ""),
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
	struct table *table = begin_table(context, headers, COUNT_OF(headers));
	for (size_t i = count; i > 0 && count - i < HISTORY_SHOWN; i--) {
		const json_t *entry = json_array_get(history, i - 1);
		table_cell(table, arena_printf(context->mem, "%lld", (long long)json_number_at(entry, "id", 0)),
			CELL_PLAIN);
		table_cell(table, command_time(context, json_text_at(entry, "deployedAt", NULL)), CELL_PLAIN);
		table_cell(table, command_commit(context, command_commits(context, entry)), CELL_PLAIN);
	}
	end_table(table);
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
	CLEANUP(json_done) json_t *items = view_resources(application);
	show_resources(context, items);
	show_operation(context, application);
	show_hooks(context, items);
	show_history(context, application);
	return EXIT_YES;
}
