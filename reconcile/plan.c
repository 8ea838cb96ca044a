#include "reconcile/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* More than this many, and more than this share of what we own, is not pruned without a confirmation (DESIGN 8). */
enum { PRUNE_FEW = 5, PRUNE_PERCENT = 10 };

static const struct {
	const char *group, *kind;
} protected_kinds[] = {
	{"", "Namespace"},
	{"", "PersistentVolume"},
	{"", "PersistentVolumeClaim"},
	{"apiextensions.k8s.io", "CustomResourceDefinition"},
	{"acid.zalan.do", "postgresql"},
};

bool plan_is_protected(const struct object_key *key)
{
	for (size_t i = 0; i < COUNT_OF(protected_kinds); i++)
		if (strcmp(key->group, protected_kinds[i].group) == 0 &&
			strcmp(key->kind, protected_kinds[i].kind) == 0)
			return true;
	return false;
}

static int compare_live(const void *key, const void *live)
{
	return object_key_compare(key, &((const struct plan_live *)live)->key);
}

static int compare_owned(const void *key, const void *owned)
{
	return object_key_compare(key, &((const struct plan_owned *)owned)->key);
}

static const struct plan_live *find_live(const struct plan_input *input, const struct object_key *key)
{
	if (!input->live_count)
		return NULL;
	return bsearch(key, input->live, input->live_count, sizeof(*input->live), compare_live);
}

static const struct plan_owned *find_owned(const struct plan_input *input, const struct object_key *key)
{
	if (!input->owned_count)
		return NULL;
	return bsearch(key, input->owned, input->owned_count, sizeof(*input->owned), compare_owned);
}

/* Found equal before, and neither side has moved since: nothing to ask. */
static bool known_equal(
	const struct object *object, const struct plan_live *live, const struct plan_owned *owned)
{
	return owned && *owned->live_version && strcmp(owned->wanted_hash, object->hash) == 0 &&
		strcmp(owned->uid, live->uid) == 0 && strcmp(owned->live_version, live->resource_version) == 0;
}

/* CRDs are never tracked: whoever tracks one may prune it, and with it every object of its kind (argocd.md 2.7). */
static const char *tracking_id(const struct plan_input *input, const struct object_key *key, struct arena *mem)
{
	if (strcmp(key->group, "apiextensions.k8s.io") == 0)
		return NULL;
	return object_tracking_id(key, input->application, input->namespace, mem);
}

/* Installations of Argo CD tell their objects apart by an id, where they have one: the same Application may be in two of them. */
static bool is_of_our_installation(const struct plan_input *input, const struct plan_live *live)
{
	const char *ours = input->installation ? input->installation : "";
	return strcmp(live->installation_id ? live->installation_id : "", ours) == 0;
}

/* Its mark names this Application and the object itself: a copied mark names another object. */
static bool tracks_us(const struct plan_input *input, const struct plan_live *live, struct arena *mem)
{
	const char *ours = object_tracking_id(&live->key, input->application, input->namespace, mem);
	return strcmp(live->tracking_id, ours) == 0 && is_of_our_installation(input, live);
}

/* Why a live object is not this Application's to write; NULL = it is. */
static const char *reason_to_share(
	const struct plan_input *input, const struct plan_live *live, struct arena *mem)
{
	if (live->installation_id && *live->installation_id && !is_of_our_installation(input, live))
		return arena_printf(mem,
			"it carries the installation id \"%.100s\" of another Argo CD: if this agent takes the place of that one, set "
			"`installationID: %.100s` in the agent file, else take the object out of one of the two",
			live->installation_id, live->installation_id);
	if (live->wanted_by && !tracks_us(input, live, mem))
		return arena_printf(mem,
			"it belongs to Application %s, which wants it, too: take it out of one of the two",
			live->wanted_by);
	return NULL;
}

static struct plan_step wanted_step(
	const struct plan_input *input, const struct object *object, struct arena *mem)
{
	const struct plan_live *live = find_live(input, &object->key);
	const struct plan_owned *owned = find_owned(input, &object->key);
	struct plan_step step = {
		.action = PLAN_CHECK,
		.object = object,
		.live = live,
		.owned = owned,
		.key = object->key,
		.tracking_id = tracking_id(input, &object->key, mem),
		.rank = object_kind_rank(object->key.group, object->key.kind),
		.wave = object->options.wave,
	};
	if (live)
		step.reason = reason_to_share(input, live, mem);
	else
		step.action = PLAN_CREATE;
	if (!step.reason && input->another_has)
		step.reason = input->another_has[object - input->wanted->items];
	if (step.reason)
		step.action = PLAN_SHARED;
	if (step.action == PLAN_CHECK && known_equal(object, live, owned) && !live->deleting)
		step.action = PLAN_KEEP;
	return step;
}

/* Its uid is the one we applied, or the agent was killed before it learnt which uid its apply had got. */
static bool is_what_we_applied(const struct plan_live *live, const struct plan_owned *owned)
{
	return owned->intended || strcmp(owned->uid, live->uid) == 0;
}

/* The object's own word, else the Application's. */
static enum choice prune_choice(const struct plan_input *input, const struct plan_live *live)
{
	return live->options.prune != CHOICE_UNSET ? (enum choice)live->options.prune : input->prune_option;
}

static const char requires_pruning[] = "ignored (requires pruning)";

/* Why an object that is not wanted any more stays; NULL = it may go. */
static const char *reason_to_leave(const struct plan_input *input, const struct plan_live *live,
	const struct plan_owned *owned, bool ours, struct arena *mem)
{
	if (!ours)
		return "its tracking id names another application or object, or its installation id is not ours";
	if (live->wanted_by)
		return arena_printf(mem, "Application %s wants it and takes it over", live->wanted_by);
	if (live->deleting)
		return "it is being deleted: a finalizer holds it";
	if (!owned)
		return "it is new to the inventory of this agent: it can be pruned from the next sync on";
	if (!is_what_we_applied(live, owned))
		return "it is not the object that was applied, for its uid differs: it can be pruned from the next sync on";
	if (live->has_owner)
		return "it has an owner";
	if (live->options.prune == CHOICE_FALSE)
		return "ignored (no prune): annotation argocd.argoproj.io/sync-options: Prune=false";
	if (prune_choice(input, live) == CHOICE_FALSE)
		return "ignored (no prune): sync option Prune=false of the Application";
	if (plan_is_protected(&live->key) && !live->prune_allowed)
		return "this kind is pruned only with annotation pgitops.dev/allow-prune: \"true\"";
	if (!input->prune)
		return requires_pruning;
	if (input->no_prune)
		return input->no_prune_reason;
	return NULL;
}

static struct plan_step extra_step(
	const struct plan_input *input, const struct plan_live *live, struct arena *mem)
{
	const struct plan_owned *owned = find_owned(input, &live->key);
	bool ours = tracks_us(input, live, mem);
	const char *reason = reason_to_leave(input, live, owned, ours, mem);
	return (struct plan_step){
		.action = reason ? PLAN_LEAVE : PLAN_PRUNE,
		.live = live,
		.owned = owned,
		.key = live->key,
		.rank = object_kind_rank(live->key.group, live->key.kind),
		.wave = live->options.wave,
		.reason = reason,
		.unasked = reason == requires_pruning,
		.confirm = prune_choice(input, live) == CHOICE_CONFIRM,
		.adopt = ours && !live->has_owner && (!owned || !is_what_we_applied(live, owned)),
		.in_sync = live->options.ignore_extraneous || (ours && live->wanted_by),
	};
}

static int compare_steps(const void *a, const void *b)
{
	const struct plan_step *left = a, *right = b;
	bool left_extra = !left->object, right_extra = !right->object;
	if (left_extra != right_extra)
		return left_extra - right_extra;
	int order = (left->wave > right->wave) - (left->wave < right->wave);
	if (!order)
		order = (left->rank > right->rank) - (left->rank < right->rank);
	if (left_extra)
		order = -order; /* created last, gone first */
	return order ? order : object_key_compare(&left->key, &right->key);
}

/* Names the commit and every object that would go, so that a confirmation is good for exactly this list. */
static void confirmation_of(
	const struct plan_input *input, const struct plan *plan, struct arena *mem, char confirm[17])
{
	char digest[DIGEST_HEX_SIZE];
	struct buf text = BUF(SIZE_MAX / 2); /* a line for each object that is in memory already */
	buf_printf(&text, "%s\n%s\n", input->application, input->commit);
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].action == PLAN_PRUNE)
			buf_printf(&text, "%s\n", object_key_text(&plan->steps[i].key, mem));
	digest_sha256_hex(buf_string(&text), text.length, digest);
	buf_done(&text);
	memcpy(confirm, digest, 16);
	confirm[16] = '\0';
}

/* An empty wish, and a wish that would take away much at once, are more often a mistake than a wish. */
static bool needs_confirmation(const struct plan_input *input, size_t prunes)
{
	size_t share = input->owned_count * PRUNE_PERCENT / 100;
	if (!prunes)
		return false;
	if (!input->wanted->count)
		return !input->allow_empty;
	return prunes > (share > PRUNE_FEW ? share : PRUNE_FEW);
}

static int compare_keys(const void *a, const void *b)
{
	return object_key_compare(a, b);
}

/* The hash names this very list, or all of it was on the list that the hash named. */
static bool is_confirmed(const struct plan_input *input, const struct plan *plan)
{
	if (text_equal(input->confirmed, plan->confirm))
		return true;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].action == PLAN_PRUNE &&
			(!input->confirmed_count ||
				!bsearch(&plan->steps[i].key, input->confirmed_list, input->confirmed_count,
					sizeof(*input->confirmed_list), compare_keys)))
			return false;
	return true;
}

static void guard_prunes(const struct plan_input *input, struct arena *mem, struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		plan->prunes += plan->steps[i].action == PLAN_PRUNE;
	if (!needs_confirmation(input, plan->prunes))
		return;
	confirmation_of(input, plan, mem, plan->confirm);
	plan->blocked = !is_confirmed(input, plan);
	const char *reason = arena_printf(mem,
		"%zu of %zu objects would be pruned: confirm with "
		"`pgitops app sync %s --prune --confirm %s`",
		plan->prunes, input->owned_count, input->application, plan->confirm);
	for (size_t i = 0; plan->blocked && i < plan->count; i++) {
		struct plan_step *step = &plan->steps[i];
		if (step->action != PLAN_PRUNE)
			continue;
		step->action = PLAN_LEAVE;
		step->reason = reason;
	}
}

void plan_make(const struct plan_input *input, struct arena *mem, struct plan *plan)
{
	size_t room = input->wanted->count + input->live_count;
	*plan = (struct plan){.steps = arena_array(mem, room, sizeof(*plan->steps))};
	for (size_t i = 0; i < input->wanted->count; i++)
		if (!input->wanted->items[i].options.hooks)
			plan->steps[plan->count++] = wanted_step(input, &input->wanted->items[i], mem);
	for (size_t i = 0; i < input->live_count; i++) {
		const struct plan_live *live = &input->live[i];
		if (!live->options.hooks && !objects_find(input->wanted, &live->key))
			plan->steps[plan->count++] = extra_step(input, live, mem);
	}
	if (plan->count)
		qsort(plan->steps, plan->count, sizeof(*plan->steps), compare_steps);
	guard_prunes(input, mem, plan);
}
