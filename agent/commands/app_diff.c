#include "agent/commands/common.h"

#include "base/text.h"

/* Long values (a whole file in a ConfigMap) are cut: -o json has them. */
enum { VALUE_SHOWN = 200 };

static const char *shown(const struct command_context *context, const json_t *field, const char *key)
{
	const char *text = json_text_at(field, key, "");
	size_t length = text_fit(text, VALUE_SHOWN);
	return text[length] ? arena_printf(context->mem, "%.*s...", (int)length, text) : text;
}

static void show_field(const struct command_context *context, const json_t *field)
{
	const char *by = json_text_at(field, "by", "");
	printf("    ");
	output_text(&context->output, stdout, json_text_at(field, "path", ""), CELL_PLAIN);
	printf("\n      found   ");
	output_text(&context->output, stdout, shown(context, field, "found"), CELL_BAD);
	if (*by)
		output_text(&context->output, stdout, arena_printf(context->mem, "  (by %s)", by), CELL_DIM);
	printf("\n      wanted  ");
	output_text(&context->output, stdout, shown(context, field, "wanted"), CELL_GOOD);
	putchar('\n');
}

/* One object: what would be done to it, then each field. */
static void show_item(const struct command_context *context, const json_t *item)
{
	const struct output_change *change = output_change_of(json_text_at(item, "change", "update"));
	const char *reason = json_text_at(item, "reason", "");
	const json_t *field;
	size_t i;

	output_text(&context->output, stdout,
		arena_printf(context->mem, "%s %s", change->sign, command_object(context, item)),
		change->style);
	printf(" %s\n", change->meaning);
	if (*reason) {
		printf("    ");
		output_text(&context->output, stdout, reason, CELL_PLAIN);
		putchar('\n');
	}
	json_array_foreach (json_object_get(item, "fields"), i, field)
		show_field(context, field);
}

/* No difference is an answer only where something was compared: an error is never an empty set. */
static int verdict(const struct command_context *context, const char *name, const json_t *items)
{
	CLEANUP(json_done) json_t *application = NULL;
	const json_t *condition;
	struct error err;
	size_t i;
	if (json_array_size(items))
		return EXIT_NO;
	if (!client_view(context, command_application_path(context, name, ""), &application, &err))
		return command_failed(&err);
	const char *sync = json_text_at(application, "status.sync.status", "Unknown");
	if (text_equal(sync, "Synced"))
		return EXIT_YES;
	if (text_equal(sync, "OutOfSync"))
		return EXIT_NO;
	fprintf(stderr, "pgitops: whether something differs is not known: %s was not compared\n", name);
	json_array_foreach (json_at(application, "status.conditions"), i, condition)
		command_block(context, stderr, 2, json_text_at(condition, "message", ""), CELL_PLAIN);
	return EXIT_NO_ANSWER;
}

/* Statements, and whom none of them makes as wanted. */
static void show_plan(const struct command_context *context, const json_t *plan)
{
	const char *database = json_text_at(plan, "database", "");
	const json_t *item;
	size_t i;
	json_array_foreach (json_object_get(plan, "steps"), i, item) {
		output_text(&context->output, stdout,
			arena_printf(context->mem, "~ database %s: %s", database,
				json_text_at(item, "summary", json_text_at(item, "statement", ""))),
			CELL_BUSY);
		putchar('\n');
	}
	json_array_foreach (json_object_get(plan, "refusals"), i, item) {
		output_text(&context->output, stdout,
			arena_printf(context->mem, "! database %s: %s: %s, %s", database,
				json_text_at(item, "user", ""), json_text_at(item, "status", ""),
				json_text_at(item, "reason", "")),
			CELL_BAD);
		putchar('\n');
	}
	if (json_bool_at(plan, "blocked", false)) {
		output_text(&context->output, stdout,
			arena_printf(context->mem, "! database %s: removed only when confirmed: %s", database,
				command_join(context, json_object_get(plan, "deletions"), "-")),
			CELL_BAD);
		putchar('\n');
	}
}

static void show_items(
	const struct command_context *context, const json_t *items, const char *reason, const json_t *plans)
{
	const json_t *item;
	size_t i;
	if (command_is_markdown(context)) {
		command_show_markdown(items, reason, plans);
		return;
	}
	if (reason)
		command_block(context, stderr, 0, reason, CELL_PLAIN);
	json_array_foreach (items, i, item)
		show_item(context, item);
	json_array_foreach (plans, i, item)
		show_plan(context, item);
}

static int diff_at_revision(const struct command_context *context, const char *name, const json_t *body)
{
	CLEANUP(json_done) json_t *result = NULL;
	int code = command_at_revision(context, command_application_path(context, name, "/diff"), body,
		COMMAND_MILLISECONDS, &result);
	if (result && command_is_document(context))
		output_document(&context->output, result);
	else if (result)
		show_items(context, json_object_get(result, "items"), json_text_at(result, "reason", NULL),
			json_object_get(result, "users"));
	return code;
}

int command_app_diff(struct command_context *context, int argc, char **argv)
{
	const char *revision = NULL;
	const struct command_option options[] = {{"--revision", NULL, &revision}};
	CLEANUP(json_done) json_t *answer = NULL;
	CLEANUP(json_done) json_t *body = json_object();
	struct error err;

	if (!command_revisions(context, &argc, argv, body) ||
		!command_arguments(context, &argc, argv, options, COUNT_OF(options), 1, 1))
		return EXIT_NO_ANSWER;
	json_set_text(body, "revision", revision);
	if (json_object_size(body))
		return diff_at_revision(context, argv[0], body);
	if (!command_view(context, command_application_path(context, argv[0], "/diff"), &answer, &err))
		return command_failed(&err);
	const json_t *items = json_object_get(answer, "items");
	if (command_is_document(context))
		output_document(&context->output, answer);
	else
		show_items(context, items, NULL, NULL);
	return verdict(context, argv[0], items);
}
