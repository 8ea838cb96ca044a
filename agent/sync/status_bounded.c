/*
 * status_bounded.c - as much of a status as the API server takes
 *
 * etcd takes 1.5 MiB for one object, and an Application of some thousand objects has more to say. The store has the whole; what goes
 * to the cluster is bounded by bytes, and says so.
 */
#include "agent/sync/status.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

/* A list and how much of it is shown. */
struct excerpt {
	json_t *list; /* a new reference */
	size_t shown, all;
};

static bool is_good(const char *status)
{
	static const char *const good[] = {"", "Synced", "Pruned"};
	for (size_t i = 0; i < COUNT_OF(good); i++)
		if (strcmp(status, good[i]) == 0)
			return true;
	return false;
}

/* What people look for: not Synced, or not Healthy. */
static bool is_urgent(const json_t *resource)
{
	return !is_good(json_text_at(resource, "status", "")) ||
		strcmp(json_text_at(resource, "health.status", "Healthy"), "Healthy") != 0;
}

static size_t size_of(const json_t *value)
{
	return json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + 1;
}

static size_t size_of_all(const json_t *list)
{
	size_t i, size = 2;
	const json_t *item;
	json_array_foreach (list, i, item)
		size += size_of(item);
	return size;
}

static void append_while_room(json_t *to, const json_t *list, bool urgent, size_t *room)
{
	size_t i;
	json_t *item;
	json_array_foreach (list, i, item) {
		size_t size = size_of(item);
		if (is_urgent(item) != urgent || size > *room)
			continue;
		*room -= size;
		json_array_append(to, item);
	}
}

/* The urgent ones first, each half in its own order. */
static struct excerpt excerpt_of(json_t *list, size_t limit)
{
	struct excerpt excerpt = {.list = json_incref(list), .all = json_array_size(list)};
	excerpt.shown = excerpt.all;
	if (!list || size_of_all(list) <= limit)
		return excerpt;
	json_decref(excerpt.list);
	excerpt.list = json_array();
	append_while_room(excerpt.list, list, true, &limit);
	append_while_room(excerpt.list, list, false, &limit);
	excerpt.shown = json_array_size(excerpt.list);
	return excerpt;
}

/* The newest entries; a new reference. */
static json_t *newest_of(json_t *history)
{
	size_t count = json_array_size(history), first = count, room = LIMIT_STATUS_HISTORY;
	while (first > 0 && size_of(json_array_get(history, first - 1)) <= room)
		room -= size_of(json_array_get(history, --first));
	if (!first)
		return json_incref(history);
	json_t *list = json_array();
	for (size_t i = first; i < count; i++)
		json_array_append(list, json_array_get(history, i));
	return list;
}

/* Not in the middle of a character. */
static json_t *cut(const char *text)
{
	size_t length = LIMIT_STATUS_MESSAGE;
	while (length && (text[length] & 0xc0) == 0x80)
		length--;
	return json_sprintf("%.*s...", (int)length, text);
}

static void cut_message(json_t *object)
{
	const char *message = json_text_at(object, "message", "");
	if (strlen(message) > LIMIT_STATUS_MESSAGE)
		json_object_set_new(object, "message", cut(message));
}

/* A new reference, never NULL. */
static json_t *conditions_of(const json_t *status)
{
	json_t *list = json_array(), *condition;
	size_t i;
	json_array_foreach (json_object_get(status, "conditions"), i, condition) {
		json_t *copy = json_copy(condition);
		cut_message(copy);
		json_array_append_new(list, copy);
	}
	return list;
}

static json_t *condition(const char *type, const char *message, int64_t since)
{
	char time[CLOCK_TEXT_SIZE];
	clock_text_seconds(since, time);
	return json_pack("{s:s, s:s, s:s}", "type", type, "message", message, "lastTransitionTime", time);
}

static void say_shortened(
	json_t *conditions, const struct excerpt *resources, const struct excerpt *results, int64_t *since)
{
	if (resources->shown == resources->all && results->shown == results->all) {
		*since = 0;
		return;
	}
	CLEANUP(memory_freep)
	char *message = memory_printf(
		"the API server takes no larger object: status.resources shows %zu of %zu objects, "
		"status.operationState.syncResult.resources %zu of %zu, what is not Synced or not Healthy first; "
		"`pgitops app get` shows all",
		resources->shown, resources->all, results->shown, results->all);
	if (!*since)
		*since = clock_now();
	json_array_append_new(conditions, condition("ShortenedStatusWarning", message, *since));
}

/* Shallow copies on the way down: the whole status stays as it is. A new reference. */
static json_t *operation_of(const json_t *whole, struct excerpt *results)
{
	json_t *state = json_copy(json_object_get(whole, "operationState"));
	json_t *result = json_copy(json_object_get(state, "syncResult"));
	*results = excerpt_of(json_object_get(result, "resources"), LIMIT_STATUS_RESULTS);
	if (results->list)
		json_object_set_new(result, "resources", results->list);
	if (result)
		json_object_set_new(state, "syncResult", result);
	if (state)
		cut_message(state);
	return state;
}

static void set_or_leave(json_t *object, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(object, key, value);
}

json_t *status_bounded(const json_t *whole, int64_t *since)
{
	json_t *status = json_copy((json_t *)(uintptr_t)whole);
	json_t *conditions = conditions_of(whole);
	struct excerpt results,
		resources = excerpt_of(json_object_get(whole, "resources"), LIMIT_STATUS_RESOURCES);

	set_or_leave(status, "operationState", operation_of(whole, &results));
	set_or_leave(status, "resources", resources.list);
	if (json_object_get(whole, "history"))
		json_object_set_new(status, "history", newest_of(json_object_get(whole, "history")));
	say_shortened(conditions, &resources, &results, since);
	if (json_array_size(conditions))
		json_object_set(status, "conditions", conditions);
	json_decref(conditions);
	return status;
}

json_t *status_minimal(const json_t *whole, const char *why)
{
	static const char *const kept[] = {"sync", "health", "reconciledAt", "sourceType", "sourceTypes"};
	CLEANUP(memory_freep)
	char *message = memory_printf("the status cannot be shown here: %s; `pgitops app get` shows it", why);
	json_t *status = json_object(), *conditions = json_array();

	for (size_t i = 0; i < COUNT_OF(kept); i++)
		if (json_object_get(whole, kept[i]))
			json_object_set(status, kept[i], json_object_get(whole, kept[i]));
	json_array_append_new(conditions, condition("UnknownError", message, clock_now()));
	json_object_set_new(status, "conditions", conditions);
	return status;
}
