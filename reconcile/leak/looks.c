/* What looks like a secret and is in no structure: worth a word, and no more. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "reconcile/leak/internal.h"

enum { SHORTEST = 6, FEW = 20, LINE_MAX_BYTES = 4096 };

static bool is_token_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Tokens that say themselves what they are, and how long they are at least behind that. */
static const struct {
	const char *start;
	size_t more;
	const char *what;
} tokens[] = {{"AKIA", 16, "an access key of AWS"}, {"ghp_", 30, "a token of GitHub"},
	{"github_pat_", 40, "a token of GitHub"}, {"glpat-", 20, "a token of GitLab"},
	{"xoxb-", 20, "a token of Slack"}, {"npm_", 36, "a token of npm"}};

static bool judge_token(const struct look *look, const char *text, size_t length, int line)
{
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		size_t size = strlen(tokens[i].start), more = 0;
		const char *found = memmem(text, length, tokens[i].start, size);
		if (!found || (found > text && is_token_byte(found[-1])))
			continue;
		while (found + size + more < text + length && is_token_byte(found[size + more]))
			more++;
		if (more < tokens[i].more || memmem(found, size + more, "EXAMPLE", 7))
			continue;
		leak_found(look, LEAK_LOOKS, line, found, size + more, "this looks like %s", tokens[i].what);
		return true;
	}
	return false;
}

/* "scheme://user:password@host" */
static bool judge_url(const struct look *look, const char *text, size_t length, int line)
{
	const char *scheme = memmem(text, length, "://", 3), *end = text + length;
	const char *at = scheme ? memchr(scheme, '@', (size_t)(end - scheme)) : NULL;
	const char *colon = at ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;
	if (!colon || memchr(scheme + 3, '/', (size_t)(at - scheme - 3)) ||
		memchr(scheme + 3, ' ', (size_t)(at - scheme - 3)) || at - colon - 1 < SHORTEST ||
		public_value(colon + 1, (size_t)(at - colon) - 1, true))
		return false;
	leak_found(look, LEAK_LOOKS, line, colon + 1, (size_t)(at - colon) - 1,
		"this looks like a URL with a password");
	return true;
}

/* The word in front of a ':' or '='. */
static bool is_password_key(const char *text, const char *colon)
{
	const char *end = colon;
	while (end > text && strchr(" \t\"'`", end[-1]))
		end--;
	const char *start = end;
	while (start > text &&
		(isalnum((unsigned char)start[-1]) || start[-1] == '_' || start[-1] == '-' || start[-1] == '.'))
		start--;
	size_t length = (size_t)(end - start);
	static const char *const ends[] = {"password", "passwd", "passphrase", "pwd"};
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		size_t size = strlen(ends[i]);
		if (length >= size && strncasecmp(end - size, ends[i], size) == 0)
			return true;
	}
	return false;
}

static bool judge_assignment(const struct look *look, const char *text, size_t length, int line)
{
	const char *end = text + length;
	for (const char *colon = text; (colon = memchr(colon, ':', (size_t)(end - colon))) ||
		((colon = memchr(text, '=', length)) && colon < end);) {
		const char *value = colon + 1;
		if (!is_password_key(text, colon)) {
			if (*colon == '=')
				return false;
			colon++;
			continue;
		}
		while (value < end && strchr(" \t=>", *value))
			value++;
		char quote = value < end && strchr("\"'`", *value) ? *value : '\0';
		value += quote != '\0';
		const char *stop = value;
		while (stop < end &&
			(quote ? *stop != quote : !isspace((unsigned char)*stop) && !strchr(",;)}]", *stop)))
			stop++;
		/* Without quotes a program names a variable, and prose goes on. */
		if ((!quote && leak_is_example(look->place)) || stop - value < SHORTEST ||
			memchr(value, ' ', (size_t)(stop - value)) ||
			memchr(value, '(', (size_t)(stop - value)) ||
			public_value(value, (size_t)(stop - value), true))
			return false;
		leak_found(look, LEAK_LOOKS, line, value, (size_t)(stop - value),
			"this looks like a plain password");
		return true;
	}
	return false;
}

static bool judge_line(const struct look *look, const char *text, size_t length, int line)
{
	if (memmem(text, length, "-----BEGIN ", 11) && memmem(text, length, "PRIVATE KEY-----", 16)) {
		leak_found(look, LEAK_LOOKS, line, text, length, "this looks like a private key");
		return true;
	}
	return judge_token(look, text, length, line) || judge_url(look, text, length, line) ||
		judge_assignment(look, text, length, line);
}

void leak_looks(const struct look *look, const char *text, size_t length)
{
	int line = 1;
	size_t few = 0;
	for (size_t at = 0; at < length && few < FEW; line++) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t size = end ? (size_t)(end - text) - at : length - at;
		if (size <= LINE_MAX_BYTES && size >= SHORTEST)
			few += judge_line(look, text + at, size, line);
		at += size + 1;
	}
}
