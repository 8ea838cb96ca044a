/*
 * hooks.c - hooks: made anew by each operation that runs them, judged by their health, deleted by their policy (argocd.md 2.10)
 *
 * A hook runs once in an operation, whatever happens to this process. Before it is made, its place is cleared and that is recorded;
 * whatever stands there afterwards is the one that this operation has made.
 */
#include "agent/sync/owners.h"
#include "agent/sync/reasons.h"
#include "agent/sync/steps.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum {
	TRACK_PAUSE = 200, /* milliseconds */
	SEEN_WAIT = 5000,
	CLEAN_UP_PAUSE = 1000,
	CLEAN_UPS = 30 /* then a hook that cannot be deleted stays, with its warning */
};

struct cluster_write hook_write(const struct pass *pass, const struct task *task, enum write_kind kind)
{
	const struct object_key key = task_key(task);
	const struct sync_options options = pass_options(pass);
	return (struct cluster_write){
		.kind = kind,
		.object = task->object,
		.tracking_id =
			object_tracking_id(&key, pass->app->spec.name, pass->app->spec.destination, pass->mem),
		.installation_id = pass->agent->config->installation,
		.force = true,
		.hold = true,
		.lenient = task->object->options.validate == CHOICE_FALSE || options.lenient,
		.name = task->name,
	};
}

bool hook_is_there(const struct pass *pass, const struct task *task)
{
	const struct object_key key = task_key(task);
	return cluster_live(pass->agent->cluster, &key, pass->mem, NULL);
}

static bool send(struct pass *pass, struct cluster_write *write)
{
	cluster_write(pass->agent->cluster, write, 1, pass->mem);
	return write->outcome != WRITE_FAILED;
}

/* Argo CD's finalizer would keep it for ever: it is taken off. */
static bool delete_hook(struct pass *pass, const struct object_key *key, const char *version,
	const struct live *live, const char **why)
{
	struct cluster_write release = {.kind = WRITE_RELEASE, .key = *key, .version = version};
	struct cluster_write delete = {.kind = WRITE_DELETE,
		.key = *key,
		.version = version,
		.uid = live->uid,
		.propagation = pass_options(pass).propagation};
	bool good = (!live->hook_finalizer || send(pass, &release)) && (live->deleting || send(pass, &delete));
	if (!good)
		*why = release.error ? release.error->text : delete.error->text;
	return good;
}

/* ---- making ---- */

static void fail(struct pass *pass, struct sync_operation *operation, const struct task *task, const char *why)
{
	struct task_result *result = result_of(operation, task);
	result_set(operation, result, TASK_FAILED, *result->uid ? "Synced" : "SyncFailed", why);
	operation_fail(operation,
		arena_printf(pass->mem, "hook %s (%s:%d): %s", task_name(task, pass->mem), task->object->file,
			task->object->line, why));
	operation->counts.failed++;
}

static void take_made(
	struct pass *pass, struct sync_operation *operation, const struct task *task, const char *uid)
{
	struct task_result *result = result_of(operation, task);
	result->uid = arena_copy(operation->mem, uid);
	result->made = clock_steady();
	result_set(operation, result, TASK_RUNNING, "Synced",
		arena_printf(pass->mem, "%s created", task_name(task, pass->mem)));
}

/* DONE = its place is free, or the policy leaves what stands there. WAIT while that is being deleted. */
static enum verdict clear(struct pass *pass, struct sync_operation *operation, const struct task *task)
{
	const struct object_key key = task_key(task);
	const char *why = NULL;
	struct live live;

	if (!cluster_live(pass->agent->cluster, &key, pass->mem, &live))
		return VERDICT_DONE;
	if (!live.deleting && !(task->object->options.hook_delete & HOOK_DELETE_BEFORE))
		return VERDICT_DONE;
	if (delete_hook(pass, &key, task->object->version, &live, &why))
		return VERDICT_WAIT;
	fail(pass, operation, task, why);
	return VERDICT_FAILED;
}

bool hook_is_forbidden(struct pass *pass, struct sync_operation *operation, const struct task *task)
{
	const struct object_key key = task_key(task);
	const char *why = NULL;
	struct live live;

	if (pass_may_touch(pass, &task->object->key, &why))
		why = pass_refused_content(pass, task->object);
	if (!why && pass->agent->cluster) {
		bool there = cluster_live(pass->agent->cluster, &key, pass->mem, &live);
		if (!there || pass_may_take(pass, &live, &why))
			why = owners_refusal_of_hook(pass, &key, there ? &live : NULL);
	}
	if (why)
		fail(pass, operation, task, why);
	return why;
}

enum verdict hook_make(struct pass *pass, struct sync_operation *operation, const struct task *task)
{
	const struct object_key key = task_key(task);
	struct task_result *result = result_find(operation, task);
	struct live live;

	if (!result && hook_is_forbidden(pass, operation, task))
		return VERDICT_FAILED;
	if (!result) {
		enum verdict verdict = clear(pass, operation, task);
		if (verdict != VERDICT_DONE)
			return verdict;
		(void)result_of(operation, task);
		if (!journal_save(pass, operation)) {
			fail(pass, operation, task, "that it is run could not be recorded");
			return VERDICT_FAILED;
		}
	} else if (cluster_live(pass->agent->cluster, &key, pass->mem, &live)) {
		take_made(pass, operation, task, live.uid);
		return VERDICT_DONE;
	}
	struct cluster_write write = hook_write(pass, task, WRITE_APPLY);
	if (!send(pass, &write)) {
		fail(pass, operation, task, write.error->text);
		return VERDICT_FAILED;
	}
	take_made(pass, operation, task, write.uid_now);
	log_info("hook started", "hook", object_hook_name(task->hook_type), "object",
		object_key_text(&key, pass->mem), NULL);
	return VERDICT_DONE;
}

/* ---- how it ends ---- */

enum verdict hook_outcome(struct pass *pass, struct sync_operation *operation, const struct task *task)
{
	const struct object_key key = task_key(task);
	struct task_result *result = result_of(operation, task);
	const char *text;
	struct live live;

	bool there = cluster_live(pass->agent->cluster, &key, pass->mem, &live);
	if (there && !*result->uid)
		result->uid = arena_copy(operation->mem, live.uid); /* known from the status alone */
	if (!there && result->made && clock_steady() - result->made < SEEN_WAIT) {
		pass_look_again(pass, clock_steady() + TRACK_PAUSE); /* its collection is not read yet */
		return VERDICT_WAIT;
	}
	if (!there || strcmp(live.uid, result->uid) != 0) {
		fail(pass, operation, task, "it was deleted before its outcome was known");
		return VERDICT_FAILED;
	}
	switch (live.health.health) {
	case HEALTH_NONE:
	case HEALTH_HEALTHY:
		result_set(operation, result, TASK_SUCCEEDED, "Synced",
			*live.health.message ? live.health.message : result->message);
		return VERDICT_DONE;
	case HEALTH_DEGRADED:
	case HEALTH_UNKNOWN:
		text = reasons_of(pass, &live);
		fail(pass, operation, task, *text ? text : "failed");
		return VERDICT_FAILED;
	default:
		return VERDICT_WAIT;
	}
}

const char *hook_trouble(const struct pass *pass, const struct task *task)
{
	const struct object_key key = task_key(task);
	struct live live;
	return cluster_live(pass->agent->cluster, &key, pass->mem, &live) ? reasons_of(pass, &live) : "";
}

/* Deletes the hook that this operation has made, or lets it go its own way; one that somebody put in its place is not touched. */
static bool let_go(struct pass *pass, const struct task_result *result, bool delete)
{
	struct cluster_write release = {.kind = WRITE_RELEASE, .key = result->key, .version = result->version};
	const char *why = NULL;
	struct live live;
	if (!*result->uid || !cluster_live(pass->agent->cluster, &result->key, pass->mem, &live) ||
		strcmp(live.uid, result->uid) != 0)
		return true;
	if (delete ? delete_hook(pass, &result->key, result->version, &live, &why)
		   : !live.hook_finalizer || send(pass, &release))
		return true;
	log_warning("a hook could not be let go", "object", object_key_text(&result->key, pass->mem), "error",
		why ? why : release.error->text, NULL);
	return false;
}

/* What failed is tried again, but not for ever. */
static enum verdict until_clean(struct pass *pass, struct sync_operation *operation, bool clean)
{
	if (clean || operation->clean_ups++ >= CLEAN_UPS)
		return VERDICT_DONE;
	operation_wait_for(operation, "waiting for its hooks to be deleted or let go");
	pass_look_again(pass, clock_steady() + CLEAN_UP_PAUSE);
	return VERDICT_WAIT;
}

enum verdict hooks_clean_up(struct pass *pass, struct sync_operation *operation)
{
	bool clean = true;
	for (size_t i = 0; i < operation->result_count; i++) {
		const struct task_result *result = &operation->results[i];
		unsigned policy = result->state == TASK_SUCCEEDED ? HOOK_DELETE_SUCCEEDED
			: result->state == TASK_FAILED            ? HOOK_DELETE_FAILED
								  : 0;
		if (result->hook)
			clean = let_go(pass, result, result->hook_delete & policy) && clean;
	}
	return until_clean(pass, operation, clean);
}

enum verdict hooks_remove(struct pass *pass, struct sync_operation *operation)
{
	bool clean = true;
	for (size_t i = 0; i < operation->result_count; i++)
		if (operation->results[i].hook)
			clean = let_go(pass, &operation->results[i], true) && clean;
	return until_clean(pass, operation, clean);
}

enum verdict hooks_stop(struct pass *pass, struct sync_operation *operation)
{
	bool clean = true;
	for (size_t i = 0; i < operation->result_count; i++) {
		struct task_result *result = &operation->results[i];
		if (result->hook && result->state == TASK_RUNNING)
			clean = let_go(pass, result, true) && clean;
	}
	enum verdict verdict = until_clean(pass, operation, clean);
	for (size_t i = 0; verdict == VERDICT_DONE && i < operation->result_count; i++) {
		struct task_result *result = &operation->results[i];
		if (result->hook && result->state == TASK_RUNNING)
			result_set(operation, result, TASK_FAILED, result->status, "Terminated");
	}
	return verdict;
}
