#include "reconcile/kubernetes/masked.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { SHORT = 4 }; /* anything contains a shorter value */

bool masked_annotation(const char *name)
{
	/* kubectl, kapp, kopf, Banzai's operators, Rancher's objectset (which packs it) */
	static const char *const copies[] = {"kubectl.kubernetes.io/", "kapp.k14s.io/original",
		"last-handled-configuration", "last-applied", "objectset.rio.cattle.io/applied"};
	for (size_t i = 0; i < COUNT_OF(copies); i++)
		if (strstr(name, copies[i]))
			return true;
	return false;
}

static bool contains(const char *text, const char *bytes, size_t length)
{
	return length >= SHORT && memmem(text, strlen(text), bytes, length) != NULL;
}

static bool contains_decoded(const char *text, const char *encoded, size_t length)
{
	size_t decoded_length;
	unsigned char *decoded = memory_alloc(length / 4 * 3 + 1);
	bool found = text_base64_decode(encoded, length, decoded, &decoded_length) &&
		contains(text, (const char *)decoded, decoded_length);
	explicit_bzero(decoded, length / 4 * 3 + 1);
	memory_freep(&decoded);
	return found;
}

bool masked_repeats(const json_t *secret, const json_t *value)
{
	static const char *const places[] = {"data", "stringData"};
	const char *key;
	json_t *item;
	bool found = false;
	char *text = json_canonical(value);
	for (size_t i = 0; i < COUNT_OF(places); i++)
		json_object_foreach (json_object_get(secret, places[i]), key, item) {
			const char *string = json_string_value(item);
			size_t length = json_string_length(item);
			found = found ||
				(string &&
					(contains(text, string, length) ||
						contains_decoded(text, string, length)));
		}
	explicit_bzero(text, strlen(text));
	free(text);
	return found;
}
