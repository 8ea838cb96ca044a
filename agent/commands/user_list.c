#include "agent/commands/users.h"

#include <string.h>

#include "base/text.h"

static void add_row(const struct command_context *context, struct table *table, const json_t *user)
{
	table_cell(table, json_text_at(user, "name", ""), CELL_PLAIN);
	table_cell(table, json_text_at(user, "database", ""), CELL_PLAIN);
	command_status_cell(table, json_text_at(user, "status", "Unknown"));
	table_cell(table, command_user_roles(context, user), CELL_PLAIN);
	table_cell(table, command_age(context, json_text_at(user, "lastChange.time", NULL)), CELL_PLAIN);
	if (context->output.format == OUTPUT_WIDE) {
		table_cell(table, command_commit(context, json_text_at(user, "lastChange.commit", "")),
			CELL_PLAIN);
		table_cell(table,
			arena_printf(context->mem, "%zu", json_array_size(json_object_get(user, "differences"))),
			CELL_PLAIN);
	}
	table_cell(table, command_user_reason(context, user), CELL_PLAIN);
}

static int list_unmanaged(struct command_context *context)
{
	static const char *const headers[] = {
		"NAME", "DATABASE", "LOGIN", "SUPERUSER", "IN USERS.YAML", "REASON"};
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	const json_t *role;
	size_t i;

	if (!command_view(context, "/api/v1/users/unmanaged", &answer, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		output_document(&context->output, answer);
		return EXIT_YES;
	}
	const json_t *items = json_object_get(answer, "items");
	if (command_is_empty(items, "every role is managed, or PostgreSQL's or the operator's own"))
		return EXIT_YES;
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (items, i, role) {
		bool super = json_bool_at(role, "superuser", false);
		table_cell(table, json_text_at(role, "name", ""), CELL_PLAIN);
		table_cell(table, json_text_at(role, "database", ""), CELL_PLAIN);
		table_cell(table, json_bool_at(role, "login", false) ? "yes" : "no", CELL_PLAIN);
		table_cell(table, super ? "yes" : "no", super ? CELL_BAD : CELL_PLAIN);
		table_cell(table, json_bool_at(role, "referenced", false) ? "yes" : "no", CELL_PLAIN);
		table_cell(table, json_text_at(role, "reason", ""), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
	long long count = json_number_at(answer, "count", 0);
	if (count > (long long)json_array_size(items))
		printf("... and %lld more\n", count - (long long)json_array_size(items));
	return EXIT_YES;
}

/* Whose users are not reconciled, or not the newest: what the table shows is as old as that. */
static void tell_databases(const struct command_context *context)
{
	CLEANUP(json_done) json_t *answer = NULL;
	const json_t *database;
	struct error err;
	size_t i;

	if (!client_view(context, "/api/v1/databases", &answer, &err)) {
		command_failed(&err);
		return;
	}
	json_array_foreach (json_object_get(answer, "items"), i, database) {
		const char *status = json_text_at(database, "status", "Unknown");
		const char *reason = json_text_at(database, "reason", "");
		if (text_equal(status, "Connected") && !*reason)
			continue;
		fprintf(stderr, "pgitops: ");
		output_text(&context->output, stderr,
			arena_printf(context->mem, "database %s: %s%s%s", json_text_at(database, "name", ""),
				status, *reason ? ": " : "", reason),
			CELL_PLAIN);
		fputc('\n', stderr);
	}
}

int command_user_list(struct command_context *context, int argc, char **argv)
{
	static const char *const narrow[] = {"NAME", "DATABASE", "STATUS", "ROLES", "CHANGED", "REASON"};
	static const char *const wide[] = {
		"NAME", "DATABASE", "STATUS", "ROLES", "CHANGED", "COMMIT", "DIFFERENCES", "REASON"};
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	const json_t *user;
	size_t i;

	bool unmanaged = false;
	const struct command_option options[] = {{"--unmanaged", &unmanaged, NULL}};
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 0))
		return EXIT_NO_ANSWER;
	if (unmanaged)
		return list_unmanaged(context);
	if (!command_view(context, "/api/v1/users", &answer, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		output_document(&context->output, answer);
		return EXIT_YES;
	}
	const json_t *items = json_object_get(answer, "items");
	tell_databases(context);
	if (command_is_empty(items, "no users are managed; `pgitops status` says how the databases fare"))
		return EXIT_YES;
	bool is_wide = context->output.format == OUTPUT_WIDE;
	struct table *table = table_new(
		&context->output, is_wide ? wide : narrow, is_wide ? COUNT_OF(wide) : COUNT_OF(narrow));
	json_array_foreach (items, i, user)
		add_row(context, table, user);
	table_print(table);
	table_free(table);
	return EXIT_YES;
}
