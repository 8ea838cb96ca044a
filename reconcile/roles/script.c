/*
 * script.c - a plan as a script for psql: what apply.c, retire.c and grants_apply() would send, in their order
 *
 * A message of theirs is one transaction without saying so; here it says BEGIN and COMMIT. Beside the plan's statements stand those
 * that a session of ours has from its beginning: what it pins, and that it is the server that the plan was made for. A verifier
 * is a variable that whoever runs the script has to set; until then the first statement that uses one is a syntax error.
 */
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/pins.h"
#include "reconcile/roles/applier.h"
#include "reconcile/roles/retire_sql.h"
#include "reconcile/postgres/sql.h"

enum { SCRIPT_BYTES = 64 << 20 };

struct script {
	const struct roles_plan *plan;
	struct arena *mem;
	struct buf out;
	const char *at; /* the database that psql is connected to; NULL = none yet */
};

/* A comment ends with its line, and what stands in a name is not to end it. */
static void note(struct script *script, const char *text)
{
	buf_text(&script->out, "-- ");
	for (; *text; text++)
		buf_char(&script->out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
	buf_char(&script->out, '\n');
}

/* A value of a connection string. */
static const char *connection_value(const char *text, struct arena *mem)
{
	char *value = arena_alloc(mem, 2 * strlen(text) + 3), *end = value;
	*end++ = '\'';
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			*end++ = '\\';
		*end++ = *text;
	}
	*end++ = '\'';
	*end = '\0';
	return value;
}

/* A value of psql's \set, where the end of a line can be said. */
static const char *variable_value(const char *text, struct arena *mem)
{
	char *value = arena_alloc(mem, 2 * strlen(text) + 3), *end = value;
	*end++ = '\'';
	for (; *text; text++) {
		if (strchr("'\\\r\n", *text))
			*end++ = '\\';
		*end++ = *text;
		if (*text == '\r' || *text == '\n')
			end[-1] = *text == '\n' ? 'n' : 'r';
	}
	*end++ = '\'';
	*end = '\0';
	return value;
}

/* As pg_dump writes it: a name may look like a connection string. With the end of a line in it, a variable has it: a line that
   \connect cannot take would end the script in the middle, and psql would call that success. */
const char *roles_connect_line(const char *database, struct arena *mem)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
	if (strpbrk(database, "\r\n"))
		return arena_printf(mem,
			"\\set pgitops_database %s\n\\connect -reuse-previous=on :pgitops_database\n",
			variable_value(arena_printf(mem, "dbname=%s", connection_value(database, mem)), mem));
	if (!database[strspn(database, plain)])
		return arena_printf(mem, "\\connect %s\n", sql_identifier(database, mem));
	return arena_printf(mem, "\\connect -reuse-previous=on %s\n",
		sql_identifier(arena_printf(mem, "dbname=%s", connection_value(database, mem)), mem));
}

const char *roles_script_connect(
	const char *database, const char *server, int version, bool plain, struct arena *mem)
{
	CLEANUP(buf_done) struct buf pins = BUF(LIMIT_BATCH_BYTES);
	pins_script(version, plain, &pins);
	return arena_printf(mem,
		"%s%sSELECT CAST('" RETIRE_STOPS
		"the plan is for another server, not for ' || system_identifier AS integer) "
		"FROM pg_control_system() WHERE system_identifier <> %s;\n",
		roles_connect_line(database, mem), buf_string(&pins), server);
}

static void go_to(struct script *script, const char *database)
{
	if (script->at && strcmp(script->at, database) == 0)
		return;
	script->at = database;
	buf_char(&script->out, '\n');
	buf_text(&script->out,
		roles_script_connect(database, script->plan->server, script->plan->version,
			script->plan->plain, script->mem));
}

/* --- verifiers --- */

/* Asked for at the beginning, where nothing has been changed yet, and where the server has been told to log nothing. */
static void ask_for_verifiers(struct script *script)
{
	const struct roles_plan *plan = script->plan;
	size_t count = 0, statements;
	for (size_t i = 0; i < plan->step_count; i++) {
		if (!plan->steps[i].verifier)
			continue;
		if (!count++) {
			note(script,
				"passwords are not shown: \\set each variable to a SCRAM verifier before this line");
			buf_text(&script->out, applier_silence(plan->version, plan->plain, &statements));
			buf_text(&script->out, statements ? ";\n" : "");
			buf_text(&script->out, "SELECT count(*) AS verifiers FROM (VALUES ");
		}
		buf_printf(&script->out, "%s(%s)", count > 1 ? ", " : "", plan->steps[i].hidden);
	}
	if (count)
		buf_text(&script->out, ") AS given;\n");
}

/* --- steps --- */

static void add_statement(struct script *script, const char *sql)
{
	buf_text(&script->out, sql);
	buf_text(&script->out, text_ends(sql, ";") ? "\n" : ";\n");
}

/* As append_group() of apply.c; the first step that is not part of it. */
static size_t add_group(struct script *script, const struct role_step *steps, size_t first, size_t end)
{
	struct arena *mem = script->mem;
	const struct role_step *step = &steps[first];
	size_t next = first + 1;
	if (!step->head) {
		note(script,
			arena_printf(mem, "%s: %s%s%s", *step->user ? step->user : "all of them",
				role_action_name(step->action), step->foretold ? "; " : "",
				step->foretold ? step->foretold : ""));
		if (!*step->sql) { /* no privilege that could be given: why stands in its place */
			note(script, step->error.kind != ERROR_NONE ? step->error.text : step->redacted);
			return next;
		}
		/* A retirement's says where, too, as it is shown alone elsewhere; here we are there. */
		add_statement(script, step->action == ROLE_RETIRE ? step->sql : step->redacted);
		return next;
	}
	CLEANUP(buf_done) struct buf users = BUF(LIMIT_PASS_MEMORY); /* as many as a list has */
	buf_text(&users, sql_identifier(step->user, mem));
	for (; next < end && applier_joins(step, &steps[next]); next++)
		buf_printf(&users, ", %s", sql_identifier(steps[next].user, mem));
	note(script, arena_printf(mem, "%s: %s", buf_string(&users), role_action_name(step->action)));
	add_statement(script, arena_printf(mem, "%s%s%s", step->head, buf_string(&users), step->tail));
	return next;
}

/* Databases in turn, in the order in which they are first named, as retire_databases() visits them. */
static void add_retirements(struct script *script, const struct role_step *steps, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		bool visited = false;
		for (size_t j = first; j < i && !visited; j++)
			visited = strcmp(steps[j].database, steps[i].database) == 0;
		if (visited)
			continue;
		go_to(script, steps[i].database);
		for (size_t j = i; j < end; j++)
			if (strcmp(steps[j].database, steps[i].database) == 0)
				add_group(script, steps, j, j + 1);
	}
}

/* Do both belong to one transaction, or to one round through the databases? */
static bool are_together(const struct role_step *step, const struct role_step *next)
{
	if (step->privileges || next->privileges)
		return step->privileges && next->privileges && strcmp(step->database, next->database) == 0;
	bool same = step->action != ROLE_EXTEND || strcmp(step->database, next->database) == 0;
	return step->action == next->action && same;
}

static void add_steps(struct script *script, const struct role_step *steps, size_t count)
{
	for (size_t first = 0, end; first < count; first = end) {
		enum role_action action = steps[first].action;
		for (end = first; end < count && are_together(&steps[first], &steps[end]);)
			end++;
		if (action == ROLE_RETIRE) {
			add_retirements(script, steps, first, end);
			continue;
		}
		go_to(script, *steps[first].database ? steps[first].database : script->plan->database);
		bool whole = action != ROLE_END && action != ROLE_CREATE_DATABASE && action != ROLE_EXTEND;
		buf_text(&script->out, whole ? "BEGIN;\n" : "");
		for (size_t i = first; i < end;)
			i = add_group(script, steps, i, end);
		buf_text(&script->out, whole ? "COMMIT;\n" : "");
	}
}

/* Nobody runs these by pasting what was meant to be read. */
static void add_held(struct script *script)
{
	struct script inner = {.plan = script->plan, .mem = script->mem, .out = BUF(SCRIPT_BYTES)};
	add_steps(&inner, script->plan->held, script->plan->held_count);
	buf_char(&script->out, '\n');
	note(script, "removals that wait for a confirmation, and are no part of the plan until then:");
	const char *line = buf_string(&inner.out);
	while (*line) {
		size_t length = strcspn(line, "\n");
		if (length)
			note(script, arena_copy_n(script->mem, line, length));
		line += length + (line[length] == '\n');
	}
	buf_done(&inner.out);
}

const char *roles_script(const struct roles_plan *plan, struct arena *mem)
{
	struct script script = {.plan = plan, .mem = mem, .out = BUF(SCRIPT_BYTES)};
	if (plan->step_count) {
		buf_text(&script.out, "\\set ON_ERROR_STOP on\n");
		go_to(&script, plan->database);
		ask_for_verifiers(&script);
		add_steps(&script, plan->steps, plan->step_count);
	}
	if (plan->held_count)
		add_held(&script);
	const char *text = buf_failed(&script.out)
		? "-- the plan is too long for a script: ask for it as JSON (-o json)\n"
		: arena_copy(mem, buf_string(&script.out));
	buf_done(&script.out);
	return text;
}
