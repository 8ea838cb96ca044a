#include "reconcile/source/known_hosts.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "base/text.h"

enum { LINE_MAXIMUM = 16384, NAME_MAXIMUM = 512, DEFAULT_PORT = 22 };

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

/* One line that is about the host. */
struct known_line {
	const char *type, *key;
	bool revoked;
};

/* Any number of blanks stands between two words. NULL = there is none any more. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t");
	size_t length = strcspn(word, " \t");
	*rest = word + length + (word[length] ? 1 : 0);
	word[length] = '\0';
	return length ? word : NULL;
}

/* False when it is about something else. */
static bool read_line(char *line, const char *name, struct known_line *known)
{
	char *rest = line, *marker = NULL;
	char *hosts = next_word(&rest);
	if (hosts && *hosts == '@') {
		marker = hosts;
		hosts = next_word(&rest);
	}
	known->type = next_word(&rest);
	known->key = next_word(&rest);
	known->revoked = marker != NULL;
	return hosts && *hosts != '#' && known->type && known->key &&
		(!marker || strcmp(marker, "@revoked") == 0) && hosts_match(hosts, name);
}

typedef void take_line(void *context, const struct known_line *line);

static void each_line(const char *text, const char *name, take_line *take, void *context)
{
	char line[LINE_MAXIMUM];
	struct known_line known;
	if (text && text_starts(text, "\xef\xbb\xbf"))
		text += 3; /* as some editors begin a file */
	while (text && *text) {
		size_t size = strcspn(text, "\r\n");
		size_t blanks = strspn(text, " \t");
		if (size > blanks && size - blanks < sizeof(line)) {
			memcpy(line, text + blanks, size - blanks);
			line[size - blanks] = '\0';
			if (read_line(line, name, &known))
				take(context, &known);
		}
		text += size;
		text += strspn(text, "\r\n");
	}
}

/* --- a key --- */

struct offered {
	const char *type;
	const unsigned char *key;
	size_t length;
	enum known_host found;
};

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

static void judge_line(void *context, const struct known_line *line)
{
	struct offered *offered = context;
	bool same = key_equals(line->key, offered->key, offered->length);
	enum known_host judged = KNOWN_HOST_UNKNOWN;
	if (line->revoked)
		judged = same ? KNOWN_HOST_REVOKED : KNOWN_HOST_UNKNOWN;
	else if (same)
		judged = KNOWN_HOST_SAME;
	else
		judged = strcmp(line->type, offered->type) == 0 ? KNOWN_HOST_CHANGED : KNOWN_HOST_OTHER_TYPE;
	offered->found = stronger(offered->found, judged);
}

static void name_with_port(const char *host, int port, char name[NAME_MAXIMUM])
{
	if (port == DEFAULT_PORT)
		snprintf(name, NAME_MAXIMUM, "%s", host);
	else
		snprintf(name, NAME_MAXIMUM, "[%s]:%d", host, port);
}

enum known_host known_hosts_check(
	const char *text, const char *host, int port, const unsigned char *key, size_t length)
{
	char name[NAME_MAXIMUM], type[64];
	known_hosts_type(key, length, type);
	struct offered offered = {.type = type, .key = key, .length = length};
	name_with_port(host, port, name);
	each_line(text, name, judge_line, &offered);
	if (port == DEFAULT_PORT ||
		(offered.found != KNOWN_HOST_UNKNOWN && offered.found != KNOWN_HOST_OTHER_TYPE))
		return offered.found;
	struct offered plain = {.type = type, .key = key, .length = length};
	each_line(text, host, judge_line, &plain);
	return plain.found == KNOWN_HOST_SAME || plain.found == KNOWN_HOST_REVOKED ? plain.found
										   : offered.found;
}

/* --- which keys to ask for --- */

static const struct kind {
	const char *type, *kind, *algorithms;
} kinds[] = {
	{"ssh-ed25519", "ed25519", "ssh-ed25519"},
	{"ecdsa-sha2-nistp256", "ecdsa", "ecdsa-sha2-nistp256"},
	{"ecdsa-sha2-nistp384", "ecdsa", "ecdsa-sha2-nistp384"},
	{"ecdsa-sha2-nistp521", "ecdsa", "ecdsa-sha2-nistp521"},
	{"ssh-rsa", "rsa", "rsa-sha2-512,rsa-sha2-256"},
};

struct preference {
	bool known[COUNT_OF(kinds)];
};

const char *known_hosts_kind(const char *type)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return kinds[i].kind;
	return type;
}

static void note_kind(void *context, const struct known_line *line)
{
	struct preference *preference = context;
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (!line->revoked && strcmp(kinds[i].type, line->type) == 0)
			preference->known[i] = true;
}

void known_hosts_algorithms(const char *text, const char *host, int port, char list[KNOWN_HOSTS_ALGORITHMS])
{
	struct preference preference = {0};
	char name[NAME_MAXIMUM];
	size_t length = 0;
	name_with_port(host, port, name);
	each_line(text, name, note_kind, &preference);
	if (port != DEFAULT_PORT)
		each_line(text, host, note_kind, &preference);
	for (int known = 1; known >= 0; known--)
		for (size_t i = 0; i < COUNT_OF(kinds); i++)
			if (preference.known[i] == (known == 1))
				length += (size_t)snprintf(list + length, KNOWN_HOSTS_ALGORITHMS - length,
					"%s%s", length ? "," : "", kinds[i].algorithms);
}
