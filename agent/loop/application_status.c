/*
 * application_status.c - the status, and what was asked for and is answered, into the Application object
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/loop/apps.h"
#include "agent/sync/deletion.h"
#include "agent/sync/operation.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* Milliseconds until a server that gave no answer to a status is sent another: it would keep each Application waiting as long. */
enum { STATUS_PAUSE = 10000 };

uint64_t application_version(const json_t *document)
{
	return strtoull(json_text_at(document, "metadata.resourceVersion", ""), NULL, 10);
}

static void patch_add(json_t *patch, const char *op, const char *path, json_t *value)
{
	json_t *step = json_pack("{s:s, s:s}", "op", op, "path", path);
	if (value)
		json_object_set_new(step, "value", value);
	json_array_append_new(patch, step);
}

bool apps_see_phase(struct app *app)
{
	const char *phase = json_text_at(app->spec.document, "status.operationState.phase", "");
	if (application_version(app->spec.document) < app->written || strcmp(phase, app->shown_phase) == 0)
		return false;
	/* One that does not fit is no word of Argo CD's, and none that anybody waits for. */
	snprintf(app->shown_phase, sizeof(app->shown_phase), "%s",
		strlen(phase) < sizeof(app->shown_phase) ? phase : "");
	return true;
}

/* `Terminating` is how people end an operation, and it is theirs and ours to write: no phase that was not seen is written over, else
   such a wish would be gone before it was read (argocd.md 2.8). */
static void patch_test_phase(json_t *patch, const struct app *app)
{
	if (*app->shown_phase)
		patch_add(patch, "test", "/status/operationState/phase", json_string(app->shown_phase));
}

/* Not in place of those that somebody else has set meanwhile: to JSON Patch, what is not there is null. */
static void patch_first_finalizer(json_t *patch, const char *name)
{
	patch_add(patch, "test", "/metadata/finalizers", json_null());
	patch_add(patch, "add", "/metadata/finalizers", json_pack("[s]", name));
}

/* While Git has hooks that run when the Application is deleted, it may not go without them. */
static void patch_finalizers(json_t *patch, const struct app *app, unsigned missing)
{
	static const struct {
		unsigned hook;
		const char *name;
	} finalizers[] = {{HOOK_PRE_DELETE, PRE_DELETE_FINALIZER}, {HOOK_POST_DELETE, POST_DELETE_FINALIZER}};
	bool any = json_array_size(json_at(app->spec.document, "metadata.finalizers"));

	for (size_t i = 0; i < COUNT_OF(finalizers); i++) {
		if (!(missing & finalizers[i].hook))
			continue;
		if (any)
			patch_add(patch, "add", "/metadata/finalizers/-", json_string(finalizers[i].name));
		else
			patch_first_finalizer(patch, finalizers[i].name);
		any = true;
	}
}

/* The mark that was answered goes, not a newer one, and with it the time that newer servers of Argo CD set beside it (argocd.md 2.4). */
static void patch_refresh(json_t *patch, const struct app *app)
{
	const json_t *annotations = json_at(app->spec.document, "metadata.annotations");
	const json_t *mark = json_object_get(annotations, "argocd.argoproj.io/refresh");
	patch_add(patch, "test", "/metadata/annotations/argocd.argoproj.io~1refresh", json_deep_copy(mark));
	patch_add(patch, "remove", "/metadata/annotations/argocd.argoproj.io~1refresh", NULL);
	if (json_object_get(annotations, "argocd.argoproj.io/refresh-timestamp"))
		patch_add(patch, "remove", "/metadata/annotations/argocd.argoproj.io~1refresh-timestamp", NULL);
}

/* One JSON patch: the whole status (a merge would leave stale fields behind, argocd.md 2.8), and the marks consumed. */
static json_t *status_patch(const struct app *app, json_t *status, bool consume, unsigned missing)
{
	json_t *patch = json_array();

	/* The name may be another object's by now: deleted and made again since we heard of it. */
	if (*app->spec.uid)
		patch_add(patch, "test", "/metadata/uid", json_string(app->spec.uid));
	patch_test_phase(patch, app);
	patch_add(patch, "add", "/status", status);
	if (consume) {
		patch_add(patch, "test", "/operation", json_deep_copy(app->taken));
		patch_add(patch, "remove", "/operation", NULL);
	}
	if (app->spec.refresh != REFRESH_NONE && app->refresh == REFRESH_ANSWERED)
		patch_refresh(patch, app);
	patch_finalizers(patch, app, missing);
	return patch;
}

/* The `operation` that stands in the object has its outcome in this status. */
static bool operation_is_answered(const struct app *app)
{
	const json_t *operation = json_object_get(app->spec.document, "operation");
	bool runs = app->operation && app->operation->request->document;
	return operation && !app->asked && !runs && app->taken && json_equal(app->taken, operation);
}

/* `status` is taken over; `missing` finalizers go along. */
static bool send_status(
	struct agent *agent, struct app *app, json_t *status, unsigned missing, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	CLEANUP(json_done) json_t *answer = NULL, *sent = json_incref(status);
	bool consume = operation_is_answered(app);
	CLEANUP(json_done) json_t *patch = status_patch(app, status, consume, missing);
	CLEANUP(memory_freep) char *body = json_canonical(patch);
	struct kube_request request = {
		.method = "PATCH",
		.path = arena_printf(mem,
			"/apis/argoproj.io/v1alpha1/namespaces/%s/applications/%s?fieldManager=pgitops",
			app->spec.namespace, app->spec.name),
		.accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
		.content_type = "application/json-patch+json",
		.body = body,
		.body_length = strlen(body),
	};
	if (!kube_one(cluster_kube(agent->cluster), &request, &answer, err))
		return false;
	app->written = application_version(answer);
	snprintf(app->shown_phase, sizeof(app->shown_phase), "%s",
		json_text_at(sent, "operationState.phase", ""));
	if (consume) {
		app->consumed = app->written;
		json_done(&app->taken);
	}
	return true;
}

/* The API server's own limit, etcd's, and that of the line between the two. */
static bool is_too_large(const struct error *err)
{
	static const char *const answers[] = {
		"RequestEntityTooLarge", "request is too large", "message larger than max"};
	for (size_t i = 0; i < COUNT_OF(answers); i++)
		if (strstr(err->text, answers[i]))
			return true;
	return false;
}

void apps_write_status(struct agent *agent, struct app *app)
{
	struct error err;

	unsigned missing = deletion_missing_finalizers(app) & ~app->finalizers_added;
	app->status_dirty = app->status_dirty || missing;
	if (!app->status_dirty || !app->status || !agent->cluster || app->spec.file ||
		*agent->cluster_trouble || *agent->cluster_stale || clock_steady() < agent->next_status)
		return;
	app->status_dirty = false;
	CLEANUP(json_done) json_t *whole = status_whole(app);
	bool written = send_status(agent, app, status_bounded(whole, &app->shortened), missing, &err);
	if (!written && is_too_large(&err)) {
		log_warning("status is too large for the cluster", "application", app->spec.name, "error",
			err.text, NULL);
		written = send_status(agent, app, status_minimal(whole, err.text), missing, &err);
	}
	if (written || err.kind == ERROR_MISSING) {
		app->finalizers_added |= missing;
		if (app->refresh == REFRESH_ANSWERED)
			app->refresh = REFRESH_IDLE;
		return;
	}
	log_warning("status could not be written", "application", app->spec.name, "error", err.text, NULL);
	app->status_dirty = err.kind == ERROR_RETRY;
	if (app->status_dirty) {
		agent->next_status = clock_steady() + STATUS_PAUSE;
		return;
	}
	/* A `test` that failed means a newer wish: it arrives by the watch, and the status is written with its answer. */
	app->status_refused = true;
	app->written = 0; /* nor may it be an echo, were etcd restored */
}
