/*
 * Each field does what Argo CD has `kustomize edit` do (5.8: set image, set replicas, add label, add annotation, set nameprefix, ...).
 */
#include "reconcile/render/kustomize.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"

static json_t *make_list(json_t *object, const char *key)
{
	json_t *list = json_object_get(object, key);
	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(object, key, list);
	}
	return list;
}

/* ---- images: [OLD=]NAME[:TAG][@DIGEST] ---- */

/* The first of `separators` behind the last '/' of a registry with its port. */
static size_t name_length(const char *image)
{
	const char *slash = strchr(image, '/');
	size_t domain = slash && slash > image ? (size_t)(slash - image) : 0;
	return domain + strcspn(image + domain, ":@");
}

/* "*" keeps what the kustomization has. */
static void set_part(json_t *image, const json_t *old, const char *key, const char *text, size_t length)
{
	if (length == 1 && *text == '*')
		json_object_set(image, key, json_object_get(old, key));
	else if (length)
		json_object_set_new(image, key, json_stringn(text, length));
}

/* Its place in the list, or the place behind the last one. */
static size_t place_of(const json_t *list, const char *name)
{
	size_t at = 0;
	while (at < json_array_size(list) &&
		strcmp(json_text_at(json_array_get(list, at), "name", ""), name) != 0)
		at++;
	return at;
}

static void put_named(json_t *list, json_t *item)
{
	size_t at = place_of(list, json_text_at(item, "name", ""));
	if (at < json_array_size(list))
		json_array_set(list, at, item);
	else
		json_array_append(list, item);
}

static bool set_image(json_t *images, const char *text, struct error *err)
{
	const char *equal = strchr(text, '='), *value = equal ? equal + 1 : text;
	size_t length = name_length(value), tag = 0;
	const char *rest = value + length, *digest = strchr(rest, '@');
	if (!length || (!*rest && !equal))
		return error_set(err, ERROR_INVALID,
			"source.kustomize.images: \"%.200s\" must be [OLD=]NAME[:TAG][@DIGEST]", text);
	if (*rest == ':')
		tag = strcspn(rest + 1, "@");
	CLEANUP(json_done) json_t *image = json_object();
	json_object_set_new(image, "name",
		equal ? json_stringn(text, (size_t)(equal - text)) : json_stringn(value, length));
	const json_t *old = json_array_get(images, place_of(images, json_text_at(image, "name", "")));
	if (equal)
		set_part(image, old, "newName", value, length);
	if (tag)
		set_part(image, old, "newTag", rest + 1, tag);
	if (digest)
		set_part(image, old, "digest", digest + 1, strlen(digest + 1));
	put_named(images, image);
	return true;
}

static bool change_images(json_t *kustomization, const json_t *value, const json_t *options, struct error *err)
{
	size_t i;
	json_t *image;
	json_t *images = make_list(kustomization, "images");
	(void)options;
	json_array_foreach ((json_t *)(uintptr_t)value, i, image)
		if (!set_image(images, json_string_value(image), err))
			return false;
	return true;
}

/* ---- the others ---- */

/* A count may be a text ("3"), as types.go has it. */
static bool change_replicas(json_t *kustomization, const json_t *value, const json_t *options, struct error *err)
{
	size_t i;
	json_t *replica;
	json_t *replicas = make_list(kustomization, "replicas");
	(void)options;
	(void)err;
	json_array_foreach ((json_t *)(uintptr_t)value, i, replica) {
		const char *count = json_text_at(replica, "count", NULL);
		CLEANUP(json_done) json_t *put = json_deep_copy(replica);
		if (count)
			json_object_set_new(put, "count", json_integer(strtoll(count, NULL, 10)));
		put_named(replicas, put);
	}
	return true;
}

static bool put_texts(json_t *map, const json_t *texts, bool force, const char *field, struct error *err)
{
	const char *key;
	json_t *text;
	json_object_foreach ((json_t *)(uintptr_t)texts, key, text) {
		if (json_object_get(map, key) && !force)
			return error_set(err, ERROR_INVALID,
				"source.kustomize.%s: the kustomization has \"%.200s\" already, and is changed with "
				"source.kustomize.force%c%s only",
				field, key, *field - ('a' - 'A'), field + 1);
		json_object_set(map, key, text);
	}
	return true;
}

static bool same_flag(const json_t *a, const json_t *b, const char *flag)
{
	return json_bool_at(a, flag, false) == json_bool_at(b, flag, false);
}

/* The entry of `labels` with these flags; made when there is none. */
static json_t *labels_with(json_t *kustomization, const json_t *flags)
{
	size_t i;
	json_t *entry;
	json_t *list = make_list(kustomization, "labels");
	json_array_foreach (list, i, entry)
		if (same_flag(entry, flags, "includeSelectors") && same_flag(entry, flags, "includeTemplates"))
			return json_make_object(entry, "pairs");
	entry = json_deep_copy(flags);
	json_array_append_new(list, entry);
	return json_make_object(entry, "pairs");
}

static bool change_labels(json_t *kustomization, const json_t *value, const json_t *options, struct error *err)
{
	bool force = json_bool_at(options, "forceCommonLabels", false);
	bool templates = json_bool_at(options, "labelIncludeTemplates", false);
	if (!json_bool_at(options, "labelWithoutSelector", false))
		return put_texts(
			json_make_object(kustomization, "commonLabels"), value, force, "commonLabels", err);
	CLEANUP(json_done)
	json_t *flags = json_pack("{s:b, s:b}", "includeSelectors", 0, "includeTemplates", (int)templates);
	return put_texts(labels_with(kustomization, flags), value, force, "commonLabels", err);
}

static bool change_annotations(
	json_t *kustomization, const json_t *value, const json_t *options, struct error *err)
{
	return put_texts(json_make_object(kustomization, "commonAnnotations"), value,
		json_bool_at(options, "forceCommonAnnotations", false), "commonAnnotations", err);
}

static bool change_patches(json_t *kustomization, const json_t *value, const json_t *options, struct error *err)
{
	(void)options;
	(void)err;
	json_array_extend(make_list(kustomization, "patches"), (json_t *)(uintptr_t)value);
	return true;
}

static bool change_components(
	json_t *kustomization, const json_t *value, const json_t *options, struct error *err)
{
	size_t i, j;
	json_t *component, *there;
	json_t *components = make_list(kustomization, "components");
	(void)options;
	(void)err;
	json_array_foreach ((json_t *)(uintptr_t)value, i, component) {
		bool known = false;
		json_array_foreach (components, j, there)
			known = known || json_equal(there, component);
		if (!known)
			json_array_append(components, component);
	}
	return true;
}

bool kustomize_change(json_t *kustomization, const json_t *options, struct error *err)
{
	static const struct {
		const char *field;
		bool (*change)(json_t *, const json_t *, const json_t *, struct error *); /* NULL: put as it is */
	} fields[] = {
		{"namePrefix", NULL},
		{"nameSuffix", NULL},
		{"namespace", NULL},
		{"images", change_images},
		{"replicas", change_replicas},
		{"commonLabels", change_labels},
		{"commonAnnotations", change_annotations},
		{"patches", change_patches},
		{"components", change_components},
	};
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const json_t *value = json_object_get(options, fields[i].field);
		if (!value)
			continue;
		if (!fields[i].change)
			json_object_set(kustomization, fields[i].field, (json_t *)(uintptr_t)value);
		else if (!fields[i].change(kustomization, value, options, err))
			return false;
	}
	return true;
}

/* ---- in the tree ---- */

void kustomize_arguments(struct arguments *arguments)
{
	arguments_add(arguments, "build");
	arguments_add(arguments, ".");
}

/* With ignoreMissingComponents those that are not in the tree are left out. */
static bool find_components(const struct render_job *job, json_t *options, struct arena *mem, struct error *err)
{
	json_t *components = json_object_get(options, "components");
	const char *name;
	if (!json_bool_at(options, "ignoreMissingComponents", false))
		return true;
	for (size_t i = json_array_size(components); i-- > 0;) {
		if (!job_resolve(job, json_string_value(json_array_get(components, i)), mem, &name, err))
			return error_prefix(err, "source.kustomize.components");
		if (access(arena_printf(mem, "%s/tree/%s", job->folder, name), F_OK) != 0)
			json_array_remove(components, i);
	}
	return true;
}

static json_t *read_kustomization(
	const char *path, const char *name, const struct buf *bytes, struct arena *mem, struct error *err)
{
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = mem};
	(void)path;
	yaml_read(name, buf_string(bytes), bytes->length, mem, &documents, &mistakes);
	if (mistakes.count) {
		error_set(err, ERROR_INVALID, "%s", mistake_text(&mistakes.items[0], mem));
		return NULL;
	}
	if (documents.count > 1 || (documents.count && documents.items[0]->kind != YAML_MAP)) {
		error_set(err, ERROR_INVALID, "%s must be one map", name);
		return NULL;
	}
	return documents.count ? yaml_to_json(documents.items[0]) : json_object();
}

bool kustomize_prepare(const struct render_job *job, struct arena *mem, struct error *err)
{
	CLEANUP(buf_done) struct buf bytes = BUF(LIMIT_FILE_BYTES);
	CLEANUP(json_done) json_t *options = NULL, *kustomization = NULL;
	const char *name = arena_printf(mem, "%s%s%s", job->path, *job->path ? "/" : "", job->file);
	const char *path = arena_printf(mem, "%s/tree/%s", job->folder, name);
	if (!job->options)
		return true;
	if (!json_read(job->options, strlen(job->options), &options, err) ||
		!find_components(job, options, mem, err) || !file_read(path, &bytes, err))
		return false;
	kustomization = read_kustomization(path, name, &bytes, mem, err);
	if (!kustomization || !kustomize_change(kustomization, options, err))
		return false;
	CLEANUP(memory_freep) char *changed = json_canonical(kustomization);
	return file_replace(job_file(job, "kept", mem), buf_string(&bytes), bytes.length, 0600, err) &&
		file_replace(path, changed, strlen(changed), 0600, err);
}
