#include "reconcile/sealed/sealed_written.h"

#include <string.h>

#include "reconcile/sealed/sealed_secret.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

enum { VALUE_MIN = 64 }; /* longer than any number or word that YAML knows */

struct cursor {
	const char *at, *end;
	const char *text;
};

static bool skip(struct cursor *cursor, const char *expected)
{
	size_t length = strlen(expected);
	if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, expected, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

/* Letters that may stand without quotes in any YAML, and what they are is a string. */
static bool is_plain(const char *word)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(word, words[i]) == 0)
			return false;
	return *word && strchr(LOWER, *word) && strspn(word, LOWER DIGITS "-") == strlen(word);
}

/* A Secret's name with a '-' in it: no word of YAML has one, nor a number that begins with a letter. */
static bool take_name(struct cursor *cursor, struct span *name)
{
	const char *start = cursor->at, *line = memchr(start, '\n', (size_t)(cursor->end - start));
	bool dash = false;
	if (!line || line == start || *start < 'a' || *start > 'z')
		return false;
	for (const char *at = start; at < line; at++) {
		if ((*at < 'a' || *at > 'z') && (*at < '0' || *at > '9') && *at != '-')
			return false;
		dash = dash || *at == '-';
	}
	*name = (struct span){(size_t)(start - cursor->text), (size_t)(line - cursor->text)};
	cursor->at = line;
	return dash;
}

/* A digit of base64. Here and not called, for a file has a million of them. */
static bool is_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '/' && c <= '9') || c == '+';
}

static bool take_value(struct cursor *cursor, struct span *value)
{
	const char *start = cursor->at, *line = memchr(start, '\n', (size_t)(cursor->end - start)), *at = start;
	if (!line || line - start < VALUE_MIN || *start < 'A' || *start > 'Z')
		return false;
	while (at < line && is_digit(*at))
		at++;
	while (at < line && *at == '=')
		at++;
	*value = (struct span){(size_t)(start - cursor->text), (size_t)(line - cursor->text)};
	cursor->at = line;
	return at == line;
}

static bool skip_name(struct cursor *cursor, const struct span *name)
{
	size_t length = name->end - name->start;
	if ((size_t)(cursor->end - cursor->at) < length ||
		memcmp(cursor->at, cursor->text + name->start, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

bool sealed_written_read(const char *text, size_t length, const char *namespace, const char *item,
	struct sealed_written *found)
{
	struct cursor cursor = {text, text + length, text};
	struct sealed_written read;
	if (length >= 4 && memcmp(text, "---\n", 4) == 0)
		cursor.at += 4;
	bool ok = is_plain(namespace) && is_plain(item) &&
		skip(&cursor, "apiVersion: " SEALED_GROUP "/" SEALED_VERSION "\nkind: " SEALED_KIND "\n") &&
		skip(&cursor, "metadata:\n  name: ") && take_name(&cursor, &read.name) &&
		skip(&cursor, "\n  namespace: ") && skip(&cursor, namespace) &&
		skip(&cursor, "\nspec:\n  encryptedData:\n    ") && skip(&cursor, item) &&
		skip(&cursor, ": ") && take_value(&cursor, &read.value) &&
		skip(&cursor, "\n  template:\n    metadata:\n      name: ") &&
		skip_name(&cursor, &read.name) && skip(&cursor, "\n      namespace: ") &&
		skip(&cursor, namespace) && skip(&cursor, "\n    type: Opaque\n") && cursor.at == cursor.end;
	if (ok)
		*found = read;
	return ok;
}
