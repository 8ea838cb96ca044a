#include "reconcile/patroni/drill.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/patroni/drill_internal.h"
#include "reconcile/postgres/session.h"

enum {
	PAUSE = 10,      /* milliseconds between writes */
	PAUSE_AWAY = 50, /* until the next member is tried */
	FAITHFUL = 2000 /* until a reader gives up the member it begins with, which has to replay the database first */
};

struct writer {
	struct drill *drill;
	size_t index;
	pthread_t thread;
	bool started;
	struct drill_note *notes;
	size_t count, room;
	bool reads;
	bool wanders; /* each write by a connection of its own, beginning with the next member */
	size_t read_count;
	int64_t read_last, read_longest; /* microseconds */
};

struct drill {
	const struct drill_member *members;
	size_t member_count;
	atomic_bool stop;
	atomic_size_t acknowledged;
	struct writer *writers; /* the readers behind them */
	size_t writer_count, reader_count;
};

/* ---- its database ---- */

/* One value of one row. */
static bool ask(
	struct session *session, PGconn *conn, const char *sql, char *value, size_t size, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	if (!session_query(session, conn, sql, &rows, err))
		return false;
	snprintf(value, size, "%s", session_rows(rows) == 1 ? session_value(rows, 0, 0) : "");
	return true;
}

static bool run(struct session *session, PGconn *conn, const char *sql, struct error *err)
{
	struct outcome outcome = {0};
	if (session_write(session, conn, sql, 1, &outcome))
		return true;
	*err = outcome.error;
	return false;
}

/* Whose sessions those are. */
static const char who_is_there[] =
	"SELECT pg_catalog.string_agg(pg_catalog.format('%s of %s%s', n, name, place), ', ') FROM ("
	"SELECT pg_catalog.count(*) AS n, COALESCE(NULLIF(a.application_name, ''), 'a program without a name') AS name, "
	"COALESCE(' from ' OPERATOR(pg_catalog.||) pg_catalog.host(a.client_addr), '') AS place "
	"FROM pg_catalog.pg_stat_activity a WHERE a.datname OPERATOR(pg_catalog.=) '" DRILL_DATABASE
	"' AND a.backend_type IS DISTINCT FROM 'autovacuum worker' GROUP BY 2, 3 ORDER BY 1 DESC LIMIT 3) them";

/* By pg_basebackup; by WAL-G or pgBackRest, whose session has begun one and waits while the files are copied; by pg_dump, as the operator's
   logical backup. */
static const char running_backups[] =
	"SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_progress_basebackup) OPERATOR(pg_catalog.+) "
	"(SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() "
	"AND (a.query OPERATOR(pg_catalog.~*) 'pg_(start_backup|backup_start)[[:space:]]*[(]' "
	"OR a.application_name OPERATOR(pg_catalog.~) '^pg_dump(all)?$'))";

static bool is_free(struct session *session, const char *state, struct error *err)
{
	char who[400];
	if (text_equal(state, "other"))
		return error_set(err, ERROR_CONFLICT,
			"there is a database " DRILL_DATABASE " that no drill has made: rename or drop it");
	if (!text_equal(state, "busy"))
		return true;
	return ask(session, session->conn, who_is_there, who, sizeof(who), err) &&
		error_set(err, ERROR_CONFLICT,
			"another drill runs, or somebody looks at what one left: in its database " DRILL_DATABASE
			" are sessions (%s)",
			who);
}

static bool check(struct session *session, struct error *err)
{
	char backups[16], found[16];
	if (!ask(session, session->conn, running_backups, backups, sizeof(backups), err) ||
		!ask(session, session->conn, DRILL_STATE, found, sizeof(found), err))
		return false;
	if (!text_equal(backups, "0"))
		return error_set(err, ERROR_CONFLICT,
			"a backup is being taken: it would be broken off; try again when it is done");
	return is_free(session, found, err);
}

/* Nobody was in it a moment ago, and there was none: whoever is quicker now is another drill. */
static bool run_alone(struct session *session, const char *sql, struct error *err)
{
	static const char *const quicker[] = {"55006", "42P04", "23505"}; /* in use; there already, twice */
	struct outcome outcome = {0};
	if (session_write(session, session->conn, sql, 1, &outcome))
		return true;
	*err = outcome.error;
	for (size_t i = 0; i < COUNT_OF(quicker); i++)
		if (text_equal(outcome.sqlstate, quicker[i]))
			return error_set(err, ERROR_CONFLICT, "another drill begins at this moment: %s",
				outcome.error.text);
	return false;
}

static bool make(struct session *session, bool *made, struct error *err)
{
	CLEANUP(session_finish) PGconn *conn = NULL;
	*made = check(session, err) && run_alone(session, "DROP DATABASE IF EXISTS " DRILL_DATABASE, err) &&
		run_alone(session, "CREATE DATABASE " DRILL_DATABASE " TEMPLATE template0" DRILL_CLOSED, err);
	return *made &&
		run(session, session->conn, "COMMENT ON DATABASE " DRILL_DATABASE " IS '" DRILL_MARK "'", err) &&
		run(session, session->conn, "ALTER DATABASE " DRILL_DATABASE DRILL_OPEN, err) &&
		session_open(session, DRILL_DATABASE, &conn, err) &&
		run(session, conn,
			"CREATE TABLE public.written (writer int, number bigint, written timestamptz DEFAULT pg_catalog.clock_timestamp(), "
			"PRIMARY KEY (writer, number))",
			err);
}

bool drill_prepare(const struct session_target *primary, bool *made, struct error *err)
{
	struct session *session;
	*made = false;
	if (!session_start(primary, &session, err))
		return false;
	bool ok = make(session, made, err);
	session_close(session);
	return ok;
}

bool drill_clean(const struct session_target *primary, struct error *err)
{
	struct session *session;
	char found[16] = "";
	if (!session_start(primary, &session, err))
		return false;
	bool ok = ask(session, session->conn, DRILL_STATE, found, sizeof(found), err);
	if (ok && text_equal(found, "other"))
		ok = is_free(session, found, err);
	else if (ok && !text_equal(found, "none"))
		ok = run(session, session->conn, "DROP DATABASE " DRILL_DATABASE " WITH (FORCE)", err);
	session_close(session);
	return ok;
}

bool drill_clear(const struct session_target *primary, bool *found, struct error *err)
{
	struct session *session;
	char state[16] = "";
	if (!session_start(primary, &session, err))
		return false;
	bool ok = ask(session, session->conn, DRILL_STATE, state, sizeof(state), err) &&
		is_free(session, state, err);
	*found = text_equal(state, "ours");
	if (ok && *found)
		ok = run_alone(session, "DROP DATABASE " DRILL_DATABASE, err);
	session_close(session);
	return ok;
}

bool drill_look(const struct session_target *primary, struct arena *mem, enum drill_trace *trace,
	const char **cluster, struct error *err)
{
	struct session *session;
	char state[16] = "", name[128] = "";
	if (!session_start(primary, &session, err))
		return false;
	bool ok = ask(session, session->conn, DRILL_STATE, state, sizeof(state), err) &&
		ask(session, session->conn, "SELECT pg_catalog.current_setting('cluster_name')", name,
			sizeof(name), err);
	session_close(session);
	*trace = text_equal(state, "busy") ? DRILL_RUNS : text_equal(state, "ours") ? DRILL_LEFT : DRILL_NONE;
	*cluster = arena_copy(mem, name);
	return ok;
}

bool drill_clients(const struct session_target *member, size_t *count, struct error *err)
{
	static const char sql[] =
		"SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type OPERATOR(pg_catalog.=) 'client backend' "
		"AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid() AND application_name OPERATOR(pg_catalog.!~) '^(pgitops|Patroni)'";
	struct session_target target = *member;
	struct session *session;
	char value[32] = "";
	target.any = true;
	if (!session_start(&target, &session, err))
		return false;
	bool ok = ask(session, session->conn, sql, value, sizeof(value), err);
	session_close(session);
	*count = strtoul(value, NULL, 10);
	return ok;
}

/* ---- a writer ---- */

static void note(struct writer *writer, struct drill_note note)
{
	if (writer->count == writer->room) {
		writer->room = writer->room ? writer->room * 2 : 1024;
		writer->notes = memory_resize(writer->notes, writer->room * sizeof(*writer->notes));
	}
	writer->notes[writer->count++] = note;
	if (note.end == DRILL_ACKNOWLEDGED)
		atomic_fetch_add(&writer->drill->acknowledged, 1);
}

/* With the first member that takes writes, or may be read, beginning with the one after the last; until `faithful` with the same one. */
static struct session *connect_anywhere(struct drill *drill, bool reads, int64_t faithful, size_t *server)
{
	struct session *session;
	struct error ignored;
	while (!atomic_load(&drill->stop)) {
		if (clock_steady() >= faithful)
			*server = (*server + 1) % drill->member_count;
		struct session_target target =
			drill->members[*server].target; /* the password stays the member's */
		target.any = reads;
		if (session_start(&target, &session, &ignored)) {
			if (reads || run(session, session->conn, "SET synchronous_commit = on", &ignored))
				return session;
			session_close(session);
		}
		clock_pause(PAUSE_AWAY);
	}
	return NULL;
}

/* False when the session is of no use any more. A warning is an answer too few: the wait for a standby was given up. */
static bool write_one(struct writer *writer, struct session *session, size_t server, size_t number)
{
	struct outcome outcome = {0};
	char sql[128];
	snprintf(sql, sizeof(sql), "INSERT INTO public.written VALUES (%zu, %zu)", writer->index, number);
	bool ok = session_write(session, session->conn, sql, 1, &outcome);
	bool readonly = text_equal(outcome.sqlstate, "25006");
	enum drill_end end = ok && !outcome.warned                          ? DRILL_ACKNOWLEDGED
		: ok || outcome.lost || text_starts(outcome.sqlstate, "57") ? DRILL_UNKNOWN
									    : DRILL_REFUSED;
	note(writer,
		(struct drill_note){.end = end,
			.writer = writer->index,
			.number = number,
			.server = server,
			.time = clock_now(),
			.readonly = readonly});
	return ok;
}

/* False as write_one(). A pause counts from the first that was read: before that the replica may not have the table yet. */
static bool read_one(struct writer *reader, struct session *session)
{
	char value[32];
	struct error ignored;
	if (!ask(session, session->conn, "SELECT pg_catalog.max(number) FROM public.written", value,
		    sizeof(value), &ignored))
		return false;
	int64_t now = clock_now(), gap = reader->read_last ? now - reader->read_last : 0;
	reader->read_longest = gap > reader->read_longest ? gap : reader->read_longest;
	reader->read_last = now;
	reader->read_count++;
	return true;
}

static void *write_on(void *context)
{
	struct writer *writer = context;
	struct drill *drill = writer->drill;
	struct session *session = NULL;
	size_t server = (writer->reads ? writer->index : 0) % drill->member_count;
	int64_t faithful = writer->reads ? clock_steady() + FAITHFUL : 0;
	for (size_t number = 1; !atomic_load(&drill->stop); number++) {
		session = session ? session : connect_anywhere(drill, writer->reads, faithful, &server);
		bool good = session &&
			(writer->reads ? read_one(writer, session)
				       : write_one(writer, session, server, number));
		if (!good || writer->wanders) {
			session_close(session);
			session = NULL;
		}
		clock_pause(writer->wanders ? PAUSE_AWAY : PAUSE);
	}
	session_close(session);
	return NULL;
}

/* ---- all of them ---- */

struct drill *drill_start(const struct drill_member *members, size_t count, size_t writers, size_t readers)
{
	struct drill *drill = memory_alloc(sizeof(*drill));
	drill->members = members;
	drill->member_count = count;
	drill->writer_count = writers;
	drill->reader_count = readers;
	drill->writers = memory_alloc((writers + readers) * sizeof(*drill->writers));
	for (size_t i = 0; i < writers + readers; i++) {
		struct writer *writer = &drill->writers[i];
		writer->drill = drill;
		writer->index = i + 1;
		writer->reads = i >= writers;
		writer->wanders = writers > 1 && i == writers - 1;
		writer->started = pthread_create(&writer->thread, NULL, write_on, writer) == 0;
	}
	return drill;
}

size_t drill_acknowledged(struct drill *drill)
{
	return atomic_load(&drill->acknowledged);
}

void drill_stop(struct drill *drill)
{
	atomic_store(&drill->stop, true);
	for (size_t i = 0; i < drill->writer_count + drill->reader_count; i++) {
		if (drill->writers[i].started)
			pthread_join(drill->writers[i].thread, NULL);
		drill->writers[i].started = false;
	}
}

void drill_free(struct drill *drill)
{
	if (!drill)
		return;
	drill_stop(drill);
	for (size_t i = 0; i < drill->writer_count; i++)
		free(drill->writers[i].notes);
	free(drill->writers);
	free(drill);
}

/* ---- what is there ---- */

static int compare_notes(const void *a, const void *b)
{
	const struct drill_note *x = a, *y = b;
	return x->time < y->time ? -1 : x->time > y->time;
}

/* Each writer noted its numbers in order. */
static void mark(struct drill *drill, size_t writer, size_t number)
{
	struct writer *one = writer && writer <= drill->writer_count ? &drill->writers[writer - 1] : NULL;
	if (one && number && number <= one->count && one->notes[number - 1].number == number)
		one->notes[number - 1].there = true;
}

/* By the clocks of whoever took them, of what is there: beside what the writers measured it shows what their own measuring adds. */
#define LONGEST_GAP                                                                                                      \
	"SELECT pg_catalog.date_part('epoch', pg_catalog.max(gap)) OPERATOR(pg_catalog.*) 1000000 FROM (SELECT written " \
	"OPERATOR(pg_catalog.-) pg_catalog.lag(written) OVER (ORDER BY written) AS gap FROM public.written) gaps"

static bool look(
	struct drill *drill, const struct session_target *primary, int64_t *longest_gap, struct error *err)
{
	CLEANUP(session_finish) PGconn *conn = NULL;
	CLEANUP(session_clear) PGresult *rows = NULL;
	struct session *session;
	char gap[64];
	if (!session_start(primary, &session, err))
		return false;
	bool ok = session_open(session, DRILL_DATABASE, &conn, err) &&
		session_query(session, conn, "SELECT writer, number FROM public.written", &rows, err) &&
		ask(session, conn, LONGEST_GAP, gap, sizeof(gap), err);
	*longest_gap = ok ? (int64_t)strtod(gap, NULL) : 0;
	for (int i = 0; ok && i < session_rows(rows); i++)
		mark(drill, session_number(rows, i, 0), session_number(rows, i, 1));
	session_close(session);
	return ok;
}

bool drill_measure(struct drill *drill, const struct session_target *primary, struct arena *mem,
	struct drill_figures *figures, struct error *err)
{
	size_t count = 0, at = 0;
	int64_t longest_gap;
	if (!look(drill, primary, &longest_gap, err))
		return false;
	for (size_t i = 0; i < drill->writer_count; i++)
		count += drill->writers[i].count;
	struct drill_note *notes = memory_alloc((count + 1) * sizeof(*notes));
	for (size_t i = 0; i < drill->writer_count; at += drill->writers[i++].count)
		if (drill->writers[i].count)
			memcpy(notes + at, drill->writers[i].notes, drill->writers[i].count * sizeof(*notes));
	qsort(notes, count, sizeof(*notes), compare_notes);
	drill_figure(notes, count, drill->members, mem, figures);
	figures->servers_without_writes = longest_gap;
	free(notes);
	for (size_t i = drill->writer_count; i < drill->writer_count + drill->reader_count; i++) {
		const struct writer *reader = &drill->writers[i];
		figures->reads += reader->read_count;
		if (reader->read_longest > figures->without_reads)
			figures->without_reads = reader->read_longest;
	}
	return true;
}
