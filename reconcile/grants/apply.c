#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "reconcile/grants/statement.h"
#include "reconcile/postgres/session.h"

/* Each costs the whole timeout, as for roles. */
enum { MOST_LOCK_WAITS = 12 };

/* Steps of one database, and the connection to it. */
struct applier {
	struct session *session;
	struct arena *mem;
	PGconn *conn;
	struct grants_step **steps;
	size_t count;
	int lock_waits;
};

static bool joins(const struct grants_step *step, const struct grants_step *next)
{
	return step->head && next->head && strcmp(step->head, next->head) == 0 &&
		strcmp(step->tail, next->tail) == 0;
}

/* Where the message ends that begins with step `first`. */
static size_t build(const struct applier *applier, size_t first, size_t end, struct buf *sql, size_t *statements)
{
	size_t next = first;
	*statements = 0;
	for (; next < end; next++) {
		const struct grants_step *step = applier->steps[next];
		bool joined = next > first && joins(applier->steps[next - 1], step);
		if (next > first &&
			(sql->length + strlen(step->sql) >= LIMIT_BATCH_BYTES ||
				*statements + step->statements > LIMIT_BATCH_STATEMENTS))
			break;
		const char *text = joined ? step->sql + strlen(step->head) : step->sql;
		buf_text(sql, joined || next == first ? "" : applier->steps[next - 1]->tail);
		buf_printf(sql, "%s%.*s",
			next == first    ? ""
				: joined ? ", "
					 : "; ",
			(int)(strlen(text) - strlen(step->tail)), text);
		*statements += joined ? 0 : step->statements;
	}
	buf_text(sql, applier->steps[next - 1]->tail);
	return next;
}

/* The steps of the statement with this number, counted from 0, in the message of the steps from `first` on. */
static size_t statement_of(const struct applier *applier, size_t first, size_t end, size_t number, size_t *stop)
{
	for (size_t at = first;; at = *stop) {
		size_t statements = applier->steps[at]->statements;
		for (*stop = at + 1; *stop < end && joins(applier->steps[at], applier->steps[*stop]);)
			++*stop;
		if (number < statements || *stop == end)
			return at;
		number -= statements;
	}
}

static void explain_denied(const struct applier *applier, struct error *err)
{
	if (applier->session->plain && err->kind == ERROR_DENIED)
		error_set(err, ERROR_DENIED,
			"%s; it belongs to a role whose privileges the agent's does not have, and that is no superuser: GRANT the "
			"owner to it, or what is to be given WITH GRANT OPTION",
			err->text);
}

static void fail(struct applier *applier, size_t first, size_t end, const struct error *err)
{
	struct error why = *err;
	explain_denied(applier, &why);
	for (size_t i = first; i < end; i++)
		applier->steps[i]->error = why;
}

static void fail_object(const struct applier *applier, struct grants_step *step, const struct error *err)
{
	struct error why = *err;
	explain_denied(applier, &why);
	if (step->error.kind == ERROR_NONE)
		step->error = why;
	else
		error_set(&step->error, step->error.kind, "%s; %s",
			arena_copy(applier->mem, step->error.text), why.text);
}

/* One role's statement about these objects failed: they are tried by halves, so that the one in the way keeps no other back. */
static bool run_objects(struct applier *applier, struct grants_step *step, size_t first, size_t count,
	const struct error *failure, struct error *err)
{
	if (count == 1)
		fail_object(applier, step, failure);
	for (size_t part = 0; count > 1 && part < 2; part++) {
		size_t half = count / 2, from = part ? first + half : first, some = part ? count - half : half;
		const char *sql = statement_sql(step, from, some, applier->mem);
		struct outcome outcome;
		struct error why = {0};
		bool ok = session_write(applier->session, applier->conn, sql, step->statements, &outcome);
		if (outcome.lost) {
			*err = outcome.error;
			return false;
		}
		if (ok && !outcome.warned)
			continue;
		if (ok)
			error_set(&why, ERROR_DENIED, "%s", outcome.warning);
		if (!run_objects(applier, step, from, some, ok ? &why : &outcome.error, err))
			return false;
	}
	step->done = step->error.kind == ERROR_NONE;
	return true;
}

static bool run(struct applier *applier, size_t first, size_t end, struct error *err);

/*
 * The server took nothing of the message, and says which statement failed: the others are sent without it, and it is halved until it is
 * about one role, and then about one object. What is locked is so for all roles.
 */
static bool isolate(
	struct applier *applier, size_t first, size_t end, const struct outcome *outcome, struct error *err)
{
	size_t half = first + (end - first) / 2;
	/* The whole message was refused before its first statement: bytes that the database's encoding does not have. */
	if (strcmp(outcome->sqlstate, "22021") == 0 && end - first > 1)
		return run(applier, first, half, err) && run(applier, half, end, err);
	size_t stop, bad = statement_of(applier, first, end, outcome->completed, &stop);
	bool locked = strcmp(outcome->sqlstate, "55P03") == 0;
	if (locked && ++applier->lock_waits > MOST_LOCK_WAITS) {
		fail(applier, first, end, &outcome->error);
		return true;
	}
	if (!run(applier, first, bad, err))
		return false;
	size_t middle = bad + (stop - bad) / 2;
	if (locked)
		fail(applier, bad, stop, &outcome->error);
	else if (stop - bad == 1) {
		struct grants_step *step = applier->steps[bad];
		if (!run_objects(applier, step, 0, step->change_count, &outcome->error, err))
			return false;
	} else if (!run(applier, bad, middle, err) || !run(applier, middle, stop, err))
		return false;
	return run(applier, stop, end, err);
}

/*
 * Who is no superuser and may give nothing on an object, but do something there, is only warned: nothing was given or taken. Halves
 * are sent again until it is about one role and one object, which changes nothing of what was done.
 */
static bool isolate_warning(
	struct applier *applier, size_t first, size_t end, const struct outcome *outcome, struct error *err)
{
	struct error why = {0};
	size_t middle = first + (end - first) / 2;
	if (end - first > 1)
		return run(applier, first, middle, err) && run(applier, middle, end, err);
	error_set(&why, ERROR_DENIED, "%s", outcome->warning);
	return run_objects(applier, applier->steps[first], 0, applier->steps[first]->change_count, &why, err);
}

static bool run(struct applier *applier, size_t first, size_t end, struct error *err)
{
	while (first < end) {
		CLEANUP(buf_done) struct buf sql = BUF(2 * LIMIT_BATCH_BYTES);
		struct outcome outcome;
		size_t statements, next = build(applier, first, end, &sql, &statements);
		bool ok =
			session_write(applier->session, applier->conn, buf_string(&sql), statements, &outcome);
		if (outcome.lost) {
			*err = outcome.error;
			return false;
		}
		for (size_t i = first; ok && !outcome.warned && i < next; i++)
			applier->steps[i]->done = true;
		if (!ok && !isolate(applier, first, next, &outcome, err))
			return false;
		if (ok && outcome.warned && !isolate_warning(applier, first, next, &outcome, err))
			return false;
		first = next;
	}
	return true;
}

static void fail_all(struct applier *applier, const struct error *err)
{
	for (size_t i = 0; i < applier->count; i++)
		if (!applier->steps[i]->done && applier->steps[i]->error.kind == ERROR_NONE)
			applier->steps[i]->error = *err;
}

/* A database that takes no connections fails its own steps alone. */
static bool run_database(struct applier *applier, const char *database, struct error *err)
{
	CLEANUP(session_finish) PGconn *opened = NULL;
	struct error why = {0};
	if (*database && !session_open(applier->session, database, &opened, &why)) {
		fail_all(applier, &why);
		return true;
	}
	applier->conn = opened ? opened : applier->session->conn;
	if (run(applier, 0, applier->count, err))
		return true;
	fail_all(applier, err);
	return opened != NULL; /* the session itself is still there */
}

bool grants_apply(struct session *session, struct grants_plan *plan, struct arena *mem, struct error *err)
{
	struct grants_step **steps = arena_array(mem, plan->step_count + 1, sizeof(struct grants_step *));
	for (size_t first = 0, end; first < plan->step_count; first = end) {
		const char *database = plan->steps[first].database;
		struct applier applier = {.session = session, .mem = mem, .steps = steps};
		for (end = first; end < plan->step_count && strcmp(plan->steps[end].database, database) == 0;
			end++)
			if (*plan->steps[end].sql)
				steps[applier.count++] = &plan->steps[end];
		if (applier.count && !run_database(&applier, database, err))
			return false;
	}
	return true;
}
