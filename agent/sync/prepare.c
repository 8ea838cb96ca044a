#include "agent/sync/prepare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* A refused object ends the sync before the first write: nothing is half done. */
static bool refused(const struct pass *pass, struct sync_operation *operation)
{
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		if (!step->refusal || step->alone || !operation_selects(operation, &step->plan->key))
			continue;
		const struct task task = {.phase = PHASE_SYNC,
			.key = step->plan->key,
			.object = step->plan->object,
			.step = &pass->steps[i]};
		result_set(operation, result_of(operation, &task), TASK_FAILED, "SyncFailed", step->refusal);
		operation_fail(operation, step->refusal);
		operation->counts.failed++;
	}
	return operation->failed;
}

/* Hooks are asked about like everything else; none of them is in the plan. */
static bool hooks_refused(struct pass *pass, struct sync_operation *operation)
{
	struct tasks tasks;
	size_t count = 0;
	tasks_make(pass, operation, PHASE_PRE_SYNC, PHASE_SYNC_FAIL, &tasks);
	struct cluster_write *writes = arena_array(pass->mem, tasks.count, sizeof(*writes));
	size_t *places = arena_array(pass->mem, tasks.count, sizeof(*places));

	for (size_t i = 0; i < tasks.count; i++) {
		if (tasks.items[i].step || hook_is_forbidden(pass, operation, &tasks.items[i]))
			continue;
		places[count] = i;
		writes[count++] = hook_write(pass, &tasks.items[i], WRITE_DRY_RUN);
	}
	if (count)
		cluster_write(pass->agent->cluster, writes, count, pass->mem);
	for (size_t i = 0; i < count; i++) {
		const struct task *task = &tasks.items[places[i]];
		/* What is there now may be immutable; it goes before the hook is made. Its kind or namespace may come first. */
		if (writes[i].outcome != WRITE_FAILED || writes[i].error->kind == ERROR_MISSING ||
			hook_is_there(pass, task))
			continue;
		const char *text = arena_printf(pass->mem, "%s:%d: %s", task->object->file,
			task->object->line, writes[i].error->text);
		result_set(operation, result_of(operation, task), TASK_FAILED, "SyncFailed", text);
		operation_fail(operation, text);
	}
	return operation->failed;
}

static bool begin_revision(struct pass *pass, struct sync_operation *operation, struct error *err)
{
	const struct store_revision revision = {
		.application = pass->app->spec.name,
		.commit = operation->commit,
		.author = operation->content->author,
		.message = operation->content->message,
		.started = operation->started,
		.phase = "Running",
		.trigger = operation->request->automated ? "automated" : "manual",
		.text = "",
	};
	if (operation->request->heal || operation->revision)
		return true;
	return store_revision_begin(pass->agent->store, &revision, &operation->revision, err);
}

/* Everything that will be written is in the inventory before the first byte goes out. */
static bool write_intent(struct pass *pass, struct sync_operation *operation, struct error *err)
{
	struct store *store = pass->agent->store;

	if (!store_begin(store, err))
		return false;
	bool ok = begin_revision(pass, operation, err);
	for (size_t i = 0; ok && i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		if (!step->plan->object || !step->out_of_sync || step->refusal ||
			step->plan->action == PLAN_SHARED || !operation_selects(operation, &step->plan->key))
			continue;
		struct store_object row =
			pass_inventory_row(pass, &step->plan->object->key, step->plan->object->version);
		row.uid = step->plan->owned ? step->plan->owned->uid : NULL;
		row.wanted_hash = step->plan->owned ? step->plan->owned->wanted_hash : NULL;
		row.intended = true;
		ok = store_object_set(store, &row, err);
	}
	if (ok && store_commit(store, err))
		return true;
	store_rollback(store);
	return false;
}

/* ---- the namespace ---- */

/* Its labels decide what may run in it: one that another Application has is not ours to describe. */
static bool namespace_is_free(const struct pass *pass, const char *name, struct error *err)
{
	struct error none;
	CLEANUP(json_done) json_t *found = NULL;
	struct kube_request request = {
		.method = "GET", .path = arena_printf(pass->mem, "/api/v1/namespaces/%s", name)};
	if (!kube_one(cluster_kube(pass->agent->cluster), &request, &found, &none))
		return true; /* not there, or the write says why not */
	const char *mark = json_string_value(
		json_object_get(json_at(found, "metadata.annotations"), "argocd.argoproj.io/tracking-id"));
	size_t length = mark ? strcspn(mark, ":") : 0;
	if (!length ||
		(length == strlen(pass->app->spec.name) && strncmp(mark, pass->app->spec.name, length) == 0))
		return true;
	return error_set(err, ERROR_INVALID,
		"Namespace %s belongs to Application %.*s: put the labels of managedNamespaceMetadata there",
		name, (int)length, mark);
}

static bool apply_namespace(struct pass *pass, const struct application *spec, bool *changed, struct error *err)
{
	if (!namespace_is_free(pass, spec->destination, err))
		return false;
	CLEANUP(json_done)
	json_t *manifest = json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace",
		"metadata", "name", spec->destination);
	json_t *metadata = json_object_get(manifest, "metadata");
	json_object_update(metadata, (json_t *)(uintptr_t)spec->namespace_metadata);
	CLEANUP(memory_freep) char *text = json_canonical(manifest);
	struct object object = {
		.key = {"", "Namespace", "", spec->destination},
		.version = "v1",
		.file = "spec.syncPolicy.managedNamespaceMetadata",
		.json = text,
		.json_length = strlen(text),
	};
	struct cluster_write write = {.kind = WRITE_APPLY, .object = &object, .ours = true};
	cluster_write(pass->agent->cluster, &write, 1, pass->mem);
	*changed = write.outcome == WRITE_CREATED || write.outcome == WRITE_CONFIGURED;
	if (write.outcome != WRITE_FAILED)
		return true;
	*err = *write.error;
	return false;
}

static bool namespace_is_there(const struct pass *pass)
{
	struct error ignored;
	struct kube_request request = {.method = "GET",
		.path = arena_printf(pass->mem, "/api/v1/namespaces/%s", pass->app->spec.destination)};
	return kube_one(cluster_kube(pass->agent->cluster), &request, NULL, &ignored);
}

/* CreateNamespace=true: really made, before anything is asked about what goes into it (argocd.md 2.10). It carries no tracking id,
   so it outlives the Application. */
static enum verdict make_namespace(struct pass *pass, struct sync_operation *operation)
{
	const struct application *spec = &pass->app->spec;
	const struct task task = {.phase = PHASE_PRE_SYNC,
		.key = {"", "Namespace", "", spec->destination},
		.object = &(const struct object){.version = "v1"}};
	struct error err;
	const char *why;
	bool changed = false;

	if (operation->namespace_made || !pass_options(pass).create_namespace || !*spec->destination ||
		operation->request->resource_count)
		return VERDICT_DONE;
	if (!pass_may_touch(pass, &task.key, &why)) {
		operation->namespace_made = !spec->namespace_metadata && namespace_is_there(pass);
		if (operation->namespace_made)
			return VERDICT_DONE;
		result_set(operation, result_of(operation, &task), TASK_FAILED, "SyncFailed", why);
		operation_fail(operation, why);
		return VERDICT_FAILED;
	}
	bool good = spec->namespace_metadata
		? apply_namespace(pass, spec, &changed, &err)
		: cluster_make_namespace(pass->agent->cluster, spec->destination, &changed, &err);
	if (!good) {
		if (err.kind == ERROR_RETRY) {
			operation_wait_for(
				operation, "waiting for namespace %s: %.300s", spec->destination, err.text);
			pass_look_again(pass, clock_steady() + 1000);
			return VERDICT_WAIT;
		}
		result_set(operation, result_of(operation, &task), TASK_FAILED, "SyncFailed", err.text);
		operation_fail(operation, err.text);
		return VERDICT_FAILED;
	}
	operation->namespace_made = true;
	if (!changed)
		return VERDICT_DONE;
	log_info("namespace applied", "namespace", spec->destination, NULL);
	result_set(operation, result_of(operation, &task), TASK_SUCCEEDED, "Synced",
		arena_printf(pass->mem, "namespace/%s created", spec->destination));
	pass->app->dirty = true; /* what could not be asked about before is asked by the next pass */
	return VERDICT_WAIT;
}

static enum verdict end_dry_run(struct sync_operation *operation)
{
	operation->state = OPERATION_ENDED;
	return VERDICT_DONE;
}

static bool is_named(const struct pass *pass, const struct sync_resource *resource)
{
	const struct sync_request one = {
		.resources = (struct sync_resource *)(uintptr_t)resource, .resource_count = 1};
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct object_key *key = &pass->plan.steps[i].key;
		if (sync_request_selects(&one, key->group, key->kind, key->namespace, key->name))
			return true;
	}
	return false;
}

/* A name that is misspelt would be a sync of nothing that succeeds. */
static bool names_nothing(const struct pass *pass, struct sync_operation *operation)
{
	for (size_t i = 0; i < operation->request->resource_count; i++) {
		const struct sync_resource *resource = &operation->request->resources[i];
		if (is_named(pass, resource))
			continue;
		operation_fail(operation,
			arena_printf(pass->mem, "%s%s%s %s%s%s is no resource of this Application",
				resource->kind, *resource->group ? "." : "", resource->group,
				resource->namespace, *resource->namespace ? "/" : "", resource->name));
	}
	return operation->failed;
}

/* It ends before the first write, and is in the history like one that was begun: who asks why nothing came finds the reason there. */
static enum verdict end_refused(struct pass *pass, struct sync_operation *operation)
{
	struct error err;
	if (!operation->request->dry_run && !begin_revision(pass, operation, &err))
		log_error("the refusal could not be recorded", "error", err.text, NULL);
	return VERDICT_FAILED;
}

enum verdict steps_prepare(struct pass *pass, struct sync_operation *operation)
{
	struct error err;

	if (operation->prepared)
		return VERDICT_DONE;
	if (names_nothing(pass, operation))
		return VERDICT_FAILED;
	if (!operation->request->dry_run) {
		enum verdict verdict = make_namespace(pass, operation);
		if (verdict != VERDICT_DONE)
			return verdict;
	}
	if (refused(pass, operation) || hooks_refused(pass, operation))
		return end_refused(pass, operation);
	if (operation->request->dry_run)
		return end_dry_run(operation);
	operation_confirm(operation, &pass->plan);
	if (!write_intent(pass, operation, &err)) {
		operation_fail(operation, err.text);
		return VERDICT_FAILED;
	}
	operation->prepared = true;
	return VERDICT_DONE;
}
