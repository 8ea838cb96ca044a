/*
 * The bytes of a watch: lines cut anywhere, events of any shape, into the live cache and through the comparison.
 * The first byte is the size of the pieces, the second picks the kind.
 */
#include <stdint.h>
#include <string.h>

#include "reconcile/kubernetes/diff.h"
#include "reconcile/kubernetes/event.h"
#include "reconcile/kubernetes/live.h"
#include "reconcile/kubernetes/postgresql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
	struct live_cache *cache;
	struct live_collection *collection;
	struct arena *mem;
	json_t *before;
};

static bool take(void *context, const struct event *event)
{
	struct session *session = context;
	size_t count;
	if (event->type == EVENT_ERROR)
		return false;
	if (event->type == EVENT_DELETED)
		live_remove(session->cache, session->collection, event->object);
	else
		live_put(session->cache, session->collection, event->object, LIVE_WATCHED);
	(void)health_of(event->object, session->mem);
	(void)postgresql_busy(event->object);
	postgresql_refusals(event->object, session->before, NULL, session->mem, &count);
	if (session->before) {
		struct diff_input input = {
			.wanted = event->object, .found = session->before, .secret = count % 2};
		diff_objects(&input, session->mem, &count);
	}
	json_decref(session->before);
	session->before = json_incref(event->object);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct object_key keys[] = {{"", "ConfigMap", "n", ""},
		{"acid.zalan.do", "postgresql", "n", ""}, {"apps", "Deployment", "n", ""},
		{"", "Pod", "n", ""}};
	struct event_stream stream = {0};
	struct error err;
	if (size < 2)
		return 0;
	struct session session = {.cache = live_new(), .mem = arena_new((size_t)256 << 20)};
	session.collection = live_add_collection(session.cache, &keys[data[1] % COUNT_OF(keys)]);
	struct live_claimant *tracker = live_track_begin(session.cache, "app");
	live_track(session.cache, tracker, session.collection, "a");
	live_track_end(session.cache, tracker);
	size_t piece = (size_t)data[0] + 1;
	bool good = true;
	for (size_t at = 2; at < size && good; at += piece) {
		size_t length = size - at < piece ? size - at : piece;
		good = event_stream_feed(&stream, (const char *)data + at, length, take, &session, &err);
	}
	size_t count;
	live_owned(session.cache, "app", "n", session.mem, &count);
	event_stream_done(&stream);
	live_untrack(session.cache, "app");
	json_decref(session.before);
	live_free(session.cache);
	arena_free(session.mem);
	return 0;
}
