#include "agent/commands/common.h"
#include "agent/doctor/symptoms.h"

#include "base/text.h"

/* Who of several agents is at work. */
static void show_lease(const struct command_context *context, const json_t *lease)
{
	const char *holder = json_text_at(lease, "holder", "");
	const char *name = arena_printf(
		context->mem, "%s/%s", json_text_at(lease, "namespace", ""), json_text_at(lease, "name", ""));
	if (!lease)
		return;
	if (json_bool_at(lease, "held", false))
		command_field(context, "Lease", arena_printf(context->mem, "%s, held as %s", name, holder),
			CELL_GOOD);
	else
		command_field(context, "Lease",
			arena_printf(context->mem, "%s, held by %s; what is shown is what this agent knew last",
				name, *holder ? holder : "nobody"),
			CELL_PLAIN);
}

static void show_agent(const struct command_context *context, const json_t *status, bool running)
{
	const char *started = json_text_at(status, "agent.started", "");
	const char *cluster = json_text_at(status, "agent.cluster", "");
	const char *version = json_text_at(status, "agent.version", "");
	CLEANUP(buf_done) struct buf line = BUF(4096);

	buf_text(&line, running ? "running" : "not running");
	if (*version)
		buf_printf(&line, ", version %s", version);
	if (running && *started)
		buf_printf(&line, ", for %s", command_age(context, started));
	if (*cluster)
		buf_printf(&line, ", Kubernetes %s", cluster);
	command_field(context, "Agent", buf_string(&line), running ? CELL_GOOD : CELL_BAD);
	show_lease(context, json_at(status, "agent.lease"));
	command_field(context, "At", context->server ? context->server : context->state, CELL_PLAIN);
}

static void show_applications(const struct command_context *context, const json_t *status)
{
	static const char *const headers[] = {
		"APPLICATION", "SYNC", "HEALTH", "REVISION", "OBJECTS", "OPERATION", "CHECKED"};
	const json_t *item;
	size_t i;
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (json_object_get(status, "applications"), i, item) {
		table_cell(table, json_text_at(item, "name", ""), CELL_PLAIN);
		command_status_cell(table, json_text_at(item, "sync", "Unknown"));
		command_status_cell(table, json_text_at(item, "health", "Unknown"));
		table_cell(table, command_commit(context, json_text_at(item, "revision", "")), CELL_PLAIN);
		table_cell(table,
			arena_printf(context->mem, "%lld", (long long)json_number_at(item, "resources", 0)),
			CELL_PLAIN);
		command_status_cell(table, json_text_at(item, "operation", ""));
		table_cell(table, command_age(context, json_text_at(item, "reconciledAt", NULL)), CELL_PLAIN);
	}
	putchar('\n');
	if (json_array_size(json_object_get(status, "applications")))
		table_print(table);
	else
		puts("No applications yet.");
	table_free(table);
}

static void show_databases(const struct command_context *context, const json_t *status)
{
	static const char *const headers[] = {
		"DATABASE", "STATUS", "SERVER", "USERS", "SYNCED", "CHECKED", "REASON"};
	const json_t *item;
	size_t i;
	if (!json_array_size(json_object_get(status, "databases")))
		return;
	putchar('\n');
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (json_object_get(status, "databases"), i, item) {
		table_cell(table, json_text_at(item, "name", ""), CELL_PLAIN);
		command_status_cell(table, json_text_at(item, "status", "Unknown"));
		table_cell(table, command_or_dash(json_text_at(item, "serverVersion", "")), CELL_PLAIN);
		table_cell(table,
			arena_printf(context->mem, "%lld", (long long)json_number_at(item, "users", 0)),
			CELL_PLAIN);
		table_cell(table,
			arena_printf(context->mem, "%lld", (long long)json_number_at(item, "synced", 0)),
			CELL_PLAIN);
		table_cell(table, command_age(context, json_text_at(item, "lastPass", NULL)), CELL_PLAIN);
		table_cell(table, json_text_at(item, "reason", ""), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

/* "20: 18 Synced, 2 Drifted", then those that are not Synced. */
static void show_users(const struct command_context *context, const json_t *status)
{
	static const char *const headers[] = {"USER", "DATABASE", "STATUS", "REASON"};
	json_t *counts = json_at(status, "users.byStatus");
	const json_t *rest = json_at(status, "users.notSynced");
	const char *separator = ": ", *name;
	json_t *count;
	const json_t *user;
	size_t i;
	CLEANUP(buf_done) struct buf line = BUF(4096);

	buf_printf(&line, "%lld", (long long)json_number_at(status, "users.total", 0));
	json_object_foreach (counts, name, count) {
		buf_printf(&line, "%s%lld %s", separator, (long long)json_integer_value(count), name);
		separator = ", ";
	}
	putchar('\n');
	command_field(context, "Users", buf_string(&line), json_array_size(rest) ? CELL_BAD : CELL_PLAIN);
	if (!json_array_size(rest))
		return;
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (rest, i, user) {
		table_cell(table, json_text_at(user, "name", ""), CELL_PLAIN);
		table_cell(table, json_text_at(user, "database", ""), CELL_PLAIN);
		command_status_cell(table, json_text_at(user, "status", "Unknown"));
		table_cell(table, json_text_at(user, "reason", ""), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

/* "3 in main: a, b, c": roles that nobody manages here, a few of them by name. */
static void show_unmanaged(const struct command_context *context, const json_t *status)
{
	enum { NAMES_SHOWN = 5 };
	const json_t *database, *role;
	size_t i, r;
	json_array_foreach (json_object_get(status, "databases"), i, database) {
		CLEANUP(buf_done) struct buf line = BUF(4096);
		long long count = json_number_at(database, "unmanaged.count", 0);
		if (!count)
			continue;
		buf_printf(&line, "%lld in %s", count, json_text_at(database, "name", ""));
		json_array_foreach (json_at(database, "unmanaged.items"), r, role)
			if (r < NAMES_SHOWN)
				buf_printf(&line, "%s%s", r ? ", " : ": ", json_text_at(role, "name", ""));
		buf_text(&line, count > NAMES_SHOWN ? ", ... (`pgitops user list --unmanaged`)" : "");
		command_field(context, "Unmanaged", buf_string(&line), CELL_PLAIN);
	}
}

static void show_drift(const struct command_context *context, const json_t *status)
{
	static const char *const headers[] = {"WHAT", "FIELD", "WANTED", "FOUND", "BY", "SINCE"};
	long long open = json_number_at(status, "drift.open", 0);
	const json_t *items = json_at(status, "drift.items");
	const json_t *item;
	size_t i;

	putchar('\n');
	command_field(context, "Drift", open ? arena_printf(context->mem, "%lld open", open) : "none",
		open ? CELL_BAD : CELL_PLAIN);
	if (!json_array_size(items))
		return;
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	json_array_foreach (items, i, item) {
		const json_t *user = json_object_get(item, "user");
		table_cell(table,
			user ? arena_printf(context->mem, "user %s/%s", json_text_at(user, "database", ""),
				       json_text_at(user, "name", ""))
			     : command_object(context, json_object_get(item, "object")),
			CELL_PLAIN);
		table_cell(table, json_text_at(item, "field", ""), CELL_PLAIN);
		table_cell(table, command_or_dash(json_text_at(item, "wanted", "")), CELL_PLAIN);
		table_cell(table, command_or_dash(json_text_at(item, "found", "")), CELL_PLAIN);
		table_cell(table, command_or_dash(json_text_at(item, "by", "")), CELL_PLAIN);
		table_cell(table, command_age(context, json_text_at(item, "time", NULL)), CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
	if (open > (long long)json_array_size(items))
		printf("... `pgitops drift list --open` shows all %lld\n", open);
}

/* What a database lacks stands in its row already. */
static void show_errors(const struct command_context *context, const json_t *status)
{
	const json_t *item;
	size_t i, shown = 0;
	bool named = false; /* the doctor, who is asked of one thing at a time */
	json_array_foreach (json_object_get(status, "errors"), i, item) {
		if (text_equal(json_text_at(item, "where", ""), "database"))
			continue;
		if (!shown++)
			puts("\nErrors");
		printf("  ");
		output_text(&context->output, stdout,
			arena_printf(context->mem, "%s %s, %s", json_text_at(item, "where", ""),
				json_text_at(item, "name", ""), json_text_at(item, "type", "")),
			CELL_BAD);
		printf(", for %s\n", command_age(context, json_text_at(item, "time", NULL)));
		command_block(context, stdout, 4, json_text_at(item, "message", ""), CELL_PLAIN);
		const char *symptom = named ? NULL : symptom_of_message(json_text_at(item, "message", ""));
		if (symptom)
			printf("    `pgitops doctor %s` looks for the cause\n", symptom);
		named = named || symptom;
	}
	if (!shown) {
		putchar('\n');
		command_field(context, "Errors", "none", CELL_PLAIN);
	}
}

int command_status(struct command_context *context, int argc, char **argv)
{
	CLEANUP(json_done) json_t *status = NULL;
	struct error err;
	if (!command_arguments(context, &argc, argv, NULL, 0, 0, 0))
		return EXIT_NO_ANSWER;
	if (!command_view(context, "/api/v1/status", &status, &err))
		return command_failed(&err);
	bool running = client_running(context);
	if (command_is_document(context)) {
		json_object_set_new(json_make_object(status, "agent"), "running", json_boolean(running));
		output_document(&context->output, status);
		return EXIT_YES;
	}
	show_agent(context, status, running);
	show_applications(context, status);
	show_databases(context, status);
	show_users(context, status);
	show_unmanaged(context, status);
	show_drift(context, status);
	command_show_warnings(context, json_object_get(status, "databases"), NULL);
	show_errors(context, status);
	return EXIT_YES;
}
