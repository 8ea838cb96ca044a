#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/postgres/session.h"
#include "reconcile/roles/present.h"

/* Of each extension the version that CREATE EXTENSION takes. All of them, as the server reads all of its files anyway, and who
   misspelt one is told the nearest. */
#define READ_AVAILABLE                                                                                            \
	"SELECT a.name, v.schema, v.superuser AND NOT v.trusted FROM pg_catalog.pg_available_extensions a "       \
	"JOIN pg_catalog.pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version " \
	"ORDER BY a.name COLLATE \"C\""

#define READ_CONTENT                                                                                         \
	"SELECT e.extname, n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n "         \
	"ON n.oid = e.extnamespace; SELECT nspname FROM pg_catalog.pg_namespace"

enum { CONTENT_TABLES = 2 };

static void take_available(const PGresult *rows, struct arena *mem, struct roles_present *present)
{
	int count = session_rows(rows);
	present->available = arena_array(mem, (size_t)count + 1, sizeof(*present->available));
	for (int i = 0; i < count; i++)
		present->available[present->available_count++] = (struct available_extension){
			.name = session_text(rows, i, 0, mem),
			.schema = session_text(rows, i, 1, mem),
			.untrusted = session_is_true(rows, i, 2),
		};
}

static int compare_extensions(const void *a, const void *b)
{
	return strcmp(((const struct wanted_extension *)a)->name, ((const struct wanted_extension *)b)->name);
}

static void take_content(PGresult *tables[CONTENT_TABLES], struct arena *mem, struct database_content *content)
{
	int extensions = session_rows(tables[0]), schemas = session_rows(tables[1]);
	content->extensions = arena_array(mem, (size_t)extensions + 1, sizeof(*content->extensions));
	for (int i = 0; i < extensions; i++)
		content->extensions[content->extension_count++] = (struct wanted_extension){
			session_text(tables[0], i, 0, mem), session_text(tables[0], i, 1, mem)};
	if (extensions)
		qsort(content->extensions, content->extension_count, sizeof(*content->extensions),
			compare_extensions);
	content->schemas = arena_array(mem, (size_t)schemas + 1, sizeof(*content->schemas));
	for (int i = 0; i < schemas; i++)
		content->schemas[content->schema_count++] = session_text(tables[1], i, 0, mem);
	text_sort_unique(content->schemas, &content->schema_count);
}

static bool read_content(struct session *session, const char *database, struct arena *mem,
	struct database_content *content, struct error *err)
{
	CLEANUP(session_finish) PGconn *conn = NULL;
	PGresult *tables[CONTENT_TABLES] = {NULL};
	struct outcome outcome;
	if (!session_open(session, database, &conn, err))
		return false;
	bool ok = session_send(session, conn, READ_CONTENT, CONTENT_TABLES, &outcome) &&
		session_collect(session, conn, CONTENT_TABLES, tables, CONTENT_TABLES, &outcome) &&
		tables[CONTENT_TABLES - 1];
	if (ok)
		take_content(tables, mem, content);
	else
		*err = outcome.error;
	for (size_t i = 0; i < CONTENT_TABLES; i++)
		session_clear(&tables[i]);
	return ok;
}

bool observe_extensions(struct session *session, const struct users *wanted, struct arena *mem,
	struct roles_present *present, struct error *err)
{
	size_t listing = 0;
	present->contents = arena_array(mem, wanted->database_count + 1, sizeof(*present->contents));
	for (size_t i = 0; i < wanted->database_count; i++) {
		const struct wanted_database *database = &wanted->databases[i];
		const struct database *found = present_database(present, database->name);
		if (!database->extension_count)
			continue;
		listing++;
		struct database_content *content = &present->contents[i];
		if (found && found->allows_connections)
			(void)!read_content(session, database->name, mem, content, &content->error);
	}
	CLEANUP(session_clear) PGresult *rows = NULL;
	if (listing && !session_query(session, session->conn, READ_AVAILABLE, &rows, err))
		return error_prefix(err, "reading which extensions there are");
	if (listing)
		take_available(rows, mem, present);
	return true;
}
