/*
 * plain.c - ConfigMaps and Secrets that the API server has nothing to refuse in, so that a first sync of thousands need not ask
 */
#include <string.h>

#include "base/text.h"
#include "reconcile/manifest/inspect.h"

static bool only_keys(const json_t *object, const char *const *keys, size_t count)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t i = 0;
		while (i < count && strcmp(keys[i], key) != 0)
			i++;
		if (i == count)
			return false;
	}
	return true;
}

static bool is_word(const char *text, size_t length)
{
	static const char ends[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char inside[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	return length && length <= 63 && strspn(text, inside) >= length && strchr(ends, text[0]) &&
		strchr(ends, text[length - 1]);
}

/* A qualified name: "name" or "prefix.example.org/name" (Kubernetes: labels and annotations). */
static bool is_qualified(const char *key)
{
	const char *slash = strchr(key, '/');
	if (slash) {
		char prefix[254];
		size_t length = (size_t)(slash - key);
		if (length >= sizeof(prefix))
			return false;
		memcpy(prefix, key, length);
		prefix[length] = '\0';
		if (!text_is_dns_subdomain(prefix))
			return false;
		key = slash + 1;
	}
	return is_word(key, strlen(key));
}

static bool names_are_good(const json_t *map, bool values_too)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)map, key, value) {
		const char *text = json_string_value(value);
		if (!text || !is_qualified(key) || (values_too && *text && !is_word(text, strlen(text))))
			return false;
	}
	return true;
}

bool inspect_is_plain(const struct object_key *key, const json_t *value)
{
	static const char *const keys[] = {
		"apiVersion", "kind", "metadata", "data", "stringData", "binaryData", "immutable"};
	static const char *const metadata_keys[] = {"name", "namespace", "labels", "annotations"};
	const json_t *metadata = json_object_get(value, "metadata");

	if (*key->group || (strcmp(key->kind, "ConfigMap") != 0 && strcmp(key->kind, "Secret") != 0))
		return false;
	return only_keys(value, keys, COUNT_OF(keys)) &&
		only_keys(metadata, metadata_keys, COUNT_OF(metadata_keys)) &&
		text_is_dns_subdomain(key->name) && names_are_good(json_object_get(metadata, "labels"), true) &&
		names_are_good(json_object_get(metadata, "annotations"), false);
}
