/*
 * pass_observe.c - what is in the cluster, the plan that follows, and dry runs where something moved
 */
#include "agent/sync/pass.h"

#include <stdlib.h>
#include <string.h>

#include "agent/sync/checks.h"
#include "base/clock.h"
#include "base/log.h"
#include "reconcile/kubernetes/postgresql.h"

static int compare_live(const void *a, const void *b)
{
	return object_key_compare(&((const struct live *)a)->key, &((const struct live *)b)->key);
}

static int compare_key_to_live(const void *key, const void *live)
{
	return object_key_compare(key, &((const struct live *)live)->key);
}

static const struct live *find_live(const struct pass *pass, const struct object_key *key)
{
	if (!pass->live_count)
		return NULL;
	return bsearch(key, pass->live, pass->live_count, sizeof(*pass->live), compare_key_to_live);
}

static struct object_key owned_key(const struct store_object *object)
{
	return (struct object_key){object->group, object->kind, object->namespace, object->name};
}

static bool load_inventory(struct pass *pass)
{
	struct error err;
	if (store_object_list(pass->agent->store, pass->app->spec.name, pass->mem, &pass->owned,
		    &pass->owned_count, &err))
		return true;
	pass_condition(pass, "ComparisonError", err.text);
	return false;
}

/* Watches everything that is wanted or ours. What may not be listed is said and compared as unknown later. */
static bool track(struct pass *pass, bool *incomplete)
{
	const struct objects *wanted = &pass->app->desired->objects;
	struct object_key *keys = arena_array(pass->mem, wanted->count + pass->owned_count, sizeof(*keys));
	struct error err;
	size_t count = 0;

	for (size_t i = 0; i < wanted->count; i++)
		keys[count++] = wanted->items[i].key;
	for (size_t i = 0; i < pass->owned_count; i++)
		keys[count++] = owned_key(&pass->owned[i]);
	if (cluster_track(pass->agent->cluster, keys, count, &err))
		return true;
	pass_condition(pass, "ComparisonError", err.text);
	*incomplete = true;
	return err.kind == ERROR_DENIED;
}

/* Live objects at wanted keys and all that name this Application, each once, sorted. */
static void collect_live(struct pass *pass)
{
	const struct objects *wanted = &pass->app->desired->objects;
	size_t owned_count, count = 0;
	struct live *owned = cluster_owned(pass->agent->cluster, pass->app->spec.name,
		pass->app->spec.destination, pass->mem, &owned_count);
	struct live *all = arena_array(pass->mem, wanted->count + owned_count, sizeof(*all));

	for (size_t i = 0; i < wanted->count; i++)
		if (cluster_live(pass->agent->cluster, &wanted->items[i].key, pass->mem, &all[count]))
			count++;
	for (size_t i = 0; i < owned_count; i++)
		if (!objects_find(wanted, &owned[i].key))
			all[count++] = owned[i];
	if (count)
		qsort(all, count, sizeof(*all), compare_live);
	pass->live = all;
	pass->live_count = count;
}

static const char *prune_obstacle(const struct pass *pass, bool incomplete)
{
	if (incomplete || cluster_partial(pass->agent->cluster))
		return "the cluster could not be read completely";
	if (pass->app->rebuilt)
		return "the store was rebuilt: nothing is pruned in the first pass after that";
	if (pass->app->broken || (pass->app->repository && pass->app->repository->error.kind != ERROR_NONE))
		return "the newest commit cannot be read";
	return NULL;
}

static void make_plan(struct pass *pass, bool incomplete)
{
	const struct app *app = pass->app;
	struct plan_live *live = arena_array(pass->mem, pass->live_count, sizeof(*live));
	struct plan_owned *owned = arena_array(pass->mem, pass->owned_count, sizeof(*owned));

	for (size_t i = 0; i < pass->live_count; i++) {
		const struct live *from = &pass->live[i];
		live[i] = (struct plan_live){from->key, from->uid, from->resource_version, from->tracking_id,
			from->has_owner, from->deleting, from->prune_allowed, from->options, NULL};
	}
	for (size_t i = 0; i < pass->owned_count; i++) {
		const struct store_object *from = &pass->owned[i];
		owned[i] = (struct plan_owned){owned_key(from), from->version, from->uid, from->wanted_hash,
			from->live_version, from->intended};
	}
	const char *obstacle = prune_obstacle(pass, incomplete);
	const struct plan_input input = {
		.application = app->spec.name,
		.namespace = app->spec.destination,
		.commit = app->commit,
		.wanted = &app->desired->objects,
		.live = live,
		.live_count = pass->live_count,
		.owned = owned,
		.owned_count = pass->owned_count,
		.prune = app->asked ? app->asked->prune : app->spec.automated && app->spec.prune,
		.allow_empty = app->spec.allow_empty,
		.prune_option = (enum choice)app->spec.options.prune,
		.no_prune = obstacle,
		.no_prune_reason = obstacle,
		.confirmed = app->asked ? app->asked->confirm : NULL,
	};
	plan_make(&input, pass->mem, &pass->plan);
}

bool pass_observe(struct pass *pass)
{
	bool incomplete = false;
	if (!load_inventory(pass) || !track(pass, &incomplete))
		return false;
	collect_live(pass);
	make_plan(pass, incomplete);
	pass->steps = arena_array(pass->mem, pass->plan.count, sizeof(*pass->steps));
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct live *live = find_live(pass, &pass->plan.steps[i].key);
		pass->steps[i] = (struct pass_step){
			.plan = &pass->plan.steps[i],
			.message = "",
			.health = live ? live->health : (struct health_state){HEALTH_MISSING, ""},
		};
	}
	pass->complete = true;
	return true;
}

/* ---- comparing ---- */

/* Does a CRD of this set define the kind? Then the object waits for it. */
static bool kind_comes_along(const struct pass *pass, const struct object_key *key)
{
	const struct objects *wanted = &pass->app->desired->objects;
	for (size_t i = 0; i < wanted->count; i++) {
		const struct object *object = &wanted->items[i];
		struct error ignored;
		CLEANUP(json_done) json_t *crd = NULL;
		if (strcmp(object->key.kind, "CustomResourceDefinition") != 0 ||
			!json_read(object->json, object->json_length, &crd, &ignored))
			continue;
		if (strcmp(json_text_at(crd, "spec.group", ""), key->group) == 0 &&
			strcmp(json_text_at(crd, "spec.names.kind", ""), key->kind) == 0)
			return true;
	}
	return false;
}

/* ConfigMaps and Secrets that are new need no question: there is nothing in them the server checks but size and names,
   and both were checked when the file was read. Every other new object is asked about before anything is written. */
static bool needs_dry_run(const struct plan_step *step)
{
	if (step->action == PLAN_CREATE)
		return *step->key.group ||
			(strcmp(step->key.kind, "ConfigMap") != 0 && strcmp(step->key.kind, "Secret") != 0);
	return step->action == PLAN_CHECK;
}

static bool kind_is_there(struct pass *pass, struct pass_step *step)
{
	const struct object *object = step->plan->object;
	if (cluster_has_kind(pass->agent->cluster, object->key.group, object->version, object->key.kind))
		return true;
	step->out_of_sync = true;
	if (kind_comes_along(pass, &object->key)) {
		step->deferred = true;
		return false;
	}
	step->refusal = arena_printf(pass->mem,
		"%s:%d: the cluster has no kind %s in %s: install its CustomResourceDefinition, or put it into this path",
		object->file, object->line, object->key.kind, object_api_version(object, pass->mem));
	return false;
}

static struct cluster_write dry_run_of(const struct pass *pass, const struct plan_step *step)
{
	return (struct cluster_write){
		.kind = WRITE_DRY_RUN,
		.object = step->object,
		.tracking_id = step->tracking_id,
		.force = pass->app->spec.options.force_conflicts ||
			(pass->app->asked && pass->app->asked->force),
	};
}

static bool namespace_will_be_made(const struct pass *pass, const struct object_key *key)
{
	const struct object_key namespace = {"", "Namespace", "", key->namespace};
	return objects_find(&pass->app->desired->objects, &namespace) ||
		(pass->app->spec.options.create_namespace &&
			strcmp(key->namespace, pass->app->spec.destination) == 0);
}

/* What the answer to a dry run means for the step. */
static void judge(struct pass *pass, struct pass_step *step)
{
	const struct cluster_write *check = &step->check;
	const struct object *object = step->plan->object;

	step->out_of_sync = check->outcome != WRITE_UNCHANGED;
	if (check->outcome != WRITE_FAILED)
		return;
	if (check->error.kind == ERROR_MISSING && step->plan->action == PLAN_CREATE &&
		namespace_will_be_made(pass, &object->key))
		return; /* asked again by the apply, when the namespace is there */
	step->message = arena_printf(pass->mem, "%s:%d: %s", object->file, object->line, check->error.text);
	step->unknown = check->error.kind == ERROR_RETRY || check->error.kind == ERROR_DENIED;
	if (step->unknown)
		pass_condition(pass, "ComparisonError", step->message);
	step->refusal = step->message;
}

/* The operator answers some changes with damage, and a write while it works with a lost update (zalando-operator.md). */
static void judge_postgresql(struct pass *pass, struct pass_step *step)
{
	const struct object *object = step->plan->object;
	CLEANUP(json_done) json_t *wanted = NULL;
	CLEANUP(json_done) json_t *live = NULL;
	struct error err;
	size_t count;

	if (!postgresql_is(object->key.group, object->key.kind) || !step->out_of_sync || step->refusal)
		return;
	if (!json_read(object->json, object->json_length, &wanted, &err))
		return;
	if (step->plan->live) {
		const char *path = arena_printf(pass->mem, "/apis/%s/%s/namespaces/%s/postgresqls/%s",
			object->key.group, object->version, object->key.namespace, object->key.name);
		struct kube_request request = {.method = "GET", .path = path};
		if (!kube_one(cluster_kube(pass->agent->cluster), &request, &live, &err)) {
			step->unknown = true;
			step->refusal = arena_copy(pass->mem, err.text);
			return;
		}
	}
	const char **reasons = postgresql_refusals(wanted, live, pass->mem, &count);
	for (size_t i = 0; i < count; i++)
		step->refusal = step->refusal
			? arena_printf(pass->mem, "%s; %s", step->refusal, reasons[i])
			: arena_printf(pass->mem, "%s:%d: %s", object->file, object->line, reasons[i]);
	if (!count && live && postgresql_busy(live)) {
		step->held = true;
		step->message = "the operator is at work on it: written when it has finished";
	}
	if (step->refusal)
		step->message = step->refusal;
}

static void run_dry_runs(struct pass *pass)
{
	struct cluster_write *writes = arena_array(pass->mem, pass->plan.count, sizeof(*writes));
	size_t *places = arena_array(pass->mem, pass->plan.count, sizeof(*places));
	size_t count = 0;

	for (size_t i = 0; i < pass->plan.count; i++) {
		struct pass_step *step = &pass->steps[i];
		if (!step->plan->object || step->plan->action == PLAN_KEEP || !kind_is_there(pass, step))
			continue;
		if (!needs_dry_run(step->plan)) {
			step->out_of_sync = true;
			continue;
		}
		if (!pass->app->asked && checks_find(pass->app->checks, step->plan, &step->check)) {
			step->checked = true;
			judge(pass, step);
			judge_postgresql(pass, step);
			continue;
		}
		places[count] = i;
		writes[count++] = dry_run_of(pass, step->plan);
	}
	if (count)
		cluster_write(pass->agent->cluster, writes, count, pass->mem);
	for (size_t i = 0; i < count; i++) {
		struct pass_step *step = &pass->steps[places[i]];
		step->check = writes[i];
		step->checked = true;
		judge(pass, step);
		judge_postgresql(pass, step);
	}
}

void pass_compare(struct pass *pass)
{
	run_dry_runs(pass);
	if (pass->plan.blocked)
		pass_condition(pass, "SyncError",
			arena_printf(pass->mem,
				"%zu of %zu objects would be pruned; nothing is, until "
				"this is confirmed: pgitops app sync %s --prune --confirm %s",
				pass->plan.prunes, pass->owned_count, pass->app->spec.name, pass->plan.confirm));
	for (size_t i = 0; i < pass->plan.count; i++) {
		struct pass_step *step = &pass->steps[i];
		if (step->plan->object) {
			pass->to_write += step->out_of_sync && !step->held;
			pass->busy = pass->busy || step->held;
		} else {
			step->out_of_sync = true;
			step->message = step->plan->reason ? step->plan->reason : "";
			pass->to_prune++;
		}
		pass->out_of_sync = pass->out_of_sync || step->out_of_sync;
	}
}
