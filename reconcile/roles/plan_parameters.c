/*
 * plan_parameters.c - ALTER ROLE ... SET: what users.yaml lists, beside what pg_db_role_setting has
 *
 * The server keeps the text of a value as it was given, so texts are compared, and what was set once is found again. Names in a list are the
 * exception: they are kept quoted where they need it, and read before they are compared. What is not listed is a person's own: it is told
 * where the user's settings are listed at all, and taken away only where `defaults.resetUnlistedParameters` says so.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/parameters.h"
#include "reconcile/roles/planner.h"

enum { LIST_BYTES = 65536 };

bool parameter_quote_names(const char *text, struct buf *out)
{
	for (const char *at = text;; at++) {
		at += strspn(at, " \t\r\n");
		buf_char(out, '"');
		if (*at == '"') {
			for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
				if (*at == '"')
					buf_char(out, *at++);
				buf_char(out, *at);
			}
			if (*at++ != '"')
				return false;
		} else
			for (; *at && !strchr(", \t\r\n\"", *at); at++)
				buf_char(out, (char)tolower((unsigned char)*at));
		buf_char(out, '"');
		at += strspn(at, " \t\r\n");
		if (!*at)
			return true;
		if (*at != ',')
			return false;
		buf_text(out, ", ");
	}
}

static bool is_same(const struct parameter *parameter, const struct role_setting *setting)
{
	CLEANUP(buf_done) struct buf names = BUF(LIST_BYTES);
	if (!parameter_has_names(parameter->name))
		return strcmp(parameter->value, setting->value) == 0;
	return parameter_quote_names(setting->value, &names) && !buf_failed(&names) &&
		strcmp(parameter->value, buf_string(&names)) == 0;
}

/* "a"."b" */
static const char *name_sql(const char *name, struct arena *mem)
{
	const char *sql = "";
	for (;;) {
		size_t length = strcspn(name, ".");
		sql = arena_printf(mem, "%s%s", sql, sql_identifier(arena_copy_n(mem, name, length), mem));
		if (!name[length])
			return sql;
		sql = arena_printf(mem, "%s.", sql);
		name += length + 1;
	}
}

static const char *field(const char *name, const char *database, struct arena *mem)
{
	return *database ? arena_printf(mem, "parameter:%s in %s", name, database)
			 : arena_printf(mem, "parameter:%s", name);
}

/* One of an extension, or of an application, may be a secret of it. */
static const char *shown(const struct role_setting *setting)
{
	return strchr(setting->name, '.') ? "<hidden>" : setting->value;
}

static void alter(struct planner *planner, const char *user, const char *database, const char *what)
{
	struct arena *mem = planner->mem;
	const char *in = *database ? arena_printf(mem, " IN DATABASE %s", sql_identifier(database, mem)) : "";
	planner_step(planner, PHASE_SET,
		(struct role_step){
			.action = ROLE_ALTER,
			.user = user,
			.sql = arena_printf(mem, "ALTER ROLE %s%s %s", sql_identifier(user, mem), in, what),
		});
}

static const struct role_setting *find(
	const struct role_setting *rows, size_t count, uint32_t database, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].database == database && strcasecmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void plan_listed(struct planner *planner, struct wanted_user *wanted,
	const struct parameter *parameter, const struct role_setting *rows, size_t count)
{
	struct arena *mem = planner->mem;
	const struct database *database =
		*parameter->database ? present_database(planner->present, parameter->database) : NULL;
	const struct planned_database *made = planner_database(planner, parameter->database);
	if (*parameter->database && !database && !(made && made->made)) {
		planner_reason(planner, wanted->report, USER_DEGRADED,
			"parametersIn: database \"%s\" does not exist", parameter->database);
		return;
	}
	const struct role_setting *row = find(rows, count, database ? database->oid : 0, parameter->name);
	if (row && (database || !*parameter->database) && is_same(parameter, row))
		return;
	planner_difference(planner, wanted->report, field(parameter->name, parameter->database, mem),
		parameter->value, row ? shown(row) : "");
	alter(planner, wanted->user->name, parameter->database,
		arena_printf(mem, "SET %s TO %s", name_sql(parameter->name, mem), parameter->sql));
}

static bool is_listed(const struct user *user, const char *database, const char *name)
{
	for (size_t i = 0; i < user->parameter_count; i++)
		if (strcmp(user->parameters[i].database, database) == 0 &&
			strcasecmp(user->parameters[i].name, name) == 0)
			return true;
	return false;
}

static void plan_unlisted(struct planner *planner, struct wanted_user *wanted, const struct role_setting *row)
{
	struct arena *mem = planner->mem;
	const struct database *database = present_database_by_oid(planner->present, row->database);
	const char *where = database ? database->name : "";
	bool reset = planner->input->wanted->reset_unlisted_parameters;
	if ((row->database && !database) || is_listed(wanted->user, where, row->name))
		return;
	planner_difference(planner, wanted->report, field(row->name, where, mem), "", shown(row));
	if (reset)
		alter(planner, wanted->user->name, where,
			arena_printf(mem, "RESET %s", name_sql(row->name, mem)));
	else
		planner_leave(planner, wanted->report,
			"settings that are not listed are left as they are: list them under parameters, or "
			"defaults: {resetUnlistedParameters: true} takes them away");
}

void plan_parameters(struct planner *planner, struct wanted_user *wanted)
{
	const struct user *user = wanted->user;
	size_t count = 0;
	const struct role_setting *rows =
		wanted->role ? present_settings(planner->present, wanted->role->oid, &count) : NULL;
	for (size_t i = 0; i < user->parameter_count; i++)
		plan_listed(planner, wanted, &user->parameters[i], rows, count);
	if (!user->lists_parameters && !planner->input->wanted->reset_unlisted_parameters)
		return;
	for (size_t i = 0; i < count; i++)
		plan_unlisted(planner, wanted, &rows[i]);
}
