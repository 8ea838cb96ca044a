#include "agent/users/users_record.h"

#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "agent/users/users_entry.h"
#include "agent/users/users_events.h"
#include "agent/users/users_ownership.h"
#include "agent/users/users_plan.h"
#include "agent/users/users_unchanged.h"
#include "agent/users/users_warnings.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- what was known before ---- */

/* Of the list of the last good pass. */
static const char *list_fact(const struct users_pass *pass)
{
	return arena_printf(pass->mem, "users:%s", pass->database->config->name);
}

bool users_record_known(struct users_pass *pass, const struct roles_plan *plan, struct error *err)
{
	struct store *store = pass->agent->store;
	const char *list = NULL;
	users_unchanged_look(pass, plan);
	pass->known_read = store_fact_get(store, list_fact(pass), pass->mem, &list, err) &&
		(pass->unchanged ||
			store_user_list(store, pass->database->config->name, pass->mem, &pass->known,
				&pass->known_count, err));
	pass->same_list = pass->known_read && text_equal(list, pass->list);
	return pass->known_read ||
		error_prefix(err, "nothing is changed, for what is known of the users cannot be read");
}

static int compare_known(const void *name, const void *user)
{
	return strcmp(name, ((const struct store_user *)user)->name);
}

/* The stored document of a user, or NULL. A new reference. */
static json_t *previous_of(const struct users_pass *pass, const char *name)
{
	const struct store_user *found = pass->known_count
		? bsearch(name, pass->known, pass->known_count, sizeof(*pass->known), compare_known)
		: NULL;
	json_t *document = NULL;
	struct error ignored;
	return found && json_read(found->document, strlen(found->document), &document, &ignored) ? document
												 : NULL;
}

/* ---- drift ---- */

static void add_drift(const struct users_pass *pass, const char *user, const struct role_difference *difference)
{
	const struct store_drift drift = {
		.application = pass->application,
		.time = clock_now(),
		.database = pass->database->config->name,
		.user = user,
		.field = difference->field,
		.wanted = difference->wanted,
		.found = difference->found,
	};
	struct error err;
	bool first;
	if (!store_drift_add(pass->agent->store, &drift, &first, &err)) {
		log_warning("drift could not be recorded", "error", err.text, NULL);
		return;
	}
	if (!first)
		return;
	metric_add(METRIC_DRIFT_FOUND, 1);
	log_info("drift found", "database", drift.database, "user", user, "field", difference->field,
		"wanted", difference->wanted, "found", difference->found, NULL);
}

void users_record_drift(struct users_pass *pass, const struct roles_plan *plan)
{
	for (size_t i = 0; pass->same_list && !pass->unchanged && i < plan->report_count; i++) {
		const struct role_report *report = &plan->reports[i];
		bool told = report->status == USER_DRIFTED || report->status == USER_DEGRADED;
		if (!report->difference_count || !told)
			continue;
		CLEANUP(json_done) json_t *before = previous_of(pass, report->name);
		const char *status = json_text_at(before, "status", "");
		if (strcmp(status, "Synced") != 0 && strcmp(status, "Drifted") != 0)
			continue;
		bool rotated = strcmp(json_text_at(before, "secretVersion", ""),
				       users_unchanged_version(pass, report)) != 0;
		size_t added = 0;
		for (size_t j = 0; j < report->difference_count; j++)
			if (!rotated || strcmp(report->differences[j].field, "password") != 0) {
				add_drift(pass, report->name, &report->differences[j]);
				added++;
			}
		if (added)
			users_events_drift(pass, report);
	}
}

/* ---- changes ---- */

static bool begin_change(struct users_pass *pass, const struct role_step *step, int64_t *row, struct error *err)
{
	const char *place = *step->database && *step->redacted != '\\' /* which says so itself */
		? roles_connect_line(step->database, pass->mem)
		: "";
	const struct store_user_change change = {
		.database = pass->database->config->name,
		.user = step->user,
		.action = role_action_name(step->action),
		.statement = arena_printf(pass->mem, "%s%s", place, step->redacted),
		.commit = pass->commit,
		.started = clock_now(),
		.outcome = "",
	};
	return store_user_change_begin(pass->agent->store, &change, row, err);
}

/* Rows that are open now are of an earlier pass. */
static const char unknown_outcome[] = "not known: the store could not be written when it was done";

bool users_record_intents(struct users_pass *pass, const struct roles_plan *plan,
	struct users_journal *journal, struct error *err)
{
	struct store *store = pass->agent->store;
	const char *database = pass->database->config->name;

	journal->rows = arena_array(pass->mem, plan->step_count, sizeof(*journal->rows));
	if (!plan->step_count)
		return true;
	bool ok = store_begin(store, err) &&
		store_user_change_end_open(store, database, clock_now(), unknown_outcome, err);
	for (size_t i = 0; ok && i < plan->step_count; i++)
		ok = begin_change(pass, &plan->steps[i], &journal->rows[i], err);
	if (ok && store_commit(store, err))
		return true;
	store_rollback(store);
	return error_prefix(err, "nothing is changed, for it could not be written down before");
}

static const char *step_outcome(const struct role_step *step)
{
	if (step->error.kind != ERROR_NONE)
		return step->error.text;
	return step->done ? "done" : "not reached";
}

static void log_step(const struct users_pass *pass, const struct role_step *step)
{
	const char *database = pass->database->config->name;
	if (step->error.kind != ERROR_NONE)
		log_error("user could not be changed", "database", database, "user", step->user, "action",
			role_action_name(step->action), "error", step->error.text, NULL);
	else if (step->done)
		log_info("user changed", "database", database, "user", step->user, "action",
			role_action_name(step->action), NULL);
}

void users_record_outcomes(
	struct users_pass *pass, const struct roles_plan *plan, const struct users_journal *journal)
{
	struct store *store = pass->agent->store;
	struct error err;

	if (!plan->step_count)
		return;
	bool ok = store_begin(store, &err);
	for (size_t i = 0; i < plan->step_count; i++) {
		log_step(pass, &plan->steps[i]);
		if (ok && journal->rows[i])
			ok = store_user_change_end(
				store, journal->rows[i], clock_now(), step_outcome(&plan->steps[i]), &err);
	}
	if (ok && store_commit(store, &err))
		return;
	store_rollback(store);
	log_warning("outcomes could not be recorded", "error", err.text, NULL);
}

/* ---- documents ---- */

/* In a user who stays Drifted, as something is told and left: what this pass has made right. */
static bool was_healed(const struct users_pass *pass, const struct role_report *report, size_t difference)
{
	return report->left && report->status == USER_DRIFTED &&
		!pass->database->config->policy.report_only && !report->differences[difference].left;
}

static json_t *differences_of(const struct users_pass *pass, const struct role_report *report)
{
	json_t *list = json_array();
	for (size_t i = 0; report->status != USER_SYNCED && i < report->difference_count; i++)
		if (!was_healed(pass, report, i))
			json_array_append_new(list,
				json_pack("{s:s, s:o, s:o}", "field", report->differences[i].field, "wanted",
					json_text(report->differences[i].wanted), "found",
					json_text(report->differences[i].found)));
	return list;
}

/* What is written down of a pass: its reports, beside what was known before. */
struct record {
	struct users_pass *pass;
	struct users_entries entries;
	const struct roles_plan *plan;
	const char **changed; /* users of the steps that were done, sorted; some stand there twice */
	size_t changed_count;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Steps are sent by kind, not by user. */
static void collect_changed(struct record *record)
{
	const struct roles_plan *plan = record->plan;
	record->changed = arena_array(record->pass->mem, plan->step_count, sizeof(*record->changed));
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].done)
			record->changed[record->changed_count++] = plan->steps[i].user;
	if (record->changed_count)
		qsort(record->changed, record->changed_count, sizeof(*record->changed), compare_names);
}

static bool was_changed(const struct record *record, const char *user)
{
	return record->changed_count &&
		bsearch(&user, record->changed, record->changed_count, sizeof(*record->changed), compare_names);
}

static json_t *last_change(const struct record *record, const char *user, const json_t *before)
{
	char now[CLOCK_TEXT_SIZE];
	const json_t *old = json_object_get(before, "lastChange");
	if (old && !was_changed(record, user))
		return json_deep_copy(old);
	clock_text_seconds(clock_now(), now);
	return json_pack("{s:s, s:s}", "time", now, "commit", record->pass->commit);
}

static json_t *user_document(const struct record *record, const struct role_report *report, const json_t *before)
{
	struct users_pass *pass = record->pass;
	json_t *roles = json_array();
	for (size_t i = 0; i < report->role_count; i++)
		json_array_append_new(roles, json_text(report->roles[i]));
	const char *kind = report->database ? "database" : report->group ? "group" : "user";
	json_t *document = json_pack("{s:o, s:s, s:b, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:s}", "name",
		json_text(report->name), "kind", kind, "group", report->group, "locked", report->locked,
		"database", pass->database->config->name, "status", user_status_name(report->status),
		"reason", json_text(users_record_reason(pass, report)), "roles", roles, "differences",
		differences_of(pass, report), "lastChange", last_change(record, report->name, before),
		"secretVersion", users_unchanged_version(pass, report));
	json_set_text(document, "until", report->until);
	if (report->held)
		json_object_set_new(document, "held", json_true());
	json_t *entry = users_entry(&record->entries, report, pass->mem);
	if (entry)
		json_object_set_new(document, "entry", entry);
	return document;
}

/* `field` "" = whatever of that user. */
static bool heal(const struct users_pass *pass, const char *user, const char *field, struct error *err)
{
	const struct store_drift drift = {.application = pass->application,
		.database = pass->database->config->name,
		.user = user,
		.field = field};
	return store_drift_heal(pass->agent->store, &drift, clock_now(), err);
}

static bool store_report(const struct record *record, const struct role_report *report, struct error *err)
{
	const struct users_pass *pass = record->pass;
	CLEANUP(json_done) json_t *before = previous_of(pass, report->name);
	CLEANUP(json_done) json_t *now = user_document(record, report, before);
	bool ok = true;
	if (!before || !json_equal(before, now)) {
		CLEANUP(memory_freep) char *text = json_canonical(now);
		const struct store_user row = {pass->database->config->name, report->name, text, clock_now()};
		users_events_status(record->pass, report, before);
		ok = store_user_set(pass->agent->store, &row, err);
	} else if (!report->difference_count) {
		return true;
	}
	/* Of two passes that heal within a second the second one has the same document, and a drift of its own. */
	for (size_t i = 0; ok && i < report->difference_count; i++)
		ok = !was_healed(pass, report, i) ||
			heal(pass, report->name, report->differences[i].field, err);
	return ok && (report->status != USER_SYNCED || heal(pass, report->name, "", err));
}

/* Nobody is shown as Synced who was removed a moment ago. */
static bool is_still_there(const struct roles_plan *plan, const char *name)
{
	const struct role_report *report = roles_report(plan, name);
	return report && !report->gone;
}

static bool store_reports(struct users_pass *pass, const struct roles_plan *plan, struct error *err)
{
	struct record record = {.pass = pass, .plan = plan};
	struct store *store = pass->agent->store;
	const char *database = pass->database->config->name;
	if (!pass->known_read)
		return error_set(err, ERROR_RETRY, "what was known of them cannot be read");
	if (pass->unchanged)
		return true;
	collect_changed(&record);
	users_entries_read(pass, &record.entries);
	bool ok = true;
	for (size_t i = 0; ok && i < plan->report_count; i++)
		ok = plan->reports[i].gone || store_report(&record, &plan->reports[i], err);
	for (size_t i = 0; ok && i < pass->known_count; i++) {
		const char *name = pass->known[i].name;
		if (!is_still_there(plan, name))
			ok = store_user_remove(store, database, name, err) && heal(pass, name, "", err);
	}
	return ok;
}

void users_record_leaving(struct users_pass *pass, const struct roles_plan *plan)
{
	struct record record = {.pass = pass, .plan = plan};
	struct store *store = pass->agent->store;
	struct error err;
	bool any = false;
	for (size_t i = 0; i < plan->report_count; i++)
		any |= plan->reports[i].status == USER_RETIRING;
	if (!any || !pass->known_read || pass->unchanged)
		return;
	users_entries_read(pass, &record.entries);
	bool ok = store_begin(store, &err);
	for (size_t i = 0; ok && i < plan->report_count; i++)
		ok = plan->reports[i].status != USER_RETIRING || store_report(&record, &plan->reports[i], &err);
	if (ok && store_commit(store, &err))
		return;
	store_rollback(store);
	log_warning("users that go could not be recorded", "error", err.text, NULL);
}

static const char *blocked_text(const struct users_pass *pass, const struct roles_plan *plan)
{
	const char *names = "";
	for (size_t i = 0; i < plan->deletion_count && i < 10; i++)
		names = arena_join(pass->mem, names, ", ", plan->deletions[i]);
	return arena_printf(pass->mem,
		"%zu users are no longer listed (%s%s) and stay until this is confirmed: "
		"`pgitops user sync --confirm %s`, or list each with `ensure: absent`",
		plan->deletion_count, names, plan->deletion_count > 10 ? ", ..." : "", plan->confirm);
}

static bool store_database_document(struct users_pass *pass, json_t *document, struct error *err)
{
	CLEANUP(memory_freep) char *text = json_canonical(document);
	const struct store_database row = {pass->database->config->name, text, clock_now()};
	return store_database_set(pass->agent->store, &row, err);
}

/* A new reference. */
static json_t *connected_document(struct users_pass *pass, const struct roles_plan *plan, int server_version)
{
	size_t synced = 0, gone = 0;
	char now[CLOCK_TEXT_SIZE];
	const char *version = arena_printf(pass->mem, "%d.%d", server_version / 10000, server_version % 10000);
	for (size_t i = 0; i < plan->report_count; i++) {
		synced += plan->reports[i].status == USER_SYNCED && !plan->reports[i].gone;
		gone += plan->reports[i].gone;
	}
	clock_text(clock_now(), now);
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:i, s:i, s:s, s:s, s:o, s:o, s:o}", "name",
		pass->database->config->name, "application", pass->application, "status", "Connected",
		"reason", json_text(plan->blocked ? blocked_text(pass, plan) : ""), "serverVersion", version,
		"users", (int)(plan->report_count - gone), "synced", (int)synced, "lastPass", now, "commit",
		pass->commit, "warnings", users_warnings(pass, plan), "unmanaged",
		users_ownership_unmanaged(pass, plan), "pending", json_text(pass->pending));
}

/* What was known of the database before, or only its name: a new reference. NULL = the store could not be asked. */
static json_t *previous_database(struct users_pass *pass, struct error *err)
{
	struct store_database *items;
	size_t count;
	json_t *document = NULL;
	struct error ignored;
	if (!store_database_list(pass->agent->store, pass->mem, &items, &count, err))
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(items[i].name, pass->database->config->name) == 0 &&
			json_read(items[i].document, strlen(items[i].document), &document, &ignored))
			return document;
	return json_pack("{s:s, s:s, s:s, s:i, s:i}", "name", pass->database->config->name, "application",
		pass->application, "serverVersion", "", "users", 0, "synced", 0);
}

bool users_record(struct users_pass *pass, const struct roles_plan *plan, int server_version)
{
	struct store *store = pass->agent->store;
	bool good = !plan->blocked;
	struct error err;
	for (size_t i = 0; i < plan->report_count; i++)
		good = good && role_report_is_good(&plan->reports[i]);
	CLEANUP(json_done) json_t *document = connected_document(pass, plan, server_version);
	bool ok = store_begin(store, &err);
	ok = ok && store_reports(pass, plan, &err);
	ok = ok && store_database_document(pass, document, &err);
	/* Where nothing is written, a list is in force only once somebody else has made it so. */
	if (good || !pass->database->config->policy.report_only)
		ok = ok && store_fact_set(store, list_fact(pass), pass->list, &err);
	for (size_t i = 0; i < pass->passwords.verified_count; i++) {
		const struct verified *verified = &pass->passwords.verified[i];
		store_verifier_remember(store, pass->database->config->name, verified->user,
			verified->verifier, verified->version);
	}
	ok = ok && store_commit(store, &err);
	pass->recorded = ok;
	users_unchanged_remember(pass, plan, ok);
	if (ok)
		return good;
	store_rollback(store);
	log_error("the users could not be recorded", "error", err.text, NULL);
	return false;
}

static void record_unreached(struct users_pass *pass)
{
	struct error err;
	CLEANUP(json_done) json_t *document = previous_database(pass, &err); /* NULL is passed over */
	json_object_set_new(
		document, "status", json_string(pass->error.kind == ERROR_RETRY ? "Waiting" : "Failed"));
	json_object_set_new(document, "reason", json_text(pass->error.text));
	if (!document || !store_database_document(pass, document, &err))
		log_error("the database's state could not be recorded", "error", err.text, NULL);
}

void users_record_failure(struct users_pass *pass)
{
	const struct users_wish *wish = pass->wish;
	bool looks = wish && (wish->plan_only || wish->access || wish->exports);
	if ((!pass->recorded || pass->moved) && (!looks || (!pass->reached && !wish->plan_only)))
		record_unreached(pass);
	/* What somebody asked about is not there: that is an answer. */
	bool unknown = pass->reached && pass->error.kind == ERROR_MISSING && wish && wish->access;
	if (wish && !wish->content)
		agent_answer(pass->agent, wish->operation, unknown ? "Failed" : "Error", pass->error.text, "");
}

/* ---- answers ---- */

/* The first user who is not as wanted, for whoever waits for the answer. */
static const char *failure_text(const struct users_pass *pass, const struct roles_plan *plan)
{
	const struct role_report *first = NULL;
	size_t count = 0;
	for (size_t i = 0; i < plan->report_count; i++) {
		const struct role_report *report = &plan->reports[i];
		if (role_report_is_good(report))
			continue;
		first = first ? first : report;
		count++;
	}
	if (!first)
		return "not complete";
	const char *reason = users_record_reason(pass, first);
	return arena_printf(pass->mem, "%zu of %zu users are not as Git says; %s: %s%s%s", count,
		plan->report_count, first->name, user_status_name(first->status), *reason ? ", " : "", reason);
}

void users_record_answer(
	struct users_pass *pass, const struct roles_plan *plan, const char *phase, const char *message)
{
	json_t *item = users_plan_item(pass, plan);
	if (pass->wish->content) {
		pass->wish->plan = item;
		return;
	}
	CLEANUP(json_done) json_t *document = json_pack("{s:[o]}", "items", item);
	CLEANUP(memory_freep) char *result = json_canonical(document);
	const char *text = *message            ? message
		: plan->blocked                ? blocked_text(pass, plan)
		: strcmp(phase, "Failed") == 0 ? failure_text(pass, plan)
					       : arena_printf(pass->mem, "%zu %s", plan->step_count,
							 plan->step_count == 1 ? "statement" : "statements");
	if (pass->pending)
		text = arena_printf(pass->mem, "%s; %s", text, pass->pending);
	/* Who asked for it means the newest list. */
	if (pass->newer && !pass->wish->plan_only && strcmp(phase, "Succeeded") == 0)
		phase = "Failed";
	agent_answer(pass->agent, pass->wish->operation, phase, text, result);
}
