#include "reconcile/postgres/options.h"

#include <string.h>

static size_t place_of(const struct options *options, const char *keyword)
{
	size_t at = 0;
	while (at < options->count && strcmp(options->keywords[at], keyword) != 0)
		at++;
	return at;
}

void options_set(struct options *options, const char *keyword, const char *value)
{
	size_t at = place_of(options, keyword);
	if (at == OPTIONS_MOST)
		return; /* more keywords than any libpq has */
	options->keywords[at] = keyword;
	options->values[at] = value;
	if (at == options->count)
		options->count++;
}

const char *options_get(const struct options *options, const char *keyword)
{
	size_t at = place_of(options, keyword);
	return at < options->count ? options->values[at] : NULL;
}

void options_default(struct options *options, const char *keyword, const char *value)
{
	if (!options_get(options, keyword))
		options_set(options, keyword, value);
}

void options_free_parsed(PQconninfoOption **parsed)
{
	PQconninfoFree(*parsed);
	*parsed = NULL;
}

bool options_parse(const char *connection, PQconninfoOption **parsed, struct options *options, struct error *err)
{
	char *problem = NULL;
	*parsed = PQconninfoParse(connection, &problem);
	PQfreemem(problem); /* may quote what stands where a password would */
	if (!*parsed)
		return error_set(err, ERROR_INVALID,
			"the connection is neither a valid libpq connection string nor a URI");
	for (const PQconninfoOption *at = *parsed; at->keyword; at++) {
		if (!at->val)
			continue;
		if (strcmp(at->keyword, "password") == 0)
			return error_set(err, ERROR_INVALID,
				"the connection has a password in it: remove it there and give it "
				"with passwordFrom");
		options_set(options, at->keyword, at->val);
	}
	return true;
}
