/*
 * pass_sync.c - a sync: intent into the store, apply in kind order, prune, outcome
 */
#include "agent/sync/pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum { KIND_WAIT = 15000 };

/* One sync while it runs. */
struct sync {
	struct pass *pass;
	const struct sync_request *request;
	int64_t started;
	int64_t revision; /* row in the store, 0 = none */
	struct pass_counts counts;
	const char *failures; /* texts of what failed, joined */
	bool failed;
};

/* ---- applying ---- */

static void note_failure(struct sync *sync, const char *text)
{
	struct arena *mem = sync->pass->mem;
	sync->failed = true;
	if (!sync->failures)
		sync->failures = arena_copy(mem, text);
	else if (strlen(sync->failures) < 4000)
		sync->failures = arena_printf(mem, "%s; %s", sync->failures, text);
}

/* Refused objects stop the sync before the first write: nothing is half done. */
static bool refuse_whole(struct sync *sync)
{
	struct pass *pass = sync->pass;
	for (size_t i = 0; i < pass->plan.count; i++)
		if (pass->steps[i].refusal) {
			note_failure(sync, pass->steps[i].refusal);
			sync->counts.failed++;
		}
	return sync->failed;
}

static struct store_object inventory_row(const struct pass *pass, const struct pass_step *step)
{
	const struct object *object = step->plan->object;
	return (struct store_object){
		.application = pass->app->spec.name,
		.group = object->key.group,
		.version = object->version,
		.kind = object->key.kind,
		.namespace = object->key.namespace,
		.name = object->key.name,
		.uid = step->plan->owned ? step->plan->owned->uid : "",
		.wanted_hash = step->plan->owned ? step->plan->owned->wanted_hash : "",
		.live_version = "",
		.intended = true,
	};
}

static bool to_apply(const struct pass_step *step)
{
	return step->plan->object && step->out_of_sync && !step->refusal && !step->held;
}

/* Everything that will be written is in the inventory before the first byte goes out. */
static bool write_intent(struct sync *sync, struct error *err)
{
	struct pass *pass = sync->pass;
	struct store *store = pass->agent->store;
	const struct store_revision revision = {
		.application = pass->app->spec.name,
		.commit = pass->app->commit,
		.author = pass->app->author,
		.message = pass->app->message,
		.started = sync->started,
		.phase = "Running",
		.trigger = sync->request->automated ? "automated" : "manual",
		.text = "",
	};

	if (!store_begin(store, err))
		return false;
	bool ok = sync->request->heal || store_revision_begin(store, &revision, &sync->revision, err);
	for (size_t i = 0; ok && i < pass->plan.count; i++) {
		if (!to_apply(&pass->steps[i]))
			continue;
		const struct store_object row = inventory_row(pass, &pass->steps[i]);
		ok = store_object_set(store, &row, err);
	}
	if (ok && store_commit(store, err))
		return true;
	store_rollback(store);
	return false;
}

static bool make_namespace(struct sync *sync)
{
	const struct application *spec = &sync->pass->app->spec;
	struct error err;
	bool created = false;

	if (!spec->options.create_namespace || !*spec->destination)
		return true;
	if (!cluster_make_namespace(sync->pass->agent->cluster, spec->destination, &created, &err)) {
		note_failure(sync, err.text);
		return false;
	}
	if (created)
		log_info("namespace created", "namespace", spec->destination, NULL);
	return true;
}

static void wait_for_kinds(struct sync *sync, size_t from, size_t end)
{
	struct pass *pass = sync->pass;
	for (size_t i = from; i < end; i++) {
		const struct pass_step *step = &pass->steps[i];
		CLEANUP(json_done) json_t *crd = NULL;
		struct error err;
		if (strcmp(step->plan->key.kind, "CustomResourceDefinition") != 0 || !step->written ||
			step->write.outcome == WRITE_FAILED ||
			!json_read(step->plan->object->json, step->plan->object->json_length, &crd, &err))
			continue;
		if (!cluster_wait_kind(pass->agent->cluster, json_text_at(crd, "spec.group", ""),
			    json_text_at(crd, "spec.names.kind", ""), KIND_WAIT, &err))
			note_failure(sync, err.text);
	}
}

static void judge_write(struct sync *sync, struct pass_step *step)
{
	struct arena *mem = sync->pass->mem;
	const struct cluster_write *write = &step->write;
	const struct object *object = step->plan->object;

	switch (write->outcome) {
	case WRITE_CREATED:
		sync->counts.created++;
		step->message = arena_printf(mem, "%s/%s created", object->key.kind, object->key.name);
		break;
	case WRITE_CONFIGURED:
		sync->counts.configured++;
		step->message = arena_printf(mem, "%s/%s configured", object->key.kind, object->key.name);
		break;
	case WRITE_FAILED:
		sync->counts.failed++;
		step->message = arena_printf(mem, "%s:%d: %s", object->file, object->line, write->error.text);
		note_failure(sync, step->message);
		break;
	default:
		sync->counts.unchanged++;
		step->message = arena_printf(mem, "%s/%s unchanged", object->key.kind, object->key.name);
	}
	step->out_of_sync = write->outcome == WRITE_FAILED;
	struct live live; /* the answer is in the cache already */
	if (cluster_live(sync->pass->agent->cluster, &object->key, mem, &live))
		step->health = live.health;
}

/* All steps of one kind rank at once, several in flight. */
static void apply_rank(struct sync *sync, size_t from, size_t end)
{
	struct pass *pass = sync->pass;
	struct cluster_write *writes = arena_array(pass->mem, end - from, sizeof(*writes));
	size_t *places = arena_array(pass->mem, end - from, sizeof(*places));
	size_t count = 0;

	for (size_t i = from; i < end; i++) {
		struct pass_step *step = &pass->steps[i];
		const struct object *object = step->plan->object;
		if (!to_apply(step))
			continue;
		if (step->deferred &&
			!cluster_has_kind(
				pass->agent->cluster, object->key.group, object->version, object->key.kind)) {
			note_failure(sync,
				arena_printf(pass->mem, "%s:%d: its kind did not become ready", object->file,
					object->line));
			continue;
		}
		places[count] = i;
		writes[count++] = (struct cluster_write){
			.kind = WRITE_APPLY,
			.object = object,
			.tracking_id = step->plan->tracking_id,
			.force = pass->app->spec.options.force_conflicts || sync->request->force,
		};
	}
	if (count)
		cluster_write(pass->agent->cluster, writes, count, pass->mem);
	for (size_t i = 0; i < count; i++) {
		struct pass_step *step = &pass->steps[places[i]];
		step->write = writes[i];
		step->written = true;
		judge_write(sync, step);
	}
	wait_for_kinds(sync, from, end);
}

static size_t end_of_rank(const struct pass *pass, size_t from)
{
	size_t end = from + 1;
	while (end < pass->plan.count && !pass->plan.steps[end].object == !pass->plan.steps[from].object &&
		pass->plan.steps[end].rank == pass->plan.steps[from].rank)
		end++;
	return end;
}

static void prune_rank(struct sync *sync, size_t from, size_t end)
{
	struct pass *pass = sync->pass;
	struct cluster_write *writes = arena_array(pass->mem, end - from, sizeof(*writes));
	size_t *places = arena_array(pass->mem, end - from, sizeof(*places));
	size_t count = 0;

	for (size_t i = from; i < end; i++) {
		const struct plan_step *step = &pass->plan.steps[i];
		if (step->action != PLAN_PRUNE)
			continue;
		places[count] = i;
		writes[count++] = (struct cluster_write){
			.kind = WRITE_DELETE,
			.key = step->key,
			.version = step->owned->version,
			.uid = step->live->uid,
		};
		log_info("pruning", "object", object_key_text(&step->key, pass->mem), NULL);
	}
	if (count)
		cluster_write(pass->agent->cluster, writes, count, pass->mem);
	for (size_t i = 0; i < count; i++) {
		struct pass_step *step = &pass->steps[places[i]];
		step->write = writes[i];
		step->written = true;
		if (writes[i].outcome == WRITE_DELETED) {
			sync->counts.pruned++;
			step->message = arena_printf(
				pass->mem, "%s/%s pruned", step->plan->key.kind, step->plan->key.name);
		} else {
			sync->counts.failed++;
			step->message = arena_copy(pass->mem, writes[i].error.text);
			note_failure(sync, step->message);
		}
	}
}

/* Wanted objects in kind order; what is not wanted any more only after every apply has succeeded. */
static void apply_all(struct sync *sync)
{
	struct pass *pass = sync->pass;
	for (size_t from = 0, end; from < pass->plan.count; from = end) {
		end = end_of_rank(pass, from);
		if (pass->plan.steps[from].object)
			apply_rank(sync, from, end);
		else if (!sync->failed && !pass->busy && sync->request->prune)
			prune_rank(sync, from, end);
	}
}

/* ---- recording the outcome ---- */

static bool settle_inventory(struct sync *sync, struct error *err)
{
	struct pass *pass = sync->pass;
	struct store *store = pass->agent->store;
	bool ok = true;

	for (size_t i = 0; ok && i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		if (!step->written || (step->write.outcome == WRITE_FAILED))
			continue;
		if (step->plan->object) {
			struct store_object row = inventory_row(pass, step);
			row.intended = false;
			row.uid = step->write.uid_now;
			row.live_version = step->write.resource_version_now;
			row.wanted_hash = step->plan->object->hash;
			ok = store_object_set(store, &row, err);
		} else {
			const struct store_object row = {.application = pass->app->spec.name,
				.group = step->plan->key.group,
				.kind = step->plan->key.kind,
				.namespace = step->plan->key.namespace,
				.name = step->plan->key.name};
			ok = store_object_remove(store, &row, err);
		}
	}
	return ok;
}

static void heal_drift(struct sync *sync)
{
	struct pass *pass = sync->pass;
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		struct error ignored;
		if (!step->written || step->write.outcome == WRITE_FAILED)
			continue;
		const struct store_drift drift = {.application = pass->app->spec.name,
			.group = step->plan->key.group,
			.kind = step->plan->key.kind,
			.namespace = step->plan->key.namespace,
			.name = step->plan->key.name,
			.database = "",
			.user = "",
			.field = ""};
		if (store_drift_heal(pass->agent->store, &drift, clock_now(), &ignored) && sync->request->heal)
			metric_add(METRIC_DRIFT_HEALED, 1);
	}
}

static const char *summary(const struct sync *sync)
{
	const struct pass_counts *counts = &sync->counts;
	struct arena *mem = sync->pass->mem;
	if (sync->failures && counts->failed)
		return arena_printf(mem, "%lld failed: %s", (long long)counts->failed, sync->failures);
	if (sync->failures)
		return sync->failures;
	if (sync->pass->busy)
		return "synced but for objects that wait for the operator to finish";
	return arena_printf(mem, "%ssynced: %lld created, %lld configured, %lld pruned",
		sync->request->heal ? "self-heal " : "successfully ", (long long)counts->created,
		(long long)counts->configured, (long long)counts->pruned);
}

static void record_outcome(struct sync *sync, const char *phase, const char *text, int64_t finished)
{
	struct pass *pass = sync->pass;
	struct store *store = pass->agent->store;
	struct error err;
	const struct store_revision revision = {
		.id = sync->revision,
		.finished = finished,
		.phase = phase,
		.text = text,
		.created = sync->counts.created,
		.configured = sync->counts.configured,
		.unchanged = sync->counts.unchanged,
		.pruned = sync->counts.pruned,
		.failed = sync->counts.failed,
	};

	bool ok = store_begin(store, &err);
	ok = ok && settle_inventory(sync, &err);
	ok = ok && (!sync->revision || store_revision_end(store, &revision, &err));
	if (ok && store_commit(store, &err)) {
		heal_drift(sync);
		return;
	}
	store_rollback(store);
	log_error("the outcome could not be recorded", "error", err.text, NULL);
	pass_condition(pass, "UnknownError", err.text);
}

static void log_outcome(const struct sync *sync, const char *text)
{
	char created[24], configured[24], pruned[24];
	snprintf(created, sizeof(created), "%lld", (long long)sync->counts.created);
	snprintf(configured, sizeof(configured), "%lld", (long long)sync->counts.configured);
	snprintf(pruned, sizeof(pruned), "%lld", (long long)sync->counts.pruned);
	if (sync->failed)
		log_error("sync failed", "by", sync->request->by, "error", text, NULL);
	else
		log_info(sync->request->heal ? "drift healed" : "synced", "by", sync->request->by, "created",
			created, "configured", configured, "pruned", pruned, NULL);
}

/* The same words in the pass that failed and in those that wait for the next try: a condition that moves to and fro is no news. */
static void say_failed(struct pass *pass, const char *message)
{
	pass_condition(pass, "SyncError",
		arena_printf(pass->mem, "Failed last sync attempt to %.12s: %s", pass->app->commit, message));
}

static void finish(struct sync *sync)
{
	struct pass *pass = sync->pass;
	struct app *app = pass->app;
	const char *phase = sync->failed ? "Failed" : pass->busy ? "Running" : "Succeeded";
	const char *text = summary(sync);
	int64_t finished = clock_now();
	CLEANUP(json_done) json_t *resources = pass_resource_results(pass);
	const struct status_operation state = {.app = app,
		.request = sync->request,
		.phase = phase,
		.message = text,
		.commit = app->commit,
		.started = sync->started,
		.finished = pass->busy ? 0 : finished,
		.retries = app->attempts,
		.resources = resources};

	if (sync->failed)
		say_failed(pass, text);
	record_outcome(sync, sync->failed ? "Failed" : "Succeeded", text, finished);
	pass_remember(pass, sync->request, sync->failed);
	json_decref(app->operation_state);
	app->operation_state = status_operation_state(&state);
	if (!sync->failed && !sync->request->heal && !pass->busy) {
		json_t *history = status_history_add(
			app->history, app, sync->request, app->commit, sync->started, finished);
		json_decref(app->history);
		app->history = history;
	}
	metric_add(sync->failed ? METRIC_SYNC_FAILED : METRIC_SYNC_SUCCEEDED, 1);
	log_outcome(sync, text);
	if (app->asked && !pass->busy)
		pass_answer(
			pass, phase, text, json_pack("{s:O, s:s}", "resources", resources, "message", text));
}

static void run_sync(struct pass *pass, const struct sync_request *request)
{
	struct sync sync = {.pass = pass, .request = request, .started = clock_now()};
	struct error err;

	pass->synced = true;
	if (!refuse_whole(&sync)) {
		if (!write_intent(&sync, &err))
			note_failure(&sync, err.text);
		else if (make_namespace(&sync))
			apply_all(&sync);
	}
	finish(&sync);
}

/* A dry run shows the plan, which pass_compare() has made. */
static void answer_dry_run(struct pass *pass)
{
	CLEANUP(json_done) json_t *resources = pass_resource_results(pass);
	const char *text = arena_printf(
		pass->mem, "dry run: %zu to write, %zu not wanted any more", pass->to_write, pass->to_prune);
	pass_answer(pass, "Succeeded", text, json_pack("{s:O, s:s}", "resources", resources, "message", text));
}

void pass_sync(struct pass *pass)
{
	struct app *app = pass->app;
	struct sync_request automatic;

	if (app->asked && app->asked->dry_run) {
		answer_dry_run(pass);
		return;
	}
	if (app->asked) {
		run_sync(pass, app->asked);
	} else if (pass_decide(pass, &automatic)) {
		run_sync(pass, &automatic);
	} else if (!pass->busy && !pass->to_write && !(pass->to_prune && app->spec.prune)) {
		pass_settle(pass);
	} else if (app->last_phase == SYNC_FAILED && pass_commit_was_tried(pass)) {
		say_failed(pass,
			json_text_at(app->operation_state, "message", "the reason is not known any more"));
	}
}
