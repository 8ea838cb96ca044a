#include "reconcile/manifest/stream_json.h"

#include <string.h>

#include "base/base.h"
#include "base/limits.h"

static bool is_one_of(const char *at, const char *end, const char *bytes)
{
	return at < end && *at && strchr(bytes, *at);
}

static const char *blanks(const char *at, const char *end)
{
	while (is_one_of(at, end, " \t\r\n"))
		at++;
	return at;
}

static const char *digits(const char *at, const char *end)
{
	const char *begin = at;
	while (is_one_of(at, end, "0123456789"))
		at++;
	return at > begin ? at : NULL;
}

static const char *word(const char *at, const char *end, const char *text)
{
	size_t length = strlen(text);
	return (size_t)(end - at) >= length && memcmp(at, text, length) == 0 ? at + length : NULL;
}

static const char *string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if ((unsigned char)*at < ' ')
			return NULL;
		if (*at != '\\')
			continue;
		if (!is_one_of(++at, end, "\"\\/bfnrtu"))
			return NULL;
		for (int i = 0; *at == 'u' && i < 4; i++)
			if (!is_one_of(at + 1 + i, end, "0123456789abcdefABCDEF"))
				return NULL;
	}
	return at < end ? at + 1 : NULL;
}

static const char *number(const char *at, const char *end)
{
	at += *at == '-';
	at = is_one_of(at, end, "0") ? at + 1 : digits(at, end);
	if (at && is_one_of(at, end, "."))
		at = digits(at + 1, end);
	if (at && is_one_of(at, end, "eE")) {
		at++;
		at = digits(at + is_one_of(at, end, "+-"), end);
	}
	return at;
}

static const char *scalar(const char *at, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};
	if (is_one_of(at, end, "\""))
		return string(at, end);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (word(at, end, words[i]))
			return word(at, end, words[i]);
	return is_one_of(at, end, "-0123456789") ? number(at, end) : NULL;
}

/* The key of a map and its colon. */
static const char *key(const char *at, const char *end)
{
	at = is_one_of(at, end, "\"") ? string(at, end) : NULL;
	at = at ? blanks(at, end) : NULL;
	return at && is_one_of(at, end, ":") ? blanks(at + 1, end) : NULL;
}

/* What is open: how each closes, the outermost first. */
struct nest {
	char closing[LIMIT_YAML_DEPTH];
	size_t depth;
	bool first; /* nothing stands in the innermost yet */
};

static bool closes(const struct nest *nest, const char *at, const char *end)
{
	return nest->depth && at < end && *at == nest->closing[nest->depth - 1];
}

/* One scalar or one opening, with the comma and the key before it. */
static const char *step(struct nest *nest, const char *at, const char *end)
{
	if (nest->depth && !nest->first)
		at = is_one_of(at, end, ",") ? blanks(at + 1, end) : NULL;
	if (at && nest->depth && nest->closing[nest->depth - 1] == '}')
		at = key(at, end);
	if (!at)
		return NULL;
	nest->first = is_one_of(at, end, "{[");
	if (!nest->first)
		return scalar(at, end);
	if (nest->depth == LIMIT_YAML_DEPTH)
		return NULL;
	nest->closing[nest->depth++] = *at == '{' ? '}' : ']';
	return at + 1;
}

const char *stream_json_end(const char *bytes, const char *end)
{
	struct nest nest = {0};
	const char *at = is_one_of(bytes, end, "{") ? bytes : NULL;
	do {
		if (!at)
			return NULL;
		if (closes(&nest, at, end)) {
			at++;
			nest.depth--;
			nest.first = false;
		} else {
			at = step(&nest, at, end);
		}
		if (at && nest.depth)
			at = blanks(at, end);
	} while (nest.depth);
	return at;
}
