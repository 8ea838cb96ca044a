/* postgresql_volumes.c - volumes that are to grow, and who does not let them (zalando-operator.md 1.4, 2.1) */
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql_sight.h"

struct growth {
	const struct sight *sight;
	const json_t *claim;
	const char *wanted, *asked, *has;
};

static const char *class_of(const json_t *claim)
{
	return json_text_at(claim, "spec.storageClassName", "");
}

static struct growth growth_of(const struct sight *sight, const json_t *claim)
{
	return (struct growth){.sight = sight,
		.claim = claim,
		.wanted = json_text_at(sight->around->object, "spec.volume.size", ""),
		.asked = json_text_at(claim, "spec.resources.requests.storage", ""),
		.has = json_text_at(claim, "status.capacity.storage", "")};
}

/* In whole GiB, as the operator compares them. */
static bool is_asked_too_little(const struct growth *growth)
{
	double wanted = postgresql_quantity(growth->wanted), asked = postgresql_quantity(growth->asked);
	return asked >= 0 && (int64_t)(asked / 0x1p30) < (int64_t)(wanted / 0x1p30);
}

static bool is_given_too_little(const struct growth *growth)
{
	double has = postgresql_quantity(growth->has);
	return has >= 0 && has < postgresql_quantity(growth->asked);
}

/* What it would do with more is not known where the class is not. */
static bool class_refuses(const struct growth *growth)
{
	const char *name = class_of(growth->claim);
	const json_t *class;
	size_t i;
	json_array_foreach (growth->sight->around->classes, i, class)
		if (text_equal(json_text_at(class, "metadata.name", ""), name))
			return !json_bool_at(class, "allowVolumeExpansion", false);
	return !*name;
}

static const json_t *condition(const struct growth *growth, const char *type)
{
	const json_t *found = health_condition(growth->claim, type);
	return text_equal(json_text_at(found, "status", ""), "True") ? found : NULL;
}

static const char *const refused_by[] = {"ControllerResizeError", "NodeResizeError"};

static bool storage_refuses(const struct growth *growth)
{
	const json_t *states = json_at(growth->claim, "status.allocatedResourceStatuses");
	const char *state = json_string_value(json_object_get(states, "storage"));
	for (size_t i = 0; i < COUNT_OF(refused_by); i++)
		if (condition(growth, refused_by[i]))
			return true;
	return state && (text_ends(state, "Infeasible") || text_ends(state, "Failed"));
}

static bool storage_refuses_more(const struct growth *growth)
{
	return is_given_too_little(growth) && storage_refuses(growth);
}

static bool waits_for_pod(const struct growth *growth)
{
	return is_given_too_little(growth) && condition(growth, "FileSystemResizePending");
}

static bool grows(const struct growth *growth)
{
	return is_given_too_little(growth) && condition(growth, "Resizing");
}

static bool class_lets_none(const struct growth *growth)
{
	return is_asked_too_little(growth) && class_refuses(growth);
}

/* While the operator has the change before it, that it has not asked is no news. */
static bool operator_asks_none(const struct growth *growth)
{
	return is_asked_too_little(growth) && !sight_is_late(growth->sight) &&
		!sight_is_at_work(growth->sight) &&
		postgresql_taken_up(growth->sight->around->object, growth->sight->written, false,
			growth->sight->around->now);
}

/* What to do, and whose time it is: a condition's, else that of the object's last write. */
static const struct grown {
	bool (*is)(const struct growth *growth);
	const char *fact;
	const char *condition;
	const char *todo;
} growths[] = {
	{storage_refuses_more, "its storage refuses to let it grow", "ControllerResizeError",
		"the Events of the claim say why (`pgitops cluster events`); it is tried again, and with room in the storage it succeeds; else set "
		"spec.volume.size back, with pgitops.dev/allow: \"shrink-volume\""},
	{waits_for_pod, "it has grown, and its file system has not", "FileSystemResizePending",
		"that grows when the Pod is started anew: `kubectl delete pod`, of the leader after `pgitops cluster switchover`"},
	{grows, "it is growing", "Resizing", "wait; `pgitops cluster events` says whether its storage refuses"},
	{is_given_too_little, "nothing makes it grow", NULL,
		"the provisioner of its StorageClass needs its resizer running, and allowVolumeExpansion: true"},
	{class_lets_none, "its StorageClass lets no volume grow, and each sync of the operator ends there", NULL,
		"set allowVolumeExpansion: true in the StorageClass where its storage can do that; else set spec.volume.size back, with "
		"pgitops.dev/allow: \"shrink-volume\", and move the data to a new cluster (spec.clone)"},
	{operator_asks_none, "the operator has not asked for more, or was refused", NULL,
		"its StorageClass needs allowVolumeExpansion: true, and the operator storage_resize_mode pvc or mixed; `pgitops cluster logs` "
		"says what it was told"},
};

static const struct grown *rule_of(const struct growth *growth)
{
	for (size_t i = 0; i < COUNT_OF(growths); i++)
		if (growths[i].is(growth))
			return &growths[i];
	return NULL;
}

/* In the storage's own words, where it has some. */
static const char *reason(const struct growth *growth)
{
	for (size_t i = 0; i < COUNT_OF(refused_by); i++) {
		const char *text = json_text_at(condition(growth, refused_by[i]), "message", NULL);
		if (text)
			return arena_printf(growth->sight->mem, " (%.200s)", text);
	}
	return "";
}

static void tell(struct sight *sight, const struct grown *rule, const struct growth *first, const char *names)
{
	int64_t time = 0;
	const char *at = rule->condition
		? json_text_at(health_condition(first->claim, rule->condition), "lastTransitionTime", "")
		: "";
	if (!clock_parse(at, &time))
		time = sight->written;
	bool asked = is_given_too_little(first);
	sight_add(sight,
		arena_printf(sight->mem,
			"volume claim %s: %s%s%s: %s is wanted, it has %s (StorageClass \"%s\"): %s", names,
			rule->fact, rule->is == storage_refuses_more ? reason(first) : "",
			sight_since(sight, time), asked ? first->asked : first->wanted,
			asked ? first->has : first->asked, class_of(first->claim), rule->todo));
}

/* One sentence for those of which the same is to be said. */
void sight_volumes(struct sight *sight)
{
	for (size_t i = 0; i < COUNT_OF(growths); i++) {
		const char *names = NULL;
		struct growth first = {0};
		const json_t *claim;
		size_t j;
		json_array_foreach (sight->around->claims, j, claim) {
			const struct growth growth = growth_of(sight, claim);
			if (rule_of(&growth) != &growths[i])
				continue;
			if (!names)
				first = growth;
			names = arena_join(sight->mem, names, ", ", json_text_at(claim, "metadata.name", ""));
		}
		if (names)
			tell(sight, &growths[i], &first, names);
	}
}

bool sight_asks_classes(const struct sight *sight)
{
	const json_t *claim;
	size_t i;
	json_array_foreach (sight->around->claims, i, claim) {
		const struct growth growth = growth_of(sight, claim);
		if (is_asked_too_little(&growth) && *class_of(claim))
			return true;
	}
	return false;
}
