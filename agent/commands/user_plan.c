#include "agent/commands/common.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"

/* A comment of SQL ends with the line, so foreign text is made one line first: output_visible() does that. */
static void comment(const struct command_context *context, const char *text, enum cell_style style)
{
	output_text(&context->output, stdout, arena_printf(context->mem, "-- %s", text), style);
	putchar('\n');
}

static void show_plan(const struct command_context *context, const json_t *item)
{
	const json_t *steps = json_object_get(item, "steps");
	const json_t *deletions = json_object_get(item, "deletions");
	const char *confirm = json_text_at(item, "confirm", "");
	const json_t *step;
	size_t i, count = json_array_size(steps);

	bool blocked = json_bool_at(item, "blocked", false);
	comment(context,
		count ? arena_printf(context->mem, "database %s: %zu %s", json_text_at(item, "database", ""),
				count, count == 1 ? "step" : "steps")
		      : arena_printf(context->mem, "database %s: nothing to do%s",
				json_text_at(item, "database", ""), blocked ? " without a confirmation" : ""),
		CELL_PLAIN);
	if (*json_text_at(item, "pending", ""))
		comment(context, json_text_at(item, "pending", ""), CELL_BUSY);
	if (blocked)
		comment(context,
			arena_printf(context->mem, "these would be removed only when confirmed: %s",
				command_join(context, deletions, "-")),
			CELL_BAD);
	else if (json_array_size(deletions))
		comment(context,
			arena_printf(context->mem, "removes: %s", command_join(context, deletions, "-")),
			CELL_BUSY);
	if (blocked && *confirm)
		comment(context,
			arena_printf(context->mem, "to confirm: pgitops user sync --database %s --confirm %s",
				json_text_at(item, "database", ""), confirm),
			CELL_BAD);
	json_array_foreach (json_object_get(item, "waiting"), i, step)
		comment(context,
			arena_printf(context->mem, "%s: %s", json_text_at(step, "user", ""),
				json_text_at(step, "reason", "")),
			CELL_BUSY);
	json_array_foreach (json_object_get(item, "missing"), i, step)
		comment(context,
			arena_printf(context->mem, "%s: %s", json_text_at(step, "user", ""),
				json_text_at(step, "reason", "")),
			CELL_BAD);
	json_array_foreach (json_object_get(item, "refusals"), i, step)
		comment(context,
			arena_printf(context->mem, "%s: %s, %s", json_text_at(step, "user", ""),
				json_text_at(step, "status", ""), json_text_at(step, "reason", "")),
			CELL_BAD);
	command_script(context, json_text_at(item, "script", ""), "");
}

static void show_plans(const struct command_context *context, const json_t *plans)
{
	const json_t *plan;
	size_t i;
	if (command_is_markdown(context)) {
		command_show_markdown(NULL, NULL, plans);
		return;
	}
	json_array_foreach (plans, i, plan) {
		if (i)
			putchar('\n');
		show_plan(context, plan);
	}
}

int command_users_plan(struct command_context *context, json_t *body, int64_t milliseconds)
{
	CLEANUP(json_done) json_t *operation = NULL;
	struct error err;

	json_object_set_new(body, "dryRun", json_true());
	if (!command_act(context, COMMAND_USERS_SYNC, body, milliseconds, &operation, &err))
		return command_failed(&err);
	const json_t *items = json_at(operation, "result.items");
	if (!json_is_array(items)) { /* not even a plan could be made */
		command_outcome(context, operation);
		return EXIT_NO_ANSWER;
	}
	if (command_is_document(context))
		output_document(&context->output, json_object_get(operation, "result"));
	else
		show_plans(context, items);
	if (!text_equal(json_text_at(operation, "phase", ""), "Succeeded")) {
		fprintf(stderr, "pgitops: ");
		output_text(&context->output, stderr,
			json_text_at(operation, "message", "the plan is not complete"), CELL_PLAIN);
		fputc('\n', stderr);
		return EXIT_NO;
	}
	return command_plans_change(items) ? EXIT_NO : EXIT_YES;
}

static int plan(struct command_context *context, const char *database, int64_t milliseconds)
{
	CLEANUP(json_done) json_t *body = json_object();
	json_set_text(body, "database", database);
	return command_users_plan(context, body, milliseconds);
}

static int plan_at_revision(
	const struct command_context *context, const char *database, json_t *body, int64_t milliseconds)
{
	CLEANUP(json_done) json_t *result = NULL;
	json_object_set_new(body, "dryRun", json_true());
	json_set_text(body, "database", database);
	int code = command_at_revision(context, COMMAND_USERS_SYNC, body, milliseconds, &result);
	if (result && command_is_document(context))
		output_document(&context->output, result);
	else if (result)
		show_plans(context, json_object_get(result, "users"));
	return code;
}

int command_user_plan(struct command_context *context, int argc, char **argv)
{
	const char *database = NULL, *timeout = NULL, *revision = NULL;
	int64_t milliseconds;
	const struct command_option options[] = {{"--database", NULL, &database},
		{"--revision", NULL, &revision}, {"--timeout", NULL, &timeout}};
	CLEANUP(json_done) json_t *body = json_object();
	if (!command_revisions(context, &argc, argv, body) ||
		!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 0) ||
		!command_timeout(context, timeout, &milliseconds))
		return EXIT_NO_ANSWER;
	json_set_text(body, "revision", revision);
	if (json_object_size(body))
		return plan_at_revision(context, database, body, milliseconds);
	return plan(context, database, milliseconds);
}

/* ---- user sync ---- */

void command_show_steps(const struct command_context *context, const json_t *operation)
{
	static const char *const headers[] = {"USER", "DATABASE", "ACTION"};
	const json_t *item, *step;
	size_t i, j;
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	size_t rows = 0;
	json_array_foreach (json_at(operation, "result.items"), i, item)
		json_array_foreach (json_object_get(item, "steps"), j, step) {
			table_cell(table, json_text_at(step, "user", ""), CELL_PLAIN);
			table_cell(table, json_text_at(item, "database", ""), CELL_PLAIN);
			table_cell(table, json_text_at(step, "action", ""), CELL_PLAIN);
			rows++;
		}
	if (rows)
		table_print(table);
	table_free(table);
}

int command_users_sync(struct command_context *context, const json_t *body, int64_t milliseconds)
{
	CLEANUP(json_done) json_t *operation = NULL;
	struct error err;
	if (!command_act(context, COMMAND_USERS_SYNC, body, milliseconds, &operation, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		output_document(&context->output, operation);
		return text_equal(json_text_at(operation, "phase", ""), "Succeeded") ? EXIT_YES : EXIT_NO;
	}
	command_show_steps(context, operation);
	return command_outcome(context, operation);
}

int command_user_sync(struct command_context *context, int argc, char **argv)
{
	const char *database = NULL, *timeout = NULL, *confirm = NULL;
	bool dry_run = false, now = false;
	int64_t milliseconds;
	const struct command_option options[] = {{"--database", NULL, &database}, {"--confirm", NULL, &confirm},
		{"--dry-run", &dry_run, NULL}, {"--now", &now, NULL}, {"--timeout", NULL, &timeout}};
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, LIMIT_USERS) ||
		!command_timeout(context, timeout, &milliseconds))
		return EXIT_NO_ANSWER;
	if (now && !argc)
		return command_misused(
			context, "--now needs the names of the users that are removed without waiting");
	if (dry_run && confirm)
		return command_misused(context, "--dry-run removes nothing, so there is nothing to confirm");
	CLEANUP(json_done) json_t *body = json_pack("{s:b}", "dryRun", dry_run);
	json_set_text(body, "database", database);
	json_set_text(body, "confirm", confirm);
	if (argc)
		json_object_set_new(body, now ? "now" : "check", command_names(argc, argv));
	if (dry_run)
		return command_users_plan(context, body, milliseconds);
	return command_users_sync(context, body, milliseconds);
}
