#include "agent/sync/checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

struct check {
	struct object_key key;
	const char *hash;    /* of the wanted object */
	const char *version; /* of the live one */
	const char *uid;
	struct difference *differences;
	size_t difference_count;
};

struct checks {
	struct arena *mem;
	struct check *items; /* sorted by key */
	size_t count;
};

void checks_free(struct checks *checks)
{
	if (!checks)
		return;
	arena_free(checks->mem);
	free(checks);
}

static int compare_checks(const void *a, const void *b)
{
	return object_key_compare(&((const struct check *)a)->key, &((const struct check *)b)->key);
}

bool checks_find(const struct checks *checks, const struct plan_step *step, struct cluster_write *answer)
{
	const struct check wanted = {.key = step->key};
	if (!checks || !step->object)
		return false;
	const struct check *found =
		bsearch(&wanted, checks->items, checks->count, sizeof(*checks->items), compare_checks);
	if (!found || strcmp(found->hash, step->object->hash) != 0 ||
		strcmp(found->uid, step->live ? step->live->uid : "") != 0 ||
		strcmp(found->version, step->live ? step->live->resource_version : "") != 0)
		return false;
	*answer = (struct cluster_write){
		.kind = WRITE_DRY_RUN,
		.object = step->object,
		.tracking_id = step->tracking_id,
		.outcome = step->live ? WRITE_CONFIGURED : WRITE_CREATED,
		.uid_now = found->uid,
		.resource_version_now = found->version,
		.differences = found->differences,
		.difference_count = found->difference_count,
	};
	return true;
}

/* The server has answered for the very version that the watch knows, or that nothing is there, and nothing was written since. */
static bool holds(const struct pass_step *step)
{
	if (!step->checked || step->written)
		return false;
	if (!step->plan->live)
		return step->check.outcome == WRITE_CREATED;
	return step->check.outcome == WRITE_CONFIGURED && step->check.resource_version_now &&
		strcmp(step->check.resource_version_now, step->plan->live->resource_version) == 0;
}

static struct check copy_of(const struct pass_step *step, struct arena *mem)
{
	struct check check = {
		.key = object_key_copy(&step->plan->key, mem),
		.hash = arena_copy(mem, step->plan->object->hash),
		.version = step->plan->live ? arena_copy(mem, step->plan->live->resource_version) : "",
		.uid = step->plan->live ? arena_copy(mem, step->plan->live->uid) : "",
		.differences = arena_array(mem, step->check.difference_count, sizeof(*check.differences)),
		.difference_count = step->check.difference_count,
	};
	for (size_t i = 0; i < check.difference_count; i++) {
		const struct difference *from = &step->check.differences[i];
		check.differences[i] =
			(struct difference){arena_copy(mem, from->path), arena_copy(mem, from->wanted),
				arena_copy(mem, from->found), arena_copy(mem, from->by), from->when};
	}
	return check;
}

void checks_keep(struct pass *pass)
{
	struct checks *old = pass->app->checks;
	size_t count = 0;

	pass->app->checks = NULL;
	for (size_t i = 0; pass->steps && i < pass->plan.count; i++)
		count += holds(&pass->steps[i]);
	if (count) {
		struct checks *checks = memory_alloc(sizeof(*checks));
		checks->mem = arena_new(LIMIT_PASS_MEMORY);
		checks->items = arena_array(checks->mem, count, sizeof(*checks->items));
		for (size_t i = 0; i < pass->plan.count; i++)
			if (holds(&pass->steps[i]))
				checks->items[checks->count++] = copy_of(&pass->steps[i], checks->mem);
		qsort(checks->items, count, sizeof(*checks->items), compare_checks);
		pass->app->checks = checks;
	}
	checks_free(old); /* this pass may have shown its texts until now */
}
