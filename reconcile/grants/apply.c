#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "reconcile/grants/grants.h"
#include "reconcile/postgres/session.h"

/* Steps of one database, and the connection to it. */
struct applier {
	struct session *session;
	PGconn *conn;
	struct grants_step **steps;
	size_t count;
};

static size_t build(const struct applier *applier, size_t first, size_t end, struct buf *sql, size_t *statements)
{
	size_t next = first;
	*statements = 0;
	for (; next < end; next++) {
		const struct grants_step *step = applier->steps[next];
		bool fits = sql->length + strlen(step->sql) < LIMIT_BATCH_BYTES &&
			*statements + step->statements <= LIMIT_BATCH_STATEMENTS;
		if (next > first && !fits)
			break;
		buf_printf(sql, "%s%s", next > first ? "; " : "", step->sql);
		*statements += step->statements;
	}
	return next;
}

static size_t step_of(const struct applier *applier, size_t first, size_t statement)
{
	while (statement >= applier->steps[first]->statements)
		statement -= applier->steps[first++]->statements;
	return first;
}

static bool run(struct applier *applier, size_t first, size_t end, struct error *err);

/* The server took nothing of the message, and says which statement failed: the others are sent without it. */
static bool isolate(
	struct applier *applier, size_t first, size_t end, const struct outcome *outcome, struct error *err)
{
	size_t bad = step_of(applier, first, outcome->completed);
	applier->steps[bad]->error = outcome->error;
	return run(applier, first, bad, err) && run(applier, bad + 1, end, err);
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
		for (size_t i = first; ok && i < next; i++)
			applier->steps[i]->done = true;
		if (!ok && !isolate(applier, first, next, &outcome, err))
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
		struct applier applier = {.session = session, .steps = steps};
		for (end = first; end < plan->step_count && strcmp(plan->steps[end].database, database) == 0;
			end++)
			if (*plan->steps[end].sql)
				steps[applier.count++] = &plan->steps[end];
		if (applier.count && !run_database(&applier, database, err))
			return false;
	}
	return true;
}
