/* cluster_events.c - `pgitops cluster events`: what Kubernetes and the operator have to say of a cluster's objects */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/cluster_place.h"
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

/* ---- which are the cluster's ---- */

/* "NAME-0", as the StatefulSet calls its Pods, there or gone; or a member of a cluster that nobody operates. */
static bool is_pod(const struct cluster_place *place, const char *name)
{
	size_t length = strlen(place->name);
	if (strncmp(name, place->name, length) == 0 && name[length] == '-' && name[length + 1])
		return !name[length + 1 + strspn(name + length + 1, "0123456789")];
	return place->cluster && patroni_member(place->cluster, name);
}

/* "TEMPLATE-POD", as the StatefulSet calls its claims: pgdata-NAME-0 */
static bool is_claim(const struct cluster_place *place, const char *name)
{
	for (const char *dash = strchr(name, '-'); dash; dash = strchr(dash + 1, '-'))
		if (is_pod(place, dash + 1))
			return true;
	return false;
}

static bool is_itself(const struct cluster_place *place, const char *name)
{
	return text_equal(place->name, name);
}

static const struct {
	const char *kind;
	bool (*is_ours)(const struct cluster_place *place, const char *name);
} kinds[] = {
	{"postgresql", is_itself},
	{"StatefulSet", is_itself},
	{"Pod", is_pod},
	{"PersistentVolumeClaim", is_claim},
};

static bool is_ours(const struct cluster_place *place, const json_t *event)
{
	const char *kind = json_text_at(event, "involvedObject.kind", "");
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (text_equal(kinds[i].kind, kind))
			return kinds[i].is_ours(place, json_text_at(event, "involvedObject.name", ""));
	return false;
}

/* ---- one of them ---- */

/* Whoever writes an Event says in one of several fields when it was. */
static const char *time_of(const json_t *event)
{
	static const char *const fields[] = {"series.lastObservedTime", "lastTimestamp", "eventTime",
		"firstTimestamp", "metadata.creationTimestamp"};
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (*json_text_at(event, fields[i], ""))
			return json_text_at(event, fields[i], "");
	return "";
}

static json_t *document_of(const json_t *event)
{
	int64_t time;
	char stamp[CLOCK_TEXT_SIZE] = "";
	const char *source = json_text_at(event, "reportingComponent", "");
	if (clock_parse(time_of(event), &time))
		clock_text(time, stamp);
	json_t *out = json_pack("{s:{s:s,s:s,s:s},s:I}", "object", "kind",
		json_text_at(event, "involvedObject.kind", ""), "namespace",
		json_text_at(event, "involvedObject.namespace", ""), "name",
		json_text_at(event, "involvedObject.name", ""), "count",
		(json_int_t)json_number_at(event, "series.count", json_number_at(event, "count", 1)));
	json_set_text(out, "time", stamp);
	json_set_text(out, "type", json_text_at(event, "type", ""));
	json_set_text(out, "reason", json_text_at(event, "reason", ""));
	json_set_text(out, "message", json_text_at(event, "message", ""));
	json_set_text(out, "source", *source ? source : json_text_at(event, "source.component", ""));
	return out;
}

static enum cell_style style_of(const json_t *item)
{
	return text_equal(json_text_at(item, "type", ""), "Normal") ? CELL_PLAIN : CELL_BAD;
}

static const char *object_of(const struct command_context *context, const json_t *item)
{
	return arena_printf(context->mem, "%s/%s", json_text_at(item, "object.kind", ""),
		json_text_at(item, "object.name", ""));
}

static void show_table(const struct command_context *context, const json_t *items)
{
	static const char *const headers[] = {"LAST", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"};
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	const json_t *item;
	size_t i;
	json_array_foreach (items, i, item) {
		table_cell(table, command_age(context, json_text_at(item, "time", "")), CELL_PLAIN);
		table_cell(table, json_text_at(item, "type", "-"), style_of(item));
		table_cell(table, json_text_at(item, "reason", "-"), CELL_PLAIN);
		table_cell(table, object_of(context, item), CELL_PLAIN);
		table_cell(table,
			arena_printf(context->mem, "%lld", (long long)json_number_at(item, "count", 1)),
			CELL_PLAIN);
		table_cell(table,
			context->output.format == OUTPUT_WIDE
				? json_text_at(item, "message", "")
				: command_first_line(context, json_text_at(item, "message", "")),
			CELL_PLAIN);
	}
	table_print(table);
	table_free(table);
}

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
				object_of(context, item),
				command_first_line(context, json_text_at(item, "message", "")), times),
			style_of(item));
		putchar('\n');
	}
	fflush(stdout);
}

/* ---- those that are there ---- */

static int compare(const void *a, const void *b)
{
	const json_t *const *one = a, *const *other = b;
	return strcmp(json_text_at(*one, "time", ""), json_text_at(*other, "time", ""));
}

static json_t *sorted(const json_t *items, struct arena *mem)
{
	size_t count = json_array_size(items);
	const json_t **order = arena_array(mem, count + 1, sizeof(const json_t *));
	json_t *out = json_array();
	for (size_t i = 0; i < count; i++)
		order[i] = json_array_get(items, i);
	if (count)
		qsort((void *)order, count, sizeof(const json_t *), compare);
	for (size_t i = 0; i < count; i++)
		json_array_append(out, (json_t *)(uintptr_t)order[i]);
	return out;
}

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
		if (is_ours(watching->place, event) && is_new(watching, event))
			json_array_append_new(items, document_of(event));
	json_decref(events.items);
	snprintf(watching->version, sizeof(watching->version), "%s", events.version);
	watching->stale = false;
	return sorted(items, watching->context->mem);
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
		!is_ours(watching->place, event) || !is_new(watching, event))
		return;
	CLEANUP(arena_freep) struct arena *mem = arena_new((size_t)16 << 20);
	struct command_context own = *watching->context;
	own.mem = mem;
	CLEANUP(json_done) json_t *item = document_of(event);
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
	struct streams *streams = streams_open(&watching->place->config);
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
		show_table(context, items);
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
