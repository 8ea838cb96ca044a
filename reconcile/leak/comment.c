#include "reconcile/leak/comment.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "reconcile/leak/public.h"

enum { SHORTEST = 6 };

static bool has_word(const char *text, size_t length, const char *word)
{
	size_t size = strlen(word);
	for (size_t at = 0; at + size <= length; at++)
		if (strncasecmp(text + at, word, size) == 0 &&
			(at == 0 || !isalpha((unsigned char)text[at - 1])) &&
			(at + size == length || !isalpha((unsigned char)text[at + size])))
			return true;
	return false;
}

static bool speaks_of_one(const char *comment, size_t length)
{
	static const char *const words[] = {"old", "was", "previous", "previously", "formerly", "before",
		"former", "until", "alt", "bisher", "secret", "pw", "pass", "pwd", "password", "passwd",
		"passphrase", "passwort", "kennwort"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (has_word(comment, length, words[i]))
			return true;
	for (size_t at = 0; at + 5 <= length; at++)
		if (strncasecmp(comment + at, "passw", 5) == 0)
			return true;
	return false;
}

/* Letters, and digits or signs between them; no date, number, version, address or name of a ticket. */
static bool is_no_word(const char *text, size_t length)
{
	bool letters = false, digits = false, lower = false, signs = false;
	if (length < SHORTEST || memmem(text, length, "://", 3) || public_value(text, length, false))
		return false;
	for (size_t i = 0; i < length; i++) {
		letters = letters || isalpha((unsigned char)text[i]);
		lower = lower || islower((unsigned char)text[i]);
		digits = digits || isdigit((unsigned char)text[i]);
		signs = signs || strchr("!$%&*+=?#~^@|<>", text[i]);
	}
	bool ticket = !lower && memchr(text, '-', length),
	     address = memchr(text, '@', length) && memchr(text, '.', length);
	return letters && (digits || signs) && !ticket && !address;
}

size_t comment_values(const char *comment, size_t length, comment_value *value, void *context)
{
	static const char between[] = " \t\r\n\"'`,;()[]{}";
	size_t count = 0;
	if (!speaks_of_one(comment, length))
		return 0;
	for (size_t at = 0; at < length;) {
		size_t end = at;
		while (end < length && !strchr(between, comment[end]))
			end++;
		/* "password:x" and "pw=x" */
		const char *assigned = memchr(comment + at, '=', end - at),
			   *colon = memchr(comment + at, ':', end - at);
		size_t start = at;
		if ((assigned || colon) && !memmem(comment + at, end - at, "://", 3))
			start = (size_t)((assigned && (!colon || assigned < colon) ? assigned : colon) -
					comment) +
				1;
		size_t size = end - start;
		while (size && strchr(".:", comment[start + size - 1]))
			size--;
		if (is_no_word(comment + start, size)) {
			count++;
			if (value)
				value(context, comment + start, size);
		}
		at = end + 1;
	}
	return count;
}
