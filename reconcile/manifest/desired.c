#include "reconcile/desired.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reconcile/manifest/scope.h"

/* A kind that a CustomResourceDefinition of the set brings along. */
struct own_kind {
	const char *group;
	const char *kind;
	bool namespaced;
};

struct completion {
	struct desired *desired;
	const char *namespace;
	desired_scope *scope;
	void *context;
	struct arena *mem;
	struct own_kind *kinds;
	size_t kind_count;
};

static bool is_definition(const struct object *object)
{
	return strcmp(object->key.kind, "CustomResourceDefinition") == 0 &&
		strcmp(object->key.group, "apiextensions.k8s.io") == 0;
}

bool desired_defines(const struct object *object, struct arena *mem, struct object_key *defined)
{
	struct error ignored; /* one that is no JSON was told when it was read */
	CLEANUP(json_done) json_t *definition = NULL;
	if (!is_definition(object) || !json_read(object->json, object->json_length, &definition, &ignored))
		return false;
	*defined = (struct object_key){
		.group = arena_copy(mem, json_text_at(definition, "spec.group", "")),
		.kind = arena_copy(mem, json_text_at(definition, "spec.names.kind", "")),
		.name = object->key.name,
	};
	return true;
}

static void collect_kinds(struct completion *completion)
{
	struct objects *objects = &completion->desired->objects;
	for (size_t i = 0; i < objects->count; i++) {
		struct error ignored;
		CLEANUP(json_done) json_t *definition = NULL;
		if (!is_definition(&objects->items[i]) ||
			!json_read(objects->items[i].json, objects->items[i].json_length, &definition, &ignored))
			continue;
		const char *scope = json_text_at(definition, "spec.scope", "Namespaced");
		completion->kinds = arena_grow(completion->mem, completion->kinds, completion->kind_count,
			sizeof(*completion->kinds));
		completion->kinds[completion->kind_count++] = (struct own_kind){
			.group = arena_copy(completion->mem, json_text_at(definition, "spec.group", "")),
			.kind = arena_copy(completion->mem, json_text_at(definition, "spec.names.kind", "")),
			.namespaced = strcmp(scope, "Cluster") != 0,
		};
	}
}

static bool is_namespaced(struct completion *completion, const struct object_key *key)
{
	for (size_t i = 0; i < completion->kind_count; i++)
		if (strcmp(completion->kinds[i].group, key->group) == 0 &&
			strcmp(completion->kinds[i].kind, key->kind) == 0)
			return completion->kinds[i].namespaced;
	int known = completion->scope ? completion->scope(completion->context, key->group, key->kind) : -1;
	completion->desired->guessed = completion->desired->guessed || (completion->scope && known < 0);
	return known >= 0 ? known > 0 : !scope_is_cluster(key->group, key->kind);
}

/* "" = none. */
static void set_namespace(const struct completion *completion, struct object *object, const char *namespace)
{
	struct error err;
	CLEANUP(json_done) json_t *value = NULL;
	if (!json_read(object->json, object->json_length, &value, &err))
		memory_fail("an object's own JSON cannot be read", object->json_length);
	json_t *metadata = json_make_object(value, "metadata");
	json_object_del(metadata, "namespace");
	json_set_text(metadata, "namespace", namespace);
	CLEANUP(memory_freep) char *text = json_canonical(value);
	object->key.namespace = arena_copy(completion->mem, namespace);
	object->json = arena_copy(completion->mem, text);
	object->json_length = strlen(text);
	digest_sha256_hex(object->json, object->json_length, object->hash);
}

static void place(struct completion *completion, struct object *object)
{
	struct mistakes *mistakes = &completion->desired->mistakes;
	bool given = *object->key.namespace;
	if (is_namespaced(completion, &object->key)) {
		if (!given && !*completion->namespace)
			mistakes_add(mistakes, object->file, object->line, 0,
				"%s \"%s\" has no namespace: set metadata.namespace, or spec.destination.namespace "
				"of the Application",
				object->key.kind, object->key.name);
		else if (!given)
			set_namespace(completion, object, completion->namespace);
	} else if (given) {
		/* Charts have it; kubectl and Argo CD pass over it, while the server refuses it. */
		set_namespace(completion, object, "");
	}
}

/* What two neighbours have in common stands in one place, so that most comparisons of keys look at names alone. */
static void share_text(struct object_key *key, const struct object_key *before)
{
	if (strcmp(key->group, before->group) == 0)
		key->group = before->group;
	if (strcmp(key->kind, before->kind) == 0)
		key->kind = before->kind;
	if (strcmp(key->namespace, before->namespace) == 0)
		key->namespace = before->namespace;
}

/* Within one key the last one is to win. Objects of one file stand in its order, and so do rendered ones, whose files are many or one;
   files that were read at different times (struct source_path: base) do not. */
static int compare(const void *a, const void *b, void *context)
{
	const struct object *left = *(const struct object *const *)a;
	const struct object *right = *(const struct object *const *)b;
	const struct desired *desired = context;
	int order = object_key_compare(&left->key, &right->key);
	if (!order)
		order = (left->source > right->source) - (left->source < right->source);
	if (!order && desired->rendered == RENDER_NONE)
		order = strcmp(left->file, right->file);
	return order ? order : (left > right) - (left < right);
}

static void report_repeat(struct completion *completion, const struct object *loser, const struct object *winner)
{
	const char *order =
		winner->source == loser->source ? "last one in path order" : "one of the later source";
	mistakes_add(&completion->desired->warnings, winner->file, winner->line, 0,
		"%s stands here and at %s:%d: the %s, this one, is used",
		object_key_text(&winner->key, completion->mem), loser->file, loser->line, order);
}

static void sort(struct completion *completion)
{
	struct objects *objects = &completion->desired->objects;
	size_t count = objects->count, kept = 0;
	if (!count)
		return;
	struct object **order = arena_array(completion->mem, count, sizeof(struct object *));
	struct object *sorted = arena_array(completion->mem, count, sizeof(*sorted));
	for (size_t i = 0; i < count; i++)
		order[i] = &objects->items[i];
	qsort_r(order, count, sizeof(struct object *), compare, completion->desired);
	for (size_t i = 0; i < count; i++) {
		if (i + 1 < count && object_key_compare(&order[i]->key, &order[i + 1]->key) == 0)
			report_repeat(completion, order[i], order[i + 1]);
		else
			sorted[kept++] = *order[i];
	}
	for (size_t i = 1; i < kept; i++)
		share_text(&sorted[i].key, &sorted[i - 1].key);
	objects->items = sorted;
	objects->count = kept;
}

void desired_complete(struct desired *desired, const char *namespace, desired_scope *scope, void *context,
	struct arena *mem)
{
	struct completion completion = {
		.desired = desired,
		.namespace = namespace ? namespace : "",
		.scope = scope,
		.context = context,
		.mem = mem,
	};
	collect_kinds(&completion);
	for (size_t i = 0; i < desired->objects.count; i++)
		place(&completion, &desired->objects.items[i]);
	sort(&completion);
}
