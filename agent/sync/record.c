/*
 * record.c - what a pass found and did, into the store and into the Application's status
 */
#include "agent/sync/operation.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* A status that only grew older goes to the store once a minute, so that people see it was checked, and never to the cluster. */
enum { STORE_QUIET = 60000 };

void pass_condition(struct pass *pass, const char *type, const char *message)
{
	for (size_t i = 0; i < pass->condition_count; i++)
		if (strcmp(pass->conditions[i].type, type) == 0 &&
			strcmp(pass->conditions[i].message, message) == 0)
			return;
	if (pass->condition_count == PASS_CONDITIONS)
		return;
	pass->conditions[pass->condition_count++] = (struct status_condition){
		.type = type,
		.message = arena_copy(pass->mem, message),
	};
}

static bool has_condition(const struct pass *pass, const char *type)
{
	for (size_t i = 0; i < pass->condition_count; i++)
		if (strcmp(pass->conditions[i].type, type) == 0)
			return true;
	return false;
}

/* ---- differences, for `app diff` ---- */

static json_t *difference_fields(const struct pass_step *step)
{
	json_t *fields = json_array();
	for (size_t i = 0; step->checked && i < step->check.difference_count; i++) {
		const struct difference *difference = &step->check.differences[i];
		json_t *field = json_pack("{s:s, s:s, s:s}", "path", difference->path, "wanted",
			difference->wanted, "found", difference->found);
		json_set_text(field, "by", difference->by);
		json_array_append_new(fields, field);
	}
	return fields;
}

static const char *change_name(const struct pass_step *step)
{
	if (!step->plan->object)
		return "prune";
	return step->plan->action == PLAN_CREATE ? "create" : "update";
}

/* An object of a kind that is not there has no message of its own. */
static const char *difference_reason(const struct pass_step *step)
{
	return !*step->message && step->refusal ? step->refusal : step->message;
}

json_t *pass_differences(const struct pass *pass)
{
	json_t *list = json_array();
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		if (!step->out_of_sync)
			continue;
		json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "group", step->plan->key.group,
			"kind", step->plan->key.kind, "namespace", step->plan->key.namespace, "name",
			step->plan->key.name, "change", change_name(step), "fields", difference_fields(step));
		json_set_text(item, "reason", difference_reason(step));
		json_array_append_new(list, item);
	}
	return list;
}

static char *differences_text(const struct pass *pass)
{
	CLEANUP(json_done) json_t *list = pass_differences(pass);
	return json_canonical(list);
}

/* ---- status ---- */

static const char *step_status(const struct pass_step *step)
{
	if (step->unknown)
		return "Unknown";
	return step->out_of_sync ? "OutOfSync" : "Synced";
}

static const char *result_status(const struct pass_step *step)
{
	if (step->refusal)
		return "SyncFailed";
	if (step->plan->object)
		return "";
	return step->plan->action == PLAN_PRUNE ? "Pruned" : "PruneSkipped";
}

const char *pass_version(const struct plan_step *step)
{
	if (step->object)
		return step->object->version;
	return step->owned ? step->owned->version : "";
}

json_t *pass_planned_results(const struct pass *pass)
{
	json_t *list = json_array();
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		if (!step->refusal && !step->out_of_sync)
			continue;
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "group", step->plan->key.group,
				"version", pass_version(step->plan), "kind", step->plan->key.kind,
				"namespace", step->plan->key.namespace, "name", step->plan->key.name,
				"status", result_status(step), "message", step->message));
	}
	return list;
}

static int compare_resources(const void *a, const void *b)
{
	const struct status_resource *left = a, *right = b;
	const struct object_key left_key = {left->group, left->kind, left->namespace, left->name};
	const struct object_key right_key = {right->group, right->kind, right->namespace, right->name};
	return object_key_compare(&left_key, &right_key);
}

static struct status_resource *status_resources(const struct pass *pass, size_t *count)
{
	struct status_resource *resources = arena_array(pass->mem, pass->plan.count, sizeof(*resources));
	*count = 0;
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		const struct plan_step *plan = step->plan;
		bool pruned = !plan->object && step->written && step->write.outcome == WRITE_DELETED;
		if (pruned)
			continue;
		resources[(*count)++] = (struct status_resource){
			.group = plan->key.group,
			.version = pass_version(plan),
			.kind = plan->key.kind,
			.namespace = plan->key.namespace,
			.name = plan->key.name,
			.status = step_status(step),
			.health = step->health,
			.requires_pruning = !plan->object,
			.requires_confirmation = plan->action == PLAN_PRUNE && plan->confirm,
			.wave = plan->wave,
			.message = step->out_of_sync ? step->message : "",
		};
	}
	if (*count)
		qsort(resources, *count, sizeof(*resources), compare_resources);
	return resources;
}

static bool any_live(const struct pass *pass)
{
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		if (step->plan->object &&
			(step->plan->live || (step->written && step->write.outcome != WRITE_FAILED)))
			return true;
	}
	return false;
}

static const char *sync_status(const struct pass *pass)
{
	if (!pass->complete)
		return "Unknown";
	if (pass->namespace_changed)
		return "OutOfSync";
	if (has_condition(pass, "ComparisonError"))
		return "Unknown";
	for (size_t i = 0; i < pass->plan.count; i++)
		if (pass->steps[i].out_of_sync && !pass->steps[i].plan->in_sync &&
			!(pass->steps[i].written && pass->steps[i].write.outcome == WRITE_DELETED))
			return "OutOfSync";
	return "Synced";
}

static void log_conditions(struct pass *pass)
{
	const char *text = "";
	for (size_t i = 0; i < pass->condition_count; i++)
		text = arena_printf(pass->mem, "%s%s%s: %s", text, *text ? "; " : "",
			pass->conditions[i].type, pass->conditions[i].message);
	if (log_changed(pass->app->condition_slot, text))
		log_warning("condition", "conditions", text, NULL);
}

static void store_document(struct pass *pass, json_t *status, const char *differences)
{
	struct app *app = pass->app;
	CLEANUP(json_done) json_t *document = json_deep_copy(app->spec.document);
	json_object_del(document, "operation");
	json_object_set(document, "status", status);
	CLEANUP(memory_freep) char *text = json_canonical(document);
	const struct store_application row = {app->spec.name, text, differences, clock_now()};
	struct error err;
	if (!store_application_set(pass->agent->store, &row, &err))
		log_error("the status could not be recorded", "error", err.text, NULL);
}

static void store_fact(struct pass *pass, const char *name, const char *value)
{
	struct store *store = pass->agent->store;
	struct error err;
	const char *known, *key = arena_printf(pass->mem, "%s:%s", name, pass->app->spec.name);
	if (!*value)
		return;
	bool good = store_fact_get(store, key, pass->mem, &known, &err);
	if (good && !text_equal(known, value))
		good = store_fact_set(store, key, value, &err);
	if (!good)
		log_warning("a fact could not be recorded", "fact", key, "error", err.text, NULL);
}

static void store_facts(struct pass *pass)
{
	store_fact(pass, "synced", pass->app->synced);
	store_fact(pass, "tried", pass->app->tried);
	if (pass->complete)
		store_fact(pass, "ignored", pass->app->ignore_hash);
}

/* Objects in the cluster keep the mark until apps_write_status() has taken the annotation away. */
void pass_answer_refresh(struct pass *pass)
{
	struct app *app = pass->app;
	if (app->refresh != REFRESH_ANSWERED)
		return;
	if (app->spec.file || app->spec.refresh == REFRESH_NONE)
		app->refresh = REFRESH_IDLE;
	agent_answer(pass->agent, app->refresh_operation, "Succeeded",
		arena_printf(pass->mem, "%s at %s", app->sync_status, commits_short(app->commit, 12, pass->mem)),
		"");
	app->refresh_operation = 0;
}

/* The same words while the operation waits for its next attempt and when it has given up: a condition that moves to and fro is no
   news. */
static void sync_condition(struct pass *pass)
{
	const struct app *app = pass->app;
	const struct sync_operation *operation = app->operation;
	char target[TARGET_SIZE];

	if (operation && operation->state == OPERATION_RETRYING && operation->failures) {
		pass_condition(pass, "SyncError",
			arena_printf(pass->mem, "Failed last sync attempt to %s: %s",
				commits_short(operation->commit, 12, pass->mem), operation->failures));
		return;
	}
	if (operation || app->last_phase != SYNC_FAILED || !pass->content || !pass->out_of_sync)
		return;
	content_target(pass->content, target);
	if (strcmp(target, app->tried) == 0)
		pass_condition(pass, "SyncError",
			arena_printf(pass->mem, "Failed last sync attempt to %s: %s",
				commits_short(pass->content->commit, 12, pass->mem),
				json_text_at(app->operation_state, "message",
					"the reason is not known any more")));
}

static void show_operation(struct pass *pass)
{
	struct app *app = pass->app;
	if (!app->operation)
		return;
	status_set_operation(app, operation_document(pass, app->operation));
}

void pass_record_status(struct pass *pass)
{
	struct app *app = pass->app;
	size_t count = 0;
	sync_condition(pass);
	show_operation(pass);
	const struct status_resource *resources = status_resources(pass, &count);

	if (pass->complete && app->source_count && !app_source_error(app))
		app->reconciled = clock_now();
	app->sync_status = sync_status(pass);
	const struct status_input input = {
		.app = app,
		.sync = app->sync_status,
		.revision = pass->content ? pass->content->commit : "",
		/* Nothing is known of the health of what the spec, or the project, does not let it have. */
		.read = pass->content && !has_condition(pass, "InvalidSpecError"),
		.resources = resources,
		.resource_count = count,
		.conditions = pass->conditions,
		.condition_count = pass->condition_count,
		.any_live = any_live(pass),
		.cluster = pass->agent->cluster_on,
	};
	json_t *status = status_make(&input, app->status, pass->mem);
	char *differences = pass->complete ? differences_text(pass) : memory_copy("[]");
	log_conditions(pass);
	store_facts(pass);
	CLEANUP(json_done) json_t *whole = json_copy(status);
	pass->quiet = !status_set(app, status) && text_equal(app->differences, differences) &&
		app->refresh != REFRESH_ANSWERED;
	if (pass->quiet && clock_steady() < app->stored + STORE_QUIET) {
		free(differences);
		return;
	}
	status_complete(app, whole);
	store_document(pass, whole, differences);
	app->stored = clock_steady();
	app->status_dirty = app->status_dirty || !pass->quiet;
	free(app->differences);
	app->differences = differences;
}
