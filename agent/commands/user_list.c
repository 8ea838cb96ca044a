#include "agent/commands/common.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { CHANGES_SHOWN = 10 };

static const char *roles_of(const struct command_context *context, const json_t *user)
{
	if (text_equal(json_text_at(user, "kind", "user"), "database"))
		return "(a database)";
	return json_bool_at(user, "group", false) ? "(a group)"
						  : command_join(context, json_object_get(user, "roles"), "-");
}

/* How long that is from now is said here: what is kept of a user is to change with the user alone. */
static const char *reason_of(const struct command_context *context, const json_t *user)
{
	const char *reason = json_text_at(user, "reason", ""), *until = json_text_at(user, "until", NULL);
	char text[16];
	int64_t end, now = clock_now();
	if (!until || json_bool_at(user, "held", false) || !clock_parse(until, &end) || end <= now ||
		!text_ends(reason, until))
		return reason;
	duration_text((end - now) / 1000, text);
	return arena_printf(context->mem, "%s, in %s", reason, text);
}

static void add_row(const struct command_context *context, struct table *table, const json_t *user)
{
	table_cell(table, json_text_at(user, "name", ""), CELL_PLAIN);
	table_cell(table, json_text_at(user, "database", ""), CELL_PLAIN);
	command_status_cell(table, json_text_at(user, "status", "Unknown"));
	table_cell(table, roles_of(context, user), CELL_PLAIN);
	table_cell(table, command_age(context, json_text_at(user, "lastChange.time", NULL)), CELL_PLAIN);
	if (context->output.format == OUTPUT_WIDE) {
		table_cell(table, command_commit(context, json_text_at(user, "lastChange.commit", "")),
			CELL_PLAIN);
		table_cell(table,
			arena_printf(context->mem, "%zu", json_array_size(json_object_get(user, "differences"))),
			CELL_PLAIN);
	}
	table_cell(table, reason_of(context, user), CELL_PLAIN);
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

/* ---- user get ---- */

static void show_user(const struct command_context *context, const json_t *user)
{
	static const char *const headers[] = {"FIELD", "WANTED", "FOUND"};
	const json_t *differences = json_object_get(user, "differences");
	const char *status = json_text_at(user, "status", "Unknown");
	const char *reason = reason_of(context, user);
	const char *changed = json_text_at(user, "lastChange.time", NULL);
	const json_t *difference;
	size_t i;

	command_field(context, "Name", json_text_at(user, "name", ""), CELL_PLAIN);
	command_field(context, "Database", json_text_at(user, "database", ""), CELL_PLAIN);
	command_field(context, "Status", status, output_style_of(status));
	if (*reason)
		command_field(context, "Reason", reason, CELL_PLAIN);
	command_field(context, "Roles", roles_of(context, user), CELL_PLAIN);
	if (changed)
		command_field(context, "Changed",
			arena_printf(context->mem, "%s ago, commit %s", command_age(context, changed),
				command_commit(context, json_text_at(user, "lastChange.commit", ""))),
			CELL_PLAIN);
	if (!json_array_size(differences))
		return;
	putchar('\n');
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (differences, i, difference) {
		table_cell(table, json_text_at(difference, "field", ""), CELL_PLAIN);
		table_cell(table, json_text_at(difference, "wanted", ""), CELL_GOOD);
		table_cell(table, json_text_at(difference, "found", ""), CELL_BAD);
	}
	table_print(table);
	table_free(table);
}

static void show_changes(const struct command_context *context, const char *name)
{
	static const char *const headers[] = {"TIME", "DATABASE", "ACTION", "COMMIT", "OUTCOME", "STATEMENT"};
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	const char *path =
		arena_printf(context->mem, "/api/v1/users/history?user=%s", command_encoded(context, name));
	if (!client_view(context, path, &answer, &err)) {
		command_failed(&err);
		return;
	}
	const json_t *items = json_object_get(answer, "items");
	if (!json_array_size(items))
		return;
	putchar('\n');
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	for (size_t i = 0; i < json_array_size(items) && i < CHANGES_SHOWN; i++) {
		const json_t *change = json_array_get(items, i);
		table_cell(table, command_time(context, json_text_at(change, "started", NULL)), CELL_PLAIN);
		table_cell(table, json_text_at(change, "database", ""), CELL_PLAIN);
		table_cell(table, json_text_at(change, "action", ""), CELL_PLAIN);
		table_cell(table, command_commit(context, json_text_at(change, "commit", "")), CELL_PLAIN);
		command_change_cell(context, table, change);
		table_cell(table, command_statement(context, change), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

/* What is said of her database concerns her, too. */
static bool add_warnings(struct command_context *context, json_t *users, json_t **databases, struct error *err)
{
	json_t *user;
	const json_t *database;
	size_t i, j;
	if (!client_view(context, "/api/v1/databases", databases, err))
		return false;
	json_array_foreach (users, i, user)
		json_array_foreach (json_object_get(*databases, "items"), j, database)
			if (text_equal(json_text_at(user, "database", ""), json_text_at(database, "name", "")))
				json_object_set(user, "warnings", json_object_get(database, "warnings"));
	return true;
}

int command_user_get(struct command_context *context, int argc, char **argv)
{
	CLEANUP(json_done) json_t *answer = NULL;
	CLEANUP(json_done) json_t *databases = NULL;
	CLEANUP(json_done) json_t *found = json_array();
	struct error err;
	json_t *user;
	size_t i;

	if (!command_arguments(context, &argc, argv, NULL, 0, 1, 1))
		return EXIT_NO_ANSWER;
	if (!command_view(context, "/api/v1/users", &answer, &err))
		return command_failed(&err);
	json_array_foreach (json_object_get(answer, "items"), i, user)
		if (text_equal(json_text_at(user, "name", ""), argv[0]))
			json_array_append(found, user);
	if (!json_array_size(found)) {
		error_set(&err, ERROR_MISSING,
			"there is no user \"%s\": `pgitops user list` shows those that are managed", argv[0]);
		return command_failed(&err);
	}
	if (!add_warnings(context, found, &databases, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *list = json_pack("{s:O}", "items", found);
		output_document(&context->output, list);
		return EXIT_YES;
	}
	json_array_foreach (found, i, user) {
		if (i)
			putchar('\n');
		show_user(context, user);
		command_show_warnings(
			context, json_object_get(databases, "items"), json_text_at(user, "database", ""));
	}
	show_changes(context, argv[0]);
	return EXIT_YES;
}
