#include "agent/commands/common.h"

#include <string.h>

#include "base/text.h"

static void add_row(const struct command_context *context, struct table *table, const json_t *change)
{
	table_cell(table, command_time(context, json_text_at(change, "started", NULL)), CELL_PLAIN);
	table_cell(table, command_or_dash(json_text_at(change, "user", "")), CELL_PLAIN);
	table_cell(table, json_text_at(change, "database", ""), CELL_PLAIN);
	table_cell(table, json_text_at(change, "action", ""), CELL_PLAIN);
	table_cell(table, command_commit(context, json_text_at(change, "commit", "")), CELL_PLAIN);
	command_change_cell(context, table, change);
	table_cell(table, command_statement(context, change), CELL_PLAIN);
}

/* What was done, oldest first and each in its database, as psql could do it again from the one that `connection` names; what was not done is a comment. So are rows of old versions whose
   hidden password would be taken for one. */
static void show_sql(const struct command_context *context, const json_t *items)
{
	bool elsewhere = false; /* than in the database that it began in */
	puts("\\set ON_ERROR_STOP on\n\\set pgitops_home :DBNAME");
	for (size_t i = json_array_size(items); i-- > 0;) {
		const json_t *change = json_array_get(items, i);
		const char *outcome = json_text_at(change, "outcome", "");
		const char *statement = json_text_at(change, "statement", "");
		bool done = text_equal(outcome, "done") && !strstr(statement, "PASSWORD '<hidden>'");
		printf("\n-- ");
		output_text(&context->output, stdout,
			arena_printf(context->mem, "%s %s: %s: %s: %s", json_text_at(change, "started", ""),
				json_text_at(change, "database", ""), json_text_at(change, "user", ""),
				json_text_at(change, "action", ""), *outcome ? outcome : "not known"),
			CELL_DIM);
		putchar('\n');
		bool goes = *statement == '\\'; /* its first line is \connect */
		if (done && elsewhere && !goes)
			puts("\\connect :\"pgitops_home\"");
		elsewhere = done ? goes : elsewhere;
		command_script(context, arena_printf(context->mem, "%s;", statement), done ? "" : "-- ");
	}
}

static const char *make_path(
	const struct command_context *context, const char *user, const char *database, const char *since)
{
	const struct {
		const char *name, *value;
	} parameters[] = {{"user", user}, {"database", database}, {"since", since}};
	const char *path = "/api/v1/users/history", *before = "?";
	for (size_t i = 0; i < COUNT_OF(parameters); i++) {
		if (!parameters[i].value)
			continue;
		path = arena_printf(context->mem, "%s%s%s=%s", path, before, parameters[i].name,
			command_encoded(context, parameters[i].value));
		before = "&";
	}
	return path;
}

int command_user_history(struct command_context *context, int argc, char **argv)
{
	static const char *const headers[] = {
		"TIME", "USER", "DATABASE", "ACTION", "COMMIT", "OUTCOME", "STATEMENT"};
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	const json_t *change;
	size_t i;

	bool sql = false;
	const char *user = NULL, *database = NULL, *since = NULL;
	const struct command_option options[] = {{"--sql", &sql, NULL}, {"--user", NULL, &user},
		{"--database", NULL, &database}, {"--since", NULL, &since}};

	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 1))
		return EXIT_NO_ANSWER;
	if (argc && user)
		return command_misused(context, "one user is named, by NAME or by --user NAME");
	if (since && !command_since(context, since, &since))
		return EXIT_NO_ANSWER;
	if (!command_view(context, make_path(context, argc ? argv[0] : user, database, since), &answer, &err))
		return command_failed(&err);
	if (command_is_document(context)) {
		output_document(&context->output, answer);
		return EXIT_YES;
	}
	const json_t *items = json_object_get(answer, "items");
	if (command_is_empty(items,
		    user || argc || database || since ? "nothing was done that it asks for"
						      : "nothing was done to users yet"))
		return EXIT_YES;
	if (sql) {
		show_sql(context, items);
		return EXIT_YES;
	}
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (items, i, change)
		add_row(context, table, change);
	table_print(table);
	table_free(table);
	return EXIT_YES;
}
