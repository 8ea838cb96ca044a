#include "reconcile/access/world.h"

#include <string.h>

#include "base/text.h"

static bool is_super(const struct world_role *role)
{
	return role->super;
}

static bool creates_roles(const struct world_role *role)
{
	return role->create_role;
}

static bool creates_databases(const struct world_role *role)
{
	return role->create_db;
}

static bool replicates(const struct world_role *role)
{
	return role->replication;
}

static bool bypasses(const struct world_role *role)
{
	return role->bypass_rls;
}

const struct words_attribute words_attributes[] = {
	{"SUPERUSER",
		"everything: no privilege is asked for, row security does not apply, and the server's files and "
		"programs are within reach",
		is_super, true},
	{"CREATEROLE",
		"makes, alters and drops roles: before PostgreSQL 16 any that is no superuser, and may join each of "
		"them; since then those that it has ADMIN on",
		creates_roles, false},
	{"CREATEDB", "makes databases, and owns them", creates_databases, false},
	{"REPLICATION", "may copy the whole cluster, with everything that is in it", replicates, false},
	{"BYPASSRLS", "row security does not apply", bypasses, false},
};
const size_t words_attribute_count = COUNT_OF(words_attributes);

/* PostgreSQL documentation 22.5, "Predefined Roles", of 13 to 18. */
static const struct {
	const char *name, *means;
} own_roles[] = {
	{"pg_checkpoint", "CHECKPOINT"},
	{"pg_create_subscription", "makes subscriptions, where it may CREATE in the database"},
	{"pg_database_owner", "whoever owns the database that a session is in"},
	{"pg_execute_server_program", "runs any program on the server as its account: as good as superuser"},
	{"pg_maintain", "MAINTAIN on all tables, of every database"},
	{"pg_monitor", "reads settings, statistics and locks of everybody"},
	{"pg_read_all_data",
		"SELECT on all tables, views and sequences and USAGE on all schemas, of every database, the "
		"verifiers of all passwords too"},
	{"pg_read_all_settings", "reads all settings, hidden ones too"},
	{"pg_read_all_stats", "reads all statistics, the text of others' queries too"},
	{"pg_read_server_files", "reads any file that the server can read: as good as superuser"},
	{"pg_signal_autovacuum_worker", "ends autovacuum workers"},
	{"pg_signal_backend", "ends sessions and queries of whoever is no superuser"},
	{"pg_stat_scan_tables", "runs monitoring functions that lock tables"},
	{"pg_use_reserved_connections", "takes reserved connections"},
	{"pg_write_all_data",
		"INSERT, UPDATE and DELETE on all tables, views and sequences and USAGE on all schemas, of "
		"every database"},
	{"pg_write_server_files", "writes any file that the server can write: as good as superuser"},
};

const char *words_of_role(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(own_roles); i++)
		if (strcmp(own_roles[i].name, name) == 0)
			return own_roles[i].means;
	return NULL;
}

/* The next name of a dotted list, which may stand in quotes; NULL = there is none. */
static const char *name_at(const char **text, struct arena *mem)
{
	const char *at = *text;
	bool quoted = *at == '"';
	char *name = arena_array(mem, strlen(at) + 1, 1);
	size_t length = 0;
	at += quoted;
	while (*at && (quoted || *at != '.')) {
		if (quoted && *at == '"' && at[1] != '"')
			break;
		at += quoted && *at == '"';
		name[length++] = *at++;
	}
	if (quoted && *at++ != '"')
		return NULL;
	*text = at;
	return length ? name : NULL;
}

bool access_table(const char *text, struct arena *mem, struct access_question *question)
{
	const char *schema = name_at(&text, mem);
	if (!schema || *text++ != '.')
		return false;
	const char *table = name_at(&text, mem);
	if (!table || *text)
		return false;
	question->schema = schema;
	question->table = table;
	return true;
}

const char *access_kind(const struct access_item *item)
{
	if (item->what == ACCESS_ON_ATTRIBUTE)
		return "attribute";
	return item->what == ACCESS_ON_ROLE ? "role" : grant_on_singular(item->on);
}
