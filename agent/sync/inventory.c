/*
 * inventory.c - what a comparison found, into the store: drift with its author, and which objects are ours
 */
#include "agent/sync/pass.h"

#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum { DRIFT_FIELDS = 50 }; /* of one object: enough to see what was done to it */

/* ---- drift ---- */

/* Git has not moved since we last wrote or checked this object, so whatever differs is somebody else's doing. */
static bool is_drift(const struct pass_step *step)
{
	const struct plan_owned *owned = step->plan->owned;
	const struct object *object = step->plan->object;
	return object && owned && *owned->uid && step->out_of_sync && !step->held &&
		step->plan->action != PLAN_SHARED && strcmp(owned->wanted_hash, object->hash) == 0;
}

static void add_drift(struct pass *pass, const struct pass_step *step, const struct difference *difference)
{
	struct error err;
	const struct object_key *key = &step->plan->key;
	const struct store_drift drift = {
		.application = pass->app->spec.name,
		.time = difference->when ? difference->when : clock_now(),
		.group = key->group,
		.kind = key->kind,
		.namespace = key->namespace,
		.name = key->name,
		.database = "",
		.user = "",
		.field = difference->path,
		.wanted = difference->wanted,
		.found = difference->found,
		.by = difference->by,
	};
	bool told = store_drift_is_open(pass->agent->store, &drift);
	if (!store_drift_add(pass->agent->store, &drift, NULL, &err)) {
		log_warning("drift could not be recorded", "error", err.text, NULL);
		return;
	}
	if (told)
		return;
	metric_add(METRIC_DRIFT_FOUND, 1);
	log_info("drift found", "object", object_key_text(key, pass->mem), "field", difference->path,
		"wanted", difference->wanted, "found", difference->found, "changed_by", difference->by, NULL);
}

static void record_drift(struct pass *pass, const struct pass_step *step)
{
	if (step->plan->action == PLAN_CREATE) {
		const struct difference gone = {.path = "exists", .wanted = "true", .found = "false", .by = ""};
		add_drift(pass, step, &gone);
	}
	for (size_t i = 0; step->checked && i < step->check.difference_count && i < DRIFT_FIELDS; i++)
		add_drift(pass, step, &step->check.differences[i]);
}

/* ---- inventory ---- */

static int compare_to_live(const void *key, const void *live)
{
	return object_key_compare(key, &((const struct live *)live)->key);
}

static const struct live *find_live_object(const struct pass *pass, const struct object_key *key)
{
	if (!pass->live_count)
		return NULL;
	return bsearch(key, pass->live, pass->live_count, sizeof(*pass->live), compare_to_live);
}

/* Found equal by a dry run: the next pass need not ask, until one of the two sides moves. */
static bool record_equal(struct pass *pass, const struct pass_step *step, struct error *err)
{
	const struct object *object = step->plan->object;
	const struct store_object row = {
		.application = pass->app->spec.name,
		.group = object->key.group,
		.version = object->version,
		.kind = object->key.kind,
		.namespace = object->key.namespace,
		.name = object->key.name,
		.uid = step->check.uid_now,
		.wanted_hash = object->hash,
		.live_version = step->check.resource_version_now,
	};
	const struct store_drift healed = {.application = row.application,
		.group = row.group,
		.kind = row.kind,
		.namespace = row.namespace,
		.name = row.name,
		.database = "",
		.user = "",
		.field = ""};
	return store_object_set(pass->agent->store, &row, err) &&
		store_drift_heal(pass->agent->store, &healed, clock_now(), err);
}

/* It was equal by other ignoreDifferences: by these it is asked about until it is found equal again. */
static bool forget_equal(struct pass *pass, const struct pass_step *step, struct error *err)
{
	const struct plan_owned *owned = step->plan->owned;
	const struct store_object row = {
		.application = pass->app->spec.name,
		.group = owned->key.group,
		.version = owned->version,
		.kind = owned->key.kind,
		.namespace = owned->key.namespace,
		.name = owned->key.name,
		.uid = owned->uid,
		.wanted_hash = owned->wanted_hash,
		.live_version = "",
		.intended = owned->intended,
	};
	return store_object_set(pass->agent->store, &row, err);
}

/* Carries our mark, and nobody wants it: left by an Application of this name before, or by a store that was lost. It stands in the
   inventory from now on, so that it can be pruned like anything else that is not wanted any more. */
static const char *find_version(const struct pass *pass, const struct object_key *key)
{
	const struct live *live = find_live_object(pass, key);
	return live ? live->version : "";
}

static bool record_adopted(struct pass *pass, const struct pass_step *step, struct error *err)
{
	const struct store_object row = {
		.application = pass->app->spec.name,
		.group = step->plan->key.group,
		.version = find_version(pass, &step->plan->key),
		.kind = step->plan->key.kind,
		.namespace = step->plan->key.namespace,
		.name = step->plan->key.name,
		.uid = step->plan->live->uid,
		.wanted_hash = "",
		.live_version = "",
	};
	pass->app->dirty = true; /* the next pass knows it */
	return store_object_set(pass->agent->store, &row, err);
}

/* What is neither wanted nor live is gone: nothing is left to own. */
static bool forget_gone(struct pass *pass, const struct store_object *row, struct error *err)
{
	const struct object_key key = {row->group, row->kind, row->namespace, row->name};
	const char *ignored;
	/* What may not be touched was not looked at: it is ours again when it may. */
	if (objects_find(pass->wanted, &key) || find_live_object(pass, &key) ||
		!pass_may_touch(pass, &key, &ignored))
		return true;
	return store_object_remove(pass->agent->store, row, err);
}

void pass_record_compared(struct pass *pass)
{
	struct store *store = pass->agent->store;
	struct error err;
	bool ok = store_begin(store, &err);

	for (size_t i = 0; ok && i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		if (pass->other_rules && step->plan->owned)
			ok = forget_equal(pass, step, &err);
		if (!ok)
			break;
		if (step->checked && step->check.outcome == WRITE_UNCHANGED)
			ok = record_equal(pass, step, &err);
		else if (is_drift(step))
			record_drift(pass, step);
		else if (step->plan->adopt)
			ok = record_adopted(pass, step, &err);
	}
	for (size_t i = 0; ok && i < pass->owned_count && !cluster_partial(pass->agent->cluster); i++)
		ok = forget_gone(pass, &pass->owned[i], &err);
	if (ok && store_commit(store, &err))
		return;
	store_rollback(store);
	log_error("what was compared could not be recorded", "error", err.text, NULL);
}
