#include "reconcile/patroni/server.h"

#include <stdlib.h>
#include <string.h>

#include "reconcile/patroni/drill_internal.h"
#include "reconcile/postgres/session.h"

/*
 * Whole numbers of bytes: numeric would come with a fraction. A slot that holds nothing has no restart_lsn. PostgreSQL sets replay_lag when a standby
 * replies: of one whose receiver stands still it keeps what was so before. Such a one has said nothing for more than twice the time in which it is
 * to reply (wal_receiver_status_interval, as the primary has it; 0 = never), and is behind by that time at least.
 */
static const char question[] =
	"WITH here AS (SELECT pg_catalog.pg_current_wal_lsn() AS lsn, pg_catalog.clock_timestamp() AS now, "
	"  2 * NULLIF(pg_catalog.current_setting('wal_receiver_status_interval')::pg_catalog.interval, '0') AS overdue), "
	"slot AS (SELECT s.slot_name, s.slot_type, s.active, s.wal_status, s.safe_wal_size, "
	"  pg_catalog.pg_wal_lsn_diff(here.lsn, s.restart_lsn)::pg_catalog.int8 AS held "
	"  FROM pg_catalog.pg_replication_slots s, here), "
	"sender AS (SELECT r.application_name, r.client_addr, r.state, r.sync_state, "
	"  pg_catalog.pg_wal_lsn_diff(here.lsn, r.sent_lsn)::pg_catalog.int8 AS sent, "
	"  pg_catalog.pg_wal_lsn_diff(here.lsn, r.flush_lsn)::pg_catalog.int8 AS flushed, "
	"  pg_catalog.pg_wal_lsn_diff(here.lsn, r.replay_lsn)::pg_catalog.int8 AS replayed, "
	"  extract(epoch FROM GREATEST(r.replay_lag, CASE WHEN r.replay_lsn < here.lsn AND here.now - r.reply_time > here.overdue "
	"  THEN here.now - r.reply_time END))::pg_catalog.float8 AS behind "
	"  FROM pg_catalog.pg_stat_replication r, here), "
	"db AS (SELECT d.datname, CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') OR "
	"  pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_catalog.pg_database_size(d.oid) END AS bytes "
	"  FROM pg_catalog.pg_database d WHERE NOT d.datistemplate) "
	"SELECT pg_catalog.json_build_object("
	"'connections', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'), "
	"'failoverDrill', (SELECT CASE state WHEN 'ours' THEN 'left' WHEN 'busy' THEN 'running' END FROM (" DRILL_STATE
	") drill), "
	"'commitsWaiting', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE wait_event = 'SyncRep'), "
	"'walReadable', pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE'), "
	"'maxConnections', pg_catalog.current_setting('max_connections')::pg_catalog.int4, "
	"'databases', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', datname, 'bytes', bytes) ORDER BY datname) FROM db), "
	"'slots', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', slot_name, 'type', slot_type, 'active', active, "
	"  'heldBytes', held, 'status', wal_status, 'safeBytes', safe_wal_size) ORDER BY slot_name) FROM slot), "
	"'replication', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', application_name, 'client', client_addr, "
	"  'state', state, 'sync', sync_state, 'sentLagBytes', sent, 'flushLagBytes', flushed, 'replayLagBytes', replayed, "
	"  'lagSeconds', behind) ORDER BY application_name) FROM sender))";

/* A statement of its own: the right to call the function is asked for before anything runs, whatever stands around it. */
static bool add_wal(struct session *session, json_t *answer, struct error *err)
{
	static const char wal[] = "SELECT pg_catalog.sum(size)::pg_catalog.int8 FROM pg_catalog.pg_ls_waldir()";
	CLEANUP(session_clear) PGresult *rows = NULL;
	bool readable = json_is_true(json_object_get(answer, "walReadable"));
	json_object_del(answer, "walReadable");
	if (!readable)
		return true;
	if (!session_query(session, session->conn, wal, &rows, err))
		return false;
	const char *text = session_rows(rows) == 1 ? session_value(rows, 0, 0) : "";
	if (*text)
		json_object_set_new(answer, "walBytes", json_integer(strtoll(text, NULL, 10)));
	return true;
}

/* A list without a row is null in SQL: here it is empty. Without a trace of a drill nothing is said of one. */
static void settle(json_t *answer)
{
	static const char *const lists[] = {"databases", "slots", "replication"};
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		if (!json_is_array(json_object_get(answer, lists[i])))
			json_object_set_new(answer, lists[i], json_array());
	if (json_is_null(json_object_get(answer, "failoverDrill")))
		json_object_del(answer, "failoverDrill");
}

static bool ask(struct session *session, json_t **answer, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	json_t *found;
	if (!session_query(session, session->conn, question, &rows, err))
		return false;
	const char *text = session_rows(rows) == 1 ? session_value(rows, 0, 0) : "";
	if (!json_read(text, strlen(text), &found, err))
		return error_prefix(
			err, "what it says of itself is not readable: a name in it may be no UTF-8");
	settle(found);
	if (!add_wal(session, found, err)) {
		json_decref(found);
		return false;
	}
	*answer = found;
	return true;
}

bool patroni_server_read(const struct session_target *target, json_t **answer, struct error *err)
{
	struct session *session;
	if (!session_start(target, &session, err))
		return false;
	bool ok = ask(session, answer, err);
	session_close(session);
	return ok;
}
