/*
 * view_resources.c - the objects of an Application: status.resources joined with the last operation's results
 */
#include "agent/show/view.h"

#include "base/buf.h"
#include "base/text.h"

enum { NAME_BYTES = 2048 };

/* group/kind/namespace/name; each part is as long as Kubernetes allows at most. */
static void put_name(const json_t *item, struct buf *out)
{
	buf_clear(out);
	buf_printf(out, "%s/%s/%s/%s", json_text_at(item, "group", ""), json_text_at(item, "kind", ""),
		json_text_at(item, "namespace", ""), json_text_at(item, "name", ""));
}

/* Results of the last operation by name; values are borrowed from `application`. */
static json_t *results_by_name(const json_t *application)
{
	CLEANUP(buf_done) struct buf name = BUF(NAME_BYTES);
	json_t *index = json_object(), *result;
	size_t i;
	json_array_foreach (json_at(application, "status.operationState.syncResult.resources"), i, result) {
		put_name(result, &name);
		json_object_set(index, buf_string(&name), result);
	}
	return index;
}

static const char *message_of(const json_t *item, const json_t *result)
{
	const char *message = json_text_at(item, "message", json_text_at(item, "health.message", ""));
	if (*message)
		return message;
	if (json_bool_at(item, "requiresPruning", false))
		return "not in Git any more: a sync with --prune removes it";
	return json_text_at(result, "message", "");
}

static json_t *joined(const json_t *item, const json_t *result)
{
	static const char *const from_result[] = {"hookType", "hookPhase", "syncPhase"};
	json_t *joined = json_copy((json_t *)(uintptr_t)item);
	for (size_t i = 0; i < COUNT_OF(from_result); i++)
		json_set_text(joined, from_result[i], json_text_at(result, from_result[i], ""));
	json_object_set_new(joined, "message", json_string(message_of(item, result)));
	return joined;
}

json_t *view_resources(const json_t *application)
{
	CLEANUP(buf_done) struct buf name = BUF(NAME_BYTES);
	CLEANUP(json_done) json_t *results = results_by_name(application);
	json_t *items = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach (json_at(application, "status.resources"), i, item) {
		put_name(item, &name);
		json_array_append_new(items, joined(item, json_object_get(results, buf_string(&name))));
		json_object_del(results, buf_string(&name));
	}
	/* Hooks are gone from the cluster, mostly, when their operation is over: they are told where they ran. One object may be the
	   hook of several phases, and is told for each. */
	json_array_foreach (json_at(application, "status.operationState.syncResult.resources"), i, item) {
		put_name(item, &name);
		if (*json_text_at(item, "hookType", "") && json_object_get(results, buf_string(&name)))
			json_array_append_new(items, joined(item, item));
	}
	return items;
}
