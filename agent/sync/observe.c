/*
 * observe.c - what is in the cluster, who wants it, and the plan that follows
 */
#include "agent/sync/operation.h"
#include "agent/sync/owners.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

/* Milliseconds until what could not be read is asked again. */
enum { FAILED_PAUSE = 5000, DENIED_PAUSE = 60000 };

static int compare_live(const void *a, const void *b)
{
	return object_key_compare(&((const struct live *)a)->key, &((const struct live *)b)->key);
}

static int compare_key_to_live(const void *key, const void *live)
{
	return object_key_compare(key, &((const struct live *)live)->key);
}

const struct live *pass_live(const struct pass *pass, const struct object_key *key)
{
	if (!pass->live_count)
		return NULL;
	return bsearch(key, pass->live, pass->live_count, sizeof(*pass->live), compare_key_to_live);
}

static struct object_key owned_key(const struct store_object *object)
{
	return (struct object_key){object->group, object->kind, object->namespace, object->name};
}

/* Nothing tells when it would go better: the pass comes back by itself. */
static void cannot_observe(struct pass *pass, const struct error *err)
{
	pass_condition(pass, "ComparisonError", err->text);
	pass_look_again(pass, clock_steady() + (err->kind == ERROR_DENIED ? DENIED_PAUSE : FAILED_PAUSE));
}

/* A hard refresh: what is known of the cluster is asked for again. */
static bool forgets(const struct pass *pass)
{
	return pass->app->forget && !pass->preview;
}

static bool load_inventory(struct pass *pass)
{
	struct store *store = pass->agent->store;
	const char *name = pass->app->spec.name, *rules;
	struct error err;
	if (!store_fact_get(store, arena_printf(pass->mem, "ignored:%s", name), pass->mem, &rules, &err) ||
		!store_object_list(store, name, pass->mem, &pass->owned, &pass->owned_count, &err)) {
		cannot_observe(pass, &err);
		return false;
	}
	pass->anew = forgets(pass) || (rules && strcmp(rules, pass->app->ignore_hash) != 0);
	return true;
}

static char *tracker_name(const struct app *app, enum tracker tracker)
{
	static const char *const what[TRACKER_COUNT] = {
		[TRACKER_PASS] = "", [TRACKER_HOOKS] = "hooks of ", [TRACKER_PREVIEW] = "preview of "};
	return memory_printf("%s%s", what[tracker], app->spec.name);
}

bool pass_track(const struct pass *pass, enum tracker tracker, const struct object_key *keys, size_t count,
	struct error *err)
{
	CLEANUP(memory_freep) char *name = tracker_name(pass->app, tracker);
	return cluster_track(pass->agent->cluster, name, keys, count, err);
}

void pass_untrack(struct agent *agent, const struct app *app, enum tracker tracker)
{
	CLEANUP(memory_freep) char *name = tracker_name(app, tracker);
	if (agent->cluster)
		cluster_untrack(agent->cluster, name);
}

/* Watches everything that is wanted or ours. What may not be listed is said and compared as unknown later. */
static bool track(struct pass *pass)
{
	static const struct objects nothing = {0};
	const struct objects *wanted = pass->content ? &pass->content->desired->objects : &nothing;
	const json_t *shown = pass->preview ? NULL : pass->app->shown, *row;
	struct object_key *keys = arena_array(
		pass->mem, wanted->count + pass->owned_count + json_array_size(shown), sizeof(*keys));
	struct error err;
	size_t count = 0, at;

	for (size_t i = 0; i < wanted->count; i++)
		keys[count++] = wanted->items[i].key;
	for (size_t i = 0; i < pass->owned_count; i++)
		keys[count++] = owned_key(&pass->owned[i]);
	json_array_foreach (shown, at, row)
		keys[count++] =
			(struct object_key){json_text_at(row, "group", ""), json_text_at(row, "kind", ""),
				json_text_at(row, "namespace", ""), json_text_at(row, "name", "")};
	if (forgets(pass) && !cluster_forget(pass->agent->cluster, keys, count, &err)) {
		cannot_observe(pass, &err);
		return false;
	}
	if (pass_track(pass, pass->preview ? TRACKER_PREVIEW : TRACKER_PASS, keys, count, &err))
		return true;
	cannot_observe(pass, &err);
	pass->incomplete = true;
	pass->listing = cluster_still_lists(&err);
	return err.kind == ERROR_DENIED;
}

/* Of another installation of Argo CD, whose Applications may have the names of ours. */
static bool is_foreign(const struct pass *pass, const struct live *live)
{
	const char *ours = pass->agent->config->installation;
	return strcmp(live->installation_id, ours ? ours : "") != 0;
}

/* Live objects at wanted keys and all that name this Application, each once, sorted. */
static void collect_live(struct pass *pass)
{
	const struct objects *wanted = pass->wanted;
	size_t owned_count, count = 0;
	const char *ignored;
	struct live *owned = cluster_owned(pass->agent->cluster, pass->app->spec.name,
		pass->app->spec.destination, pass->mem, &owned_count);
	struct live *all = arena_array(pass->mem, wanted->count + owned_count, sizeof(*all));

	for (size_t i = 0; i < wanted->count; i++)
		if (cluster_live(pass->agent->cluster, &wanted->items[i].key, pass->mem, &all[count]))
			count++;
	size_t sorted = count; /* as what is wanted is */
	/* What the project or a rule forbids, or another installation has, and nobody wants is as if it were not there (argocd.md 2.6). */
	for (size_t i = 0; i < owned_count; i++)
		if (!objects_find(wanted, &owned[i].key) && !is_foreign(pass, &owned[i]) &&
			pass_may_touch(pass, &owned[i].key, &ignored) &&
			pass_may_take(pass, &owned[i], &ignored))
			all[count++] = owned[i];
	if (count > sorted)
		qsort(all, count, sizeof(*all), compare_live);
	pass->live = all;
	pass->live_count = count;
}

/* ---- the plan ---- */

static const char *prune_obstacle(const struct pass *pass)
{
	const struct app *app = pass->app;
	if (pass->incomplete)
		return "the cluster could not be read completely";
	if (app->rebuilt)
		return "the store was rebuilt: nothing is pruned in the first pass after that";
	if (pass->preview) /* of a commit that was read */
		return NULL;
	if (app->broken || app_source_error(app))
		return "the newest commit cannot be read";
	return NULL;
}

const struct sync_request *pass_request(const struct pass *pass)
{
	const struct app *app = pass->app;
	if (pass->preview)
		return NULL;
	return app->operation ? app->operation->request : app->asked;
}

/* Parallel to what is wanted: why it is another's. */
static const char **refusals(struct pass *pass)
{
	const struct objects *wanted = pass->wanted;
	const char **all = arena_array(pass->mem, wanted->count + 1, sizeof(*all));
	for (size_t i = 0; i < wanted->count; i++)
		all[i] = owners_refusal(pass, &wanted->items[i].key, pass_live(pass, &wanted->items[i].key));
	return all;
}

static void make_plan(struct pass *pass)
{
	const struct app *app = pass->app;
	const struct sync_request *request = pass_request(pass);
	const struct sync_operation *operation = pass->preview ? NULL : app->operation;
	struct plan_live *live = arena_array(pass->mem, pass->live_count, sizeof(*live));
	struct plan_owned *owned = arena_array(pass->mem, pass->owned_count, sizeof(*owned));

	for (size_t i = 0; i < pass->live_count; i++) {
		const struct live *from = &pass->live[i];
		live[i] = (struct plan_live){from->key, from->uid, from->resource_version, from->tracking_id,
			from->has_owner, from->deleting, from->prune_allowed, from->options,
			owners_wanted_by(pass, from), from->installation_id};
	}
	for (size_t i = 0; i < pass->owned_count; i++) {
		const struct store_object *from = &pass->owned[i];
		owned[i] = (struct plan_owned){owned_key(from), from->version, from->uid, from->wanted_hash,
			pass->anew ? "" : from->live_version, from->intended};
	}
	const char *obstacle = prune_obstacle(pass);
	const struct plan_input input = {
		.application = app->spec.name,
		.namespace = app->spec.destination,
		.commit = pass->content ? pass->content->commit : "",
		.wanted = pass->wanted,
		.live = live,
		.live_count = pass->live_count,
		.owned = owned,
		.owned_count = pass->owned_count,
		.prune = request ? request->prune : app->spec.automated && app->spec.prune,
		.prune_option = (enum choice)pass_options(pass).prune,
		.allow_empty = app->spec.allow_empty,
		.no_prune = obstacle,
		.no_prune_reason = obstacle,
		.confirmed = request ? request->confirm : NULL,
		.confirmed_list = operation ? operation->confirmed : NULL,
		.confirmed_count = operation ? operation->confirmed_count : 0,
		.installation = pass->agent->config->installation,
		.another_has = refusals(pass),
	};
	plan_make(&input, pass->mem, &pass->plan);
}

static struct health_state health_of_step(const struct plan_step *step, const struct live *live)
{
	if (!live)
		return (struct health_state){HEALTH_MISSING, ""};
	if (live->options.ignore_health || (step->object && step->object->options.ignore_health))
		return (struct health_state){HEALTH_NONE, ""};
	return live->health;
}

static bool observe(struct pass *pass)
{
	if (!load_inventory(pass) || !track(pass))
		return false;
	collect_live(pass);
	make_plan(pass);
	pass->steps = arena_array(pass->mem, pass->plan.count ? pass->plan.count : 1, sizeof(*pass->steps));
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct live *live = pass_live(pass, &pass->plan.steps[i].key);
		pass->steps[i] = (struct pass_step){
			.plan = &pass->plan.steps[i],
			.message = "",
			.health = health_of_step(&pass->plan.steps[i], live),
		};
	}
	pass->complete = true;
	return true;
}

bool pass_observe(struct pass *pass)
{
	pass->wanted = &pass->content->desired->objects;
	return observe(pass);
}

bool pass_observe_to_delete(struct pass *pass)
{
	static const struct objects nothing = {0};
	pass->wanted = &nothing;
	return observe(pass);
}
