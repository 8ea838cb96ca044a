#include "reconcile/kubernetes/masked.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
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

struct text {
	char *bytes;
	size_t length;
};

/* A string without the escapes that JSON gives it. */
static struct text text_of(const json_t *value)
{
	struct text text = {.length = json_string_length(value)};
	if (!json_is_string(value)) {
		text.bytes = json_canonical(value);
		text.length = strlen(text.bytes);
		return text;
	}
	text.bytes = memory_alloc(text.length + 1);
	memcpy(text.bytes, json_string_value(value), text.length);
	return text;
}

static void text_wipe(struct text *text)
{
	explicit_bzero(text->bytes, text->length);
	free(text->bytes);
}

/* As it is, or as it stands in a JSON text: annotations hold copies of whole objects. */
static bool contains(const struct text *text, const char *bytes, size_t length)
{
	if (length < SHORT)
		return false;
	if (memmem(text->bytes, text->length, bytes, length))
		return true;
	CLEANUP(json_done) json_t *string = json_stringn(bytes, length);
	if (!string) /* no UTF-8, so in no text */
		return false;
	char *quoted = json_canonical(string);
	struct text inside = {.bytes = quoted, .length = strlen(quoted)};
	bool found = memmem(text->bytes, text->length, quoted + 1, inside.length - strlen("\"\""));
	text_wipe(&inside);
	return found;
}

static bool contains_decoded(const struct text *text, const char *encoded, size_t length)
{
	CLEANUP(secret_done) struct secret decoded = {0};
	return secret_set_base64(&decoded, encoded, length) && contains(text, decoded.bytes, decoded.length);
}

bool masked_repeats(const json_t *secret, const json_t *value)
{
	static const char *const places[] = {"data", "stringData"};
	const char *key;
	json_t *item;
	bool found = false;
	struct text text = text_of(value);
	for (size_t i = 0; i < COUNT_OF(places); i++)
		json_object_foreach (json_object_get(secret, places[i]), key, item) {
			const char *string = json_string_value(item);
			size_t length = json_string_length(item);
			found = found ||
				(string &&
					(contains(&text, string, length) ||
						contains_decoded(&text, string, length)));
		}
	text_wipe(&text);
	return found;
}
