#include "reconcile/kubernetes/manager.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

static bool declares_only(const json_t *entry)
{
	return !json_object_get(entry, "subresource") && manager_declares(json_text_at(entry, "manager", ""));
}

bool manager_gives_way(const char *manager)
{
	return text_starts(manager, "kubectl") || manager_declares(manager);
}

bool manager_declares(const char *manager)
{
	static const char *const names[] = {
		"kubectl-client-side-apply", "before-first-apply", "argocd-controller"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(manager, names[i]) == 0)
			return true;
	return false;
}

bool manager_any_declares(const json_t *managed)
{
	size_t index;
	const json_t *entry;
	json_array_foreach (managed, index, entry)
		if (declares_only(entry))
			return true;
	return false;
}

/* Authors */

/* fieldsV1 names an element "k:{"name":"x"}" by its key fields, "v:value" by its value, "i:N" by its place. */
static bool names_element(const char *name, const struct manager_step *step)
{
	struct error ignored;
	CLEANUP(json_done) json_t *key = NULL;
	if (text_starts(name, "i:")) {
		char place[32];
		snprintf(place, sizeof(place), "i:%zu", step->index);
		return strcmp(name, place) == 0;
	}
	if (!text_starts(name, "k:") && !text_starts(name, "v:"))
		return false;
	if (!json_read(name + 2, strlen(name + 2), &key, &ignored))
		return false;
	if (text_starts(name, "v:"))
		return json_equal(key, step->element);
	const char *field;
	json_t *value;
	json_object_foreach (key, field, value) {
		const json_t *found = json_object_get(step->element, field);
		/* A defaulted key field ("protocol": "TCP") may be absent in what was written. */
		if (found && !json_equal(found, value))
			return false;
	}
	return json_object_size(key);
}

static const json_t *child(const json_t *fields, const struct manager_step *step)
{
	const char *name;
	json_t *value;
	if (step->key) {
		char key[512];
		if ((size_t)snprintf(key, sizeof(key), "f:%s", step->key) >= sizeof(key))
			return NULL;
		return json_object_get(fields, key);
	}
	void *rest;
	json_t *all = (json_t *)(uintptr_t)fields;
	json_object_foreach_safe (all, rest, name, value)
		if (names_element(name, step))
			return value;
	return NULL;
}

/* Owns the path, or a whole (atomic) value that holds it. */
static bool owns(const json_t *fields, const struct manager_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const json_t *next = child(fields, &steps[i]);
		if (!next)
			return i > 0 && !json_object_size(fields);
		fields = next;
	}
	return true;
}

struct manager_author manager_author_of(const json_t *managed, const struct manager_step *steps, size_t count)
{
	struct manager_author author = {.manager = ""};
	bool ours = true;
	size_t index;
	const json_t *entry;
	json_array_foreach (managed, index, entry) {
		const char *manager = json_text_at(entry, "manager", "");
		int64_t when = 0;
		if (!owns(json_object_get(entry, "fieldsV1"), steps, count))
			continue;
		if (!clock_parse(json_text_at(entry, "time", ""), &when))
			when = 0;
		bool is_ours = text_equal(manager, MANAGER_OURS);
		if ((is_ours && !ours) || (is_ours == ours && *author.manager && when < author.when))
			continue;
		author = (struct manager_author){.manager = manager, .when = when};
		ours = is_ours;
	}
	return author;
}

/* Adoption */

/* The union of two field sets is the union of their trees. Depth is bounded by the parser's own limit. */
static void unite(json_t *into, const json_t *from)
{
	const char *name;
	json_t *value;
	void *rest;
	json_t *all = (json_t *)(uintptr_t)from;
	json_object_foreach_safe (all, rest, name, value) {
		json_t *there = json_object_get(into, name);
		if (json_is_object(there))
			unite(there, value);
		else
			json_object_set_new(into, name, json_deep_copy(value));
	}
}

json_t *manager_adopt(const json_t *managed, const char *api_version)
{
	json_t *adopted = json_array();
	json_t *fields = json_object();
	size_t index;
	const json_t *entry;
	json_array_foreach (managed, index, entry) {
		bool ours = text_equal(json_text_at(entry, "manager", ""), MANAGER_OURS) &&
			text_equal(json_text_at(entry, "operation", ""), "Apply") &&
			!json_object_get(entry, "subresource");
		if (ours || declares_only(entry))
			unite(fields, json_object_get(entry, "fieldsV1"));
		else
			json_array_append_new(adopted, json_deep_copy(entry));
	}
	char now[CLOCK_TEXT_SIZE];
	clock_text_seconds(clock_now(), now);
	json_array_append_new(adopted,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "manager", MANAGER_OURS, "operation", "Apply",
			"apiVersion", api_version, "time", now, "fieldsType", "FieldsV1", "fieldsV1", fields));
	return adopted;
}

/* Conflicts */

/* The server's text is: conflict with "NAME" using v1 at TIME (or with subresource "..."). */
static void manager_in(const char *message, char name[128])
{
	const char *start = strchr(message, '"');
	const char *end = start ? strchr(start + 1, '"') : NULL;
	snprintf(name, 128, "%.*s", end ? (int)(end - start - 1) : 0, end ? start + 1 : "");
}

void manager_conflicts(const json_t *status, struct manager_conflicts *conflicts)
{
	CLEANUP(buf_done) struct buf text = BUF(sizeof(conflicts->text) - 1);
	*conflicts = (struct manager_conflicts){.all_give_way = true};
	size_t index;
	const json_t *cause;
	json_array_foreach (json_at(status, "details.causes"), index, cause) {
		char name[128];
		if (!text_equal(json_text_at(cause, "reason", ""), "FieldManagerConflict"))
			continue;
		manager_in(json_text_at(cause, "message", ""), name);
		conflicts->all_give_way = conflicts->all_give_way && manager_gives_way(name);
		if (!manager_gives_way(name))
			buf_printf(&text, "%s%s owns %s", text.length ? "; " : "", name,
				json_text_at(cause, "field", "?"));
		conflicts->count++;
	}
	snprintf(conflicts->text, sizeof(conflicts->text), "%s", buf_string(&text));
}
