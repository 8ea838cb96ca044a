#include "reconcile/manifest/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/inspect.h"
#include "reconcile/manifest/stream.h"

/* The tree of one file: LIMIT_YAML_NODES nodes of about 200 bytes each with their places in lists and maps. */
enum { TREE_MEMORY = 256 * 1024 * 1024 };

struct manifest_reader {
	struct inspection inspection;
	struct desired *desired;
	struct arena *mem; /* of the objects */
	bool stopped;      /* a limit of the whole path was reached */
};

bool manifest_is_named(const char *file)
{
	return text_ends(file, ".yaml") || text_ends(file, ".yml") || text_ends(file, ".json");
}

/* A link of Emacs, which says who has the file open and leads nowhere. */
static bool is_lock(const char *relative)
{
	const char *slash = strrchr(relative, '/');
	return text_starts(slash ? slash + 1 : relative, ".#");
}

bool manifest_wanted(const struct manifest_directory *directory, const char *relative)
{
	if (!directory->any_name && !manifest_is_named(relative))
		return false;
	if (is_lock(relative) || (!directory->recurse && strchr(relative, '/')))
		return false;
	if (directory->exclude && *directory->exclude && text_glob(directory->exclude, relative))
		return false;
	return !directory->include || !*directory->include || text_glob(directory->include, relative);
}

const char *manifest_refusal(const char *relative)
{
	static const char helm[] =
		"makes this a Helm directory, which cannot be applied as it lies: have helm on the PATH and leave source.directory empty, or render it and commit the result";
	static const char kustomize[] =
		"makes this a Kustomize directory, which cannot be applied as it lies: have kustomize on the PATH and leave source.directory empty, or render it and commit the result";
	static const char override[] =
		"overrides the Application's source, which is not supported: write it into spec.source and remove the file";
	static const struct {
		const char *name, *text;
	} refused[] = {
		{"Chart.yaml", helm},
		{"kustomization.yaml", kustomize},
		{"kustomization.yml", kustomize},
		{"Kustomization", kustomize},
		{".argocd-source.yaml", override},
	};
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		if (strcmp(refused[i].name, relative) == 0)
			return refused[i].text;
	bool named = text_starts(relative, ".argocd-source-") && text_ends(relative, ".yaml");
	return named && !strchr(relative, '/') ? override : NULL;
}

/* Whether a limit of the whole path allows one more object; says so once if not. */
static bool has_room(struct manifest_reader *reader, const struct yaml_node *document, size_t length)
{
	const char *file = reader->inspection.file;
	struct mistakes *mistakes = reader->inspection.mistakes;
	struct desired *desired = reader->desired;
	if (length > (size_t)LIMIT_OBJECT_BYTES) {
		mistakes_add(mistakes, file, document->line, document->column,
			"the object is larger than %ld bytes as JSON, which no API server stores",
			LIMIT_OBJECT_BYTES);
		return false;
	}
	if (desired->objects.count >= LIMIT_OBJECTS) {
		mistakes_add(mistakes, file, document->line, document->column,
			"more than %d objects in one path: split the Application", LIMIT_OBJECTS);
		reader->stopped = true;
	} else if (desired->bytes + length > (size_t)LIMIT_PATH_BYTES) {
		mistakes_add(mistakes, file, document->line, document->column,
			"the objects of this path are larger than %ld bytes: split the Application",
			LIMIT_PATH_BYTES);
		reader->stopped = true;
	} else if (!budget_fits(desired->objects.count + 1, desired->bytes + length)) {
		mistakes_add(mistakes, file, document->line, document->column,
			"%zu objects with %zu KiB are more than the agent's memory is for (%zu MiB in its memory group): give it "
			"more (resources.limits.memory), or split the Application among agents",
			desired->objects.count + 1, (desired->bytes + length) >> 10, budget_group() >> 20);
		reader->stopped = true;
	}
	return !reader->stopped;
}

/* The block scalar that users are read from: the key may have another name, but then it is the only one. */
static const struct yaml_node *users_text(const struct object_key *key, const struct yaml_node *document)
{
	const struct yaml_node *data = yaml_get(document, "data");
	const struct yaml_node *text = yaml_get(data, "users.yaml"), *only = NULL;
	size_t blocks = 0;
	if (*key->group || strcmp(key->kind, "ConfigMap") != 0 || !data || data->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < data->count; i++)
		if (data->pairs[i].value->block) {
			only = data->pairs[i].value;
			blocks++;
		}
	if (!text && blocks == 1)
		text = only;
	return text && text->block ? text : NULL;
}

static void add_object(struct manifest_reader *reader, const struct yaml_node *document,
	const struct object_key *key, const char *version, json_t *value, const struct object_options *options)
{
	struct desired *desired = reader->desired;
	CLEANUP(memory_freep) char *text = json_canonical(value);
	size_t length = strlen(text);
	const struct yaml_node *users = users_text(key, document);
	if (!has_room(reader, document, length))
		return;
	desired->objects.items = arena_grow(
		reader->mem, desired->objects.items, desired->objects.count, sizeof(*desired->objects.items));
	struct object *object = &desired->objects.items[desired->objects.count++];
	*object = (struct object){
		.key = object_key_copy(key, reader->mem),
		.version = arena_copy(reader->mem, version),
		.file = arena_copy(reader->mem, reader->inspection.file),
		.line = document->line,
		.text_line = users ? users->line + 1 : 0,
		.text_indent = users ? users->indent : 0,
		.json = arena_copy_n(reader->mem, text, length),
		.json_length = length,
		.options = *options,
		.plain = inspect_is_plain(key, value),
		.generated = text_ends(key->name, "-"),
	};
	digest_sha256_hex(object->json, length, object->hash);
	desired->bytes += length;
}

static size_t trouble(const struct manifest_reader *reader)
{
	return reader->inspection.mistakes->count + reader->inspection.mistakes->dropped;
}

struct options_place {
	const struct inspection *inspection;
	const struct yaml_node *document;
};

static void option_mistake(void *context, const char *annotation, const char *text)
{
	const struct options_place *place = context;
	const struct yaml_node *map = yaml_get(yaml_get(place->document, "metadata"), "annotations");
	const struct yaml_pair *pair = inspect_pair(map, annotation);
	mistakes_add(place->inspection->mistakes, place->inspection->file,
		pair ? pair->line : place->document->line, pair ? pair->column : place->document->column,
		"annotation %s: %s", annotation, text);
}

static void read_object(struct manifest_reader *reader, const struct yaml_node *document)
{
	const char *version;
	struct object_key key;
	size_t before = trouble(reader);
	if (!inspect_identity(&reader->inspection, document, &key, &version))
		return;
	inspect_metadata(&reader->inspection, document);
	inspect_values(&reader->inspection, &key, document);
	inspect_postgresql(&reader->inspection, &key, document);
	inspect_operator_config(&reader->inspection, &key, document);
	if (trouble(reader) != before)
		return;
	CLEANUP(json_done) json_t *value = yaml_to_json(document);
	struct options_place place = {&reader->inspection, document};
	struct object_options options;
	object_options_read(
		json_at(value, "metadata.annotations"), key.group, option_mistake, &place, &options);
	if (trouble(reader) == before)
		add_object(reader, document, &key, version, value, &options);
}

static const char *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->kind == YAML_STRING ? node->text : "";
}

/* A list is a kind that ends so and has items: "List" itself, or ConfigMapList and the like. */
static const struct yaml_node *items_of(const struct yaml_node *document)
{
	const char *kind = text_of(document, "kind");
	const struct yaml_node *items = yaml_get(document, "items");
	if (!text_ends(kind, "List"))
		return NULL;
	if (items && items->kind == YAML_LIST)
		return items;
	static const struct yaml_node nothing = {.kind = YAML_LIST};
	return strcmp(kind, "List") == 0 && items && items->kind == YAML_NULL ? &nothing : NULL;
}

/* An empty set is said, never come upon by a word that is misspelled; and what kubectl takes for a list is none here by its kind. */
static bool check_no_list(const struct inspection *inspection, const struct yaml_node *document)
{
	const struct yaml_pair *items = inspect_pair(document, "items");
	if (strcmp(text_of(document, "kind"), "List") == 0)
		mistakes_add(inspection->mistakes, inspection->file, items ? items->line : document->line,
			items ? items->column : document->column,
			"a List has \"items\", a list of objects; an empty one is \"items: []\"");
	else if (items && items->value->kind == YAML_LIST)
		mistakes_add(inspection->mistakes, inspection->file, items->line, items->column,
			"\"items\" here makes a list of the object for kubectl and Argo CD, which apply its items alone: only a kind that "
			"ends with List may have it");
	else
		return true;
	return false;
}

static struct yaml_node *text_node(struct arena *mem, const struct yaml_node *place, const char *text)
{
	struct yaml_node *node = arena_alloc(mem, sizeof(*node));
	*node = *place;
	node->kind = YAML_STRING;
	node->text = text;
	node->length = strlen(text);
	return node;
}

/* Items of a typed list may leave out apiVersion and kind: `kubectl get -o yaml` never does, the API allows it. */
static const struct yaml_node *typed_item(
	struct manifest_reader *reader, const struct yaml_node *list, const struct yaml_node *item)
{
	struct arena *mem = reader->inspection.mem;
	const char *kind = text_of(list, "kind");
	size_t stem = strlen(kind) - strlen("List");
	if (!stem || item->kind != YAML_MAP || yaml_get(item, "kind") || yaml_get(item, "apiVersion"))
		return item;
	struct yaml_node *copy = arena_alloc(mem, sizeof(*copy));
	*copy = *item;
	copy->count = item->count + 2;
	copy->pairs = arena_array(mem, copy->count, sizeof(*copy->pairs));
	if (item->count)
		memcpy(copy->pairs, item->pairs, item->count * sizeof(*copy->pairs));
	copy->pairs[item->count] = (struct yaml_pair){"apiVersion", item->line, item->column,
		text_node(mem, item, text_of(list, "apiVersion")), YAML_STRING};
	copy->pairs[item->count + 1] = (struct yaml_pair){"kind", item->line, item->column,
		text_node(mem, item, arena_copy_n(mem, kind, stem)), YAML_STRING};
	return copy;
}

/* Recursion: a list within a list is two levels of the document, whose depth the reader bounds. */
static void read_document(struct manifest_reader *reader, const struct yaml_node *document)
{
	if (document->kind != YAML_MAP) {
		mistakes_add(reader->inspection.mistakes, reader->inspection.file, document->line,
			document->column,
			"%s is no Kubernetes object: a map with apiVersion, kind and metadata is",
			inspect_article(document->kind));
		return;
	}
	const struct yaml_node *items = items_of(document);
	if (!items) {
		if (check_no_list(&reader->inspection, document))
			read_object(reader, document);
		return;
	}
	for (size_t i = 0; i < items->count && !reader->stopped; i++)
		read_document(reader, typed_item(reader, document, items->items[i]));
}

static bool contains(const char *bytes, size_t length, const char *text)
{
	return memmem(bytes, length, text, strlen(text)) != NULL;
}

bool manifest_looks_like(const char *bytes, size_t length)
{
	return contains(bytes, length, "apiVersion") && contains(bytes, length, "kind") &&
		contains(bytes, length, "metadata");
}

/* A hidden file that does not look like a manifest is some tool's own: .gitlab-ci.yml, .github/workflows/x.yml. */
static bool is_hidden_tool(const char *file, const char *bytes, size_t length)
{
	bool hidden = file[0] == '.' || strstr(file, "/.");
	return hidden && !manifest_looks_like(bytes, length);
}

void manifest_read(
	const char *file, const char *bytes, size_t length, struct arena *mem, struct desired *desired)
{
	struct yaml_documents documents;
	if (is_hidden_tool(file, bytes, length))
		return;
	desired->files++;
	if (contains(bytes, length, "+argocd:skip-file-rendering"))
		return;
	CLEANUP(arena_freep) struct arena *tree = arena_new(TREE_MEMORY);
	struct manifest_reader reader = {
		.inspection = {.file = file,
			.mistakes = &desired->mistakes,
			.warnings = &desired->warnings,
			.mem = tree},
		.desired = desired,
		.mem = mem,
	};
	CLEANUP(memory_freep)
	char *stream = manifest_stream(file, bytes, length, &length, &desired->mistakes);
	yaml_read(file, stream ? stream : bytes, length, tree, &documents, &desired->mistakes);
	for (size_t i = 0; i < documents.count && !reader.stopped; i++)
		read_document(&reader, documents.items[i]);
}
