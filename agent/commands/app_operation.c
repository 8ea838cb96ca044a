/*
 * app_operation.c - what is asked of an Application and waited for: sync's common part, refresh, rollback, terminate
 */
#include "agent/commands/common.h"

#include <errno.h>
#include <stdlib.h>

#include "base/say.h"
#include "base/text.h"

static void show_results(const struct command_context *context, const json_t *operation)
{
	static const char *const headers[] = {"OBJECT", "STATUS", "MESSAGE"};
	const json_t *resources = json_at(operation, "result.resources");
	const json_t *resource;
	size_t i;
	if (!json_array_size(resources))
		return;
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (resources, i, resource) {
		table_cell(table, command_object(context, resource), CELL_PLAIN);
		command_status_cell(
			table, json_text_at(resource, "status", json_text_at(resource, "hookPhase", "")));
		table_cell(table, command_first_line(context, json_text_at(resource, "message", "")),
			CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

/* The sync did what it was asked to, but the Application is not as Git has it: that is a no, as in Argo CD's command. */
static int tell_unpruned(const json_t *operation, const char *name)
{
	long long count = json_number_at(operation, "result.requirePruning", 0);
	if (!count)
		return EXIT_YES;
	say(stderr, "%lld resource%s require%s pruning: pgitops app sync %s --prune\n", count,
		count == 1 ? "" : "s", count == 1 ? "s" : "", name);
	return EXIT_NO;
}

/* What an action on an Application came to. With --async the operation's number is all there is. `name` NULL: nothing was to be
   done. */
static int show(const struct command_context *context, const json_t *operation, const char *name, bool waited)
{
	if (command_is_document(context)) {
		output_document(&context->output, operation);
		return !waited || text_equal(json_text_at(operation, "phase", ""), "Succeeded") ? EXIT_YES
												: EXIT_NO;
	}
	if (!waited) {
		printf("operation %lld\n", (long long)json_number_at(operation, "operation", 0));
		return EXIT_YES;
	}
	show_results(context, operation);
	int code = command_outcome(context, operation);
	return code == EXIT_YES && name ? tell_unpruned(operation, name) : code;
}

int command_operate(const struct command_context *context, const char *name, const char *verb, json_t *body,
	const char *timeout, bool background)
{
	CLEANUP(json_done) json_t *owned = body;
	CLEANUP(json_done) json_t *operation = NULL;
	int64_t milliseconds;
	struct error err;
	if (!command_timeout(context, timeout, &milliseconds))
		return EXIT_NO_ANSWER;
	if (!command_act(context, command_application_path(context, name, verb), owned,
		    background ? 0 : milliseconds, &operation, &err))
		return command_failed(&err);
	return show(context, operation, json_bool_at(owned, "dryRun", false) ? NULL : name, !background);
}

/* What keeps the newest commit from being used, if anything; a refresh that found that out is a no. */
static int show_errors(const struct command_context *context, const char *name)
{
	CLEANUP(json_done) json_t *application = NULL;
	const json_t *condition;
	struct error err;
	int code = EXIT_YES;
	size_t i;
	if (!client_view(context, command_application_path(context, name, ""), &application, &err))
		return err.kind == ERROR_MISSING ? EXIT_YES : command_failed(&err);
	json_array_foreach (json_at(application, "status.conditions"), i, condition) {
		const char *type = json_text_at(condition, "type", "");
		if (!text_ends(type, "Error"))
			continue;
		code = EXIT_NO;
		say(stderr, "%s\n", type);
		command_block(context, stderr, 2, json_text_at(condition, "message", ""), CELL_PLAIN);
	}
	return code;
}

int command_app_refresh(struct command_context *context, int argc, char **argv)
{
	bool hard = false, background = false;
	const char *timeout = NULL;
	const struct command_option options[] = {
		{"--hard", &hard, NULL}, {"--async", &background, NULL}, {"--timeout", NULL, &timeout}};
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 1, 1))
		return EXIT_NO_ANSWER;
	int code = command_operate(
		context, argv[0], "/refresh", json_pack("{s:b}", "hard", hard), timeout, background);
	return code != EXIT_YES || background ? code : show_errors(context, argv[0]);
}

int command_app_rollback(struct command_context *context, int argc, char **argv)
{
	bool prune = false, dry_run = false, background = false;
	const char *confirm = NULL, *timeout = NULL;
	char *end;
	const struct command_option options[] = {{"--prune", &prune, NULL}, {"--dry-run", &dry_run, NULL},
		{"--async", &background, NULL}, {"--confirm", NULL, &confirm}, {"--timeout", NULL, &timeout}};
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 2, 2))
		return EXIT_NO_ANSWER;
	errno = 0;
	long long id = strtoll(argv[1], &end, 10);
	if (errno || *end || end == argv[1] || id < 0)
		return command_misused(
			context, "%s is no ID: `pgitops app history %s` shows them", argv[1], argv[0]);
	json_t *body = json_pack("{s:I, s:b, s:b}", "id", (json_int_t)id, "prune", prune, "dryRun", dry_run);
	json_set_text(body, "confirm", confirm);
	return command_operate(context, argv[0], "/rollback", body, timeout, background);
}

int command_app_terminate(struct command_context *context, int argc, char **argv)
{
	bool background = false;
	const char *timeout = NULL;
	const struct command_option options[] = {{"--async", &background, NULL}, {"--timeout", NULL, &timeout}};
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 1, 1))
		return EXIT_NO_ANSWER;
	return command_operate(context, argv[0], "/terminate", json_object(), timeout, background);
}
