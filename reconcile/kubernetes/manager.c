#include "reconcile/kubernetes/manager.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

/*
 * What applied the object before us (gitops-peers.md 2.1). An Apply entry is a manifest in any case; an Update entry is one where
 * the tool sends whole manifests by it, and an edit otherwise.
 */
static const struct {
	const char *manager;
	bool updates;
} tools[] = {
	{"kubectl", false},
	{"kubectl-last-applied", false},
	{"kubectl-client-side-apply", true},
	{"kubectl-create", true},
	{"kubectl-replace", true},
	{"before-first-apply", true},
	{"argocd-controller", true},
	{"argocd-application-controller", true}, /* before 2.5, by the name of its program */
	{"kustomize-controller", false},
	{"helm-controller", true},
	{"flux", false},
	{"helm", true},
	{MANAGER_OURS, false},
	{MANAGER_REPLACES, true},
};

static bool is_apply(const json_t *entry)
{
	return text_equal(json_text_at(entry, "operation", ""), "Apply");
}

static bool is_ours(const json_t *entry)
{
	return text_equal(json_text_at(entry, "manager", ""), MANAGER_OURS) && is_apply(entry) &&
		!json_object_get(entry, "subresource");
}

/* Another tool's manifest. */
static bool declares(const json_t *entry, const char *migrated)
{
	const char *manager = json_text_at(entry, "manager", "");
	if (json_object_get(entry, "subresource") || is_ours(entry))
		return false;
	if (text_equal(manager, migrated))
		return true;
	for (size_t i = 0; i < COUNT_OF(tools); i++)
		if (strcmp(manager, tools[i].manager) == 0)
			return tools[i].updates || is_apply(entry);
	return false;
}

bool manager_gives_way(const char *manager)
{
	for (size_t i = 0; i < COUNT_OF(tools); i++)
		if (strcmp(manager, tools[i].manager) == 0)
			return true;
	return text_starts(manager, "kubectl") || text_starts(manager, "argocd");
}

static const json_t *our_fields(const json_t *managed)
{
	size_t index;
	const json_t *entry;
	json_array_foreach (managed, index, entry)
		if (is_ours(entry))
			return json_object_get(entry, "fieldsV1");
	return NULL;
}

int64_t manager_written(const json_t *managed, bool status)
{
	int64_t found = 0;
	size_t index;
	const json_t *entry;
	json_array_foreach (managed, index, entry) {
		const char *subresource = json_text_at(entry, "subresource", "");
		bool fits = status ? text_equal(subresource, "status")
				   : !*subresource && json_at(entry, "fieldsV1.f:spec");
		int64_t when;
		if (fits && clock_parse(json_text_at(entry, "time", ""), &when) && when > found)
			found = when;
	}
	return found;
}

bool manager_applied(const json_t *managed)
{
	return our_fields(managed);
}

bool manager_to_adopt(const json_t *managed, const char *migrated)
{
	size_t index;
	const json_t *entry;
	json_array_foreach (managed, index, entry)
		if (declares(entry, migrated))
			return true;
	return json_object_get(our_fields(managed), "f:stringData");
}

/* Authors */

struct manager_author manager_author_of(
	struct field_index *index, const json_t *managed, const struct field_step *steps, size_t count)
{
	struct manager_author author = {.manager = ""};
	bool ours = true;
	size_t i;
	const json_t *entry;
	json_array_foreach (managed, i, entry) {
		const char *manager = json_text_at(entry, "manager", "");
		int64_t when = 0;
		if (!field_set_holds(index, json_object_get(entry, "fieldsV1"), steps, count))
			continue;
		if (!clock_parse(json_text_at(entry, "time", ""), &when))
			when = 0;
		bool mine = text_equal(manager, MANAGER_OURS);
		if ((mine && !ours) || (mine == ours && *author.manager && when < author.when))
			continue;
		author = (struct manager_author){.manager = manager, .when = when};
		ours = mine;
	}
	return author;
}

/* Adoption */

/*
 * An apply with stringData leaves its keys in `data` to nobody: the server notes only f:stringData (kubernetes/kubernetes#108008), and
 * a key that was renamed there stays for ever. In a Secret that we applied so, what nobody owns in `data` is from us.
 */
static void claim_string_data(const json_t *object, json_t *fields)
{
	CLEANUP(field_index_done) struct field_index index = {0};
	const json_t *managed = json_at(object, "metadata.managedFields");
	const char *key;
	json_t *value;
	json_t *data = json_object_get(object, "data");
	if (!json_object_get(our_fields(managed), "f:stringData"))
		return;
	json_object_foreach (data, key, value) {
		const struct field_step steps[] = {{.key = "data"}, {.key = key}};
		const struct field_step texts[] = {{.key = "stringData"}, {.key = key}};
		CLEANUP(memory_freep) char *name = memory_printf("f:%s", key);
		bool taken = false;
		size_t i;
		const json_t *entry;
		json_array_foreach (managed, i, entry) {
			const json_t *set = json_object_get(entry, "fieldsV1");
			taken = taken || field_set_holds(&index, set, steps, COUNT_OF(steps)) ||
				(!is_ours(entry) && field_set_holds(&index, set, texts, COUNT_OF(texts)));
		}
		if (!taken)
			json_object_set_new(json_make_object(fields, "f:data"), name, json_object());
	}
}

/*
 * The label by which Argo CD tracks where it does not by annotation (argocd.md 2.7) is its mark, not the manifest's. It stays: selectors
 * and operators that copy labels may know it, and Argo CD finds its objects by it when they are given back.
 */
static void leave_instance_label(json_t *fields)
{
	json_t *metadata = json_object_get(fields, "f:metadata");
	json_t *labels = json_object_get(metadata, "f:labels");
	if (json_object_del(labels, "f:app.kubernetes.io/instance") != 0)
		return;
	/* Whoever owns the map, or an empty set of it, owns whatever nobody else does in it. */
	json_object_del(labels, ".");
	if (!json_object_size(labels))
		json_object_del(metadata, "f:labels");
	if (!json_object_size(metadata))
		json_object_del(fields, "f:metadata");
}

static void unite_declared(json_t *fields, const json_t *entry)
{
	CLEANUP(json_done) json_t *own = json_deep_copy(json_object_get(entry, "fieldsV1"));
	if (text_starts(json_text_at(entry, "manager", ""), "argocd"))
		leave_instance_label(own);
	field_set_unite(fields, own);
}

json_t *manager_declared(const json_t *object, const char *migrated)
{
	json_t *fields = json_object();
	size_t index;
	const json_t *entry;
	json_array_foreach (json_at(object, "metadata.managedFields"), index, entry)
		if (declares(entry, migrated))
			unite_declared(fields, entry);
	json_object_del(fields, "f:status"); /* no manifest's, even where it is no subresource */
	claim_string_data(object, fields);
	return fields;
}

json_t *manager_kept(const json_t *managed, const char *migrated)
{
	json_t *fields = json_object();
	size_t index;
	const json_t *entry;
	json_array_foreach (managed, index, entry)
		if (!declares(entry, migrated))
			field_set_cover(fields, json_object_get(entry, "fieldsV1"));
	return fields;
}

json_t *manager_adopt(const json_t *object, const char *migrated)
{
	const json_t *managed = json_at(object, "metadata.managedFields");
	json_t *adopted = json_array();
	json_t *fields = manager_declared(object, migrated);
	size_t index;
	const json_t *entry;
	json_array_foreach (managed, index, entry) {
		if (is_ours(entry))
			field_set_unite(fields, json_object_get(entry, "fieldsV1"));
		else if (!declares(entry, migrated))
			json_array_append_new(adopted, json_deep_copy(entry));
	}
	json_object_del(fields, "f:stringData");
	char now[CLOCK_TEXT_SIZE];
	clock_text_seconds(clock_now(), now);
	json_array_append_new(adopted,
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "manager", MANAGER_OURS, "operation", "Apply",
			"apiVersion", json_text_at(object, "apiVersion", "v1"), "time", now, "fieldsType",
			"FieldsV1", "fieldsV1", fields));
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

void manager_conflicts(const json_t *status, const char *migrated, struct manager_conflicts *conflicts)
{
	CLEANUP(buf_done) struct buf text = BUF(16 * 1024);
	size_t left_out = 0;
	*conflicts = (struct manager_conflicts){.all_give_way = true};
	size_t index;
	const json_t *cause;
	json_array_foreach (json_at(status, "details.causes"), index, cause) {
		char name[128];
		if (!text_equal(json_text_at(cause, "reason", ""), "FieldManagerConflict"))
			continue;
		manager_in(json_text_at(cause, "message", ""), name);
		conflicts->count++;
		if (manager_gives_way(name) || text_equal(name, migrated))
			continue;
		conflicts->all_give_way = false;
		if (text.length > sizeof(conflicts->text) / 2)
			left_out++;
		else
			buf_printf(&text, "%s%s owns %.200s", text.length ? "; " : "", name,
				json_text_at(cause, "field", "?"));
	}
	if (left_out)
		buf_printf(&text, "; and %zu more", left_out);
	snprintf(conflicts->text, sizeof(conflicts->text), "%s", buf_string(&text));
}
