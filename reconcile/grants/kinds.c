#include "reconcile/grants/kinds.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define TABLE_PRIVILEGES                                                                                     \
	{                                                                                                    \
		{"SELECT", 0}, {"INSERT", 0}, {"UPDATE", 0}, {"DELETE", 0}, {"TRUNCATE", 0},                 \
			{"REFERENCES", 0}, {"TRIGGER", 0}, {"MAINTAIN", 170000},                             \
	}

const struct grant_kind grant_kinds[GRANT_KINDS] = {
	[GRANT_ON_PARAMETER] = {"parameters", "PARAMETER", "parameter", 0, false,
		{{"SET", 0}, {"ALTER SYSTEM", 0}}},
	[GRANT_ON_DATABASE] = {"database", "DATABASE", "database", 0, false,
		{{"CONNECT", 0}, {"CREATE", 0}, {"TEMPORARY", 0}}},
	[GRANT_ON_SCHEMA] = {"schema", "SCHEMA", "schema", 0, false, {{"USAGE", 0}, {"CREATE", 0}}},
	[GRANT_ON_TABLE] = {"tables", "TABLE", "table", 0, true, TABLE_PRIVILEGES},
	[GRANT_ON_COLUMN] = {"columns", "TABLE", "column", 0, true,
		{{"SELECT", 0}, {"INSERT", 0}, {"UPDATE", 0}, {"REFERENCES", 0}}},
	[GRANT_ON_SEQUENCE] = {"sequences", "SEQUENCE", "sequence", 0, true,
		{{"USAGE", 0}, {"SELECT", 0}, {"UPDATE", 0}}},
	[GRANT_ON_FUNCTION] = {"functions", "ROUTINE", "function", 0, true, {{"EXECUTE", 0}}},
	[GRANT_ON_TYPE] = {"types", "TYPE", "type", 0, true, {{"USAGE", 0}}},
	[GRANT_ON_LANGUAGE] = {"languages", "LANGUAGE", "language", 0, false, {{"USAGE", 0}}},
	[GRANT_ON_SERVER] = {"foreignServers", "FOREIGN SERVER", "foreign server", 0, false, {{"USAGE", 0}}},
	[GRANT_ON_LARGE_OBJECT] = {NULL, "LARGE OBJECT", "large object", 0, false,
		{{"SELECT", 0}, {"UPDATE", 0}}},
	[GRANT_ON_WRAPPER] = {NULL, "FOREIGN DATA WRAPPER", "foreign-data wrapper", 0, false, {{"USAGE", 0}}},
	[GRANT_ON_TABLESPACE] = {NULL, "TABLESPACE", "tablespace", 0, false, {{"CREATE", 0}}},
	[GRANT_DEFAULT_SCHEMAS] = {"schemas", "SCHEMAS", "new schemas", 'n', false,
		{{"USAGE", 0}, {"CREATE", 0}}},
	[GRANT_DEFAULT_TABLES] = {"tables", "TABLES", "new tables", 'r', true, TABLE_PRIVILEGES},
	[GRANT_DEFAULT_SEQUENCES] = {"sequences", "SEQUENCES", "new sequences", 'S', true,
		{{"USAGE", 0}, {"SELECT", 0}, {"UPDATE", 0}}},
	[GRANT_DEFAULT_FUNCTIONS] = {"functions", "ROUTINES", "new functions", 'f', true, {{"EXECUTE", 0}}},
	[GRANT_DEFAULT_TYPES] = {"types", "TYPES", "new types", 'T', true, {{"USAGE", 0}}},
	[GRANT_DEFAULT_LARGE_OBJECTS] = {NULL, "LARGE OBJECTS", "new large objects", 'L', false,
		{{"SELECT", 0}, {"UPDATE", 0}}},
};

const char *grant_on_word(enum grant_on on)
{
	return grant_kinds[on].word;
}

const char *grant_on_singular(enum grant_on on)
{
	return grant_kinds[on].singular;
}

static bool find(const char *word, bool defaults, enum grant_on *on)
{
	for (size_t i = 0; i < GRANT_KINDS; i++)
		if (word && grant_kinds[i].word && (grant_kinds[i].defaults != 0) == defaults &&
			strcmp(grant_kinds[i].word, word) == 0) {
			*on = (enum grant_on)i;
			return true;
		}
	return false;
}

bool grant_on_of(const char *word, enum grant_on *on)
{
	return find(word, false, on);
}

bool grant_default_of(const char *word, enum grant_on *on)
{
	return find(word, true, on);
}

bool grant_on_is_in_schema(enum grant_on on)
{
	return grant_kinds[on].in_schema;
}

const char *grant_privilege(enum grant_on on, const char *word)
{
	if (strcasecmp(word, "ALL") == 0)
		return "ALL";
	if (on == GRANT_ON_DATABASE && strcasecmp(word, "TEMP") == 0)
		return "TEMPORARY";
	for (size_t i = 0; grant_kinds[on].privileges[i].name; i++)
		if (strcasecmp(grant_kinds[on].privileges[i].name, word) == 0)
			return grant_kinds[on].privileges[i].name;
	return NULL;
}

const char *grant_privileges(enum grant_on on, struct arena *mem)
{
	const char *all = "";
	for (size_t i = 0; grant_kinds[on].privileges[i].name; i++)
		all = arena_join(mem, all, ", ", grant_kinds[on].privileges[i].name);
	return all;
}

const char *grant_describe(const struct grant *grant, struct arena *mem)
{
	const char *singular = grant_kinds[grant->on].singular;
	const char *dot = *grant->schema ? "." : "";
	if (grant_kinds[grant->on].defaults)
		return arena_printf(mem, "%s: %s%s%s of %s", grant->database, singular,
			*grant->schema ? " in " : "", grant->schema, grant->name);
	if (grant->on == GRANT_ON_DATABASE)
		return arena_printf(mem, "database %s", grant->name);
	if (grant->on == GRANT_ON_FUNCTION)
		return arena_printf(mem, "%s: %s %s%s%s%s%s%s", grant->database, singular, grant->schema, dot,
			grant->name, grant->column ? "(" : "", grant->column ? grant->column : "",
			grant->column ? ")" : "");
	return arena_printf(mem, "%s%s%s %s%s%s%s%s", grant->database, *grant->database ? ": " : "", singular,
		grant->schema, dot, grant->name, *grant->column ? "." : "", grant->column);
}

int grant_compare(const void *a, const void *b)
{
	const struct grant *left = a, *right = b;
	int order = strcmp(left->database, right->database);
	if (!order)
		order = strcmp(left->role, right->role);
	if (!order)
		order = (left->on > right->on) - (left->on < right->on);
	if (!order)
		order = strcmp(left->schema, right->schema);
	if (!order)
		order = strcmp(left->name, right->name);
	if (!order)
		order = strcmp(left->column, right->column);
	return order ? order : strcmp(left->privilege, right->privilege);
}

/* Functions that make roles or schedule statements as another, catalogs that hold verifiers: what is there is its owner's, a superuser's,
   to give. */
static const char *const closed_schemas[] = {"pg_catalog", "information_schema", "pg_toast", "pgitops",
	"user_management", "metric_helpers", "cron", "pg_temp"};

const char *grant_refusal(const struct grant *grant)
{
	const char *schema = grant->on == GRANT_ON_SCHEMA ? grant->name : grant->schema;
	for (size_t i = 0; i < COUNT_OF(closed_schemas); i++)
		if (strcmp(closed_schemas[i], schema) == 0)
			return "this schema belongs to PostgreSQL, to the agent or to what runs with a superuser's rights";
	if (text_starts(schema, "pg_"))
		return "schemas that begin with pg_ belong to PostgreSQL";
	if (grant->on == GRANT_ON_PARAMETER)
		return "some parameters load a library or name a program, and whoever sets them becomes superuser: "
		       "let a superuser grant it by hand, to a role that is not described here";
	if (grant->on == GRANT_ON_LANGUAGE && strcmp(grant->name, "plpgsql") != 0 &&
		strcmp(grant->name, "sql") != 0)
		return "a language may reach the server's files and programs: only sql and plpgsql are granted";
	return NULL;
}
