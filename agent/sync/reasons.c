#include "agent/sync/reasons.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sync/operation.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "reconcile/kubernetes/warnings.h"

enum {
	SOON = 2000, /* milliseconds */
	RARELY = 60000,
	DENIED = 600000,
	UNWELL = 500, /* objects looked at: the others have their status alone */
	NAMESPACES = 8,
	STATE_BYTES = UNWELL * 1024
};

struct reason {
	struct object_key key;
	const char *uid;
	int64_t written; /* the spec that it is about */
	const char *text;
};

struct reasons {
	struct arena *mem;    /* holds the items; NULL = never asked */
	struct reason *items; /* sorted by key */
	size_t count;
	char state[DIGEST_HEX_SIZE]; /* of the objects that are not well */
	int64_t asked;               /* steady milliseconds: or when the first was seen not to be well */
	int64_t pause;               /* after `asked`, until it is asked again */
	int64_t not_before;          /* steady milliseconds: the last question failed */
	char slot[64];               /* log_changed() */
};

void reasons_free(struct reasons *reasons)
{
	if (!reasons)
		return;
	arena_free(reasons->mem);
	free(reasons);
}

/* ---- who is not well ---- */

struct unwell {
	const struct live *live;
	enum health health;     /* as it counts for the Application */
	struct pass_step *step; /* NULL = a hook */
};

struct all_unwell {
	struct unwell *items; /* sorted by key */
	size_t count;
	bool failed; /* one of them, so that it is worth asking at once */
};

static bool is_unwell(enum health health)
{
	return health == HEALTH_PROGRESSING || health == HEALTH_DEGRADED || health == HEALTH_UNKNOWN;
}

static int compare_unwell(const void *a, const void *b)
{
	return object_key_compare(
		&((const struct unwell *)a)->live->key, &((const struct unwell *)b)->live->key);
}

static void add_unwell(const struct pass *pass, struct all_unwell *all, const struct live *live,
	enum health health, struct pass_step *step)
{
	if (!live || all->count == UNWELL)
		return;
	all->items = arena_grow(pass->mem, all->items, all->count, sizeof(*all->items));
	all->items[all->count++] = (struct unwell){live, health, step};
	all->failed = all->failed || health != HEALTH_PROGRESSING;
}

/* The hooks that the operation waits for, which are not in the plan. */
static void add_hooks(const struct pass *pass, struct all_unwell *all)
{
	const struct sync_operation *operation = pass->app->operation;
	for (size_t i = 0; operation && i < operation->result_count; i++) {
		const struct task_result *result = &operation->results[i];
		if (!result->hook || result->state != TASK_RUNNING)
			continue;
		struct live *live = arena_alloc(pass->mem, sizeof(*live));
		if (cluster_live(pass->agent->cluster, &result->key, pass->mem, live) &&
			is_unwell(live->health.health))
			add_unwell(pass, all, live, live->health.health, NULL);
	}
}

static struct all_unwell unwell_of(const struct pass *pass)
{
	struct all_unwell all = {0};
	add_hooks(pass, &all);
	for (size_t i = 0; i < pass->plan.count; i++) {
		struct pass_step *step = &pass->steps[i];
		if (is_unwell(step->health.health))
			add_unwell(pass, &all, pass_live(pass, &step->plan->key), step->health.health, step);
	}
	if (all.count)
		qsort(all.items, all.count, sizeof(*all.items), compare_unwell);
	return all;
}

/* What a reason could be asked for; that an object has another version does not mean so. */
static void state_of(const struct all_unwell *all, char state[DIGEST_HEX_SIZE])
{
	CLEANUP(buf_done) struct buf text = BUF(STATE_BYTES);
	for (size_t i = 0; i < all->count; i++) {
		const struct live *live = all->items[i].live;
		buf_printf(&text, "%s %" PRId64 " %d %s\n", live->uid, live->written, all->items[i].health,
			live->health.message);
	}
	digest_sha256_hex(buf_string(&text), text.length, state);
}

/* ---- asking ---- */

static void add_reason(struct reasons *reasons, const struct warnings *warnings, const struct live *live)
{
	const char *text = warnings_reason(warnings, live, reasons->mem);
	if (!*text)
		return;
	reasons->items = arena_grow(reasons->mem, reasons->items, reasons->count, sizeof(*reasons->items));
	reasons->items[reasons->count++] = (struct reason){object_key_copy(&live->key, reasons->mem),
		arena_copy(reasons->mem, live->uid), live->written, text};
}

/* Sorted by key, objects of one namespace do not stand together: those that were asked are remembered. */
static bool first_of_its_namespace(const struct all_unwell *all, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(all->items[i].live->key.namespace, all->items[at].live->key.namespace) == 0)
			return false;
	return true;
}

static bool read_warnings(
	struct pass *pass, const struct all_unwell *all, struct warnings *warnings, struct error *err)
{
	size_t namespaces = 0;
	for (size_t i = 0; i < all->count && namespaces < NAMESPACES; i++) {
		const char *namespace = all->items[i].live->key.namespace;
		if (!first_of_its_namespace(all, i))
			continue;
		namespaces++;
		if (!cluster_warnings(pass->agent->cluster, namespace, pass->mem, warnings, err))
			return error_prefix(err, "Events in %s", *namespace ? namespace : "default");
	}
	return true;
}

/* Not being told is no trouble: what was known stays, health has its status, and a server that has other worries is left alone. */
static void note_failure(struct reasons *reasons, const struct error *err)
{
	reasons->not_before = clock_steady() + (err->kind == ERROR_DENIED ? DENIED : RARELY);
	if (log_changed(reasons->slot, err->text))
		log_warning("reasons of health are not known", "error", err->text, NULL);
}

static void ask(struct pass *pass, struct reasons *reasons, const struct all_unwell *all, bool moved)
{
	struct warnings warnings = {0};
	struct error err;
	int64_t longer = reasons->pause * 2 < RARELY ? reasons->pause * 2 : RARELY;

	reasons->asked = clock_steady();
	reasons->pause = moved ? SOON : longer;
	if (!read_warnings(pass, all, &warnings, &err)) {
		note_failure(reasons, &err);
		return;
	}
	log_changed(reasons->slot, "");
	arena_free(reasons->mem);
	reasons->mem = arena_new(LIMIT_PASS_MEMORY);
	reasons->items = NULL;
	reasons->count = 0;
	for (size_t i = 0; i < all->count; i++)
		add_reason(reasons, &warnings, all->items[i].live);
}

static int64_t due(const struct reasons *reasons)
{
	int64_t at = reasons->asked + reasons->pause;
	return at > reasons->not_before ? at : reasons->not_before;
}

static void ask_when_due(struct pass *pass, struct reasons *reasons, const struct all_unwell *all)
{
	char state[DIGEST_HEX_SIZE];
	state_of(all, state);
	bool moved = strcmp(state, reasons->state) != 0;
	if (moved)
		reasons->pause = reasons->mem || !all->failed ? SOON : 0;
	memcpy(reasons->state, state, sizeof(state));
	if (clock_steady() >= due(reasons))
		ask(pass, reasons, all, moved);
	pass_look_again(pass, due(reasons));
}

/* ---- telling ---- */

static int compare_key_to_reason(const void *key, const void *reason)
{
	return object_key_compare(key, &((const struct reason *)reason)->key);
}

const char *reasons_of(const struct pass *pass, const struct live *live)
{
	const struct reasons *reasons = pass->app->reasons;
	const struct reason *found = reasons && reasons->count
		? bsearch(&live->key, reasons->items, reasons->count, sizeof(*reasons->items),
			  compare_key_to_reason)
		: NULL;
	bool holds = found && found->written == live->written && strcmp(found->uid, live->uid) == 0;
	return holds ? arena_join(pass->mem, live->health.message, "; ", found->text) : live->health.message;
}

void reasons_find(struct pass *pass)
{
	struct app *app = pass->app;
	const struct all_unwell all = unwell_of(pass);
	if (!all.count) {
		reasons_free(app->reasons);
		app->reasons = NULL;
		return;
	}
	if (!app->reasons) {
		app->reasons = memory_alloc(sizeof(*app->reasons));
		app->reasons->asked = clock_steady();
	}
	ask_when_due(pass, app->reasons, &all);
	for (size_t i = 0; i < all.count; i++)
		if (all.items[i].step)
			all.items[i].step->health.message = reasons_of(pass, all.items[i].live);
}
