/*
 * drill.h - writers that note what was acknowledged to them while a cluster changes its leader, and what of it is there afterwards; readers beside them
 *
 * Each writer is a thread with sessions of its own. It writes numbered rows into a database that is the drill's alone, by whichever member takes
 * writes, as a client with several hosts does, and with synchronous_commit = on, which is what a client has that sets nothing. All but the last of
 * several stay with a server for as long as it takes their writes, as a pool does; the last one connects anew for each write, to the next member that
 * takes writes: who stays with an old primary would not see that there is another one. Three ends of
 * a write are told apart: acknowledged; refused by a server that said why; and unknown, where the connection ended in between, so that only
 * looking tells. What was acknowledged and is not there afterwards is lost. A reader is content with any member that answers, a standby too; each
 * begins with another member and stays with it while it can, so that, with a reader for each member, whoever becomes the leader has a session in the
 * database already: by that others see that a drill runs.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "reconcile/postgres/connect.h"

#define DRILL_DATABASE "pgitops_drill"

struct drill_member {
	const char *name;
	struct session_target target; /* of its own address; the password is borrowed */
};

struct drill; /* borrows the members until drill_free() */

/* Makes the database and its table at the primary, over one that a drill left behind. `made`: it is there, to be dropped also after false.
   ERROR_CONFLICT: one runs now, a base backup does, or a database of this name is somebody else's. */
bool drill_prepare(const struct session_target *primary, bool *made, struct error *err) MUST_CHECK;

/* Drops the database of the caller's own drill, whoever is in it. ERROR_CONFLICT: it is not marked as one. */
bool drill_clean(const struct session_target *primary, struct error *err) MUST_CHECK;

/* Drops what a drill left that did not come to its end; `found`: there was one. ERROR_CONFLICT: somebody is in it, as in that of a drill that runs,
   or no drill made it. */
bool drill_clear(const struct session_target *primary, bool *found, struct error *err) MUST_CHECK;

/* Is there a drill's database at the primary, and is somebody in it? `cluster` is what the server calls its cluster (cluster_name, which Patroni
   sets to the scope), in `mem`. */
enum drill_trace { DRILL_NONE, DRILL_LEFT, DRILL_RUNS };
bool drill_look(const struct session_target *primary, struct arena *mem, enum drill_trace *trace,
	const char **cluster, struct error *err) MUST_CHECK;

struct drill *drill_start(const struct drill_member *members, size_t count, size_t writers, size_t readers);
size_t drill_acknowledged(struct drill *drill); /* so far; safe while they write */
void drill_stop(struct drill *drill);           /* waits for the writers, at most for one deadline */
void drill_free(struct drill *drill);           /* accepts NULL */

struct drill_lost {
	size_t writer, number;
	const char *server; /* who acknowledged it */
	int64_t time;       /* microseconds */
};

struct drill_figures {
	size_t acknowledged, refused, unknown;
	size_t unknown_there; /* of the unknown ones: how many are there */
	size_t readonly; /* refused since the server they were still with takes no writes any more (SQLSTATE 25006) */
	size_t reads;
	int64_t without_reads;  /* microseconds: the longest time in which one reader read nothing */
	int64_t without_writes; /* microseconds: the longest time between two acknowledgements of rows that are there: a lost one was no service */
	int64_t servers_without_writes; /* the same between two rows that are there, by the clocks of the servers that wrote them */
	int64_t two_primaries; /* microseconds in which two members acknowledged; 0 = never */
	struct drill_lost *lost;
	size_t lost_count;
};

/* Sessions of clients that the member still has: on one that led before they can read and no more. */
bool drill_clients(const struct session_target *member, size_t *count, struct error *err) MUST_CHECK;

/* After drill_stop(): what the primary has of what was acknowledged. */
bool drill_measure(struct drill *drill, const struct session_target *primary, struct arena *mem,
	struct drill_figures *figures, struct error *err) MUST_CHECK;
