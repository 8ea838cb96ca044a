#include "agent/loop/credentials_match.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "reconcile/source/url.h"

struct pair {
	struct url configured, url;
	const char *beginning; /* what the URL has to begin with */
};

/* ".../team-": meant for every name that begins so. */
static bool ends_within_a_name(const char *path)
{
	size_t length = strlen(path);
	return length > 1 && (path[length - 1] == '-' || path[length - 1] == '_');
}

static bool read_pair(const char *configured, const char *url, struct arena *mem, struct pair *pair)
{
	struct error ignored;
	const char *begin = configured + strspn(configured, " \t\r\n");
	size_t length = strlen(begin);
	while (length && strchr(" \t\r\n", begin[length - 1]))
		length--;
	if (!url_parse(arena_copy_n(mem, begin, length), mem, &pair->configured, &ignored) ||
		!url_parse(url, mem, &pair->url, &ignored))
		return false;
	pair->beginning = pair->configured.plain;
	return !pair->configured.user || !pair->url.user ||
		strcasecmp(pair->configured.user, pair->url.user) == 0;
}

static bool begins(const struct pair *pair)
{
	return strncasecmp(pair->url.plain, pair->beginning, strlen(pair->beginning)) == 0;
}

static bool ends_at_a_part(const struct pair *pair)
{
	char next = pair->url.plain[strlen(pair->beginning)];
	return !next || next == '/' || ends_within_a_name(pair->configured.path);
}

int credentials_fit(const char *configured, const char *url, struct arena *mem)
{
	struct pair pair;
	if (!read_pair(configured, url, mem, &pair) || !begins(&pair) || !ends_at_a_part(&pair))
		return 0;
	int length = (int)strlen(pair.beginning);
	int fit = pair.url.plain[length] ? length * 4 : CREDENTIALS_EXACT;
	if (pair.configured.user && pair.url.user)
		fit += 2;
	return fit + text_starts(pair.url.plain, pair.beginning);
}

bool credentials_nearly_fit(const char *configured, const char *url, struct arena *mem)
{
	struct pair pair;
	/* Of the host every letter counts: what only begins like it is a stranger's. */
	return read_pair(configured, url, mem, &pair) && begins(&pair) && !ends_at_a_part(&pair) &&
		url_same_server(&pair.configured, &pair.url);
}
