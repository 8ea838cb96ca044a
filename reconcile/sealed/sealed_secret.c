#include "reconcile/sealed/sealed_secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/wipe.h"

static bool is_true(const json_t *annotations, const char *key)
{
	const char *value = json_string_value(json_object_get(annotations, key));
	return value && strcmp(value, "true") == 0;
}

enum sealed_scope sealed_secret_scope(const json_t *metadata)
{
	const json_t *annotations = json_object_get(metadata, "annotations");
	if (is_true(annotations, SEALED_ANNOTATION_CLUSTER))
		return SCOPE_CLUSTER;
	return is_true(annotations, SEALED_ANNOTATION_NAMESPACE) ? SCOPE_NAMESPACE : SCOPE_STRICT;
}

static bool read_values(const json_t *spec, struct sealed_secret *found, struct error *err)
{
	const json_t *values = json_object_get(spec, "encryptedData"), *value;
	const char *key;
	if (json_object_get(spec, "data"))
		return error_set(err, ERROR_INVALID,
			"SealedSecret %s/%s uses spec.data, the form before version 0.8: seal it "
			"again",
			found->namespace, found->name);
	if (!json_is_object(values))
		return error_set(err, ERROR_INVALID, "SealedSecret %s/%s has no spec.encryptedData",
			found->namespace, found->name);
	for (void *at = json_object_iter((json_t *)(uintptr_t)values); at;
		at = json_object_iter_next((json_t *)(uintptr_t)values, at)) {
		key = json_object_iter_key(at);
		value = json_object_iter_value(at);
		if (!json_is_string(value))
			return error_set(err, ERROR_INVALID,
				"SealedSecret %s/%s: spec.encryptedData.\"%s\" is not a string",
				found->namespace, found->name, key);
	}
	found->values = values;
	return true;
}

bool sealed_secret_read(const json_t *object, struct sealed_secret *sealed, struct error *err)
{
	const char *version = json_text_at(object, "apiVersion", "");
	const json_t *metadata = json_object_get(object, "metadata"), *spec = json_object_get(object, "spec");
	struct sealed_secret found = {
		.namespace = json_text_at(metadata, "namespace", ""),
		.name = json_text_at(metadata, "name", ""),
		.scope = sealed_secret_scope(metadata),
		.template = json_object_get(spec, "template"),
	};
	if (strcmp(json_text_at(object, "kind", ""), SEALED_KIND) != 0 ||
		!text_starts(version, SEALED_GROUP "/"))
		return error_set(err, ERROR_INVALID,
			"this is a \"%s\" of \"%s\", not a SealedSecret of " SEALED_GROUP,
			json_text_at(object, "kind", ""), version);
	if (!*found.name)
		return error_set(err, ERROR_INVALID, "SealedSecret without metadata.name");
	if (!read_values(spec, &found, err))
		return false;
	*sealed = found;
	return true;
}

/* What kubeseal says, and with it the name of the item. */
static bool no_key(const char *item, const char *diagnosis, struct error *err)
{
	return error_set(err, ERROR_INVALID, "no key could decrypt secret (%s)%s", item, diagnosis);
}

/* A value that does not open where it stands may open as if it stood elsewhere. What it holds is thrown away: only the
   place is told. */
static bool opens_as(const struct sealing_keys *keys, enum sealed_scope scope, const char *namespace,
	const char *name, const char *text, size_t length)
{
	char label[SEALED_LABEL_SIZE];
	struct error ignored;
	CLEANUP(secret_done) struct secret value = {0};
	return sealed_label(scope, namespace, name, label, &ignored) &&
		sealed_value_open(keys, label, text, length, &value, NULL, NULL, &ignored);
}

struct diagnosis {
	const struct sealing_keys *keys;
	const struct sealed_secret *sealed;
	const char *text;
	size_t length;
};

static bool found_place(const struct diagnosis *of, enum sealed_scope scope, const char *namespace,
	const char *name, char *out, size_t size)
{
	if (!opens_as(of->keys, scope, namespace, name, of->text, of->length))
		return false;
	if (scope == SCOPE_CLUSTER)
		snprintf(out, size,
			": sealed cluster-wide, but the annotation " SEALED_ANNOTATION_CLUSTER " is missing");
	else if (scope == SCOPE_NAMESPACE)
		snprintf(out, size, ": sealed namespace-wide for namespace %s%s", namespace,
			strcmp(namespace, of->sealed->namespace) == 0
				? ", but the annotation " SEALED_ANNOTATION_NAMESPACE " is missing"
				: "");
	else
		snprintf(out, size, ": sealed for %s/%s; seal it again for %s/%s", namespace, name,
			of->sealed->namespace, of->sealed->name);
	return true;
}

static void diagnose(
	const struct diagnosis *of, const struct sealed_place *places, size_t count, char *out, size_t size)
{
	const struct sealed_secret *sealed = of->sealed;
	if (found_place(of, SCOPE_CLUSTER, "", "", out, size) ||
		found_place(of, SCOPE_NAMESPACE, sealed->namespace, "", out, size) ||
		found_place(of, SCOPE_STRICT, sealed->namespace, sealed->name, out, size))
		return;
	for (size_t i = 0; i < count; i++)
		if (found_place(of, SCOPE_STRICT, places[i].namespace, places[i].name, out, size) ||
			found_place(of, SCOPE_STRICT, sealed->namespace, places[i].name, out, size) ||
			found_place(of, SCOPE_STRICT, places[i].namespace, sealed->name, out, size) ||
			found_place(of, SCOPE_NAMESPACE, places[i].namespace, "", out, size))
			return;
	snprintf(out, size,
		": none of %zu key%s fits; it was sealed with a key that is not here, or for a name or namespace "
		"that is not known here",
		of->keys->count, of->keys->count == 1 ? "" : "s");
}

bool sealed_secret_open_value(const struct sealed_secret *sealed, const char *item,
	const struct sealing_keys *keys, const struct sealed_place *places, size_t place_count,
	struct secret *value, size_t *which, struct error *err)
{
	const json_t *sealed_value = json_object_get(sealed->values, item);
	const char *text = json_string_value(sealed_value);
	size_t length = json_string_length(sealed_value);
	char label[SEALED_LABEL_SIZE], why[640] = "";
	enum sealed_failure failure;
	if (!text)
		return error_set(err, ERROR_MISSING, "SealedSecret %s/%s has no item \"%s\"",
			sealed->namespace, sealed->name, item);
	if (!sealed_label(sealed->scope, sealed->namespace, sealed->name, label, err))
		return false;
	if (sealed_value_open(keys, label, text, length, value, which, &failure, err))
		return true;
	if (failure != SEALED_NO_KEY) {
		CLEANUP(memory_freep) char *reason = memory_copy(err->text);
		return error_set(err, ERROR_INVALID, "%s (%s)", reason, item);
	}
	struct diagnosis of = {keys, sealed, text, length};
	diagnose(&of, places, place_count, why, sizeof(why));
	return no_key(item, why, err);
}

static void set_base64(json_t *data, const char *key, const char *bytes, size_t length)
{
	size_t size = 4 * ((length + 2) / 3) + 1;
	char *encoded = memory_alloc(size);
	text_base64((const unsigned char *)bytes, length, encoded);
	json_object_set_new(data, key, json_string(encoded));
	explicit_bzero(encoded, size);
	free(encoded);
}

/* The literal entries of spec.template.data; an encrypted item of the same name wins. */
static bool add_literals(const struct sealed_secret *sealed, json_t *data, struct error *err)
{
	json_t *literals = json_object_get(sealed->template, "data"), *value;
	const char *key;
	json_object_foreach (literals, key, value) {
		const char *text = json_string_value(value);
		if (!text || strstr(text, "{{"))
			return error_set(err, ERROR_INVALID,
				"SealedSecret %s/%s: spec.template.data.\"%s\" is a template; only "
				"the Sealed Secrets controller renders templates",
				sealed->namespace, sealed->name, key);
		if (json_object_get(data, key))
			continue;
		set_base64(data, key, text, json_string_length(value));
	}
	return true;
}

static bool open_values(const struct sealed_secret *sealed, const struct sealing_keys *keys,
	const struct sealed_place *places, size_t place_count, json_t *data, struct error *err)
{
	CLEANUP(buf_done) struct buf failures = BUF(ERROR_TEXT_SIZE);
	size_t failed = 0;
	for (void *at = json_object_iter((json_t *)(uintptr_t)sealed->values); at;
		at = json_object_iter_next((json_t *)(uintptr_t)sealed->values, at)) {
		CLEANUP(secret_done) struct secret value = {0};
		const char *item = json_object_iter_key(at);
		if (sealed_secret_open_value(sealed, item, keys, places, place_count, &value, NULL, err))
			set_base64(data, item, value.bytes, value.length);
		else
			buf_printf(&failures, "%s%s", failed++ ? "; " : "", err->text);
	}
	if (failed)
		return error_set(err, ERROR_INVALID, "SealedSecret %s/%s: %s", sealed->namespace,
			sealed->name, buf_string(&failures));
	return add_literals(sealed, data, err);
}

static json_t *owner_reference(const json_t *object)
{
	json_t *reference =
		json_pack("{s:s, s:s, s:s, s:s, s:b}", "apiVersion", SEALED_GROUP "/" SEALED_VERSION, "kind",
			SEALED_KIND, "name", json_text_at(object, "metadata.name", ""), "uid",
			json_text_at(object, "metadata.uid", ""), "controller", 1);
	return json_pack("[o]", reference);
}

/* Template metadata as it is; name and namespace always from the SealedSecret. */
static json_t *secret_metadata(const json_t *object, const struct sealed_secret *sealed, bool owner)
{
	const json_t *given = json_object_get(sealed->template, "metadata");
	json_t *metadata = json_is_object(given) ? json_deep_copy(given) : json_object();
	json_object_set_new(metadata, "name", json_string(sealed->name));
	if (*sealed->namespace)
		json_object_set_new(metadata, "namespace", json_string(sealed->namespace));
	json_object_del(metadata, "creationTimestamp");
	json_object_del(metadata, "ownerReferences");
	if (owner && !is_true(json_object_get(metadata, "annotations"), SEALED_ANNOTATION_NO_OWNER))
		json_object_set_new(metadata, "ownerReferences", owner_reference(object));
	return metadata;
}

bool sealed_secret_open(const json_t *object, const struct sealing_keys *keys, bool owner,
	const struct sealed_place *places, size_t place_count, json_t **secret, struct error *err)
{
	struct sealed_secret sealed;
	if (!sealed_secret_read(object, &sealed, err))
		return false;
	if (owner && !*json_text_at(object, "metadata.uid", ""))
		return error_set(err, ERROR_BUG, "SealedSecret %s/%s has no uid to be the owner by",
			sealed.namespace, sealed.name);
	CLEANUP(secret_json_done) json_t *data = json_object();
	if (!open_values(&sealed, keys, places, place_count, data, err))
		return false;
	json_t *made = json_pack("{s:s, s:s, s:o}", "apiVersion", "v1", "kind", "Secret", "metadata",
		secret_metadata(object, &sealed, owner));
	json_set_text(made, "type", json_text_at(sealed.template, "type", NULL));
	if (json_bool_at(sealed.template, "immutable", false))
		json_object_set_new(made, "immutable", json_true());
	json_object_set_new(made, "data", data);
	data = NULL;
	*secret = made;
	return true;
}
