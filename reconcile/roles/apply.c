#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/roles/applier.h"
#include "reconcile/roles/present.h"
#include "reconcile/postgres/sql.h"

enum {
	RACE_TRIES = 4,
	RACE_WAIT_MILLISECONDS = 30,
	MOST_LOCK_WAITS = 12,
	WORTH_A_CONNECTION = 32 /* verifiers: the server derives a key for each, on the core of its connection */
};

/* --- reports --- */

bool applier_is_stopped(const struct applier *applier, const struct role_step *step)
{
	const struct roles_plan *plan = applier->plan;
	const struct role_report *report = roles_report(plan, step->user);
	if (!report)
		return false;
	size_t index = (size_t)(report - plan->reports);
	return applier->stopped[index] || (step->action == ROLE_DROP && applier->kept[index]);
}

void applier_done(struct applier *applier, struct role_step *step)
{
	const struct roles_passwords *passwords = applier->plan->passwords;
	step->done = true;
	step->error = (struct error){0};
	if (step->version && passwords)
		passwords->remember(passwords->context, step->user,
			applier->plan->plain ? PRESENT_RECORDED : step->verifier, step->version);
}

static bool is_removal(enum role_action action)
{
	return action == ROLE_LOCK || action == ROLE_HOLD || action == ROLE_LET_GO || action == ROLE_HEIR ||
		action == ROLE_GIVE || action == ROLE_RETIRE || action == ROLE_DROP;
}

void applier_fail(struct applier *applier, struct role_step *step, const struct error *error, bool stop)
{
	struct role_report *report = roles_report(applier->plan, step->user);
	step->error = *error;
	if (report) {
		enum user_status status = is_removal(step->action) ? USER_RETIRING : USER_DEGRADED;
		if (status > report->status)
			report->status = status;
		report->reason = arena_join(applier->mem, report->reason, "; ",
			arena_printf(applier->mem, "%s%s%s: %s", role_action_name(step->action),
				*step->database ? " in database " : "", step->database, error->text));
		applier->stopped[report - applier->plan->reports] |= stop;
		applier->kept[report - applier->plan->reports] |= step->action == ROLE_RETIRE;
	}
}

/* --- one message --- */

/* A statement, or several that belong together, and the steps it carries out. */
struct group {
	size_t first, end; /* steps of the queue */
	size_t statements;
};

struct batch {
	PGconn *conn;
	struct role_step **steps;
	size_t count;
	struct group *groups;
	size_t group_count, statements;
	struct buf sql;
	struct outcome outcome;
};

bool applier_joins(const struct role_step *step, const struct role_step *next)
{
	return step->head && next->head && step->action == next->action &&
		strcmp(step->head, next->head) == 0 && strcmp(step->tail, next->tail) == 0;
}

static void batch_done(struct batch *batch)
{
	buf_wipe(&batch->sql);
	free(batch->groups);
	*batch = (struct batch){0};
}

/* Appends the statement that begins with `steps[first]`; how many steps it carries. */
static size_t append_group(struct batch *batch, size_t first, size_t limit, struct arena *mem)
{
	struct role_step *const *steps = batch->steps;
	size_t end = first + 1;
	buf_text(&batch->sql, batch->sql.length ? "; " : "");
	if (!steps[first]->head) {
		buf_text(&batch->sql, steps[first]->sql);
	} else {
		buf_text(&batch->sql, steps[first]->head);
		buf_text(&batch->sql, sql_identifier(steps[first]->user, mem));
		for (; end < limit && applier_joins(steps[first], steps[end]) &&
			batch->sql.length < LIMIT_BATCH_BYTES / 2;
			end++) {
			buf_text(&batch->sql, ", ");
			buf_text(&batch->sql, sql_identifier(steps[end]->user, mem));
		}
		buf_text(&batch->sql, steps[first]->tail);
	}
	batch->groups[batch->group_count++] = (struct group){first, end, steps[first]->statements};
	batch->statements += steps[first]->statements;
	return end;
}

/* One step is smaller than a message: names are short, and a comment has at most LIMIT_ROLE_COMMENT bytes. */
static bool fits(const struct batch *batch, const struct role_step *step)
{
	return batch->statements + step->statements <= LIMIT_BATCH_STATEMENTS &&
		batch->sql.length + strlen(step->sql) < LIMIT_BATCH_BYTES / 2;
}

/* Takes as many steps as one message may hold, at most `limit` of them. */
static void batch_build(
	struct batch *batch, PGconn *conn, struct role_step **steps, size_t limit, struct arena *mem)
{
	*batch = (struct batch){.conn = conn, .steps = steps, .sql = BUF(LIMIT_BATCH_BYTES)};
	batch->groups = memory_alloc((limit + 1) * sizeof(*batch->groups));
	size_t next = 0;
	while (next < limit && (next == 0 || fits(batch, steps[next])))
		next = append_group(batch, next, limit, mem);
	batch->count = next;
}

static bool batch_send(struct applier *applier, struct batch *batch)
{
	return session_write_send(
		applier->session, batch->conn, buf_string(&batch->sql), batch->statements, &batch->outcome);
}

/* True while the connection lives; whether the batch went through is in its outcome. */
static bool batch_collect(struct applier *applier, struct batch *batch)
{
	return session_write_collect(applier->session, batch->conn, batch->statements, &batch->outcome) ||
		!batch->outcome.lost;
}

/* The group that holds statement `number`, counted from 0. */
static const struct group *group_of(const struct batch *batch, size_t number)
{
	for (size_t i = 0; i < batch->group_count; i++) {
		if (number < batch->groups[i].statements)
			return &batch->groups[i];
		number -= batch->groups[i].statements;
	}
	return &batch->groups[batch->group_count - 1];
}

static bool stops_the_user(enum role_action action)
{
	return action == ROLE_CREATE || action == ROLE_RENAME || is_removal(action);
}

/* --- sending until everything is done or has failed on its own --- */

static bool is_race(const struct outcome *outcome)
{
	static const char *const states[] = {"XX000", "23505", "40001", "40P01"};
	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (strcmp(outcome->sqlstate, states[i]) == 0)
			return true;
	return false;
}

/* Sends the batch, again when somebody else changed the same rows at the same moment. */
static bool batch_run(struct applier *applier, struct batch *batch)
{
	for (unsigned attempt = 1;; attempt++) {
		if (!batch_send(applier, batch) || !batch_collect(applier, batch))
			return false;
		if (!batch->outcome.failed || attempt == RACE_TRIES || !is_race(&batch->outcome))
			return true;
		clock_pause(RACE_WAIT_MILLISECONDS * (int64_t)attempt);
	}
}

static bool run_steps(struct applier *applier, struct role_step **steps, size_t count);

static void fail_all(struct applier *applier, struct role_step **steps, size_t count, const struct error *error)
{
	for (size_t i = 0; i < count; i++)
		applier_fail(applier, steps[i], error, stops_the_user(steps[i]->action));
}

static bool run_halves(struct applier *applier, struct role_step **steps, size_t count)
{
	return run_steps(applier, steps, count / 2) && run_steps(applier, steps + count / 2, count - count / 2);
}

/* Several users in one statement, and a lock in the way: if the first alone meets it too, it is on what they share. */
static bool isolate_lock(struct applier *applier, struct role_step **steps, size_t count)
{
	if (!run_steps(applier, steps, 1))
		return false;
	if (steps[0]->done)
		return run_halves(applier, steps + 1, count - 1);
	fail_all(applier, steps + 1, count - 1, &steps[0]->error);
	return true;
}

/*
 * The server took nothing of a batch that failed, and says which statement it was: what stood before it is sent again, the
 * culprit is halved until it is one step, what stood behind it follows. So one bad user costs a few messages. Each lock in the
 * way costs its whole timeout, so after a number of them the rest of a batch is left to the next pass.
 */
static bool isolate_failure(struct applier *applier, const struct batch *batch)
{
	const struct group *bad = group_of(batch, batch->outcome.completed);
	struct role_step **steps = batch->steps;
	size_t width = bad->end - bad->first;
	bool locked = strcmp(batch->outcome.sqlstate, "55P03") == 0;
	/* The whole message was refused before its first statement: bytes that the database's encoding does not have. */
	if (strcmp(batch->outcome.sqlstate, "22021") == 0 && batch->count > 1)
		return run_halves(applier, steps, batch->count);
	if (!run_steps(applier, steps, bad->first))
		return false;
	steps += bad->first;
	if (locked && ++applier->lock_waits > MOST_LOCK_WAITS) {
		fail_all(applier, steps, batch->count - bad->first, &batch->outcome.error);
		return true;
	}
	if (width == 1)
		fail_all(applier, steps, 1, &batch->outcome.error);
	else if (!(locked ? isolate_lock : run_halves)(applier, steps, width))
		return false;
	return run_steps(applier, steps + width, batch->count - bad->end);
}

/* A GRANT or REVOKE that the server only warned about did nothing; whose it was comes out of halves, and the others stay as they are. */
static bool isolate_warning(struct applier *applier, const struct batch *batch)
{
	struct error error = {0};
	if (batch->count > 1)
		return run_halves(applier, batch->steps, batch->count);
	error_set(&error, ERROR_RETRY, "%s", batch->outcome.warning);
	applier_fail(applier, batch->steps[0], &error, false);
	return true;
}

/* What the outcome of a batch means for its steps. */
static bool settle(struct applier *applier, struct batch *batch)
{
	if (batch->outcome.failed)
		return isolate_failure(applier, batch);
	if (batch->outcome.warned)
		return isolate_warning(applier, batch);
	for (size_t i = 0; i < batch->count; i++)
		applier_done(applier, batch->steps[i]);
	return true;
}

static bool lost(struct applier *applier, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (!batch->steps[i]->done)
			applier_fail(applier, batch->steps[i], &batch->outcome.error, true);
	return false;
}

static bool run_steps(struct applier *applier, struct role_step **steps, size_t count)
{
	while (count) {
		struct batch batch;
		batch_build(&batch, applier->session->conn, steps, count, applier->mem);
		bool ok = batch_run(applier, &batch) ? settle(applier, &batch) : lost(applier, &batch);
		steps += batch.count;
		count -= batch.count;
		batch_done(&batch);
		if (!ok)
			return false;
	}
	return true;
}

/* Two messages at once, each on its connection. What fails in one is sorted out on the session's own. */
static bool run_pair(
	struct applier *applier, PGconn *second, struct role_step **steps, size_t count, size_t *taken)
{
	struct batch one, two = {0};
	batch_build(&one, applier->session->conn, steps, count < 2 ? count : (count + 1) / 2, applier->mem);
	if (one.count < count)
		batch_build(&two, second, steps + one.count, count - one.count, applier->mem);
	*taken = one.count + two.count;
	bool sent = batch_send(applier, &one);
	bool sent_two = two.count && batch_send(applier, &two);
	bool ok = sent && batch_collect(applier, &one);
	bool ok_two = sent_two && batch_collect(applier, &two);
	ok = ok ? settle(applier, &one) : lost(applier, &one);
	if (two.count && ok)
		ok = ok_two ? settle(applier, &two) : run_steps(applier, two.steps, two.count);
	batch_done(&one);
	batch_done(&two);
	return ok;
}

static bool silence(struct applier *applier, PGconn *conn, struct error *err)
{
	struct outcome outcome;
	size_t count;
	const char *sql = applier_silence(applier->session->version, applier->session->plain, &count);
	if (!count ||
		(session_send(applier->session, conn, sql, count, &outcome) &&
			session_collect(applier->session, conn, count, NULL, 0, &outcome)))
		return true;
	*err = outcome.error;
	return false;
}

/* One core of the server for each connection. None to be had is no reason to fail. */
static bool run_on_two(struct applier *applier, struct role_step **steps, size_t count)
{
	CLEANUP(session_finish) PGconn *second = NULL;
	struct error ignored = {0};
	if (!session_open(applier->session, NULL, &second, &ignored) || !silence(applier, second, &ignored))
		return run_steps(applier, steps, count);
	while (count) {
		size_t taken = 0;
		if (!run_pair(applier, second, steps, count, &taken))
			return false;
		steps += taken;
		count -= taken;
	}
	return true;
}

/* --- the plan, phase by phase --- */

/* The steps from `first` on with its action whose users are still in it, and where the next action begins. */
static size_t queue_of(
	struct applier *applier, size_t first, struct role_step **queue, size_t *count, size_t *secrets)
{
	struct roles_plan *plan = applier->plan;
	size_t next = first;
	*count = *secrets = 0;
	for (; next < plan->step_count && plan->steps[next].action == plan->steps[first].action; next++) {
		struct role_step *step = &plan->steps[next];
		if (step->privileges)
			continue;
		if (applier_is_stopped(applier, step)) {
			error_set(&step->error, ERROR_RETRY, "not tried: an earlier step of this user failed");
			continue;
		}
		if (step->foretold) {
			struct error error = {0};
			error_set(&error, ERROR_BUG, "its password was not made");
			applier_fail(applier, step, &error, true);
			continue;
		}
		*secrets += step->verifier != NULL;
		queue[(*count)++] = step;
	}
	return next;
}

static bool refuse_secrets(
	struct applier *applier, struct role_step **queue, size_t count, const struct error *error)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (queue[i]->verifier)
			applier_fail(applier, queue[i], error, queue[i]->action == ROLE_CREATE);
		else
			queue[kept++] = queue[i];
	}
	return run_steps(applier, queue, kept);
}

/* Verifiers are sent only where the server was told to log nothing. */
static bool run_queue(struct applier *applier, struct role_step **queue, size_t count, size_t secrets)
{
	struct session *session = applier->session;
	struct error err = {0};
	if (secrets && !session->silenced) {
		session->silenced = silence(applier, session->conn, &err);
		if (!session->silenced)
			return refuse_secrets(applier, queue, count, &err);
	}
	if (secrets >= WORTH_A_CONNECTION)
		return run_on_two(applier, queue, count);
	return run_steps(applier, queue, count);
}

static bool run_phase(
	struct applier *applier, size_t first, struct role_step **queue, size_t *next, struct error *err)
{
	size_t count, secrets;
	enum role_action action = applier->plan->steps[first].action;
	*next = queue_of(applier, first, queue, &count, &secrets);
	if (action == ROLE_END)
		return retire_end_sessions(applier, first, *next, err);
	if (action == ROLE_CREATE_DATABASE)
		return databases_create(applier, first, *next, err);
	if (action == ROLE_EXTEND) {
		databases_extend(applier, first, *next);
		return true;
	}
	if (action == ROLE_RETIRE)
		return retire_databases(applier, err);
	if (!run_queue(applier, queue, count, secrets))
		return !session_is_stopped(applier->session, err) &&
			error_set(err, ERROR_RETRY,
				"the connection to the database was lost while changing roles");
	if (action == ROLE_RECORD && !record_is_done(applier, queue, count))
		*next = applier->plan->step_count;
	return true;
}

/* What is true now: whoever had steps and no failure is as wanted. */
static void finish_reports(struct applier *applier)
{
	struct roles_plan *plan = applier->plan;
	for (size_t i = 0; i < plan->step_count; i++) {
		struct role_step *step = &plan->steps[i];
		struct role_report *report = roles_report(applier->plan, step->user);
		bool ends = step->action == ROLE_DROP || step->action == ROLE_LET_GO;
		if (report && report->status == USER_RETIRING && ends && step->done && !*report->reason) {
			report->status = USER_SYNCED;
			report->gone = !report->listed;
		}
	}
	for (size_t i = 0; i < plan->report_count; i++)
		if (plan->reports[i].status == USER_DRIFTED && !plan->reports[i].left)
			plan->reports[i].status = USER_SYNCED;
}

bool roles_apply(struct session *session, struct roles_plan *plan, struct arena *mem, struct error *err)
{
	if (plan->report_only || !plan->step_count)
		return true;
	struct applier applier = {
		.session = session,
		.plan = plan,
		.mem = mem,
		.stopped = arena_array(mem, plan->report_count + 1, sizeof(bool)),
		.kept = arena_array(mem, plan->report_count + 1, sizeof(bool)),
	};
	struct role_step **queue = arena_array(mem, plan->step_count, sizeof(struct role_step *));
	bool ok = true;
	for (size_t next = 0; ok && next < plan->step_count;)
		ok = run_phase(&applier, next, queue, &next, err);
	if (ok)
		finish_reports(&applier);
	else
		error_prefix(err, "database %s", session->target);
	return ok;
}
