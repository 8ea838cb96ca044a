#include "agent/sync/status.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static json_t *time_value(int64_t microseconds)
{
	char text[CLOCK_TEXT_SIZE];
	clock_text_seconds(microseconds, text);
	return json_string(text);
}

static json_t *copy_at(const json_t *document, const char *path)
{
	const json_t *found = json_at(document, path);
	return found ? json_deep_copy(found) : json_object();
}

/* As Argo CD: `source` with `revision`, or `sources` with `revisions` where they are a list in the spec, were it a list of one. */
static const char *source_key(const struct app *app)
{
	return app->spec.sources_listed ? "sources" : "source";
}

static json_t *source_copy(const struct app *app)
{
	return copy_at(app->spec.document, app->spec.sources_listed ? "spec.sources" : "spec.source");
}

static void set_commits(json_t *object, bool listed, const char *commits)
{
	if (listed && *commits)
		json_object_set_new(object, "revisions", commits_list(commits));
	else
		json_set_text(object, "revision", commits);
}

/* What was compared with what: tools recognise a changed spec by it (argocd.md 7.5). */
static json_t *compared_to(const struct app *app)
{
	return json_pack("{s:o, s:o}", source_key(app), source_copy(app), "destination",
		copy_at(app->spec.document, "spec.destination"));
}

static json_t *sync_part(const struct status_input *input)
{
	json_t *sync = json_pack("{s:s, s:o}", "status", input->sync, "comparedTo", compared_to(input->app));
	set_commits(sync, input->app->spec.sources_listed, input->revision);
	return sync;
}

/* What it was found to be; before it was read, what it asks for. "" = only files of it are named. */
static const char *source_type(const struct app *app, size_t number)
{
	static const char *const types[] = {
		[RENDER_NONE] = "Directory", [RENDER_KUSTOMIZE] = "Kustomize", [RENDER_HELM] = "Helm"};
	const struct application_source *source = &app->spec.sources[number];
	const struct content *content = app->content;

	if (source->files_only)
		return "";
	if (!content)
		return types[source->directory.rendering.asked];
	if (!content->part_count)
		return types[content->desired->rendered];
	return types[number < content->part_count ? content->parts[number]->desired->rendered : RENDER_NONE];
}

static void set_source_types(json_t *status, const struct app *app)
{
	const struct application *spec = &app->spec;
	if (!spec->sources_listed) {
		json_object_set_new(status, "sourceType",
			json_string(spec->source_count ? source_type(app, 0) : "Directory"));
		return;
	}
	json_t *types = json_array();
	for (size_t i = 0; i < spec->source_count; i++)
		json_array_append_new(types, json_string(source_type(app, i)));
	json_object_set_new(status, "sourceTypes", types);
}

static json_t *health_value(const struct health_state *state)
{
	json_t *value = json_pack("{s:s}", "status", health_name(state->health));
	json_set_text(value, "message", state->message);
	return value;
}

static json_t *resource_value(const struct status_resource *resource)
{
	json_t *value = json_pack("{s:s, s:s, s:s}", "version", resource->version, "kind", resource->kind,
		"name", resource->name);
	json_set_text(value, "group", resource->group);
	json_set_text(value, "namespace", resource->namespace);
	json_set_text(value, "status", resource->status);
	json_set_text(value, "message", resource->message);
	if (resource->health.health != HEALTH_NONE)
		json_object_set_new(value, "health", health_value(&resource->health));
	if (resource->requires_pruning)
		json_object_set_new(value, "requiresPruning", json_true());
	if (resource->requires_confirmation)
		json_object_set_new(value, "requiresDeletionConfirmation", json_true());
	if (resource->wave)
		json_object_set_new(value, "syncWave", json_integer(resource->wave));
	return value;
}

static json_t *resources_part(const struct status_input *input)
{
	json_t *list = json_array();
	for (size_t i = 0; i < input->resource_count; i++)
		json_array_append_new(list, resource_value(&input->resources[i]));
	return list;
}

enum { CAUSES = 3 }; /* that the message names */

static bool counts_for_health(const struct status_resource *resource)
{
	return resource->health.health != HEALTH_NONE && resource->health.health != HEALTH_MISSING;
}

/* The objects that are as bad as the worst one: a few by name, with their reasons, and how many there are besides. */
static const char *causes_of(const struct status_input *input, enum health worst, struct arena *mem)
{
	const char *causes = "";
	size_t found = 0;
	for (size_t i = 0; i < input->resource_count; i++) {
		const struct status_resource *resource = &input->resources[i];
		if (resource->health.health != worst || found++ >= CAUSES)
			continue;
		const char *message = resource->health.message;
		causes = arena_join(mem, causes, "; ",
			arena_printf(mem, "%s %s: %s", resource->kind, resource->name,
				*message ? message : health_name(worst)));
	}
	return found > CAUSES ? arena_printf(mem, "%s and %zu more", causes, found - CAUSES) : causes;
}

/* The worst of the live objects that have a rule; Missing only when nothing that is wanted is live (argocd.md 2.11). */
static struct health_state overall_health(const struct status_input *input, struct arena *mem)
{
	enum health worst = HEALTH_HEALTHY;
	size_t wanted = 0;

	for (size_t i = 0; i < input->resource_count; i++) {
		const struct status_resource *resource = &input->resources[i];
		wanted += !resource->requires_pruning;
		if (counts_for_health(resource))
			worst = health_worst(worst, resource->health.health);
	}
	if (input->cluster && wanted && !input->any_live)
		return (struct health_state){HEALTH_MISSING, "none of the wanted objects exists"};
	return (struct health_state){worst, worst == HEALTH_HEALTHY ? "" : causes_of(input, worst, mem)};
}

static json_t *health_part(const struct status_input *input, const json_t *previous, struct arena *mem)
{
	struct health_state state = overall_health(input, mem);
	if (input->app->spec.spec_error_count || !input->read)
		state = (struct health_state){HEALTH_UNKNOWN, ""};
	json_t *value = health_value(&state);
	const char *before = json_text_at(previous, "health.status", "");
	const char *since = json_text_at(previous, "health.lastTransitionTime", "");
	json_object_set_new(value, "lastTransitionTime",
		strcmp(before, health_name(state.health)) == 0 && *since ? json_string(since)
									 : time_value(clock_now()));
	return value;
}

static const char *condition_since(const json_t *previous, const struct status_condition *condition)
{
	size_t i;
	json_t *old;
	json_array_foreach (json_object_get(previous, "conditions"), i, old)
		if (strcmp(json_text_at(old, "type", ""), condition->type) == 0 &&
			strcmp(json_text_at(old, "message", ""), condition->message) == 0)
			return json_text_at(old, "lastTransitionTime", NULL);
	return NULL;
}

static json_t *conditions_part(const struct status_input *input, const json_t *previous)
{
	json_t *list = json_array();
	for (size_t i = 0; i < input->condition_count; i++) {
		const struct status_condition *condition = &input->conditions[i];
		const char *since = condition_since(previous, condition);
		json_array_append_new(list,
			json_pack("{s:s, s:o, s:o}", "type", condition->type, "message",
				json_text(condition->message), "lastTransitionTime",
				since ? json_string(since) : time_value(clock_now())));
	}
	return list;
}

json_t *status_make(const struct status_input *input, const json_t *previous, struct arena *mem)
{
	const struct app *app = input->app;
	json_t *status = json_pack("{s:o, s:o, s:o}", "sync", sync_part(input), "health",
		health_part(input, previous, mem), "resources", resources_part(input));
	set_source_types(status, app);
	if (input->condition_count)
		json_object_set_new(status, "conditions", conditions_part(input, previous));
	if (json_array_size(app->history))
		json_object_set(status, "history", app->history);
	if (app->operation_state)
		json_object_set(status, "operationState", app->operation_state);
	if (app->reconciled)
		json_object_set_new(status, "reconciledAt", time_value(app->reconciled));
	return status;
}

static bool is_listed(const struct status_operation *operation)
{
	return operation->source ? json_is_array(operation->source) : operation->app->spec.sources_listed;
}

/* The whole request; where it names no revision, the one that is synced. */
static json_t *operation_value(const struct status_operation *operation)
{
	const struct sync_request *request = operation->request;
	json_t *value = sync_request_document(request);
	if (!request->document && !request->revision && !request->revision_count)
		set_commits(json_object_get(value, "sync"), is_listed(operation), operation->commit);
	return value;
}

/* What was synced, and at which commits. */
static void set_source(json_t *object, const struct status_operation *operation)
{
	bool listed = is_listed(operation);
	json_object_set_new(object, listed ? "sources" : "source",
		operation->source ? json_deep_copy(operation->source) : source_copy(operation->app));
	set_commits(object, listed, operation->commit);
}

json_t *status_operation_state(const struct status_operation *operation)
{
	/* syncResult with a revision always, also for failures: without it Argo CD never syncs again (argocd.md 7.3). */
	json_t *result = json_pack("{s:s, s:O}", "revision", "", "resources", operation->resources);
	set_source(result, operation);
	json_t *state = json_pack("{s:o, s:s, s:o, s:o, s:o}", "operation", operation_value(operation),
		"phase", operation->phase, "message", json_text(operation->message), "syncResult", result,
		"startedAt", time_value(operation->started));
	if (operation->finished)
		json_object_set_new(state, "finishedAt", time_value(operation->finished));
	if (operation->retries)
		json_object_set_new(state, "retryCount", json_integer(operation->retries));
	return state;
}

json_t *status_history_add(const json_t *history, const struct status_operation *operation)
{
	const struct sync_request *request = operation->request;
	json_t *list = history ? json_deep_copy(history) : json_array();
	size_t count = json_array_size(list);
	const json_t *last = count ? json_array_get(list, count - 1) : NULL;
	json_t *by = request->automated ? json_pack("{s:b}", "automated", 1)
					: json_pack("{s:s}", "username", request->by);

	json_t *entry = json_pack("{s:I, s:o, s:o, s:o}", "id",
		(json_int_t)(last ? json_number_at(last, "id", 0) + 1 : 0), "deployStartedAt",
		time_value(operation->started), "deployedAt", time_value(operation->finished), "initiatedBy",
		by);
	set_source(entry, operation);
	json_array_append_new(list, entry);
	while (json_array_size(list) > (size_t)operation->app->spec.history_limit)
		json_array_remove(list, 0);
	return list;
}

const json_t *status_history_find(const json_t *history, int64_t id)
{
	size_t i;
	json_t *entry;
	json_array_foreach ((json_t *)(uintptr_t)history, i, entry)
		if (json_number_at(entry, "id", -1) == id)
			return entry;
	return NULL;
}
