#include "agent/sync/deletion.h"

#include <stdlib.h>
#include <string.h>

#include "agent/sync/finish.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	RETRY_PAUSE = 5000, /* milliseconds: after a write that was refused */
	HOOK_PAUSE = 60000, /* after a hook that failed; a new commit makes it run at once */
};

/* An operation of its own kind: hooks and their results are those of a sync. */
struct deletion {
	struct sync_operation *hooks; /* PreDelete, then PostDelete */
	unsigned running;             /* HOOK_PRE_DELETE or HOOK_POST_DELETE */
	unsigned ended;               /* the same bits: they have succeeded */
	int64_t next_try;             /* steady milliseconds */
	char *failure;                /* of the hooks that ran last; NULL = none */
};

void deletion_free(struct deletion *deletion)
{
	if (!deletion)
		return;
	operation_free(deletion->hooks);
	free(deletion->failure);
	free(deletion);
}

/* ---- hooks ---- */

static bool begin_hooks(struct pass *pass, unsigned hook)
{
	struct deletion *deletion = pass->app->deletion;
	if (deletion->running == hook) {
		/* Hooks that Git does not have any more are waited for no more. */
		if (deletion->hooks->content != pass->app->content)
			operation_set_content(deletion->hooks, pass->app->content);
		return true;
	}
	bool mended = deletion->hooks && strcmp(deletion->hooks->commit, pass->app->commit) != 0;
	if (clock_steady() < deletion->next_try && !mended) {
		pass_look_again(pass, deletion->next_try);
		return false;
	}
	operation_free(deletion->hooks);
	deletion->hooks = operation_for_hooks(pass->app);
	deletion->running = hook;
	return true;
}

/* Git has not answered since the start: nobody knows yet which hooks and which kinds there are. */
static bool waits_for_content(struct pass *pass)
{
	const struct app *app = pass->app;
	bool failed = app->broken || !app->source_count || app_source_error(app);
	if (app->content || app->spec.spec_error_count)
		return false;
	if (failed && !app->spec.delete_hooks)
		return false;
	pass_condition(pass, failed ? "DeletionError" : "DeletionWarning",
		failed ? "its PreDelete or PostDelete hooks cannot be read from Git; to let it go without them, take "
			 "the finalizers " PRE_DELETE_FINALIZER " and " POST_DELETE_FINALIZER " away"
		       : "waiting for its repository");
	return true;
}

/* True when all hooks of this kind have succeeded, or there are none. A hook that fails is said and run again: a commit may mend it. */
static bool hooks_ended(struct pass *pass, unsigned hook)
{
	struct deletion *deletion = pass->app->deletion;
	struct tasks tasks;
	struct error err;

	/* Those of the newest content: that of an operation which ended just now goes with it. */
	if ((deletion->ended & hook) || !pass->app->content)
		return true;
	if (!begin_hooks(pass, hook))
		return false;
	tasks_of_hooks(pass, deletion->hooks, hook, &tasks);
	if (!tasks_track(pass, &tasks, &err)) {
		pass_condition(pass, "DeletionError", err.text);
		return false;
	}
	switch (steps_run(pass, deletion->hooks, &tasks)) {
	case VERDICT_WAIT:
		pass_condition(
			pass, "DeletionWarning", deletion->hooks->waiting ? deletion->hooks->waiting : "");
		return false;
	case VERDICT_FAILED:
		free(deletion->failure);
		deletion->failure = memory_copy(deletion->hooks->failures);
		(void)hooks_clean_up(pass, deletion->hooks);
		journal_remove(pass->agent, pass->app->spec.name);
		deletion->running = 0;
		deletion->next_try = clock_steady() + HOOK_PAUSE;
		pass_look_again(pass, deletion->next_try);
		return false;
	case VERDICT_DONE:
		break;
	}
	/* As Argo CD: what a deletion made goes with it. */
	if (hooks_remove(pass, deletion->hooks) == VERDICT_WAIT) {
		pass_condition(pass, "DeletionWarning", deletion->hooks->waiting);
		return false;
	}
	memory_freep(&deletion->failure);
	deletion->next_try = 0;
	deletion->ended |= hook;
	return true;
}

/* ---- objects ---- */

/* What its annotation says of Delete=, else the Application. */
static enum choice delete_choice(const struct pass *pass, const struct plan_live *live)
{
	enum choice own = (enum choice)live->options.delete;
	return own != CHOICE_UNSET ? own : (enum choice)pass_options(pass).delete;
}

/* Why it stays although its Application goes; NULL = it goes too. */
static const char *reason_to_keep(const struct pass *pass, const struct pass_step *step)
{
	const struct plan_live *live = step->plan->live;
	if (strcmp(live->key.group, "apiextensions.k8s.io") == 0)
		return "CustomResourceDefinitions are never deleted";
	const char *why;
	if (!pass_may_touch(pass, &live->key, &why))
		return why;
	if (live->wanted_by)
		return "another Application wants it";
	if (live->has_owner)
		return "it has an owner";
	if (delete_choice(pass, live) == CHOICE_FALSE)
		return "Delete=false";
	if (plan_is_protected(&live->key) && !live->prune_allowed)
		return "this kind is deleted only with annotation pgitops.dev/allow-prune: \"true\"";
	return NULL;
}

static bool needs_approval(const struct pass *pass, const struct plan_live *live)
{
	return delete_choice(pass, live) == CHOICE_CONFIRM &&
		pass->app->spec.deletion_approved < pass->app->spec.deletion_requested;
}

static void delete_slice(struct pass *pass, struct cluster_write *writes, size_t count, const char **why)
{
	if (count)
		cluster_write(pass->agent->cluster, writes, count, pass->mem);
	if (count)
		*why = "waiting for the deletion of its objects";
	for (size_t i = 0; i < count; i++)
		if (writes[i].error)
			*why = writes[i].error->text;
}

/* Deletes the steps of one wave; how many objects of it are still there, as far as this pass went. */
static size_t delete_wave(struct pass *pass, int32_t wave, const char **why)
{
	size_t room = pass->plan.count < PASS_SLICE ? pass->plan.count : PASS_SLICE;
	struct cluster_write *writes = arena_array(pass->mem, room, sizeof(*writes));
	const char *propagation = pass->app->spec.cascade == CASCADE_BACKGROUND ? "Background" : "Foreground";
	size_t count = 0, left = 0;

	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		const struct plan_live *live = step->plan->live;
		if (!live || live->options.wave != wave || reason_to_keep(pass, step))
			continue;
		left++;
		if (live->deleting) {
			*why = arena_printf(pass->mem, "waiting for deletion of %s",
				object_key_text(&live->key, pass->mem));
		} else if (needs_approval(pass, live)) {
			*why = arena_printf(pass->mem,
				"waiting for deletion confirmation of %s: annotate the Application with "
				"argocd.argoproj.io/deletion-approved",
				object_key_text(&live->key, pass->mem));
		} else {
			if (count == room) {
				delete_slice(pass, writes, count, why);
				count = 0;
				if (!pass_goes_on(pass))
					return left;
			}
			writes[count++] = (struct cluster_write){.kind = WRITE_DELETE,
				.key = live->key,
				.uid = live->uid,
				.propagation = propagation};
			log_info("deleting with its application", "object",
				object_key_text(&live->key, pass->mem), NULL);
		}
	}
	delete_slice(pass, writes, count, why);
	return left;
}

static bool highest_wave(const struct pass *pass, int32_t *wave)
{
	bool found = false;
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct plan_live *live = pass->steps[i].plan->live;
		if (!live || reason_to_keep(pass, &pass->steps[i]))
			continue;
		if (!found || live->options.wave > *wave)
			*wave = live->options.wave;
		found = true;
	}
	return found;
}

/* True when nothing that goes with the Application is left. Nothing is wanted any more: the plan is of live objects alone. */
static bool objects_gone(struct pass *pass)
{
	int32_t wave = 0;
	const char *why = NULL;

	if (pass->app->spec.cascade == CASCADE_NONE)
		return true;
	if (!pass_observe_to_delete(pass))
		return false;
	if (pass->incomplete) {
		pass_condition(pass, "DeletionError",
			"which objects it has cannot be seen; to let it go without them, take the finalizer " APPLICATION_FINALIZER
			" away");
		pass_look_again(pass, clock_steady() + RETRY_PAUSE);
		return false;
	}
	if (!highest_wave(pass, &wave) || !delete_wave(pass, wave, &why))
		return true;
	pass_condition(pass, "DeletionWarning", why);
	pass_look_again(pass, clock_steady() + RETRY_PAUSE);
	return false;
}

/* ---- the end ---- */

/* Ours and Argo CD's for hooks; any other finalizer is somebody else's. */
static bool is_ours(const char *finalizer)
{
	return text_starts(finalizer, APPLICATION_FINALIZER) ||
		text_starts(finalizer, PRE_DELETE_FINALIZER) || text_starts(finalizer, POST_DELETE_FINALIZER);
}

static void release(struct pass *pass)
{
	const struct application *spec = &pass->app->spec;
	const json_t *finalizers = json_at(spec->document, "metadata.finalizers");
	CLEANUP(json_done) json_t *kept = json_array();
	size_t i;
	json_t *finalizer;
	json_array_foreach ((json_t *)(uintptr_t)finalizers, i, finalizer)
		if (!is_ours(json_string_value(finalizer)))
			json_array_append(kept, finalizer);
	CLEANUP(json_done)
	json_t *patch =
		json_pack("[{s:s, s:s, s:O}, {s:s, s:s, s:O}]", "op", "test", "path", "/metadata/finalizers",
			"value", finalizers, "op", "replace", "path", "/metadata/finalizers", "value", kept);
	CLEANUP(memory_freep) char *body = json_canonical(patch);
	struct kube_request request = {
		.method = "PATCH",
		.path = arena_printf(pass->mem,
			"/apis/argoproj.io/v1alpha1/namespaces/%s/applications/%s?fieldManager=pgitops",
			spec->namespace, spec->name),
		.content_type = "application/json-patch+json",
		.body = body,
		.body_length = strlen(body),
	};
	struct error err;
	if (kube_one(cluster_kube(pass->agent->cluster), &request, NULL, &err) || err.kind == ERROR_MISSING) {
		journal_remove(pass->agent, spec->name);
		log_info("application deleted with its objects", "application", spec->name, NULL);
		return;
	}
	pass_condition(pass, "DeletionError", err.text);
	pass_look_again(pass, clock_steady() + RETRY_PAUSE);
}

/* What runs is ended first: two hands on the same objects would undo each other. */
static bool operation_is_over(struct pass *pass)
{
	struct app *app = pass->app;
	if (app->operation) {
		if (app->operation->content && hooks_stop(pass, app->operation) == VERDICT_WAIT) {
			pass_condition(pass, "DeletionWarning", app->operation->waiting);
			return false;
		}
		operation_fail(app->operation, "the Application is being deleted");
		operation_finish(pass, app->operation);
	}
	if (app->asked)
		operation_run_blind(pass);
	return true;
}

bool deletion_is_wanted(const struct app *app)
{
	return app->spec.deleting && (app->spec.cascade != CASCADE_NONE || app->spec.delete_hooks);
}

unsigned deletion_missing_finalizers(const struct app *app)
{
	unsigned wanted = 0;
	if (app->spec.deleting || app->spec.file || !app->content)
		return 0;
	for (size_t i = 0; i < app->content->desired->objects.count; i++)
		wanted |= app->content->desired->objects.items[i].options.hooks;
	return wanted & (HOOK_PRE_DELETE | HOOK_POST_DELETE) & ~app->spec.delete_hooks;
}

/* Hooks that a process before this one has begun go on: they run once. */
static struct deletion *begin(struct app *app)
{
	struct deletion *deletion = memory_alloc(sizeof(*deletion));
	struct sync_operation *left = app->operation;
	if (!left || left->phase < PHASE_PRE_DELETE)
		return deletion;
	app->operation = NULL;
	if (left->lookup)
		lookup_drop(app, left->lookup);
	left->lookup = NULL;
	deletion->hooks = left;
	deletion->running = left->phase == PHASE_PRE_DELETE ? HOOK_PRE_DELETE : HOOK_POST_DELETE;
	deletion->ended = left->phase == PHASE_PRE_DELETE ? 0 : HOOK_PRE_DELETE;
	return deletion;
}

void deletion_run(struct pass *pass)
{
	struct app *app = pass->app;
	struct error waits;

	if (!pass_cluster_answers(pass->agent, &waits)) {
		pass_condition(pass, "DeletionError", waits.text);
		return;
	}
	if (!app->deletion)
		app->deletion = begin(app);
	pass_condition(pass, "DeletionWarning", "the Application is being deleted");
	if (!operation_is_over(pass))
		return;
	const char *why = NULL;
	/* That it exists is enough: what it says of the source does not hold up a deletion (argocd.md 2.12). */
	pass->project = project_set_find(pass->agent->projects, app->spec.project, pass->mem, &why);
	if (!pass->project) {
		pass_condition(pass, "DeletionError",
			arena_printf(pass->mem,
				"%s: its objects cannot be deleted; to let it go without them, take the finalizer " APPLICATION_FINALIZER
				" away",
				why));
		return;
	}
	if (waits_for_content(pass))
		return;
	if (hooks_ended(pass, HOOK_PRE_DELETE) && objects_gone(pass) && hooks_ended(pass, HOOK_POST_DELETE))
		release(pass);
	if (app->deletion->failure)
		pass_condition(pass, "DeletionError", app->deletion->failure);
}
