#include "reconcile/postgres/sql.h"

#include <string.h>

/* Copies with every `first` or `second` doubled; `end` has room. */
static char *copy_doubled(char *end, const char *text, char first, char second)
{
	for (; *text; text++) {
		if (*text == first || *text == second)
			*end++ = *text;
		*end++ = *text;
	}
	return end;
}

const char *sql_identifier(const char *name, struct arena *mem)
{
	char *sql = arena_alloc(mem, 2 * strlen(name) + 3);
	char *end = sql;
	*end++ = '"';
	end = copy_doubled(end, name, '"', '"');
	*end++ = '"';
	*end = '\0';
	return sql;
}

const char *sql_literal(const char *text, struct arena *mem)
{
	char *sql = arena_alloc(mem, 2 * strlen(text) + 5);
	char *end = sql;
	if (strchr(text, '\\')) {
		*end++ = ' '; /* never glued to a word before it */
		*end++ = 'E';
	}
	*end++ = '\'';
	end = copy_doubled(end, text, '\'', '\\');
	*end++ = '\'';
	*end = '\0';
	return sql;
}
