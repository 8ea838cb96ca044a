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
		.field = difference->path,
		.wanted = difference->wanted,
		.found = difference->found,
		.by = difference->by,
	};
	bool first;
	if (!store_drift_add(pass->agent->store, &drift, &first, &err)) {
		log_warning("drift could not be recorded", "error", err.text, NULL);
		return;
	}
	if (!first)
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

struct store_object pass_inventory_row(
	const struct pass *pass, const struct object_key *key, const char *version)
{
	return (struct store_object){
		.application = pass->app->spec.name,
		.group = key->group,
		.version = version,
		.kind = key->kind,
		.namespace = key->namespace,
		.name = key->name,
	};
}

bool pass_record_equal(
	struct pass *pass, const struct object *object, const struct cluster_write *write, struct error *err)
{
	const struct object_key *key = &object->key;
	struct store_object row = pass_inventory_row(pass, key, object->version);
	const struct store_drift healed = {.application = row.application,
		.group = key->group,
		.kind = key->kind,
		.namespace = key->namespace,
		.name = key->name};
	row.uid = write->uid_now;
	row.wanted_hash = object->hash;
	row.live_version = write->resource_version_now;
	return store_object_set(pass->agent->store, &row, err) &&
		store_drift_heal(pass->agent->store, &healed, clock_now(), err);
}

/* It was equal by other rules, or before a hard refresh: it is asked about until it is found equal again. */
static bool forget_equal(struct pass *pass, const struct pass_step *step, struct error *err)
{
	const struct plan_owned *owned = step->plan->owned;
	struct store_object row = pass_inventory_row(pass, &owned->key, owned->version);
	row.uid = owned->uid;
	row.wanted_hash = owned->wanted_hash;
	row.intended = owned->intended;
	return store_object_set(pass->agent->store, &row, err);
}

static const char *find_version(const struct pass *pass, const struct object_key *key)
{
	const struct live *live = pass_live(pass, key);
	return live ? live->version : "";
}

/* Carries our mark, and nobody wants it: left by an Application of this name before, or by a store that was lost. It stands in the
   inventory from now on, so that it can be pruned like anything else that is not wanted any more. */
static bool record_adopted(struct pass *pass, const struct pass_step *step, struct error *err)
{
	const struct object_key *key = &step->plan->key;
	struct store_object row = pass_inventory_row(pass, key, find_version(pass, key));
	row.uid = step->plan->live->uid;
	pass->app->dirty = true; /* the next pass knows it */
	return store_object_set(pass->agent->store, &row, err);
}

/* What is neither wanted nor live is gone: nothing is left to own. */
static bool forget_gone(struct pass *pass, const struct store_object *row, struct error *err)
{
	const struct object_key key = {row->group, row->kind, row->namespace, row->name};
	const char *ignored;
	/* What may not be touched was not looked at: it is ours again when it may. */
	if (objects_find(pass->wanted, &key) || pass_live(pass, &key) || !pass_may_touch(pass, &key, &ignored))
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
		if (pass->anew && step->plan->owned)
			ok = forget_equal(pass, step, &err);
		if (!ok)
			break;
		if (step->checked && step->check.outcome == WRITE_UNCHANGED)
			ok = pass_record_equal(pass, step->plan->object, &step->check, &err);
		else if (is_drift(step))
			record_drift(pass, step);
		else if (step->plan->adopt)
			ok = record_adopted(pass, step, &err);
	}
	for (size_t i = 0; ok && i < pass->owned_count && !pass->incomplete; i++)
		ok = forget_gone(pass, &pass->owned[i], &err);
	if (ok && store_commit(store, &err))
		return;
	store_rollback(store);
	log_error("what was compared could not be recorded", "error", err.text, NULL);
}
