#include "reconcile/source/known_hosts.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "base/text.h"

enum { LINE_MAXIMUM = 16384, NAME_MAXIMUM = 512 };

void known_hosts_fingerprint(const unsigned char *key, size_t length, char text[FINGERPRINT_SIZE])
{
	unsigned char digest[DIGEST_SIZE];
	char encoded[48];
	digest_sha256(key, length, digest);
	text_base64(digest, sizeof(digest), encoded);
	snprintf(text, FINGERPRINT_SIZE, "SHA256:%.*s", (int)strcspn(encoded, "="), encoded);
}

void known_hosts_type(const unsigned char *key, size_t length, char text[64])
{
	size_t name =
		length < 4 ? 0 : (size_t)key[0] << 24 | (size_t)key[1] << 16 | (size_t)key[2] << 8 | key[3];
	snprintf(text, 64, "unknown");
	if (!name || name >= 64 || name > length - 4)
		return;
	memcpy(text, key + 4, name);
	text[name] = '\0';
}

/* "|1|SALT|HASH": the HMAC-SHA1 of the name. */
static bool hashed_matches(const char *pattern, const char *name)
{
	unsigned char salt[64], hash[64], own[DIGEST_SHA1_SIZE];
	size_t salt_length, hash_length;
	const char *begin = pattern + 3;
	const char *bar = strchr(begin, '|');
	if (!bar || (size_t)(bar - begin) > 40 || strlen(bar + 1) > 40)
		return false;
	if (!text_base64_decode(begin, (size_t)(bar - begin), salt, &salt_length) ||
		!text_base64_decode(bar + 1, strlen(bar + 1), hash, &hash_length) || hash_length != sizeof(own))
		return false;
	digest_hmac_sha1(salt, salt_length, name, strlen(name), own);
	return digest_equal(own, hash, sizeof(own));
}

static bool pattern_matches(const char *pattern, const char *name)
{
	char literal[NAME_MAXIMUM];
	if (text_starts(pattern, "|1|"))
		return hashed_matches(pattern, name);
	/* "[host]:port" is meant letter by letter, not as a set of characters. */
	if (*pattern == '[') {
		snprintf(literal, sizeof(literal), "\\%s", pattern);
		pattern = literal;
	}
	return fnmatch(pattern, name, FNM_CASEFOLD) == 0;
}

/* The list of one line; a negated match overrules every other. */
static bool hosts_match(char *list, const char *name)
{
	bool matched = false;
	char *rest = list, *pattern;
	while ((pattern = strsep(&rest, ","))) {
		if (*pattern == '!' && pattern_matches(pattern + 1, name))
			return false;
		if (*pattern && *pattern != '!' && pattern_matches(pattern, name))
			matched = true;
	}
	return matched;
}

static bool key_equals(const char *encoded, const unsigned char *key, size_t length)
{
	unsigned char decoded[LINE_MAXIMUM];
	size_t size;
	return text_base64_decode(encoded, strlen(encoded), decoded, &size) && size == length &&
		digest_equal(decoded, key, length);
}

struct offered {
	const char *name;
	const char *type;
	const unsigned char *key;
	size_t length;
};

/* How one line judges the key; UNKNOWN when it is about something else. */
static enum known_host judge_line(char *line, const struct offered *offered)
{
	char *rest = line, *marker = NULL;
	char *hosts = strsep(&rest, " \t");
	if (hosts && *hosts == '@') {
		marker = hosts;
		hosts = strsep(&rest, " \t");
	}
	char *type = rest ? strsep(&rest, " \t") : NULL;
	char *key = rest ? strsep(&rest, " \t") : NULL;
	if (!hosts || !*hosts || *hosts == '#' || !type || !key ||
		(marker && strcmp(marker, "@revoked") != 0) || !hosts_match(hosts, offered->name))
		return KNOWN_HOST_UNKNOWN;
	bool same = key_equals(key, offered->key, offered->length);
	if (marker)
		return same ? KNOWN_HOST_REVOKED : KNOWN_HOST_UNKNOWN;
	if (same)
		return KNOWN_HOST_SAME;
	return strcmp(type, offered->type) == 0 ? KNOWN_HOST_CHANGED : KNOWN_HOST_OTHER_TYPE;
}

/* A revoked key is refused whatever else stands there; else one line with the key is enough. */
static enum known_host stronger(enum known_host a, enum known_host b)
{
	static const int rank[] = {
		[KNOWN_HOST_UNKNOWN] = 0,
		[KNOWN_HOST_OTHER_TYPE] = 1,
		[KNOWN_HOST_CHANGED] = 2,
		[KNOWN_HOST_SAME] = 3,
		[KNOWN_HOST_REVOKED] = 4,
	};
	return rank[b] > rank[a] ? b : a;
}

enum known_host known_hosts_check(
	const char *text, const char *host, int port, const unsigned char *key, size_t length)
{
	char name[NAME_MAXIMUM], type[64], line[LINE_MAXIMUM];
	enum known_host found = KNOWN_HOST_UNKNOWN;
	known_hosts_type(key, length, type);
	if (port == 22)
		snprintf(name, sizeof(name), "%s", host);
	else
		snprintf(name, sizeof(name), "[%s]:%d", host, port);
	const struct offered offered = {.name = name, .type = type, .key = key, .length = length};
	while (text && *text) {
		size_t size = strcspn(text, "\r\n");
		size_t blanks = strspn(text, " \t");
		if (size > blanks && size - blanks < sizeof(line)) {
			memcpy(line, text + blanks, size - blanks);
			line[size - blanks] = '\0';
			found = stronger(found, judge_line(line, &offered));
		}
		text += size;
		text += strspn(text, "\r\n");
	}
	return found;
}
