#include "agent/loop/apps.h"
#include "agent/loop/content.h"
#include "agent/loop/inbox.h"
#include "agent/loop/projects.h"
#include "agent/loop/repositories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/folder.h"
#include "agent/events/kubernetes_events.h"
#include "agent/events/series.h"
#include "agent/sync/checks.h"
#include "agent/sync/deletion.h"
#include "agent/sync/operation.h"
#include "agent/sync/owners.h"
#include "agent/sync/preview.h"
#include "agent/sync/reasons.h"
#include "agent/sync/recall.h"
#include "agent/sync/status.h"
#include "agent/users/users_pass.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- the set ---- */

/* Nothing of what it was is good for an Application that is made anew under the same name. */
static void forget(struct agent *agent, const struct app *app)
{
	struct error err;
	if (!store_application_remove(agent->store, app->spec.name, &err))
		log_warning("the application could not be forgotten", "error", err.text, NULL);
}

static void attach_databases(struct agent *agent)
{
	for (size_t i = 0; i < agent->database_count; i++)
		agent->databases[i]->app = agent_app(agent, agent->databases[i]->config->application);
}

static void app_free(struct app *app)
{
	application_done(&app->spec);
	arena_free(app->spec_mem);
	content_release(app->content);
	content_release(app->synced_users);
	content_forget_parts(app);
	previews_free(app);
	while (app->lookups)
		lookup_drop(app, app->lookups);
	operation_free(app->operation);
	deletion_free(app->deletion);
	free(app->broken);
	free(app->differences);
	checks_free(app->checks);
	reasons_free(app->reasons);
	json_decref(app->history);
	status_free(app);
	json_decref(app->shown);
	sync_request_free(app->asked);
	json_decref(app->taken);
	free(app);
}

static int compare_apps(const void *a, const void *b)
{
	return strcmp((*(struct app *const *)a)->spec.name, (*(struct app *const *)b)->spec.name);
}

static struct app *app_add(struct agent *agent)
{
	struct app *app = memory_alloc(sizeof(*app));
	app->sync_status = "Unknown";
	agent->apps = memory_resize(agent->apps, (agent->app_count + 1) * sizeof(*agent->apps));
	agent->apps[agent->app_count++] = app;
	return app;
}

/* The Application is gone from the configuration. What it made stays: removing a file never deletes anything. */
static void app_remove(struct agent *agent, struct app *app)
{
	log_info("application removed; its objects and users stay", "application", app->spec.name, NULL);
	previews_end(agent, app, "there is no such application any more");
	for (int i = 0; i < TRACKER_COUNT; i++)
		pass_untrack(agent, app, (enum tracker)i);
	forget(agent, app);
	owners_given_up(agent, app->spec.name);
	series_forget("name", app->spec.name);
	for (size_t i = 0; i < agent->app_count; i++)
		if (agent->apps[i] == app)
			agent->apps[i] = agent->apps[--agent->app_count];
	app_free(app);
	qsort(agent->apps, agent->app_count, sizeof(*agent->apps), compare_apps);
	attach_databases(agent);
	repositories_drop_unused(agent);
}

/* An `operation` that cannot be obeyed is answered like one that failed, else it would be asked for ever. */
static void refuse_operation(struct app *app, const json_t *operation, const char *why)
{
	CLEANUP(json_done) json_t *none = json_array();
	const struct sync_request request = {.document = (json_t *)(uintptr_t)operation, .rollback_id = -1};
	int64_t now = clock_now();
	const struct status_operation state = {.app = app,
		.request = &request,
		.phase = "Error",
		.message = why,
		.commit = app->commit,
		.started = now,
		.finished = now,
		.resources = none};
	status_set_operation(app, status_operation_state(&state));
	app->status_dirty = true;
}

/* A wish by `kubectl patch`: a top-level `operation` (argocd.md 2.8). A held Application keeps its wish until it is let go. */
static void take_operation(struct app *app)
{
	const json_t *operation = json_object_get(app->spec.document, "operation");
	struct error err;

	if (!operation || json_is_null(operation)) {
		json_done(&app->taken);
		return;
	}
	/* It stands in the object until its outcome does: each of our own status writes brings it here again. */
	if (application_version(app->spec.document) <= app->consumed && app->consumed)
		return;
	/* What ran may be this very wish; once that is known, the next write of the status brings it here. */
	if (!app->recalled)
		return;
	if (app->asked || app->spec.skip_reconcile || (app->taken && json_equal(app->taken, operation)))
		return;
	json_decref(app->taken);
	app->taken = json_deep_copy(operation);
	if (!sync_request_read(operation, &app->asked, &err))
		refuse_operation(app, operation, err.text);
	else
		repositories_refresh(app, false); /* "sync" means the newest commit there is now */
	app->dirty = true;
}

static void take_refresh(struct app *app)
{
	if (app->spec.refresh == REFRESH_NONE)
		return;
	repositories_refresh(app, app->spec.refresh == REFRESH_HARD);
}

static void hash_parts(
	const struct app *app, const json_t *spec, const char *const *parts, size_t count, char hash[17])
{
	CLEANUP(json_done) json_t *all = json_array();
	char digest[DIGEST_HEX_SIZE];
	for (size_t i = 0; i < count; i++) {
		const json_t *part = json_at(spec, parts[i]);
		json_array_append_new(all, part ? json_deep_copy(part) : json_null());
	}
	json_array_append_new(all, json_string(app->spec.uid));
	CLEANUP(memory_freep) char *text = json_canonical(all);
	digest_sha256_hex(text, strlen(text), digest);
	snprintf(hash, 17, "%.16s", digest);
}

void apps_set_source(json_t *spec, const json_t *source)
{
	json_object_del(spec, "sources");
	json_object_set(spec, json_is_array(source) ? "sources" : "source", (json_t *)(uintptr_t)source);
}

void apps_source_hash(const struct app *app, const json_t *source, char hash[17])
{
	static const char *const parts[] = {
		"source", "sources", "destination", "syncPolicy.managedNamespaceMetadata"};
	CLEANUP(json_done) json_t *spec = json_copy(json_object_get(app->spec.document, "spec"));
	if (source)
		apps_set_source(spec, source);
	hash_parts(app, spec, parts, COUNT_OF(parts), hash);
}

/* Over what is wanted and where it goes, and over what is no difference: what was compared by other rules is compared anew. */
static void hash_spec(const struct agent *agent, struct app *app)
{
	CLEANUP(json_done) json_t *spec = json_copy(json_object_get(app->spec.document, "spec"));
	const char *rules[3] = {"ignoreDifferences"};
	size_t count = 1;
	json_set_text(spec, "migrated", app->spec.migrated);
	json_set_text(spec, "installation", agent->config->installation);
	if (app->spec.migrated)
		rules[count++] = "migrated";
	if (agent->config->installation)
		rules[count++] = "installation";
	apps_source_hash(app, NULL, app->source_hash);
	hash_parts(app, spec, rules, count, app->ignore_hash);
}

/* It came too late, or is about another one than runs. The status that is written next shows what is so. */
static void refuse_termination(struct agent *agent, const struct app *app, const char *begun)
{
	const struct event_subject subject = {.name = app->spec.name,
		.namespace = app->spec.namespace,
		.uid = app->spec.uid,
		.destination = app->spec.destination};
	CLEANUP(memory_freep)
	char *why = memory_printf("nothing was terminated: the operation of %.40s does not run%s", begun,
		app->operation || app->asked ? "; another one does, which the status is about to show" : "");
	log_warning("a phase Terminating is not obeyed", "application", app->spec.name, "reason", why, NULL);
	kubernetes_events_tell(agent->events, &subject, "TerminationRefused", true, "", why);
}

/* `argocd app terminate-op`, and whoever patches the phase (argocd.md 2.8). */
static void take_termination(struct agent *agent, struct app *app, bool is_new)
{
	const char *phase = json_text_at(app->spec.document, "status.operationState.phase", "");
	const char *begun = json_text_at(app->spec.document, "status.operationState.startedAt", "");
	bool is_wish = apps_see_phase(app) && !is_new && strcmp(phase, "Terminating") == 0;
	if (strcmp(phase, "Terminating") == 0 && !operation_terminate(app, begun) && is_wish)
		refuse_termination(agent, app, begun);
	/* Says that something runs, and nothing does: another hand, or a backup. Ours is written over it. */
	if (!app->operation && !app->asked &&
		(strcmp(phase, "Running") == 0 || strcmp(phase, "Terminating") == 0))
		app->status_dirty = true;
}

/* The object shows another status than ours: an etcd that was restored, or somebody's hand. An echo of an older write of ours costs a
   write that changes nothing. */
static void compare_status(struct app *app)
{
	static const char *const fields[] = {"sync.status", "health.status", "operationState.phase",
		"operationState.startedAt", "operationState.finishedAt"};
	const json_t *shown = json_object_get(app->spec.document, "status");
	char theirs[COMMITS_SIZE], ours[COMMITS_SIZE];
	if (!app->status || app->spec.file)
		return;
	commits_read(json_object_get(shown, "sync"), theirs);
	commits_read(json_object_get(app->status, "sync"), ours);
	app->status_dirty = app->status_dirty || strcmp(theirs, ours) != 0;
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (strcmp(json_text_at(shown, fields[i], ""), json_text_at(app->status, fields[i], "")) != 0)
			app->status_dirty = true;
}

/* The status may be older than all that we know, and so may what it names: objects that are in no commit and in no inventory any more, of
   kinds that nobody watches. */
static void look_at_shown(struct app *app)
{
	json_t *rows = json_at(app->spec.document, "status.resources");
	if (!json_array_size(rows) || app->spec.file)
		return;
	json_decref(app->shown);
	app->shown = json_incref(rows);
	app->dirty = true;
}

/* What may be the remedy of a sync that failed. */
static bool same_spec(const struct application *a, const struct application *b)
{
	return text_equal(a->migrated, b->migrated) &&
		json_equal(json_object_get(a->document, "spec"), json_object_get(b->document, "spec"));
}

/* A line for each source; one that cannot be used is named, too. */
static void log_sources(const struct application *spec)
{
	static const struct application_source none = {.repo_url = "", .directory.path = ""};
	for (size_t i = 0; i == 0 || i < spec->source_count; i++) {
		const struct application_source *source = spec->source_count ? &spec->sources[i] : &none;
		log_info("application", "application", spec->name, "repository", source->repo_url, "path",
			source->directory.path, NULL);
	}
}

/* Puts a newly read specification into the set. `spec_mem` becomes the app's. */
static void app_put(struct agent *agent, struct application *spec, struct arena *spec_mem)
{
	struct app *app = agent_app(agent, spec->name);
	/* Deleted and made again before anybody looked: nothing of the old one is the new one's. */
	if (app && *app->spec.uid && *spec->uid && strcmp(app->spec.uid, spec->uid) != 0) {
		app_remove(agent, app);
		app = NULL;
	}
	bool is_new = !app, changed = is_new || !application_same(&app->spec, spec);

	if (is_new)
		app = app_add(agent);
	else if (app->last_phase == SYNC_FAILED && !same_spec(&app->spec, spec))
		app->tried[0] = '\0'; /* what failed is tried again: the change may be the remedy */
	/* Versions run backwards: etcd was restored, and what its versions were worth before says nothing. */
	bool restored = application_version(spec->document) < application_version(app->spec.document);
	if (restored)
		app->consumed = app->written = 0;
	application_done(&app->spec);
	arena_free(app->spec_mem);
	app->spec = *spec;
	app->spec_mem = spec_mem;
	hash_spec(agent, app);
	app->finalizers_added &= ~spec->delete_hooks;
	if (is_new) {
		qsort(agent->apps, agent->app_count, sizeof(*agent->apps), compare_apps);
		log_sources(spec);
	}
	if (changed) {
		repositories_attach(agent, app);
		attach_databases(agent);
		repositories_drop_unused(agent);
		app->dirty = true;
	}
	(void)!recall(agent, app); /* else the next pass asks again, and does nothing before */
	take_operation(app);
	take_termination(agent, app, is_new);
	compare_status(app);
	app->status_dirty = app->status_dirty || app->status_refused;
	app->status_refused = false;
	if (is_new || restored)
		look_at_shown(app);
	status_shorten(json_object_get(app->spec.document, "status"));
	take_refresh(app);
}

static void take_event(struct agent *agent, const struct application_event *event)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct application spec;
	struct error err;

	if (event->gone) {
		struct app *app = agent_app(agent, json_text_at(event->document, "metadata.name", ""));
		if (app)
			app_remove(agent, app);
		arena_free(mem);
		return;
	}
	if (application_read(event->document, NULL, mem, &spec, &err)) {
		app_put(agent, &spec, mem);
		return;
	}
	log_error("an Application object cannot be read", "error", err.text, NULL);
	arena_free(mem);
}

void apps_forget_others(struct agent *agent)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct store_application *items;
	struct error err;
	size_t count = 0;

	bool ok = store_application_list(agent->store, mem, &items, &count, &err);
	for (size_t i = 0; ok && i < count; i++) {
		if (agent_app(agent, items[i].name))
			continue;
		log_info("application is not configured any more; its objects and users stay", "application",
			items[i].name, NULL);
		owners_given_up(agent, items[i].name);
		ok = store_application_remove(agent->store, items[i].name, &err);
	}
	if (!ok)
		log_warning("old applications could not be forgotten", "error", err.text, NULL);
}

void apps_collect(struct agent *agent)
{
	struct application_event event;
	while (inbox_take(agent->inbox, &event)) {
		take_event(agent, &event);
		json_decref(event.document);
	}
}

bool apps_folder_changed(struct agent *agent)
{
	if (!agent->config->applications)
		return false;
	char *state = folder_state(agent->config->applications, NULL, NULL);
	bool changed = agent->folder_state && strcmp(state, agent->folder_state) != 0;
	free(agent->folder_state);
	agent->folder_state = state;
	return changed;
}

static bool is_among(const char *name, const struct application *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(items[i].name, name) == 0)
			return true;
	return false;
}

/* Each app owns its arena, so the document is read once more into it. */
static void put_copy(struct agent *agent, const struct application *item)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct application spec;
	struct error err;
	const char *file = arena_copy(mem, item->file);
	if (application_read(item->document, file, mem, &spec, &err))
		app_put(agent, &spec, mem);
	else
		arena_free(mem);
}

bool apps_load_folder(struct agent *agent, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct mistakes mistakes = {.mem = mem};
	struct application *items;
	size_t count;

	if (!application_read_folder(agent->config->applications, mem, &items, &count, &mistakes, err))
		return false;
	bool ok = !mistakes.count;
	if (!ok) {
		const char *text = NULL;
		for (size_t i = 0; i < mistakes.count; i++)
			text = arena_join(mem, text, "; ", mistake_text(&mistakes.items[i], mem));
		error_set(err, ERROR_INVALID, "%s", text);
	}
	ok = ok && projects_load(agent, err);
	if (ok) {
		for (size_t i = 0; i < count; i++)
			put_copy(agent, &items[i]);
		for (size_t i = agent->app_count; i-- > 0;)
			if (!is_among(agent->apps[i]->spec.name, items, count))
				app_remove(agent, agent->apps[i]);
	}
	for (size_t i = 0; i < count; i++)
		application_done(&items[i]);
	return ok;
}

void apps_free(struct agent *agent)
{
	for (size_t i = 0; i < agent->app_count; i++)
		app_free(agent->apps[i]);
	repositories_free(agent);
	free(agent->apps);
	free(agent->folder_state);
}
