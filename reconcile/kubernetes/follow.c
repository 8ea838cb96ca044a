#include <string.h>

#include "base/clock.h"
#include "base/http/percent.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/cluster_parts.h"

struct followed {
	struct followed *next;
	struct cluster *cluster;
	char *name;
	size_t watch;
	json_t *known;  /* "namespace/name" -> resourceVersion; the watch thread's */
	json_t *listed; /* the same while a list runs */
};

static void followed_key(const json_t *object, char key[600])
{
	snprintf(key, 600, "%s/%s", json_text_at(object, "metadata.namespace", ""),
		json_text_at(object, "metadata.name", ""));
}

static void followed_tell(const struct followed *followed, const json_t *object, bool gone)
{
	const struct cluster_listener *listener = &followed->cluster->listener;
	if (listener->followed)
		listener->followed(listener->context, followed->name, object, gone);
}

/* True when this version was not told yet. */
static bool followed_note(json_t *into, const struct followed *followed, const json_t *object)
{
	char key[600];
	const char *version = json_text_at(object, "metadata.resourceVersion", "");
	followed_key(object, key);
	bool told = text_equal(json_text_at(json_object_get(followed->known, key), "", ""), version);
	json_object_set_new(into, key, json_string(version));
	return !told;
}

static void followed_listing(void *context)
{
	struct followed *followed = context;
	json_object_clear(followed->listed);
}

static void followed_item(void *context, json_t *object)
{
	struct followed *followed = context;
	if (followed_note(followed->listed, followed, object))
		followed_tell(followed, object, false);
}

/* Of what a list has lost, only the name is known. */
static void followed_listed(void *context, const char *version)
{
	struct followed *followed = context;
	(void)version;
	const char *key;
	json_t *told;
	json_object_foreach (followed->known, key, told) {
		const char *slash = strchr(key, '/');
		if (json_object_get(followed->listed, key) || !slash)
			continue;
		CLEANUP(json_done)
		json_t *object = json_pack("{s:{s:s#, s:s}}", "metadata", "namespace", key,
			(int)(slash - key), "name", slash + 1);
		followed_tell(followed, object, true);
	}
	json_t *known = followed->known;
	followed->known = followed->listed;
	followed->listed = known;
	json_object_clear(followed->listed);
}

static void followed_event(void *context, json_t *object, bool gone)
{
	struct followed *followed = context;
	char key[600];
	followed_key(object, key);
	if (gone)
		json_object_del(followed->known, key);
	else if (!followed_note(followed->known, followed, object))
		return;
	followed_tell(followed, object, gone);
}

static void followed_trouble(void *context, const struct error *err)
{
	struct followed *followed = context;
	const struct cluster_listener *listener = &followed->cluster->listener;
	if (listener->trouble)
		listener->trouble(listener->context, followed->name, err);
}

static const struct watch_handler followed_handler = {
	.listing = followed_listing,
	.item = followed_item,
	.listed = followed_listed,
	.event = followed_event,
	.trouble = followed_trouble,
};

static void followed_done(struct followed *followed)
{
	json_decref(followed->known);
	json_decref(followed->listed);
	memory_freep(&followed->name);
	memory_freep(&followed);
}

void followed_free(struct cluster *cluster)
{
	for (struct followed *at = cluster->followed, *next; at; at = next) {
		next = at->next;
		followed_done(at);
	}
	cluster->followed = NULL;
}

static struct followed *followed_start(struct cluster *cluster, const char *collection, const char *path,
	const char *selector, struct error *err)
{
	CLEANUP(buf_done) struct buf url = BUF(PATH_BYTES);
	buf_text(&url, path);
	if (selector) {
		buf_text(&url, "?labelSelector=");
		percent_encode(&url, selector);
	}
	struct followed *followed = memory_alloc(sizeof(*followed));
	followed->cluster = cluster;
	followed->name = memory_copy(collection);
	followed->known = json_object();
	followed->listed = json_object();
	struct watch_target target = {
		.path = buf_string(&url), .handler = &followed_handler, .context = followed};
	if (!watches_add(cluster->watches, &target, &followed->watch, err)) {
		followed_done(followed);
		return NULL;
	}
	followed->next = cluster->followed;
	cluster->followed = followed;
	return followed;
}

bool cluster_follow(struct cluster *cluster, const char *collection, const char *path, const char *selector,
	struct error *err)
{
	struct followed *at = cluster->followed;
	while (at && strcmp(at->name, collection))
		at = at->next;
	if (!at)
		at = followed_start(cluster, collection, path, selector, err);
	return at &&
		(watches_wait(cluster->watches, at->watch, clock_steady() + WAIT_MILLISECONDS, err) ||
			error_prefix(err, "watching %s", collection));
}
