#include <libpq-fe.h>

#include "reconcile/postgres/standbys.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "reconcile/postgres/session.h"

enum { PATIENCE = 2000, PAUSE = 50 };

enum { POSITION, CONFIRMED, HIDDEN, NAMES, CONNECTED };

/*
 * As many have to confirm as the names say: "2 (a, b)", "ANY 1 (a, b)", else one. A position that this server has not reached is of another one,
 * which led before. Without pg_monitor the rows are there, and empty.
 */
#define QUESTION                                                                                                                              \
	"WITH behind AS (SELECT coalesce(nullif('%s', '')::pg_catalog.pg_lsn, pg_catalog.pg_current_wal_flush_lsn()) AS lsn), "               \
	"asked AS (SELECT n.names, coalesce(pg_catalog.substring(n.names, '(?i)^\\s*(?:first|any)?\\s*([0-9]+)\\s*\\(')::int4, 1) AS needed " \
	"  FROM (SELECT pg_catalog.current_setting('synchronous_standby_names') AS names) n), "                                               \
	"standby AS (SELECT application_name, flush_lsn, state FROM pg_catalog.pg_stat_replication "                                          \
	"  WHERE state IS NULL OR sync_state = ANY ('{sync,quorum}')) "                                                                       \
	"SELECT b.lsn, a.names = '' OR b.lsn > pg_catalog.pg_current_wal_flush_lsn() OR a.needed <= "                                         \
	"  (SELECT pg_catalog.count(*) FROM standby s WHERE s.flush_lsn >= b.lsn), "                                                          \
	"EXISTS (SELECT FROM standby s WHERE s.state IS NULL), a.names, "                                                                     \
	"(SELECT pg_catalog.string_agg(s.application_name, ', ' ORDER BY s.application_name) FROM standby s "                                 \
	"  WHERE s.flush_lsn IS NULL OR s.flush_lsn < b.lsn) FROM behind b, asked a"

static const char *sentence(const PGresult *row, struct arena *mem)
{
	const char *connected = session_text(row, 0, CONNECTED, mem);
	return arena_printf(mem,
		"what was written last is on this server alone, and no COMMIT of others returns: the synchronous standby (synchronous_standby_names "
		"= %s) has not confirmed it; %s%s; where another server takes over before that, the next pass writes it again",
		session_value(row, 0, NAMES), connected ? "see to " : "none is connected",
		connected ? connected : "");
}

/* True with an answer; what is open stays in `position`. */
static bool ask(struct session *session, char position[STANDBYS_POSITION], struct arena *mem,
	const char **why, struct error *err)
{
	CLEANUP(session_clear) PGresult *row = NULL;
	if (!session_query(session, session->conn, arena_printf(mem, QUESTION, position), &row, err))
		return false;
	bool settled = session_is_true(row, 0, CONFIRMED) || session_is_true(row, 0, HIDDEN);
	snprintf(position, STANDBYS_POSITION, "%s", settled ? "" : session_value(row, 0, POSITION));
	*why = settled ? NULL : sentence(row, mem);
	return true;
}

bool standbys_confirm(struct session *session, char position[STANDBYS_POSITION], struct arena *mem,
	const char **why, struct error *err)
{
	int64_t end = clock_steady() + (session->writes ? PATIENCE : 0);
	*why = NULL;
	if (session->writes)
		position[0] = '\0';
	else if (!position[0])
		return true;
	for (;;) {
		if (!ask(session, position, mem, why, err))
			return false;
		if (!*why || clock_steady() >= end)
			return true;
		clock_pause(PAUSE);
	}
}
