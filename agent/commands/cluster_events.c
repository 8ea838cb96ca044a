/* cluster_events.c - `pgitops cluster events`: what Kubernetes and the operator have to say of a cluster's objects */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/cluster_event.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/stream.h"

const char command_cluster_events_help[] =
	"Shows the Events of a cluster's postgresql object, its StatefulSet, Pods and volume claims in one table, the newest last. Events\n"
	"are kept by the API server for an hour where nothing else is said; those of Pods that are gone are shown, too.\n\n"
	"  -w, --watch          go on with what comes, a line each\n" CLUSTER_PLACE_HELP "\nExamples:\n"
	"  pgitops cluster events acid-minimal-cluster\n"
	"  pgitops cluster events acid-minimal-cluster -w\n"
	"  pgitops cluster events acid-minimal-cluster -o json | jq -r '.items[] | select(.type == \"Warning\") | .message'\n";

enum { WAIT_MILLISECONDS = 1000, PAUSE_MILLISECONDS = 2000 };

/* One that has come: a table has no end here, and so no widths. */
static void show_line(struct command_context *context, const json_t *item)
{
	if (command_is_document(context)) {
		output_document(&context->output, item);
	} else {
		int64_t count = json_number_at(item, "count", 1);
		const char *times = count > 1 ? arena_printf(context->mem, " (x%lld)", (long long)count) : "";
		output_text(&context->output, stdout,
			arena_printf(context->mem, "%s  %-7s  %-20s  %s  %s%s",
				command_time(context, json_text_at(item, "time", "")),
				json_text_at(item, "type", "-"), json_text_at(item, "reason", "-"),
				cluster_event_object(context, item),
				command_first_line(context, json_text_at(item, "message", "")), times),
			cluster_event_style(item));
		putchar('\n');
	}
	fflush(stdout);
}

/* ---- those that are there ---- */

struct watching {
	struct command_context *context;
	const struct cluster_place *place;
	json_t *seen; /* uid -> resourceVersion: a list after a gap has what was shown before */
	char version[64];
	bool stale; /* the version is too old for the server: a list tells what came meanwhile */
};

static bool is_new(struct watching *watching, const json_t *event)
{
	const char *uid = json_text_at(event, "metadata.uid", "");
	const char *version = json_text_at(event, "metadata.resourceVersion", "");
	if (text_equal(json_text_at(watching->seen, uid, NULL), version))
		return false;
	json_object_set_new(watching->seen, uid, json_string(version));
	return true;
}

/* All that are there and new, by time. */
static json_t *read_new(struct watching *watching, struct error *err)
{
	struct cluster_listing events = {.plural = "events"};
	const json_t *event;
	size_t i;
	if (!cluster_place_list(watching->place, &events, watching->context->mem, err))
		return NULL;
	CLEANUP(json_done) json_t *items = json_array();
	json_array_foreach (events.items, i, event)
		if (cluster_event_is_ours(watching->place->cluster, event) && is_new(watching, event))
			json_array_append_new(items, cluster_event_document(event));
	json_decref(events.items);
	snprintf(watching->version, sizeof(watching->version), "%s", events.version);
	watching->stale = false;
	return cluster_events_sorted(items, watching->context->mem);
}

/* ---- what comes ---- */

static void take_line(void *user, const char *line, size_t length)
{
	struct watching *watching = user;
	CLEANUP(json_done) json_t *change = NULL;
	struct error ignored;
	if (!json_read(line, length, &change, &ignored))
		return;
	const char *type = json_text_at(change, "type", "");
	const json_t *event = json_object_get(change, "object");
	if (text_equal(type, "ERROR")) {
		watching->stale = true;
		return;
	}
	const char *version = json_text_at(event, "metadata.resourceVersion", "");
	if (*version)
		snprintf(watching->version, sizeof(watching->version), "%s", version);
	if ((!text_equal(type, "ADDED") && !text_equal(type, "MODIFIED")) ||
		!cluster_event_is_ours(watching->place->cluster, event) || !is_new(watching, event))
		return;
	CLEANUP(arena_freep) struct arena *mem = arena_new((size_t)16 << 20);
	struct command_context own = *watching->context;
	own.mem = mem;
	CLEANUP(json_done) json_t *item = cluster_event_document(event);
	show_line(&own, item);
}

static bool catch_up(struct watching *watching, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new((size_t)64 << 20);
	struct command_context *context = watching->context, own = *context;
	const json_t *item;
	size_t i;
	own.mem = mem;
	watching->context = &own;
	CLEANUP(json_done) json_t *items = read_new(watching, err);
	watching->context = context;
	json_array_foreach (items, i, item)
		show_line(&own, item);
	return items;
}

/* Until somebody ends it: a server that cannot be asked now may be asked again. */
static int watch(struct watching *watching)
{
	struct streams *streams = streams_open(&watching->place->server->config);
	struct error err = {.kind = ERROR_NONE};
	while (err.kind != ERROR_DENIED && !ferror(stdout)) {
		const char *path = arena_printf(watching->context->mem,
			"/api/v1/namespaces/%s/events?watch=1&resourceVersion=%s", watching->place->namespace,
			watching->version);
		struct stream *stream = stream_open(streams, path, take_line, watching);
		while (!stream_ended(stream, &err) && !watching->stale && !ferror(stdout))
			streams_work(streams, WAIT_MILLISECONDS);
		stream_close(stream);
		if (err.kind == ERROR_DENIED)
			cluster_place_refused("watch", "events", watching->place->namespace, &err);
		else if (err.kind != ERROR_NONE || watching->stale)
			catch_up(watching, &err);
		if (err.kind != ERROR_NONE && err.kind != ERROR_DENIED)
			clock_pause(PAUSE_MILLISECONDS);
	}
	streams_close(streams);
	return ferror(stdout) ? EXIT_NO_ANSWER : command_failed(&err);
}

static int run(struct command_context *context, const struct cluster_place *place, bool goes_on)
{
	CLEANUP(json_done) json_t *seen = json_object();
	struct watching watching = {.context = context, .place = place, .seen = seen};
	struct error err;
	CLEANUP(json_done) json_t *items = read_new(&watching, &err);
	const json_t *item;
	size_t i;
	if (!items)
		return command_failed(&err);
	if (goes_on) {
		json_array_foreach (items, i, item)
			show_line(context, item);
		return watch(&watching);
	}
	if (command_is_document(context)) {
		CLEANUP(json_done) json_t *document = json_pack("{s:O}", "items", items);
		output_document(&context->output, document);
	} else if (!command_is_empty(items,
			   arena_printf(context->mem,
				   "there are no Events of %s; the API server keeps them for an hour",
				   cluster_place_title(place, context->mem)))) {
		cluster_events_table(context, items);
	}
	return EXIT_YES;
}

int command_cluster_events(struct command_context *context, int argc, char **argv)
{
	struct cluster_place place = {0};
	bool goes_on = false;
	const struct command_option options[] = {{"--watch", &goes_on, NULL}, {"-w", &goes_on, NULL}};
	struct error err;
	int code = EXIT_NO_ANSWER;
	if (cluster_place_arguments(context, &place, &argc, argv, options, COUNT_OF(options), 1)) {
		place.source.words_only = true;
		if (!cluster_place_open(context, &place, true, &err) ||
			!cluster_place_of_kubernetes(&place, "there are no Events of it", &err))
			code = command_failed(&err);
		else
			code = run(context, &place, goes_on);
	}
	cluster_place_done(&place);
	return code;
}
