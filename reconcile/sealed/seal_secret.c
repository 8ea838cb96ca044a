/* sealed_secret_seal(): a Secret's document to a SealedSecret. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/object.h"
#include "reconcile/sealed/sealed_secret.h"

/* What the server fills in, and what must never reach Git: the last applied configuration is the Secret in plain text. */
static const char *const stripped_annotations[] = {
	"kubectl.kubernetes.io/last-applied-configuration", "kubecfg.ksonnet.io/last-applied-configuration"};

struct sealing {
	const struct seal_options *options;
	const struct certificate *certificate;
	struct mistakes *warnings;
	char label[SEALED_LABEL_SIZE];
	size_t total; /* bytes of all values */
	json_t *values;
};

static bool is_item_name(const char *key)
{
	size_t length = strlen(key);
	return length > 0 && length <= 253 &&
		strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == length;
}

static bool seal_item(
	struct sealing *sealing, const char *key, const void *bytes, size_t length, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(SEALED_TEXT_MAX);
	sealing->total += length;
	if (sealing->total > SEALED_VALUE_MAX)
		return error_set(err, ERROR_INVALID,
			"the Secret's values are larger than %d bytes together: the API server "
			"takes no larger Secret",
			SEALED_VALUE_MAX);
	if (!sealed_value_seal(sealing->certificate, sealing->label, bytes, length, &text, err))
		return error_prefix(err, "item \"%s\"", key);
	json_object_set_new(sealing->values, key, json_string(buf_string(&text)));
	return true;
}

static bool seal_base64_item(
	struct sealing *sealing, const char *key, const struct yaml_node *value, struct error *err)
{
	CLEANUP(secret_done) struct secret raw = {0};
	if (!secret_set_base64(&raw, value->text, value->length))
		return error_set(err, ERROR_INVALID,
			"line %d: data.\"%s\" is not base64; plain text belongs into stringData", value->line,
			key);
	return seal_item(sealing, key, raw.bytes, raw.length, err);
}

/* The map under `field`, empty when it is absent or null. */
static bool items_of(
	const struct yaml_node *secret, const char *field, const struct yaml_node **map, struct error *err)
{
	static const struct yaml_node empty = {.kind = YAML_MAP};
	const struct yaml_node *found = yaml_get(secret, field);
	*map = found && found->kind == YAML_MAP ? found : &empty;
	if (found && found->kind != YAML_MAP && found->kind != YAML_NULL)
		return error_set(err, ERROR_INVALID, "line %d: %s is %s, not a map", found->line, field,
			yaml_kind_name(found->kind));
	for (size_t i = 0; i < (*map)->count; i++) {
		const struct yaml_pair *pair = &(*map)->pairs[i];
		if (!is_item_name(pair->key))
			return error_set(err, ERROR_INVALID,
				"line %d: a key of %s may only have letters, digits, '-', '_' "
				"and '.'",
				pair->line, field);
		if (pair->value->kind != YAML_STRING)
			return error_set(err, ERROR_INVALID,
				"line %d: %s.\"%s\" is %s, not a string: put it in quotes", pair->line, field,
				pair->key, yaml_kind_name(pair->value->kind));
	}
	return true;
}

static bool seal_items(struct sealing *sealing, const struct yaml_node *secret, struct error *err)
{
	const struct yaml_node *data, *strings;
	if (!items_of(secret, "data", &data, err) || !items_of(secret, "stringData", &strings, err))
		return false;
	if (data->count + strings->count == 0 && !sealing->options->allow_empty)
		return error_set(err, ERROR_INVALID,
			"secret.data is empty in input Secret, assuming this is an error and "
			"aborting. To work with empty data, --allow-empty-data can be used");
	for (size_t i = 0; i < data->count; i++) {
		const struct yaml_pair *pair = &data->pairs[i];
		if (yaml_get(strings, pair->key))
			mistakes_add(sealing->warnings, "", pair->line, pair->column,
				"\"%s\" stands in data and in "
				"stringData: the one in stringData counts, as in the API server",
				pair->key);
		else if (!seal_base64_item(sealing, pair->key, pair->value, err))
			return false;
	}
	for (size_t i = 0; i < strings->count; i++)
		if (!seal_item(sealing, strings->pairs[i].key, strings->pairs[i].value->text,
			    strings->pairs[i].value->length, err))
			return false;
	return true;
}

static void set_scope(json_t *annotations, enum sealed_scope scope)
{
	json_object_del(annotations, SEALED_ANNOTATION_CLUSTER);
	json_object_del(annotations, SEALED_ANNOTATION_NAMESPACE);
	if (scope != SCOPE_STRICT)
		json_object_set_new(annotations,
			scope == SCOPE_CLUSTER ? SEALED_ANNOTATION_CLUSTER : SEALED_ANNOTATION_NAMESPACE,
			json_string("true"));
}

/* Name and namespace from the options and the Secret, checked here because the cluster would refuse them only later. */
static bool set_place(
	json_t *metadata, const struct seal_options *options, enum sealed_scope scope, struct error *err)
{
	static const char *const places[] = {"name", "namespace"};
	const char *name = options->name ? options->name : json_text_at(metadata, "name", "");
	const char *given = json_text_at(metadata, "namespace", ""), *namespace = given;
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		const json_t *value = json_object_get(metadata, places[i]);
		if (value && !json_is_string(value) && !json_is_null(value))
			return error_set(err, ERROR_INVALID, "metadata.%s is not a string: put it in quotes",
				places[i]);
	}
	if (options->namespace && *given && strcmp(given, options->namespace) != 0)
		return error_set(err, ERROR_INVALID,
			"namespace mismatch: input secret is in namespace \"%s\" but \"%s\" was "
			"specified",
			given, options->namespace);
	if (options->namespace)
	namespace = options->namespace;
	else if (!*given && scope != SCOPE_CLUSTER && options->default_namespace) namespace =
		options->default_namespace;
	if (!*name)
		return error_set(err, ERROR_INVALID, "missing metadata.name in input Secret (or --name)");
	if (!text_is_dns_subdomain(name))
		return error_set(err, ERROR_INVALID,
			"\"%s\" cannot be the name of a Secret: only lower-case letters, digits, "
			"'-' and '.', at most 253",
			name);
	if (*namespace && !text_is_dns_label(namespace))
		return error_set(err, ERROR_INVALID,
			"\"%s\" cannot be a namespace: only lower-case letters, digits and '-', "
			"at most 63",
			namespace);
	json_object_set_new(metadata, "name", json_string(name));
	if (*namespace)
		json_object_set_new(metadata, "namespace", json_string(namespace));
	return true;
}

/* The Secret's metadata in the order kubeseal writes it, without what must not be kept. */
static bool template_metadata(const struct yaml_node *secret, const struct seal_options *options,
	enum sealed_scope *scope, json_t **metadata, struct error *err)
{
	static const char *const first[] = {"name", "namespace", "labels", "annotations"};
	const struct yaml_node *node = yaml_get(secret, "metadata");
	if (node && node->kind != YAML_MAP)
		return error_set(err, ERROR_INVALID, "line %d: metadata is %s, not a map", node->line,
			yaml_kind_name(node->kind));
	CLEANUP(json_done) json_t *given = node ? yaml_to_json(node) : json_object();
	object_strip_metadata(given);
	json_object_del(given, "ownerReferences");
	json_t *annotations = json_object_get(given, "annotations");
	for (size_t i = 0; i < COUNT_OF(stripped_annotations); i++)
		json_object_del(annotations, stripped_annotations[i]);
	*scope = options->scope_given && options->scope != SCOPE_STRICT ? options->scope
									: sealed_secret_scope(given);
	if (!set_place(given, options, *scope, err))
		return false;
	if (options->scope_given && options->scope != SCOPE_STRICT)
		set_scope(json_make_object(given, "annotations"), *scope);
	if (json_object_size(json_object_get(given, "annotations")) == 0)
		json_object_del(given, "annotations");
	*metadata = json_object();
	for (size_t i = 0; i < COUNT_OF(first); i++)
		if (json_object_get(given, first[i]))
			json_object_set(*metadata, first[i], json_object_get(given, first[i]));
	json_object_update(*metadata, given);
	return true;
}

/* The SealedSecret's own metadata: name, namespace and the scope's annotation only. */
static json_t *outer_metadata(const json_t *inner, enum sealed_scope scope)
{
	json_t *metadata = json_object();
	json_set_text(metadata, "name", json_text_at(inner, "name", NULL));
	json_set_text(metadata, "namespace", json_text_at(inner, "namespace", NULL));
	if (scope != SCOPE_STRICT)
		set_scope(json_make_object(metadata, "annotations"), scope);
	return metadata;
}

static bool is_secret(const struct yaml_node *node, struct error *err)
{
	const struct yaml_node *kind = yaml_get(node, "kind"), *version = yaml_get(node, "apiVersion");
	if (kind && kind->kind == YAML_STRING && strcmp(kind->text, "Secret") == 0 && version &&
		version->kind == YAML_STRING && strcmp(version->text, "v1") == 0)
		return true;
	if (node->kind != YAML_MAP)
		return error_set(err, ERROR_INVALID,
			"line %d: expected a Secret (kind: Secret, apiVersion: v1), found %s", node->line,
			yaml_kind_name(node->kind));
	if (kind && kind->kind == YAML_STRING && strcmp(kind->text, SEALED_KIND) == 0)
		return error_set(err, ERROR_INVALID, "line %d: this is a SealedSecret already", node->line);
	return error_set(err, ERROR_INVALID,
		"line %d: expected a Secret (kind: Secret, apiVersion: v1), found kind \"%s\"", node->line,
		kind && kind->kind == YAML_STRING ? kind->text : "none");
}

static json_t *make_template(const struct yaml_node *secret, json_t *metadata)
{
	const struct yaml_node *type = yaml_get(secret, "type"), *immutable = yaml_get(secret, "immutable");
	json_t *template = json_pack("{s:O}", "metadata", metadata);
	if (type && type->kind == YAML_STRING)
		json_set_text(template, "type", type->text);
	if (immutable && immutable->kind == YAML_BOOL)
		json_object_set_new(template, "immutable", json_boolean(immutable->boolean));
	return template;
}

bool sealed_secret_seal(const struct yaml_node *secret, const struct seal_options *options,
	const struct certificate *certificate, struct mistakes *warnings, json_t **sealed, struct error *err)
{
	struct sealing sealing = {.options = options, .certificate = certificate, .warnings = warnings};
	CLEANUP(json_done) json_t *metadata = NULL;
	CLEANUP(json_done) json_t *values = sealing.values = json_object();
	enum sealed_scope scope = SCOPE_STRICT;
	if (!is_secret(secret, err) || !template_metadata(secret, options, &scope, &metadata, err) ||
		!sealed_label(scope, json_text_at(metadata, "namespace", ""),
			json_text_at(metadata, "name", ""), sealing.label, err) ||
		!seal_items(&sealing, secret, err))
		return false;
	*sealed = json_pack("{s:s, s:s, s:o, s:{s:o, s:O}}", "kind", SEALED_KIND, "apiVersion",
		SEALED_GROUP "/" SEALED_VERSION, "metadata", outer_metadata(metadata, scope), "spec",
		"template", make_template(secret, metadata), "encryptedData", values);
	return true;
}
