/*
 * observe_leaving.c - what roles that go have outside of the databases' own catalogs
 *
 * pg_shdepend knows databases and tablespaces only by number, prepared transactions and sessions not at all. A prepared
 * transaction is found by its owner, and by the lock that it holds on the role: what it made for the role is not
 * to be seen before it is committed. Which of the locks are its own says the one on its number.
 */
#include <stdlib.h>
#include <string.h>

#include "reconcile/postgres/session.h"
#include "reconcile/roles/present.h"

#define READ_BELONGINGS                                                                                       \
	"WITH leaving AS (SELECT oid, rolname FROM pg_catalog.pg_roles WHERE oid IN (%s)) "                   \
	"SELECT '0', datdba, datname::text, '' FROM pg_catalog.pg_database JOIN leaving l ON l.oid = datdba " \
	"UNION ALL SELECT '1', spcowner, spcname::text, '' "                                                  \
	"FROM pg_catalog.pg_tablespace JOIN leaving l ON l.oid = spcowner "                                   \
	"UNION ALL SELECT '2', subowner, subname::text, datname::text FROM pg_catalog.pg_subscription "       \
	"JOIN leaving l ON l.oid = subowner JOIN pg_catalog.pg_database d ON d.oid = subdbid "                \
	"UNION ALL SELECT '3', l.oid, x.gid, x.database::text FROM pg_catalog.pg_prepared_xacts x "           \
	"JOIN leaving l ON l.rolname = x.owner OR EXISTS (SELECT FROM pg_catalog.pg_locks k "                 \
	"JOIN pg_catalog.pg_locks t USING (virtualtransaction) WHERE t.transactionid = x.transaction "        \
	"AND k.pid IS NULL AND k.locktype = 'object' AND k.classid = 1260 AND k.objid = l.oid) "              \
	"UNION ALL SELECT '4', usesysid, count(*)::text, '' FROM pg_catalog.pg_stat_activity "                \
	"JOIN leaving l ON l.oid = usesysid GROUP BY usesysid "                                               \
	"UNION ALL SELECT '5', usesysid, slot_name::text, COALESCE(database::text, '') "                      \
	"FROM pg_catalog.pg_replication_slots JOIN pg_catalog.pg_stat_activity ON pid = active_pid "          \
	"JOIN leaving l ON l.oid = usesysid WHERE NOT temporary"

bool observe_belongings(struct session *session, const char *oids, struct arena *mem,
	struct roles_present *present, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	const char *sql = arena_printf(mem, READ_BELONGINGS, oids);
	if (!session_query(session, session->conn, sql, &rows, err))
		return error_prefix(err, "reading what roles that go own");
	int count = session_rows(rows);
	present->belongings = arena_array(mem, (size_t)count + 1, sizeof(*present->belongings));
	for (int i = 0; i < count; i++)
		present->belongings[present->belonging_count++] = (struct belonging){
			.role = (uint32_t)strtoul(session_value(rows, i, 1), NULL, 10),
			.kind = (enum belonging_kind)strtol(session_value(rows, i, 0), NULL, 10),
			.name = arena_copy(mem, session_value(rows, i, 2)),
			.database = arena_copy(mem, session_value(rows, i, 3)),
		};
	return true;
}
