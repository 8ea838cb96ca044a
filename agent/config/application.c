#include "agent/config/application.h"

#include <stdlib.h>
#include <string.h>

#include "agent/config/application_annotations.h"
#include "agent/config/application_spec.h"
#include "agent/config/folder.h"
#include "agent/config/project.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

static int64_t deletion_requested(const json_t *document)
{
	int64_t microseconds = 0;
	const char *text = json_text_at(document, "metadata.deletionTimestamp", "");
	return clock_parse(text, &microseconds) ? microseconds : 0;
}

static int cascade_of(const json_t *document)
{
	size_t i;
	json_t *finalizer;
	json_array_foreach (json_at(document, "metadata.finalizers"), i, finalizer) {
		const char *name = json_string_value(finalizer);
		if (text_equal(name, APPLICATION_FINALIZER "/background"))
			return CASCADE_BACKGROUND;
		if (text_equal(name, APPLICATION_FINALIZER) ||
			text_equal(name, APPLICATION_FINALIZER "/foreground"))
			return CASCADE_FOREGROUND;
	}
	return CASCADE_NONE;
}

/* Also ".../cleanup", as Argo CD has them (argocd.md 2.12). */
static unsigned delete_hooks_of(const json_t *document)
{
	size_t i;
	json_t *finalizer;
	unsigned hooks = 0;
	json_array_foreach (json_at(document, "metadata.finalizers"), i, finalizer) {
		const char *name = json_string_value(finalizer);
		if (name && text_starts(name, PRE_DELETE_FINALIZER))
			hooks |= HOOK_PRE_DELETE;
		else if (name && text_starts(name, POST_DELETE_FINALIZER))
			hooks |= HOOK_POST_DELETE;
	}
	return hooks;
}

bool application_read(json_t *document, const char *file, struct arena *mem, struct application *application,
	struct error *err)
{
	const char *name = json_text_at(document, "metadata.name", "");
	if (strcmp(json_text_at(document, "kind", ""), "Application") != 0 ||
		strcmp(json_text_at(document, "apiVersion", ""), "argoproj.io/v1alpha1") != 0)
		return error_set(err, ERROR_INVALID, "not an Application of argoproj.io/v1alpha1");
	if (!text_is_dns_subdomain(name))
		return error_set(err, ERROR_INVALID,
			"metadata.name of an Application must be lower-case letters, digits, '-' and '.'");
	struct application read = {
		.name = arena_copy(mem, name),
		.namespace = arena_copy(mem, json_text_at(document, "metadata.namespace", "")),
		.uid = arena_copy(mem, json_text_at(document, "metadata.uid", "")),
		.file = arena_copy(mem, file),
		.deleting = json_at(document, "metadata.deletionTimestamp") != NULL,
		.deletion_requested = deletion_requested(document),
		.cascade = cascade_of(document),
		.delete_hooks = delete_hooks_of(document),
		.document = json_incref(document),
	};
	application_read_spec(json_object_get(document, "spec"), mem, &read);
	application_read_annotations(json_at(document, "metadata.annotations"), mem, &read);
	*application = read;
	return true;
}

void application_done(struct application *application)
{
	json_done(&application->document);
}

static bool same_at(const json_t *a, const json_t *b, const char *key)
{
	const json_t *left = json_object_get(a, key), *right = json_object_get(b, key);
	if (!left || !right)
		return left == right;
	return json_equal(left, right);
}

/* What annotations have to do with them is in no other field. */
static bool same_texts(const char *const *left, size_t left_count, const char *const *right, size_t right_count)
{
	for (size_t i = 0; i < left_count && left_count == right_count; i++)
		if (strcmp(left[i], right[i]) != 0)
			return false;
	return left_count == right_count;
}

bool application_same(const struct application *a, const struct application *b)
{
	return text_equal(a->name, b->name) && text_equal(a->namespace, b->namespace) &&
		text_equal(a->uid, b->uid) && a->refresh == b->refresh &&
		a->skip_reconcile == b->skip_reconcile && a->deleting == b->deleting &&
		a->cascade == b->cascade && a->delete_hooks == b->delete_hooks &&
		a->deletion_approved == b->deletion_approved && text_equal(a->migrated, b->migrated) &&
		same_texts(a->spec_errors, a->spec_error_count, b->spec_errors, b->spec_error_count) &&
		same_texts(a->warnings, a->warning_count, b->warnings, b->warning_count) &&
		same_at(a->document, b->document, "spec") && same_at(a->document, b->document, "operation");
}

/* The applications of a folder while it is read. */
struct collection {
	struct application *items;
	size_t count;
	struct arena *mem;
	struct mistakes *mistakes;
};

static void add(void *context, const struct object *object)
{
	struct collection *collection = context;
	struct error err;
	CLEANUP(json_done) json_t *document = NULL;
	struct application application;
	if (project_is_one(&object->key))
		return;
	if (!json_read(object->json, object->json_length, &document, &err) ||
		!application_read(document, object->file, collection->mem, &application, &err)) {
		mistakes_add(collection->mistakes, object->file, object->line, 0, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < collection->count; i++)
		if (strcmp(collection->items[i].name, application.name) == 0) {
			mistakes_add(collection->mistakes, object->file, object->line, 0,
				"Application \"%s\" is also in %s: give one of them another name",
				application.name, collection->items[i].file);
			application_done(&application);
			return;
		}
	collection->items =
		arena_grow(collection->mem, collection->items, collection->count, sizeof(*collection->items));
	collection->items[collection->count++] = application;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct application *)a)->name, ((const struct application *)b)->name);
}

bool application_read_folder(const char *folder, struct arena *mem, struct application **items, size_t *count,
	struct mistakes *mistakes, struct error *err)
{
	struct collection collection = {.mem = mem, .mistakes = mistakes};
	const struct folder_reader reader = {mem, mistakes, add, &collection};
	bool ok = folder_read(folder, &reader, err);
	if (ok && collection.count > LIMIT_APPLICATIONS)
		ok = error_set(
			err, ERROR_INVALID, "more than %d Applications in %s", LIMIT_APPLICATIONS, folder);
	if (!ok) {
		for (size_t i = 0; i < collection.count; i++)
			application_done(&collection.items[i]);
		return false;
	}
	if (collection.count)
		qsort(collection.items, collection.count, sizeof(*collection.items), by_name);
	*items = collection.items;
	*count = collection.count;
	return true;
}
