#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "reconcile/kubernetes/cluster_parts.h"
#include "reconcile/kubernetes/kube_list.h"

enum {
	FEW_FRESH = 4, /* new keys in a known collection that are asked for one by one; more cost one list */
};

/* Tracked collections: from the watch thread into the live cache */

static void key_name(const struct object_key *key, char name[256])
{
	snprintf(name, 256, "%s%s%s%s%s", key->kind, *key->group ? "." : "", key->group,
		*key->namespace ? " in " : "", key->namespace);
}

static struct object_key key_in(const struct live_collection *collection, const char *name)
{
	return (struct object_key){collection->group, collection->kind, collection->namespace, name};
}

static void tracked_name(const struct live_collection *collection, char name[256])
{
	const struct object_key key = key_in(collection, "");
	key_name(&key, name);
}

static void tracked_listing(void *context)
{
	struct live_collection *collection = context;
	live_list_begin(((struct cluster *)collection->owner)->live, collection);
}

static void tell(
	const struct live_collection *collection, const json_t *object, const struct live_change *change)
{
	struct cluster *cluster = collection->owner;
	struct object_key key = key_in(collection, json_text_at(object, "metadata.name", ""));
	if (change->news && cluster->listener.changed)
		cluster->listener.changed(cluster->listener.context, &key, change->application);
}

static void tracked_item(void *context, json_t *object)
{
	struct live_collection *collection = context;
	struct cluster *cluster = collection->owner;
	struct live_change change = live_put(cluster->live, collection, object, LIVE_LISTED);
	tell(collection, object, &change);
}

static void tracked_gone(void *context, const struct object_key *key, const char *application)
{
	struct cluster *cluster = context;
	if (cluster->listener.changed)
		cluster->listener.changed(cluster->listener.context, key, application);
}

static void tracked_listed(void *context, const char *version)
{
	struct live_collection *collection = context;
	struct cluster *cluster = collection->owner;
	char name[256];
	tracked_name(collection, name);
	if (live_list_end(cluster->live, collection, version, tracked_gone, cluster) && cluster->listener.listed)
		cluster->listener.listed(cluster->listener.context, name);
}

static void tracked_event(void *context, json_t *object, bool gone)
{
	struct live_collection *collection = context;
	struct cluster *cluster = collection->owner;
	struct live_change change = gone ? live_remove(cluster->live, collection, object)
					 : live_put(cluster->live, collection, object, LIVE_WATCHED);
	tell(collection, object, &change);
}

static void tracked_trouble(void *context, const struct error *err)
{
	struct live_collection *collection = context;
	struct cluster *cluster = collection->owner;
	char name[256];
	tracked_name(collection, name);
	if (cluster->listener.trouble)
		cluster->listener.trouble(cluster->listener.context, name, err);
}

static const struct watch_handler tracked_handler = {
	.listing = tracked_listing,
	.item = tracked_item,
	.listed = tracked_listed,
	.event = tracked_event,
	.trouble = tracked_trouble,
};

static void collection_path(
	const struct live_collection *collection, const struct resource *resource, struct buf *path)
{
	resource_path(path, resource, collection->namespace, NULL);
}

static bool start_collection(struct cluster *cluster, struct live_collection *collection,
	const struct resource *resource, struct error *err)
{
	CLEANUP(buf_done) struct buf path = BUF(PATH_BYTES);
	collection->owner = cluster;
	snprintf(collection->version, sizeof(collection->version), "%s", resource->version);
	collection_path(collection, resource, &path);
	struct watch_target target = {
		.path = buf_string(&path),
		.metadata_only = !health_has_rule(collection->group, collection->kind),
		.handler = &tracked_handler,
		.context = collection,
	};
	collection->watched = watches_add(cluster->watches, &target, &collection->watch, err);
	collection->ended = !collection->watched;
	return collection->watched;
}

/* The server answered 404 for a whole collection, or the kind was gone before: what does the discovery say now? False when it cannot
   say whether there is such a kind. */
static bool revise_collection(struct cluster *cluster, struct live_collection *collection,
	const struct resource *resource, struct error *err)
{
	if (!collection->ended && !cluster_refresh(cluster, err))
		return false;
	if (!collection->ended)
		resource = resources_find(cluster->resources, collection->group, NULL, collection->kind);
	if (!resource && !cluster_knows_group(cluster, collection->group, err))
		return false;
	if (!resource) {
		if (!collection->ended)
			watches_move(cluster->watches, collection->watch, NULL);
		live_clear(cluster->live, collection);
		collection->ended = true;
	} else if (collection->ended || strcmp(collection->version, resource->version)) {
		CLEANUP(buf_done) struct buf path = BUF(PATH_BYTES);
		collection_path(collection, resource, &path);
		snprintf(collection->version, sizeof(collection->version), "%s", resource->version);
		live_moved(cluster->live, collection);
		watches_move(cluster->watches, collection->watch, buf_string(&path));
		collection->ended = false;
	}
	return true;
}

/* cluster_track() */

struct tracking {
	struct cluster *cluster;
	struct live_claimant *tracker;
	const struct object_key **fresh; /* keys whose objects may be there without our knowing */
	size_t fresh_count;
	struct error *err;
	bool good;
};

/* The first of its kind; what may not be seen is said only when all else is known. */
static void note_failure(struct tracking *tracking, const struct object_key *of, const struct error *err)
{
	char name[256];
	if (!tracking->good && (tracking->err->kind != ERROR_DENIED || err->kind == ERROR_DENIED))
		return;
	tracking->good = false;
	*tracking->err = *err;
	key_name(of, name);
	error_prefix(tracking->err, "watching %s", name);
}

/* The collection of the key, to be watched, and once in a cluster_track() revised. NULL: there is none, or it cannot be watched. */
static struct live_collection *collection_of(struct tracking *tracking, const struct object_key *key)
{
	struct cluster *cluster = tracking->cluster;
	struct live_collection *collection = live_find_collection(cluster->live, key);
	struct error err;
	if (collection && collection->asked)
		return collection;
	const struct resource *resource = cluster_find(cluster, key->group, NULL, key->kind);
	bool watched = collection && collection->watched;
	if (!watched && !resource && !cluster_knows_group(cluster, key->group, &err))
		note_failure(tracking, key, &err);
	if (!watched && (!resource || !resource->watchable))
		return NULL;
	if (!collection)
		collection = live_add_collection(cluster->live, key);
	if (watched && (collection->ended || watches_missing(cluster->watches, collection->watch)) &&
		!revise_collection(cluster, collection, resource, &err))
		note_failure(tracking, key, &err);
	collection->asked = true;
	return collection;
}

static void track_key(struct tracking *tracking, const struct object_key *key)
{
	struct live_collection *collection = collection_of(tracking, key);
	if (collection && live_track(tracking->cluster->live, tracking->tracker, collection, key->name)) {
		tracking->fresh[tracking->fresh_count++] = key;
		collection->fresh++;
	}
}

/* Once all keys are named, not before: what a first page brings of names that are still to come would be passed over, and the whole
   collection listed again for their sake. */
static void start_new(struct tracking *tracking)
{
	struct cluster *cluster = tracking->cluster;
	for (struct live_collection *at = live_collections(cluster->live); at; at = at->next) {
		const struct object_key of = key_in(at, "");
		struct error err;
		if (!at->asked || at->watched)
			continue;
		const struct resource *resource = resources_find(cluster->resources, at->group, NULL, at->kind);
		at->asked = resource ? start_collection(cluster, at, resource, &err)
				     : error_set(&err, ERROR_RETRY, "the kind is gone since a moment ago");
		if (!at->asked)
			note_failure(tracking, &of, &err);
	}
}

static void put_fresh(void *context, json_t *object)
{
	struct live_collection *collection = context;
	struct cluster *cluster = collection->owner;
	live_put(cluster->live, collection, object, LIVE_READ);
}

static bool list_fresh(struct cluster *cluster, struct live_collection *collection, struct error *err)
{
	CLEANUP(buf_done) struct buf path = BUF(PATH_BYTES);
	bool whole = health_has_rule(collection->group, collection->kind);
	const struct resource *resource =
		resources_find(cluster->resources, collection->group, collection->version, collection->kind);
	if (!resource)
		return cluster_knows_group(cluster, collection->group, err);
	collection_path(collection, resource, &path);
	return kube_list_each(cluster->kube, buf_string(&path), whole ? NULL : ACCEPT_METADATA_LIST,
		put_fresh, collection, err);
}

static bool get_fresh(struct cluster *cluster, struct live_collection *collection,
	const struct object_key *key, struct error *err)
{
	CLEANUP(buf_done) struct buf path = BUF(PATH_BYTES);
	bool whole = health_has_rule(collection->group, collection->kind);
	const struct resource *resource =
		resources_find(cluster->resources, collection->group, collection->version, collection->kind);
	if (!resource)
		return cluster_knows_group(cluster, collection->group, err);
	resource_path(&path, resource, key->namespace, key->name);
	struct kube_request request = {
		.method = "GET", .path = buf_string(&path), .accept = whole ? NULL : ACCEPT_METADATA};
	kube_run(cluster->kube, &request, 1);
	if (request.error.kind == ERROR_NONE)
		put_fresh(collection, request.answer);
	json_decref(request.answer);
	if (request.error.kind == ERROR_NONE || request.status == 404)
		return true;
	*err = request.error;
	return false;
}

/* Objects at new keys may be there already, made by somebody else and passed over by the watch until now. */
static void ask_fresh(struct tracking *tracking)
{
	struct cluster *cluster = tracking->cluster;
	struct error err;
	for (struct live_collection *at = live_collections(cluster->live); at; at = at->next) {
		const struct object_key of = key_in(at, "");
		if (!at->answered || at->fresh <= FEW_FRESH || list_fresh(cluster, at, &err))
			continue;
		at->answered = false;
		note_failure(tracking, &of, &err);
	}
	for (size_t i = 0; i < tracking->fresh_count; i++) {
		const struct object_key *key = tracking->fresh[i];
		struct live_collection *at = live_find_collection(cluster->live, key);
		bool good = at->answered;
		if (good && at->fresh <= FEW_FRESH && !get_fresh(cluster, at, key, &err)) {
			good = false;
			note_failure(tracking, key, &err);
		}
		if (good)
			live_answered(cluster->live, at, key->name);
	}
}

/* Nothing in it is tracked: its watch ends, and once the watch thread has done so, it is forgotten. */
static void let_go(struct cluster *cluster, struct live_collection *collection)
{
	if (collection->watched && !collection->ended) {
		watches_move(cluster->watches, collection->watch, NULL);
		live_clear(cluster->live, collection);
		collection->ended = true;
	} else if (!collection->watched || watches_release(cluster->watches, collection->watch)) {
		live_drop_collection(cluster->live, collection);
	}
}

static void let_unused_go(struct cluster *cluster)
{
	for (struct live_collection *at = live_collections(cluster->live), *next; at; at = next) {
		next = at->next;
		if (!at->tracked && !live_is_held(cluster->live, at))
			let_go(cluster, at);
	}
}

void cluster_untrack(struct cluster *cluster, const char *tracker)
{
	live_untrack(cluster->live, tracker);
	let_unused_go(cluster);
}

bool cluster_track(struct cluster *cluster, const char *tracker, const struct object_key *keys, size_t count,
	struct error *err)
{
	int64_t end = clock_steady() + WAIT_MILLISECONDS;
	if (!cluster_reachable(cluster, err) || !cluster_ready(cluster, err))
		return false;
	struct tracking tracking = {.cluster = cluster, .err = err, .good = true};
	tracking.fresh = memory_alloc((count + 1) * sizeof(*tracking.fresh));
	for (struct live_collection *at = live_collections(cluster->live); at; at = at->next) {
		at->asked = false;
		at->fresh = 0;
	}
	tracking.tracker = live_track_begin(cluster->live, tracker);
	for (size_t i = 0; i < count; i++)
		track_key(&tracking, &keys[i]);
	start_new(&tracking);
	live_track_end(cluster->live, tracking.tracker);
	let_unused_go(cluster);
	for (struct live_collection *at = live_collections(cluster->live); at; at = at->next) {
		const struct object_key of = key_in(at, "");
		struct error why;
		at->answered = !at->asked || at->ended || watches_wait(cluster->watches, at->watch, end, &why);
		if (at->answered)
			continue;
		/* The list may have come to its end since: then nobody would be told of it any more. */
		at->answered = why.kind == ERROR_RETRY && !live_await(cluster->live, at);
		if (!at->answered)
			note_failure(&tracking, &of, &why);
	}
	ask_fresh(&tracking);
	memory_freep(&tracking.fresh);
	return tracking.good;
}
