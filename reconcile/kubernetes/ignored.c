#include "reconcile/kubernetes/ignored.h"

#include "reconcile/kubernetes/manager.h"

static struct ignore rules_of(struct cluster *cluster, const struct cluster_write *write, const json_t *live)
{
	return (struct ignore){
		.rules = write->ignore,
		.key = &write->object->key,
		.jq = &cluster->jq,
		.managed = json_at(live, "metadata.managedFields"),
		.ours = MANAGER_OURS,
		.whole = write->replace,
	};
}

bool ignored_needs_live(const struct cluster_write *write)
{
	return write->respect_ignore && write->object && ignore_matches(write->ignore, &write->object->key);
}

bool ignored_remove(struct cluster *cluster, const struct cluster_write *write, json_t *wanted, json_t *live,
	struct error *err)
{
	const struct ignore ignore = rules_of(cluster, write, live);
	if (!ignore_matches(ignore.rules, ignore.key) || ignore_remove(&ignore, wanted, live, err))
		return true;
	err->kind = ERROR_RETRY; /* not known, which is less than different */
	return false;
}

bool ignored_keep_live(struct cluster *cluster, const struct cluster_write *write, json_t *object,
	const json_t *live, struct error *err)
{
	struct ignore ignore = rules_of(cluster, write, live);
	if (!live || !ignored_needs_live(write))
		return true;
	CLEANUP(json_done)
	json_t *adopted = manager_to_adopt(ignore.managed, write->migrated)
		? manager_adopt(live, write->migrated)
		: NULL;
	ignore.adopted = adopted;
	return ignore_keep_live(&ignore, object, live, err);
}

void ignored_rest(struct cluster *cluster)
{
	jq_rest(cluster->jq);
}
