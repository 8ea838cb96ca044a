/* postgresql_refusals.c - changes that the operator answers with damage, or not at all (zalando-operator.md 2.1, 2.2) */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/postgresql_internal.h"

enum { NAME_MAXIMUM = 52 }; /* zalando-operator.md 2.1: the documented 53 fails on a label */

bool refusals_allow(const struct refusals *refusals, const char *what)
{
	const json_t *annotations = json_at(refusals->wanted, "metadata.annotations");
	const char *list = json_string_value(json_object_get(annotations, "pgitops.dev/allow"));
	size_t length = strlen(what);
	for (const char *at = list; at && *at;) {
		at += strspn(at, ", ");
		size_t word = strcspn(at, ", ");
		if (word == length && strncmp(at, what, length) == 0)
			return true;
		at += word;
	}
	return false;
}

void refuse(struct refusals *refusals, const char *reason)
{
	refusals->items = arena_grow(refusals->mem, refusals->items, refusals->count, sizeof(*refusals->items));
	refusals->items[refusals->count++] = reason;
}

void refuse_unless(struct refusals *refusals, const char *word, const char *reason)
{
	if (!refusals_allow(refusals, word))
		refuse(refusals,
			arena_printf(refusals->mem, "%s; the annotation pgitops.dev/allow: \"%s\" allows it",
				reason, word));
}

static void check_volume(struct refusals *refusals)
{
	const char *wanted = json_text_at(refusals->wanted, "spec.volume.size", NULL);
	const char *live = json_text_at(refusals->live, "spec.volume.size", NULL);
	double smaller = postgresql_quantity(wanted);
	if (smaller >= 0 && smaller < postgresql_quantity(live))
		refuse_unless(refusals, "shrink-volume",
			arena_printf(refusals->mem,
				"spec.volume.size goes down from %.40s to %.40s: the volume cannot shrink, yet the operator replaces the StatefulSet and says Running",
				live, wanted));
	const char *class = json_text_at(refusals->wanted, "spec.volume.storageClass", "");
	const char *old = json_text_at(refusals->live, "spec.volume.storageClass", "");
	if (!text_equal(class, old))
		refuse_unless(refusals, "change-storage-class",
			arena_printf(refusals->mem,
				"spec.volume.storageClass changes from \"%.100s\" to \"%.100s\": the StatefulSet is replaced and existing volumes keep their class",
				old, class));
}

/* null, {} and nothing are one. */
static bool same_selector(const json_t *a, const json_t *b)
{
	if (!json_object_size(a) || !json_object_size(b))
		return json_object_size(a) == json_object_size(b);
	return json_equal(a, b);
}

static void check_selector(struct refusals *refusals)
{
	if (!same_selector(json_at(refusals->wanted, "spec.volume.selector"),
		    json_at(refusals->live, "spec.volume.selector")))
		refuse_unless(refusals, "change-volume-selector",
			"spec.volume.selector changes: the StatefulSet is replaced and existing volumes stay those they are");
}

static void check_rest(struct refusals *refusals)
{
	const char *team = json_text_at(refusals->wanted, "spec.teamId", "");
	const char *old = json_text_at(refusals->live, "spec.teamId", "");
	if (*old && *team && !text_equal(team, old))
		refuse_unless(refusals, "change-team",
			arena_printf(refusals->mem,
				"spec.teamId changes from \"%.100s\" to \"%.100s\": all pods roll and the team's users change",
				old, team));
	if (json_number_at(refusals->wanted, "spec.numberOfInstances", 1) == 0 &&
		json_number_at(refusals->live, "spec.numberOfInstances", 0) > 0)
		refuse_unless(refusals, "no-instances",
			"spec.numberOfInstances goes down to 0: the database stops and its roles are not kept any more");
	if (json_at(refusals->wanted, "spec.standby") && !json_at(refusals->live, "spec.standby"))
		refuse_unless(refusals, "become-standby",
			"spec.standby turns a running cluster into a read-only standby: no role or database is kept any more");
}

const char **postgresql_refusals(const json_t *wanted, const json_t *live,
	const struct operator_settings *settings, struct arena *mem, size_t *count)
{
	static void (*const changes[])(struct refusals * refusals) = {
		check_volume, check_selector, refuse_version, check_rest};
	struct refusals refusals = {.wanted = wanted, .live = live, .settings = settings, .mem = mem};
	const char *name = json_text_at(wanted, "metadata.name", "");
	if (strlen(name) > NAME_MAXIMUM || strchr(name, '.'))
		refuse(&refusals,
			arena_printf(mem,
				"metadata.name \"%.100s\": at most %d characters and no dots, or its pods are never made",
				name, NAME_MAXIMUM));
	refuse_users(&refusals);
	for (size_t i = 0; live && i < COUNT_OF(changes); i++)
		changes[i](&refusals);
	refuse_gone(&refusals);
	*count = refusals.count;
	return refusals.items;
}
