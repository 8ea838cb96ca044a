#include "agent/commands/users.h"

#include <string.h>

#include "base/text.h"

enum { CHANGES_SHOWN = 10, DRIFT_SHOWN = 10 };

/* ---- what is wanted ---- */

/* "analyst WITH ADMIN TRUE, INHERIT FALSE", as GRANT says what is not as it is without a word. */
static const char *membership(const struct command_context *context, const json_t *item)
{
	const char *options = "";
	if (json_bool_at(item, "admin", false))
		options = "ADMIN TRUE";
	if (!json_bool_at(item, "inherit", true))
		options = arena_join(context->mem, options, ", ", "INHERIT FALSE");
	if (!json_bool_at(item, "set", true))
		options = arena_join(context->mem, options, ", ", "SET FALSE");
	return arena_printf(
		context->mem, "%s%s%s", json_text_at(item, "role", ""), *options ? " WITH " : "", options);
}

/* As users.yaml lists them; where it does not, as they are known. */
static const char *roles_of(const struct command_context *context, const json_t *user)
{
	const json_t *item, *list = json_at(user, "entry.memberships");
	const char *all = "";
	size_t i;
	if (!json_array_size(list))
		return command_user_roles(context, user);
	json_array_foreach (list, i, item)
		all = arena_join(context->mem, all, ", ", membership(context, item));
	return all;
}

static const char *attributes_of(const struct command_context *context, const json_t *user)
{
	const json_t *item;
	const char *all = "";
	size_t i;
	json_array_foreach (json_at(user, "entry.attributes"), i, item)
		all = arena_join(context->mem, all, ", ",
			arena_printf(context->mem, "%s%s", json_bool_at(item, "wanted", true) ? "" : "no ",
				json_text_at(item, "name", "")));
	return all;
}

/* Where it comes from, and in which form; never what it is. */
static const char *password_of(const struct command_context *context, const json_t *user)
{
	static const struct {
		const char *kind, *text;
		bool in_secret;
	} kinds[] = {
		{"secret", "", true},
		{"verifier", "SCRAM verifier in ", true},
		{"generate", "generated into ", true},
		{"disabled", "none (disabled)", false},
		{"ignore", "somebody else's matter (ignore)", false},
	};
	const json_t *password = json_at(user, "entry.password");
	const char *kind = json_text_at(password, "kind", "");
	size_t i = 0;
	while (i < COUNT_OF(kinds) && !text_equal(kinds[i].kind, kind))
		i++;
	if (i == COUNT_OF(kinds) || !kinds[i].in_secret)
		return i < COUNT_OF(kinds) ? kinds[i].text : "";
	return arena_printf(context->mem, "%sSecret %s/%s, key %s%s", kinds[i].text,
		json_text_at(password, "namespace", "-"), json_text_at(password, "secret", ""),
		json_text_at(password, "key", ""),
		*json_text_at(user, "secretVersion", "") ? "" : " (which is not there)");
}

static void show_field(const struct command_context *context, const char *name, const char *value)
{
	if (*value)
		command_field(context, name, value, CELL_PLAIN);
}

/* Of the list in force. */
static void show_entry(const struct command_context *context, const json_t *user)
{
	const json_t *entry = json_object_get(user, "entry");
	const char *file = json_text_at(entry, "file", "");
	long long line = json_number_at(entry, "line", 0), limit = json_number_at(entry, "connectionLimit", -1);
	if (!entry) {
		show_field(context, "Listed", "no");
		return;
	}
	show_field(context, "Listed",
		arena_printf(context->mem, "%s:%lld (commit %s)", *file ? file : "users.yaml", line,
			command_commit(context, json_text_at(entry, "commit", ""))));
	show_field(context, "Ends", json_text_at(entry, "until", ""));
	show_field(context, "Valid until", json_text_at(entry, "validUntil", ""));
	if (limit >= 0)
		show_field(context, "Connections", arena_printf(context->mem, "at most %lld", limit));
	show_field(context, "Attributes", attributes_of(context, user));
	show_field(context, "Databases", command_join(context, json_object_get(entry, "databases"), ""));
	show_field(context, "Password", password_of(context, user));
}

typedef void show_row(const struct command_context *context, struct table *table, const json_t *item);

/* A table below what stands there, or nothing: one row for each of the first `most` items. */
static void show_rows(const struct command_context *context, const char *const *headers, size_t columns,
	const json_t *list, size_t most, show_row *row)
{
	if (!json_array_size(list))
		return;
	putchar('\n');
	struct table *table = table_new(&context->output, headers, columns);
	for (size_t i = 0; i < json_array_size(list) && i < most; i++)
		row(context, table, json_array_get(list, i));
	table_print(table);
	table_free(table);
}

static void show_grant(const struct command_context *context, struct table *table, const json_t *item)
{
	table_cell(table, json_text_at(item, "object", ""), CELL_PLAIN);
	table_cell(table, command_join(context, json_object_get(item, "privileges"), "-"), CELL_PLAIN);
	table_cell(table, arena_printf(context->mem, "%lld", (long long)json_number_at(item, "line", 0)),
		CELL_PLAIN);
}

static void show_grants(const struct command_context *context, const json_t *user)
{
	static const char *const headers[] = {"GRANTED ON", "PRIVILEGES", "LINE"};
	long long more = json_number_at(user, "entry.moreGrants", 0);
	show_rows(context, headers, COUNT_OF(headers), json_at(user, "entry.grants"), SIZE_MAX, show_grant);
	if (more)
		printf("... and on %lld more\n", more);
}

/* ---- what is there, and what was done ---- */

static void show_difference(const struct command_context *context, struct table *table, const json_t *item)
{
	(void)context;
	table_cell(table, json_text_at(item, "field", ""), CELL_PLAIN);
	table_cell(table, json_text_at(item, "wanted", ""), CELL_GOOD);
	table_cell(table, json_text_at(item, "found", ""), CELL_BAD);
}

static void show_drift(const struct command_context *context, struct table *table, const json_t *item)
{
	const char *healed = json_text_at(item, "healed", NULL);
	table_cell(table, command_time(context, json_text_at(item, "time", NULL)), CELL_PLAIN);
	table_cell(table, json_text_at(item, "field", ""), CELL_PLAIN);
	table_cell(table, command_or_dash(json_text_at(item, "wanted", "")), CELL_PLAIN);
	table_cell(table, command_or_dash(json_text_at(item, "found", "")), CELL_PLAIN);
	table_cell(table, healed ? command_time(context, healed) : "open", healed ? CELL_PLAIN : CELL_BAD);
}

static void show_change(const struct command_context *context, struct table *table, const json_t *change)
{
	table_cell(table, command_time(context, json_text_at(change, "started", NULL)), CELL_PLAIN);
	table_cell(table, json_text_at(change, "database", ""), CELL_PLAIN);
	table_cell(table, json_text_at(change, "action", ""), CELL_PLAIN);
	table_cell(table, command_commit(context, json_text_at(change, "commit", "")), CELL_PLAIN);
	command_change_cell(context, table, change);
	table_cell(table, command_statement(context, change), CELL_PLAIN);
}

static void show_user(const struct command_context *context, const json_t *user)
{
	static const char *const differences[] = {"FIELD", "WANTED", "FOUND"};
	static const char *const drift[] = {"CHANGED BY HAND", "FIELD", "WANTED", "FOUND", "HEALED"};
	const char *status = json_text_at(user, "status", "Unknown");
	const char *changed = json_text_at(user, "lastChange.time", NULL);
	const char *action = json_text_at(user, "lastAction.action", NULL);
	command_field(context, "Name", json_text_at(user, "name", ""), CELL_PLAIN);
	command_field(context, "Database", json_text_at(user, "database", ""), CELL_PLAIN);
	command_field(context, "Status", status, output_style_of(status));
	show_field(context, "Reason", command_user_reason(context, user));
	command_field(context, "Roles", roles_of(context, user), CELL_PLAIN);
	show_entry(context, user);
	if (changed)
		command_field(context, "Changed",
			arena_printf(context->mem, "%s ago, commit %s", command_age(context, changed),
				command_commit(context, json_text_at(user, "lastChange.commit", ""))),
			CELL_PLAIN);
	if (action)
		command_field(context, "Last action",
			arena_printf(context->mem, "%s, %s ago: %s", action,
				command_age(context, json_text_at(user, "lastAction.time", NULL)),
				json_text_at(user, "lastAction.outcome", "")),
			CELL_PLAIN);
	show_grants(context, user);
	show_rows(context, differences, COUNT_OF(differences), json_object_get(user, "differences"), SIZE_MAX,
		show_difference);
	show_rows(context, drift, COUNT_OF(drift), json_object_get(user, "drift"), SIZE_MAX, show_drift);
}

static void show_changes(const struct command_context *context, const json_t *items)
{
	static const char *const headers[] = {"TIME", "DATABASE", "ACTION", "COMMIT", "OUTCOME", "STATEMENT"};
	show_rows(context, headers, COUNT_OF(headers), items, CHANGES_SHOWN, show_change);
}

/* ---- putting it together ---- */

/* Those of a list about this user in this database, at most so many; a new reference. */
static json_t *of_user(
	const json_t *list, const json_t *user, const char *database, const char *name, size_t most)
{
	json_t *found = json_array(), *item;
	size_t i;
	json_array_foreach (list, i, item)
		if (text_equal(json_text_at(item, database, ""), json_text_at(user, "database", "")) &&
			text_equal(json_text_at(item, name, ""), json_text_at(user, "name", "")) &&
			json_array_size(found) < most)
			json_array_append(found, item);
	return found;
}

/* What is said of her database concerns her, too; and the list in force is of the database's commit. */
static void add_database(json_t *user, const json_t *databases)
{
	const json_t *database;
	size_t i;
	json_array_foreach (databases, i, database)
		if (text_equal(json_text_at(user, "database", ""), json_text_at(database, "name", ""))) {
			json_object_set(user, "warnings", json_object_get(database, "warnings"));
			json_set_text(json_object_get(user, "entry"), "commit",
				json_text_at(database, "commit", NULL));
		}
}

static void add_last_action(json_t *user, const json_t *changes)
{
	CLEANUP(json_done) json_t *last = of_user(changes, user, "database", "user", 1);
	const json_t *change = json_array_get(last, 0);
	if (!change)
		return;
	const char *outcome = json_text_at(change, "outcome", ""),
		   *finished = json_text_at(change, "finished", NULL);
	json_object_set_new(user, "lastAction",
		json_pack("{s:o, s:o, s:o}", "action", json_text(json_text_at(change, "action", "")), "time",
			json_text(finished ? finished : json_text_at(change, "started", "")), "outcome",
			json_text(*outcome ? outcome : "not known")));
}

/* What else is known of them, each from where it is kept. */
struct surroundings {
	json_t *databases, *drift, *changes;
};

static void surroundings_done(struct surroundings *around)
{
	json_decref(around->databases);
	json_decref(around->drift);
	json_decref(around->changes);
}

static bool ask_around(
	struct command_context *context, const char *name, struct surroundings *around, struct error *err)
{
	const char *encoded = command_encoded(context, name);
	return client_view(context, "/api/v1/databases", &around->databases, err) &&
		client_view(context, arena_printf(context->mem, "/api/v1/drift?open=false&user=%s", encoded),
			&around->drift, err) &&
		client_view(context, arena_printf(context->mem, "/api/v1/users/history?user=%s", encoded),
			&around->changes, err);
}

static void add_around(json_t *users, const struct surroundings *around)
{
	json_t *user;
	size_t i;
	json_array_foreach (users, i, user) {
		add_database(user, json_object_get(around->databases, "items"));
		add_last_action(user, json_object_get(around->changes, "items"));
		json_object_set_new(user, "drift",
			of_user(json_object_get(around->drift, "items"), user, "user.database", "user.name",
				DRIFT_SHOWN));
	}
}

int command_user_get(struct command_context *context, int argc, char **argv)
{
	CLEANUP(json_done) json_t *answer = NULL;
	CLEANUP(surroundings_done) struct surroundings around = {NULL, NULL, NULL};
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
	if (!ask_around(context, argv[0], &around, &err))
		return command_failed(&err);
	add_around(found, &around);
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *list = json_pack("{s:O}", "items", found);
		output_document(&context->output, list);
		return EXIT_YES;
	}
	json_array_foreach (found, i, user) {
		if (i)
			putchar('\n');
		show_user(context, user);
		command_show_warnings(context, json_object_get(around.databases, "items"),
			json_text_at(user, "database", ""));
	}
	show_changes(context, json_object_get(around.changes, "items"));
	return EXIT_YES;
}
