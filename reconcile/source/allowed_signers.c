#include "reconcile/source/allowed_signers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

/* One line while it is read. */
struct line {
	char *rest;
	int number;
	struct arena *mem;
	struct error *err;
};

static bool wrong(const struct line *line, const char *what)
{
	return error_set(line->err, ERROR_INVALID, "line %d of the allowed signers %s", line->number, what);
}

/* The next word; blanks within double quotes belong to it. NULL at the end. */
static char *next_word(struct line *line)
{
	char *c = line->rest + strspn(line->rest, " \t");
	char *word = c;
	bool quoted = false;
	for (; *c && (quoted || (*c != ' ' && *c != '\t')); c++)
		quoted = quoted != (*c == '"');
	line->rest = c;
	if (*c) {
		*c = '\0';
		line->rest = c + 1;
	}
	return *word ? word : NULL;
}

/* YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS; local time without a 'Z', and the Git process knows only UTC. */
static bool read_time(const char *text, int64_t *seconds)
{
	struct tm tm = {0}, made;
	size_t digits = strspn(text, "0123456789");
	int fields = sscanf(text, "%4d%2d%2d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		&tm.tm_min, &tm.tm_sec);
	if ((digits != 8 && digits != 12 && digits != 14) || fields != (int)(digits / 2 - 1) ||
		(text[digits] && strcmp(text + digits, "Z") != 0))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	made = tm;
	*seconds = timegm(&made);
	/* A day that its month does not have becomes one of the next. */
	return *seconds > 0 && made.tm_mon == tm.tm_mon && made.tm_mday == tm.tm_mday &&
		made.tm_hour == tm.tm_hour && made.tm_min == tm.tm_min && made.tm_sec == tm.tm_sec;
}

/* A list of patterns as ssh_config(5) has it: one with a '!' that matches forbids, wherever it stands. */
static bool names_git(char *namespaces)
{
	bool named = false;
	char *one;
	while ((one = strsep(&namespaces, ","))) {
		bool forbids = *one == '!';
		if (!text_glob(one + forbids, "git"))
			continue;
		if (forbids)
			return false;
		named = true;
	}
	return named;
}

/* "name=value" with or without quotes; `git` is cleared when the key may not sign for it. */
static bool read_option(struct line *line, char *option, struct allowed_signer *signer, bool *git)
{
	char *value = strchr(option, '=');
	if (!value)
		return wrong(line,
			strcasecmp(option, "cert-authority") == 0
				? "names a certificate authority, which is not supported: list the keys themselves"
				: "has an unknown option");
	*value++ = '\0';
	size_t length = strlen(value);
	if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
		value[length - 1] = '\0';
		value++;
	}
	if (strcasecmp(option, "namespaces") == 0)
		*git = names_git(value);
	else if (strcasecmp(option, "valid-after") == 0)
		return read_time(value, &signer->after) || wrong(line, "has no time in valid-after");
	else if (strcasecmp(option, "valid-before") == 0)
		return read_time(value, &signer->before) || wrong(line, "has no time in valid-before");
	else
		return wrong(line, "has an unknown option");
	return true;
}

/* Options are separated by commas that are outside quotes. */
static bool read_options(struct line *line, char *options, struct allowed_signer *signer, bool *git)
{
	bool quoted = false;
	char *begin = options;
	for (char *c = options;; c++) {
		quoted = quoted != (*c == '"');
		if (*c && (quoted || *c != ','))
			continue;
		bool last = !*c;
		*c = '\0';
		if (!read_option(line, begin, signer, git))
			return false;
		if (last)
			return true;
		begin = c + 1;
	}
}

static bool is_key_type(const char *word)
{
	return text_starts(word, "ssh-") || text_starts(word, "ecdsa-") || text_starts(word, "sk-");
}

/* The type stands in the key, too. */
static bool read_key(struct line *line, const char *type, struct allowed_signer *signer)
{
	const char *text = next_word(line);
	size_t length = text ? strlen(text) : 0, type_length = strlen(type);
	unsigned char *key = arena_alloc(line->mem, length + 4);
	if (!text || !text_base64_decode(text, length, key, &signer->key_length) ||
		signer->key_length < 4 + type_length || memcmp(key + 4, type, type_length) != 0)
		return wrong(line, "has no key after its type");
	signer->key = key;
	return true;
}

static bool read_line(struct line *line, struct allowed_signers *signers)
{
	struct allowed_signer signer = {.line = line->number};
	bool git = true;
	char *principals = next_word(line);
	if (!principals || *principals == '#')
		return true;
	signer.principals = principals;
	char *word = next_word(line);
	if (word && !is_key_type(word)) {
		if (!read_options(line, word, &signer, &git))
			return false;
		word = next_word(line);
	}
	if (!word || !is_key_type(word))
		return wrong(line, "has no key: PRINCIPALS [OPTIONS] TYPE KEY");
	if (!read_key(line, word, &signer))
		return false;
	if (!git)
		return true;
	signers->items = arena_grow(line->mem, signers->items, signers->count, sizeof(*signers->items));
	signers->items[signers->count++] = signer;
	return true;
}

bool allowed_signers_read(
	const char *text, struct arena *mem, struct allowed_signers *signers, struct error *err)
{
	struct allowed_signers read = {0};
	struct line line = {.mem = mem, .err = err};
	char *rest = arena_copy(mem, text), *one;
	while ((one = strsep(&rest, "\n"))) {
		size_t length = strlen(one);
		if (length && one[length - 1] == '\r')
			one[length - 1] = '\0';
		line.rest = one;
		line.number++;
		if (!read_line(&line, &read))
			return false;
	}
	*signers = read;
	return true;
}

const struct allowed_signer *allowed_signers_find(const struct allowed_signers *signers,
	const unsigned char *key, size_t key_length, int64_t time, bool *expired)
{
	*expired = false;
	for (size_t i = 0; i < signers->count; i++) {
		const struct allowed_signer *signer = &signers->items[i];
		if (signer->key_length != key_length || memcmp(signer->key, key, key_length) != 0)
			continue;
		if ((!signer->after || time >= signer->after) && (!signer->before || time < signer->before))
			return signer;
		*expired = true;
	}
	return NULL;
}
