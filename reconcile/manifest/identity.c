#include <string.h>

#include "base/text.h"
#include "reconcile/manifest/inspect.h"

const struct yaml_pair *inspect_pair(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->count; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return &map->pairs[i];
	return NULL;
}

const char *inspect_article(enum yaml_kind kind)
{
	static const char *const names[] = {
		"null", "a boolean", "an integer", "a number", "a string", "a list", "a map"};
	return names[kind];
}

/* A text that must be there and not be empty; NULL after a mistake. `holder` is where it is missing. */
static const char *required_text(const struct inspection *inspection, const struct yaml_node *map,
	const char *key, const char *path, const struct yaml_node *holder)
{
	const struct yaml_pair *pair = inspect_pair(map, key);
	if (!pair || pair->value->kind == YAML_NULL) {
		mistakes_add(inspection->mistakes, inspection->file, holder->line, holder->column,
			"%s is missing", path);
		return NULL;
	}
	if (pair->value->kind != YAML_STRING) {
		mistakes_add(inspection->mistakes, inspection->file, pair->value->line, pair->value->column,
			"%s is %s and must be a string%s", path, inspect_article(pair->value->kind),
			pair->value->kind < YAML_LIST ? ": put it in quotes" : "");
		return NULL;
	}
	if (!*pair->value->text) {
		mistakes_add(inspection->mistakes, inspection->file, pair->value->line, pair->value->column,
			"%s is empty", path);
		return NULL;
	}
	return pair->value->text;
}

static bool read_api_version(const struct inspection *inspection, const struct yaml_node *document,
	struct object_key *key, const char **version)
{
	const char *text = required_text(inspection, document, "apiVersion", "apiVersion", document);
	if (!text)
		return false;
	const struct yaml_node *node = yaml_get(document, "apiVersion");
	const char *slash = strchr(text, '/');
	key->group = slash ? arena_copy_n(inspection->mem, text, (size_t)(slash - text)) : "";
	*version = slash ? slash + 1 : text;
	if ((slash && !text_is_dns_subdomain(key->group)) || !text_is_dns_label(*version)) {
		mistakes_add(inspection->mistakes, inspection->file, node->line, node->column,
			"apiVersion must be VERSION or GROUP/VERSION, such as v1 or apps/v1");
		return false;
	}
	return true;
}

static bool read_kind(
	const struct inspection *inspection, const struct yaml_node *document, struct object_key *key)
{
	key->kind = required_text(inspection, document, "kind", "kind", document);
	if (!key->kind)
		return false;
	const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const struct yaml_node *node = yaml_get(document, "kind");
	if (key->kind[strspn(key->kind, letters)] || strlen(key->kind) > 63) {
		mistakes_add(inspection->mistakes, inspection->file, node->line, node->column,
			"kind must be letters and digits, such as ConfigMap");
		return false;
	}
	return true;
}

/* What every name must be, since it stands in a URL; kinds have stricter rules of their own that the server keeps. */
static bool is_path_segment(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/%") && strlen(name) <= 253;
}

/* Only a hook is made anew at each sync; its key carries the prefix, which no other object's name can be. */
static bool read_generated(const struct inspection *inspection, const struct yaml_pair *metadata,
	const struct yaml_pair *generated, struct object_key *key)
{
	const struct yaml_node *annotations = yaml_get(metadata->value, "annotations");
	const struct yaml_node *prefix = generated->value;
	const char *problem = NULL;
	if (!inspect_pair(annotations, "argocd.argoproj.io/hook") && !inspect_pair(annotations, "helm.sh/hook"))
		problem = "gives a new object at each apply: set metadata.name";
	else if (prefix->kind != YAML_STRING || !text_ends(prefix->text, "-") || strlen(prefix->text) > 200 ||
		!is_path_segment(prefix->text))
		problem = "of a hook must be a text of at most 200 bytes that ends with '-'";
	if (problem) {
		mistakes_add(inspection->mistakes, inspection->file, generated->line, generated->column,
			"metadata.generateName %s", problem);
		return false;
	}
	key->name = prefix->text;
	return true;
}

static bool read_name(
	const struct inspection *inspection, const struct yaml_pair *metadata, struct object_key *key)
{
	const struct yaml_pair *generated = inspect_pair(metadata->value, "generateName");
	if (generated && !inspect_pair(metadata->value, "name"))
		return read_generated(inspection, metadata, generated, key);
	const struct yaml_node holder = {.line = metadata->line, .column = metadata->column};
	key->name = required_text(inspection, metadata->value, "name", "metadata.name", &holder);
	if (!key->name)
		return false;
	if (!is_path_segment(key->name)) {
		const struct yaml_node *node = yaml_get(metadata->value, "name");
		mistakes_add(inspection->mistakes, inspection->file, node->line, node->column,
			"metadata.name may not contain '/' or '%%', be '.' or '..', or be longer than 253 bytes");
		return false;
	}
	return true;
}

static bool read_namespace(
	const struct inspection *inspection, const struct yaml_pair *metadata, struct object_key *key)
{
	const struct yaml_node *node = yaml_get(metadata->value, "namespace");
	key->namespace = "";
	if (!node || node->kind == YAML_NULL || (node->kind == YAML_STRING && !*node->text))
		return true;
	if (node->kind != YAML_STRING) {
		mistakes_add(inspection->mistakes, inspection->file, node->line, node->column,
			"metadata.namespace is %s and must be a string%s", inspect_article(node->kind),
			node->kind < YAML_LIST ? ": put it in quotes" : "");
		return false;
	}
	key->namespace = node->text;
	if (text_is_dns_label(node->text))
		return true;
	mistakes_add(inspection->mistakes, inspection->file, node->line, node->column,
		"metadata.namespace must be lower-case letters, digits and '-', at most 63");
	return false;
}

bool inspect_identity(const struct inspection *inspection, const struct yaml_node *document,
	struct object_key *key, const char **version)
{
	/* Argo CD passes such a file over, and then prunes the object whose head was lost in an edit. */
	if (!inspect_pair(document, "apiVersion") && !inspect_pair(document, "kind") &&
		!inspect_pair(document, "metadata")) {
		mistakes_add(inspection->mistakes, inspection->file, document->line, document->column,
			"no Kubernetes object: apiVersion, kind and metadata are missing; a file that is something else "
			"belongs elsewhere, or into spec.source.directory.exclude of the Application");
		return false;
	}
	bool good = read_api_version(inspection, document, key, version);
	good = read_kind(inspection, document, key) && good;
	const struct yaml_pair *metadata = inspect_pair(document, "metadata");
	if (!metadata || metadata->value->kind != YAML_MAP) {
		const struct yaml_node *at = metadata ? metadata->value : document;
		mistakes_add(inspection->mistakes, inspection->file, at->line, at->column,
			metadata ? "metadata must be a map with a name" : "metadata.name is missing");
		return false;
	}
	good = read_name(inspection, metadata, key) && good;
	return read_namespace(inspection, metadata, key) && good;
}

void inspect_texts(const struct inspection *inspection, const struct yaml_pair *map, const char *what)
{
	if (!map || map->value->kind == YAML_NULL)
		return;
	if (map->value->kind != YAML_MAP) {
		mistakes_add(inspection->mistakes, inspection->file, map->value->line, map->value->column,
			"%s is %s and must be a map", what, inspect_article(map->value->kind));
		return;
	}
	for (size_t i = 0; i < map->value->count; i++) {
		const struct yaml_pair *pair = &map->value->pairs[i];
		enum yaml_kind kind = pair->value->kind;
		if (kind == YAML_STRING || kind == YAML_NULL)
			continue;
		mistakes_add(inspection->mistakes, inspection->file, pair->value->line, pair->value->column,
			"%s: \"%s\" is %s and must be a string%s", what, pair->key, inspect_article(kind),
			kind < YAML_LIST ? ": put it in quotes" : "");
	}
}

void inspect_metadata(const struct inspection *inspection, const struct yaml_node *document)
{
	const struct yaml_node *metadata = yaml_get(document, "metadata");
	inspect_texts(inspection, inspect_pair(metadata, "labels"), "metadata.labels");
	inspect_texts(inspection, inspect_pair(metadata, "annotations"), "metadata.annotations");
}
