#include "agent/sync/owners.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"

/* Names of Applications that were deleted, one a line, the newest first; the oldest go when there are more. */
#define GIVEN_UP "applications.given-up"
enum { GIVEN_UP_MOST = 200 };

#define DEFINITIONS "apiextensions.k8s.io"

static bool is_foreign(const struct pass *pass, const struct live *live)
{
	const char *ours = pass->agent->config->installation;
	return strcmp(live->installation_id, ours ? ours : "") != 0;
}

static bool wants(const struct pass *pass, const struct app *app, const struct object_key *key)
{
	const struct object *object = app->content ? objects_find(&app->content->desired->objects, key) : NULL;
	const char *ignored;
	return object && !object->options.hooks &&
		permission_by_rules(pass->agent, app, key, pass->mem, &ignored);
}

/* The name before the ':'; "" = no mark. */
static const char *marked_by(const struct pass *pass, const struct live *live)
{
	size_t length = strcspn(live->tracking_id, ":");
	return live->tracking_id[length] ? arena_copy_n(pass->mem, live->tracking_id, length) : "";
}

/* Of the other Applications, by name; `before`: only those before ours. NULL = none. */
static const char *first_who_wants(const struct pass *pass, const struct object_key *key, bool before)
{
	const struct agent *agent = pass->agent;
	for (size_t i = 0; i < agent->app_count; i++) {
		const struct app *other = agent->apps[i];
		if (before && strcmp(other->spec.name, pass->app->spec.name) >= 0)
			break; /* sorted by name */
		if (other != pass->app && wants(pass, other, key))
			return other->spec.name;
	}
	return NULL;
}

/* A mark of a CustomResourceDefinition that no one carries is replaced by the order of names. */
const char *owners_wanted_by(const struct pass *pass, const struct live *live)
{
	const struct app *owner = agent_app(pass->agent, marked_by(pass, live));
	bool ours = owner == pass->app, unmarked = !*live->tracking_id;

	if (*live->installation_id && is_foreign(pass, live))
		return NULL; /* the plan knows */
	if (owner && !ours)
		return wants(pass, owner, &live->key) || !owner->content ? owner->spec.name : NULL;
	if (!ours && !(unmarked && strcmp(live->key.kind, "CustomResourceDefinition") == 0))
		return NULL;
	if (ours && objects_find(pass->wanted, &live->key))
		return NULL;
	return first_who_wants(pass, &live->key, unmarked);
}

/* ---- inventories ---- */

static int compare_key_to_row(const void *key, const void *row)
{
	const struct store_object *object = row;
	const struct object_key its = {object->group, object->kind, object->namespace, object->name};
	return object_key_compare(key, &its);
}

static const struct store_object *find_row(
	const struct store_object *rows, size_t count, const struct object_key *key)
{
	return count ? bsearch(key, rows, count, sizeof(*rows), compare_key_to_row) : NULL;
}

/* Read once in a pass, and only of an Application that wants what we want. Unreadable is no answer: then it has everything. */
static bool has(struct pass *pass, const struct app *app, const struct object_key *key)
{
	struct owners_inventory *found = NULL;
	struct error err;
	for (size_t i = 0; i < pass->inventory_count && !found; i++)
		found = pass->inventories[i].app == app ? &pass->inventories[i] : NULL;
	if (!found) {
		pass->inventories = arena_grow(
			pass->mem, pass->inventories, pass->inventory_count, sizeof(*pass->inventories));
		found = &pass->inventories[pass->inventory_count++];
		*found = (struct owners_inventory){.app = app};
		found->unknown = !store_object_list(
			pass->agent->store, app->spec.name, pass->mem, &found->rows, &found->count, &err);
	}
	return found->unknown || find_row(found->rows, found->count, key);
}

static const char *in_inventory_of(struct pass *pass, const struct object_key *key)
{
	bool ours = find_row(pass->owned, pass->owned_count, key);
	for (size_t i = 0; i < pass->agent->app_count; i++) {
		const struct app *other = pass->agent->apps[i];
		bool earlier = strcmp(other->spec.name, pass->app->spec.name) < 0;
		if (other != pass->app && (!ours || earlier) && wants(pass, other, key) && has(pass, other, key))
			return other->spec.name;
	}
	return NULL;
}

/* ---- SealedSecrets ---- */

static const char *sealed_by(const struct pass *pass, const struct object_key *key)
{
	const struct object_key sealed = {"bitnami.com", "SealedSecret", key->namespace, key->name};
	if (*key->group || strcmp(key->kind, "Secret") != 0)
		return NULL;
	return first_who_wants(pass, &sealed, false);
}

/* ---- Applications that are not here ---- */

static bool is_given_up(const struct pass *pass, const char *application)
{
	const char *names, *at;
	size_t length = strlen(application);
	struct error err;
	if (!store_fact_get(pass->agent->store, GIVEN_UP, pass->mem, &names, &err))
		return false;
	for (at = names; at && *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (strcspn(at, "\n") == length && strncmp(at, application, length) == 0)
			return true;
	return false;
}

void owners_given_up(struct agent *agent, const char *application)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1u << 20);
	CLEANUP(buf_done) struct buf names = BUF(1u << 18);
	const char *before;
	struct error err;
	if (agent->config->selector)
		return; /* its label is another one now, perhaps: another agent has it */
	bool ok = store_fact_get(agent->store, GIVEN_UP, mem, &before, &err);
	size_t count = 1, length;

	buf_printf(&names, "%s\n", application);
	for (const char *at = ok && before ? before : ""; *at && count < GIVEN_UP_MOST;
		at += length + (at[length] == '\n')) {
		length = strcspn(at, "\n");
		if (length == strlen(application) && strncmp(at, application, length) == 0)
			continue;
		buf_printf(&names, "%.*s\n", (int)length, at);
		count++;
	}
	ok = ok && store_fact_set(agent->store, GIVEN_UP, buf_string(&names), &err);
	if (!ok)
		log_warning("that an application was deleted could not be recorded", "application",
			application, "error", err.text, NULL);
}

/* Its mark names itself, so nobody has copied it from another object. That of a cluster-scoped one has its Application's namespace. */
static bool marks_itself(const struct pass *pass, const struct live *live, const char *application)
{
	const char *id = live->tracking_id;
	if (*live->key.namespace)
		return strcmp(id, object_tracking_id(&live->key, application, "", pass->mem)) == 0;
	const char *slash = strrchr(id, '/');
	const char *start = arena_printf(pass->mem, "%s:%s/%s:", application, live->key.group, live->key.kind);
	return text_starts(id, start) && slash && strcmp(slash + 1, live->key.name) == 0;
}

/* One that is in our inventory with this uid was ours: somebody has written another mark over it, which is healed. */
static const char *elsewhere(const struct pass *pass, const struct live *live)
{
	const char *application = marked_by(pass, live);
	const struct store_object *row = find_row(pass->owned, pass->owned_count, &live->key);
	if (!*application || agent_app(pass->agent, application) || is_foreign(pass, live) ||
		strcmp(live->key.group, DEFINITIONS) == 0 || (row && strcmp(row->uid, live->uid) == 0))
		return NULL;
	return marks_itself(pass, live, application) && !is_given_up(pass, application) ? application : NULL;
}

/* ---- the answer ---- */

/* As kubectl takes it. */
static const char *kind_of_command(const struct object_key *key, struct arena *mem)
{
	return *key->group ? arena_printf(mem, "%s.%s", key->kind, key->group) : key->kind;
}

/* The usual case, and a pass asks it of every object. */
static bool is_marked_ours(const struct pass *pass, const struct live *live)
{
	size_t length = strlen(pass->app->spec.name);
	return strncmp(live->tracking_id, pass->app->spec.name, length) == 0 &&
		live->tracking_id[length] == ':';
}

const char *owners_refusal(struct pass *pass, const struct object_key *key, const struct live *live)
{
	const char *other;
	if (live && is_marked_ours(pass, live))
		return NULL;
	if (live && (other = elsewhere(pass, live)))
		return arena_printf(pass->mem,
			"it belongs to Application %s, which this agent does not have: if that is gone for good, take its mark off with "
			"`kubectl annotate %s %s %s%s argocd.argoproj.io/tracking-id-`",
			other, kind_of_command(key, pass->mem), key->name, *key->namespace ? "-n " : "",
			key->namespace);
	if ((!live || !*live->tracking_id) && (other = in_inventory_of(pass, key)))
		return arena_printf(pass->mem,
			"it belongs to Application %s, which wants it, too: take it out of one of the two",
			other);
	if ((other = sealed_by(pass, key)))
		return arena_printf(pass->mem,
			"it belongs to Application %s, whose SealedSecret of this name is unsealed into it: take one of the two out",
			other);
	return NULL;
}

const char *owners_refusal_of_hook(struct pass *pass, const struct object_key *key, const struct live *live)
{
	const char *application = live ? marked_by(pass, live) : "";
	if (!*application || is_marked_ours(pass, live) || !marks_itself(pass, live, application))
		return owners_refusal(pass, key, live);
	return arena_printf(pass->mem,
		"it would take the place of an object of Application %s: give the hook another name",
		application);
}
