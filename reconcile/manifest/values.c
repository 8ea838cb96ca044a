#include <string.h>

#include "reconcile/manifest/inspect.h"

/* As encoding/base64 reads []byte: line ends are passed over, padding is needed. */
static bool is_base64(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t count = 0, padding = 0;
	for (; *text; text++) {
		if (*text == '\r' || *text == '\n')
			continue;
		if (*text == '=')
			padding++;
		else if (padding || !strchr(digits, *text))
			return false;
		count++;
	}
	return count % 4 == 0 && padding <= 2;
}

static void inspect_base64(const struct inspection *inspection, const struct yaml_pair *map, const char *what)
{
	inspect_texts(inspection, map, what);
	for (size_t i = 0; map && map->value->kind == YAML_MAP && i < map->value->count; i++) {
		const struct yaml_pair *pair = &map->value->pairs[i];
		if (pair->value->kind != YAML_STRING || is_base64(pair->value->text))
			continue;
		mistakes_add(inspection->mistakes, inspection->file, pair->value->line, pair->value->column,
			"%s: \"%s\" is not base64%s", what, pair->key,
			strcmp(what, "data") == 0 ? ": encode it, or put the plain text under stringData" : "");
	}
}

void inspect_values(
	const struct inspection *inspection, const struct object_key *key, const struct yaml_node *document)
{
	if (*key->group)
		return;
	if (strcmp(key->kind, "ConfigMap") == 0) {
		inspect_texts(inspection, inspect_pair(document, "data"), "data");
		inspect_base64(inspection, inspect_pair(document, "binaryData"), "binaryData");
	} else if (strcmp(key->kind, "Secret") == 0) {
		inspect_texts(inspection, inspect_pair(document, "stringData"), "stringData");
		inspect_base64(inspection, inspect_pair(document, "data"), "data");
	}
}
