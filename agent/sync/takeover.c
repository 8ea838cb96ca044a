#include "agent/sync/takeover.h"

#include <string.h>

#include "agent/sync/preview.h"

/* What differs is written by the first sync, and in the inventory from then on. */
static bool record_synced(const struct pass *pass, struct error *err)
{
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		const struct object *object = step->plan->object;
		if (!object || step->refusal || !step->out_of_sync)
			continue;
		struct store_object row = pass_inventory_row(pass, &object->key, object->version);
		row.intended = true;
		if (!store_object_set(pass->agent->store, &row, err))
			return false;
	}
	return true;
}

bool takeover_compare(struct pass *pass, struct error *err)
{
	struct pass first = *pass;
	if (!preview_compare(&first, err))
		return false;
	pass_record_compared(&first);
	return record_synced(&first, err) && preview_compare(pass, err);
}

bool takeover_only_marks(const struct pass_step *step)
{
	static const char *const marks[] = {"metadata.annotations.argocd.argoproj.io/tracking-id",
		"metadata.annotations.argocd.argoproj.io/installation-id"};
	if (!step->checked || step->check.outcome != WRITE_CONFIGURED)
		return false;
	for (size_t i = 0; i < step->check.difference_count; i++) {
		const char *path = step->check.differences[i].path;
		bool mark = false;
		for (size_t j = 0; j < COUNT_OF(marks); j++)
			mark = mark || strcmp(path, marks[j]) == 0;
		if (!mark)
			return false;
	}
	return true;
}
