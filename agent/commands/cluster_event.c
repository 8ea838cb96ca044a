/* cluster_event.c - the Events of a cluster's objects: which they are, what is shown of one, and the last of them */
#include "agent/commands/cluster_event.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { RECENT = 8 };

/* ---- which are the cluster's ---- */

/* "NAME-0", as the StatefulSet calls its Pods, there or gone; or a member of a cluster that nobody operates. */
static bool is_pod(const struct patroni_cluster *cluster, const char *name)
{
	size_t length = strlen(cluster->name);
	if (strncmp(name, cluster->name, length) == 0 && name[length] == '-' && name[length + 1])
		return !name[length + 1 + strspn(name + length + 1, "0123456789")];
	return patroni_member(cluster, name);
}

/* "TEMPLATE-POD", as the StatefulSet calls its claims: pgdata-NAME-0 */
static bool is_claim(const struct patroni_cluster *cluster, const char *name)
{
	for (const char *dash = strchr(name, '-'); dash; dash = strchr(dash + 1, '-'))
		if (is_pod(cluster, dash + 1))
			return true;
	return false;
}

static bool is_itself(const struct patroni_cluster *cluster, const char *name)
{
	return text_equal(cluster->name, name);
}

static const struct {
	const char *kind;
	bool (*is_ours)(const struct patroni_cluster *cluster, const char *name);
} kinds[] = {
	{"postgresql", is_itself},
	{"StatefulSet", is_itself},
	{"Pod", is_pod},
	{"PersistentVolumeClaim", is_claim},
};

bool cluster_event_is_ours(const struct patroni_cluster *cluster, const json_t *event)
{
	const char *kind = json_text_at(event, "involvedObject.kind", "");
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (text_equal(kinds[i].kind, kind))
			return kinds[i].is_ours(cluster, json_text_at(event, "involvedObject.name", ""));
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

json_t *cluster_event_document(const json_t *event)
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

enum cell_style cluster_event_style(const json_t *item)
{
	return text_equal(json_text_at(item, "type", ""), "Normal") ? CELL_PLAIN : CELL_BAD;
}

const char *cluster_event_object(const struct command_context *context, const json_t *item)
{
	return arena_printf(context->mem, "%s/%s", json_text_at(item, "object.kind", ""),
		json_text_at(item, "object.name", ""));
}

void cluster_events_table(const struct command_context *context, const json_t *items)
{
	static const char *const headers[] = {"LAST", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"};
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	const json_t *item;
	size_t i;
	json_array_foreach (items, i, item) {
		table_cell(table, command_age(context, json_text_at(item, "time", "")), CELL_PLAIN);
		table_cell(table, json_text_at(item, "type", "-"), cluster_event_style(item));
		table_cell(table, json_text_at(item, "reason", "-"), CELL_PLAIN);
		table_cell(table, cluster_event_object(context, item), CELL_PLAIN);
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

/* ---- many of them ---- */

static int compare(const void *a, const void *b)
{
	const json_t *const *one = a, *const *other = b;
	return strcmp(json_text_at(*one, "time", ""), json_text_at(*other, "time", ""));
}

json_t *cluster_events_sorted(const json_t *items, struct arena *mem)
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

/* ---- the last ones, for `cluster get` ---- */

static bool is_same(const json_t *one, const json_t *other)
{
	static const char *const fields[] = {"object.kind", "object.name", "type", "reason", "message"};
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (!text_equal(json_text_at(one, fields[i], ""), json_text_at(other, fields[i], "")))
			return false;
	return true;
}

static json_t *find_same(const json_t *found, const json_t *wanted)
{
	json_t *one;
	size_t i;
	json_array_foreach (found, i, one)
		if (is_same(one, wanted))
			return one;
	return NULL;
}

/* Of those that say the same the last stays, with the times of all: another Pod of the operator, or an hour later, begins a new Event. */
static json_t *last_of(const json_t *items, size_t most)
{
	json_t *out = json_array();
	for (size_t i = json_array_size(items); i-- > 0;) {
		json_t *item = json_array_get(items, i), *known = find_same(out, item);
		if (known)
			json_object_set_new(known, "count",
				json_integer(
					json_number_at(known, "count", 1) + json_number_at(item, "count", 1)));
		else if (json_array_size(out) < most)
			json_array_append(out, item);
	}
	return out;
}

static json_t *backwards(const json_t *items)
{
	json_t *out = json_array();
	for (size_t i = json_array_size(items); i-- > 0;)
		json_array_append(out, json_array_get(items, i));
	return out;
}

static json_t *recent(const struct cluster_place *place, struct arena *mem, struct error *err)
{
	struct cluster_listing events = {.plural = "events"};
	const json_t *event;
	size_t i;
	if (!cluster_place_list(place, &events, mem, err))
		return NULL;
	CLEANUP(json_done) json_t *items = json_array();
	json_array_foreach (events.items, i, event)
		if (cluster_event_is_ours(place->cluster, event))
			json_array_append_new(items, cluster_event_document(event));
	json_decref(events.items);
	CLEANUP(json_done) json_t *ordered = cluster_events_sorted(items, mem);
	CLEANUP(json_done) json_t *last = last_of(ordered, RECENT);
	return backwards(last);
}

json_t *cluster_recent_events(const struct command_context *context, const struct cluster_source *source,
	struct patroni_cluster *cluster, const char **why)
{
	struct cluster_place place = {
		.source = *source, .cluster = cluster, .namespace = cluster->namespace, .name = cluster->name};
	json_t *found = NULL;
	struct error err;
	*why = NULL;
	if (!*cluster->namespace)
		return NULL;
	place.server = cluster_connect(source, &place.own, &err);
	if (place.server)
		found = recent(&place, context->mem, &err);
	if (!found)
		*why = arena_printf(context->mem, "Events are not known: %s", err.text);
	cluster_disconnect(&place.own);
	return found;
}
