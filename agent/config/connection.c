#include "agent/config/connection.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { LONGEST_WORD = 2048 };

/* Called for each key and value; true ends the walk. */
typedef bool visitor(void *context, const char *key, const char *value);

static bool is_uri(const char *text)
{
	return text_starts(text, "postgresql://") || text_starts(text, "postgres://");
}

static const char *skip_space(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

/* A value as libpq reads it: '...' with \ before ' and \, or up to the next space. NULL when it has no end. */
static const char *read_value(const char *at, char *value)
{
	size_t count = 0;
	bool quoted = *at == '\'';
	at += quoted;
	while (*at && (quoted ? *at != '\'' : !isspace((unsigned char)*at))) {
		if (*at == '\\' && at[1])
			at++;
		if (count >= LONGEST_WORD)
			return NULL;
		value[count++] = *at++;
	}
	value[count] = '\0';
	if (quoted && *at != '\'')
		return NULL;
	return at + quoted;
}

/* "host=a dbname = 'b c'". False when it cannot be understood. */
static bool walk_words(const char *at, visitor *visit, void *context)
{
	char key[LONGEST_WORD + 1], value[LONGEST_WORD + 1];
	for (at = skip_space(at); *at; at = skip_space(at)) {
		size_t length = strcspn(at, "= \t\r\n\v\f");
		if (!length || length > LONGEST_WORD)
			return false;
		memcpy(key, at, length);
		key[length] = '\0';
		at = skip_space(at + length);
		if (*at != '=')
			return false;
		at = read_value(skip_space(at + 1), value);
		if (!at)
			return false;
		if (visit(context, key, value))
			return true;
	}
	return true;
}

static bool decode(const char *from, size_t length, char *to)
{
	size_t count = 0;
	if (length > LONGEST_WORD)
		return false;
	for (size_t i = 0; i < length; i++) {
		char digits[3] = {0};
		if (from[i] == '%' && i + 2 < length && isxdigit((unsigned char)from[i + 1]) &&
			isxdigit((unsigned char)from[i + 2])) {
			memcpy(digits, from + i + 1, 2);
			to[count++] = (char)strtol(digits, NULL, 16);
			i += 2;
		} else {
			to[count++] = from[i];
		}
	}
	to[count] = '\0';
	return true;
}

/* postgresql://user:password@host:port,host/database?key=value&...; the user information is visited as "password" too,
   when there is any. */
static bool walk_uri(const char *uri, visitor *visit, void *context)
{
	char key[LONGEST_WORD + 1], value[LONGEST_WORD + 1];
	const char *at = strstr(uri, "://") + 3;
	size_t authority = strcspn(at, "/?#");
	const char *end = memrchr(at, '@', authority);
	const char *colon = end ? memchr(at, ':', (size_t)(end - at)) : NULL;
	if (colon && visit(context, "password", ""))
		return true;
	at += authority;
	if (*at == '/') {
		size_t length = strcspn(++at, "?");
		if (!decode(at, length, value))
			return false;
		if (length && visit(context, "dbname", value))
			return true;
		at += length;
	}
	while (*at == '?' || *at == '&') {
		size_t length = strcspn(++at, "&");
		const char *equals = memchr(at, '=', length);
		if (!equals || !decode(at, (size_t)(equals - at), key) ||
			!decode(equals + 1, length - (size_t)(equals + 1 - at), value))
			return false;
		if (visit(context, key, value))
			return true;
		at += length;
	}
	return !*at;
}

static bool walk(const char *connection, visitor *visit, void *context)
{
	return is_uri(connection) ? walk_uri(connection, visit, context)
				  : walk_words(connection, visit, context);
}

/* libpq expands a dbname that is a connection string itself. */
static bool finds_password(void *context, const char *key, const char *value)
{
	bool *found = context;
	*found = strcmp(key, "password") == 0 || strcmp(key, "sslpassword") == 0 ||
		(strcmp(key, "dbname") == 0 && (strchr(value, '=') || is_uri(value)));
	return *found;
}

bool connection_has_password(const char *connection)
{
	bool found = false;
	return !walk(connection, finds_password, &found) || found;
}

struct word {
	const char *key;
	char value[LONGEST_WORD + 1];
};

static bool finds_word(void *context, const char *key, const char *value)
{
	struct word *word = context;
	if (strcmp(key, word->key) == 0)
		memcpy(word->value, value, strlen(value) + 1); /* as large; the last one counts, as in libpq */
	return false;
}

const char *connection_word(const char *connection, const char *keyword, struct arena *mem)
{
	struct word word = {.key = keyword};
	if (!walk(connection, finds_word, &word) || !*word.value)
		return NULL;
	return arena_copy(mem, word.value);
}
