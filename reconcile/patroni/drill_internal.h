/*
 * drill_internal.h - what the writers note, and what is made of it
 */
#pragma once

#include "reconcile/patroni/drill.h"

#define DRILL_MARK "made by pgitops cluster failover-drill, and dropped by it"

/* By these two a new database is a drill's from its first moment, as a comment is a statement of its own: nobody could enter it and leave something in
   it. Both are taken away when the comment stands. */
#define DRILL_NEWBORN "31415"
#define DRILL_CLOSED " ALLOW_CONNECTIONS false CONNECTION LIMIT " DRILL_NEWBORN
#define DRILL_OPEN " ALLOW_CONNECTIONS true CONNECTION LIMIT -1"

/* One row, one value: "none", "ours" (a drill made it, and nobody is in it), "busy" (somebody is), "other" (no drill made it). What the server itself
   does in it is nobody. */
#define DRILL_STATE                                                                                                   \
	"SELECT CASE WHEN d.oid IS NULL THEN 'none' "                                                                 \
	"WHEN pg_catalog.shobj_description(d.oid, 'pg_database') IS DISTINCT FROM '" DRILL_MARK                       \
	"' AND (d.datallowconn OR d.datconnlimit OPERATOR(pg_catalog.<>) " DRILL_NEWBORN ") THEN 'other' "            \
	"WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid OPERATOR(pg_catalog.=) d.oid "          \
	"AND a.backend_type IS DISTINCT FROM 'autovacuum worker') THEN 'busy' ELSE 'ours' END AS state "              \
	"FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_database d ON d.datname OPERATOR(pg_catalog.=) '" DRILL_DATABASE \
	"'"

enum drill_end { DRILL_ACKNOWLEDGED, DRILL_REFUSED, DRILL_UNKNOWN };

struct drill_note {
	enum drill_end end;
	size_t writer, number;
	size_t server; /* of the members */
	int64_t time;  /* of its end */
	bool readonly, there;
};

/* From notes by time, of which each says whether its row is there. */
void drill_figure(const struct drill_note *notes, size_t count, const struct drill_member *members,
	struct arena *mem, struct drill_figures *figures);
