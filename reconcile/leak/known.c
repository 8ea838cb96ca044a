#include "reconcile/leak/known.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

enum { SHORTEST = 4, SHORT = 8, LINE_SHORTEST = 8, HASHES = 65536 };

struct value {
	char *bytes, *who;
	size_t length;
	bool weak;
};

struct needle {
	const char *bytes;
	size_t length;
	size_t value; /* index */
	unsigned hash;
	bool word;  /* only where no letter or digit is beside it */
	char *made; /* owns `bytes`; NULL = they are the value's */
};

struct known {
	struct value *values;
	size_t count;
	struct needle *needles; /* by hash */
	size_t needle_count;
	unsigned char starts[HASHES / 8]; /* which hashes of four bytes there are */
};

static const char *const first_guesses[] = {"postgres", "password", "passwort", "passwd", "secret", "admin",
	"administrator", "root", "test", "testing", "user", "username", "example", "default", "changeme",
	"change", "database", "postgresql", "value", "string", "public", "true", "false", "null", "none",
	"1234", "12345", "123456"};

struct known *known_new(void)
{
	return memory_alloc(sizeof(struct known));
}

void known_free(struct known *known)
{
	if (!known)
		return;
	for (size_t i = 0; i < known->needle_count; i++)
		if (known->needles[i].made) {
			explicit_bzero(known->needles[i].made, known->needles[i].length);
			free(known->needles[i].made);
		}
	for (size_t i = 0; i < known->count; i++) {
		explicit_bzero(known->values[i].bytes, known->values[i].length);
		free(known->values[i].bytes);
		free(known->values[i].who);
	}
	free(known->values);
	free(known->needles);
	free(known);
}

static bool is_first_guess(const char *who, const char *bytes, size_t length)
{
	if (strlen(who) == length && strncasecmp(who, bytes, length) == 0)
		return true;
	for (size_t i = 0; i < COUNT_OF(first_guesses); i++)
		if (strlen(first_guesses[i]) == length && strncasecmp(first_guesses[i], bytes, length) == 0)
			return true;
	return false;
}

void known_add(struct known *known, const char *who, const void *bytes, size_t length)
{
	const char *text = bytes;
	while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	if (!length)
		return;
	for (size_t i = 0; i < known->count; i++)
		if (known->values[i].length == length && memcmp(known->values[i].bytes, text, length) == 0)
			return;
	known->values = memory_resize(known->values, (known->count + 1) * sizeof(*known->values));
	struct value *value = &known->values[known->count++];
	*value = (struct value){.bytes = memory_alloc(length + 1), .who = memory_copy(who), .length = length};
	memcpy(value->bytes, text, length);
	value->weak = length < SHORTEST || is_first_guess(who, text, length);
}

static unsigned hash_of(const char *bytes)
{
	uint32_t word;
	memcpy(&word, bytes, sizeof(word));
	return (word * 2654435761U) >> 16;
}

static bool is_letters(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isalpha((unsigned char)bytes[i]))
			return false;
	return true;
}

static void add_needle(struct known *known, size_t value, const char *bytes, size_t length, char *made)
{
	known->needles = memory_resize(known->needles, (known->needle_count + 1) * sizeof(*known->needles));
	known->needles[known->needle_count++] = (struct needle){.bytes = bytes,
		.length = length,
		.value = value,
		.hash = hash_of(bytes),
		.word = length < SHORT || is_letters(bytes, length),
		.made = made};
}

static void add_lines(struct known *known, size_t index)
{
	const struct value *value = &known->values[index];
	if (!memchr(value->bytes, '\n', value->length))
		return;
	for (size_t at = 0; at < value->length;) {
		const char *line = value->bytes + at, *end = memchr(line, '\n', value->length - at);
		size_t length = end ? (size_t)(end - line) : value->length - at;
		at += length + 1;
		while (length && strchr(" \t\r", line[length - 1]))
			length--;
		while (length && strchr(" \t", *line)) {
			line++;
			length--;
		}
		if (length >= LINE_SHORTEST && strncmp(line, "-----", 5) != 0)
			add_needle(known, index, line, length, NULL);
	}
}

/* Where a character beyond ASCII is one byte: ISO 8859-1. */
static void add_latin(struct known *known, size_t index)
{
	const struct value *value = &known->values[index];
	char *made = memory_alloc(value->length + 1);
	size_t size = 0, used = 0;
	uint32_t character = 0;
	bool beyond = false, fits = true;
	for (size_t at = 0; at < value->length && fits; at += used) {
		used = text_character(value->bytes + at, value->length - at, &character);
		fits = used && character < 0x100;
		beyond = beyond || character > 0x7f;
		made[size++] = (char)character;
	}
	if (fits && beyond && size >= SHORTEST) {
		add_needle(known, index, made, size, made);
		return;
	}
	explicit_bzero(made, value->length);
	free(made);
}

static int by_hash(const void *a, const void *b)
{
	const struct needle *left = a, *right = b;
	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return left->length == right->length ? 0 : left->length < right->length ? 1 : -1;
}

void known_ready(struct known *known)
{
	for (size_t i = 0; i < known->count; i++) {
		if (known->values[i].weak)
			continue;
		add_needle(known, i, known->values[i].bytes, known->values[i].length, NULL);
		add_lines(known, i);
		add_latin(known, i);
	}
	if (known->needle_count)
		qsort(known->needles, known->needle_count, sizeof(*known->needles), by_hash);
	for (size_t i = 0; i < known->needle_count; i++)
		known->starts[known->needles[i].hash / 8] |= (unsigned char)(1U << known->needles[i].hash % 8);
}

size_t known_count(const struct known *known)
{
	return known ? known->needle_count : 0;
}

const char *known_weak(const struct known *known, size_t index)
{
	for (size_t i = 0; known && i < known->count; i++)
		if (known->values[i].weak && index-- == 0)
			return known->values[i].who;
	return NULL;
}

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool stands_alone(const char *bytes, size_t length, size_t offset, size_t size, bool encoded)
{
	size_t end = offset + size;
	if (encoded) {
		while (end < length && strchr("\r\n", bytes[end]) && bytes[end])
			end++;
		return offset == 0 && end == length;
	}
	return (offset == 0 || !is_word_byte(bytes[offset - 1])) &&
		(end >= length || !is_word_byte(bytes[end]));
}

static size_t first_of(const struct known *known, unsigned hash)
{
	size_t low = 0, high = known->needle_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (known->needles[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool known_find(const struct known *known, const char *bytes, size_t length, bool encoded, size_t from,
	struct known_hit *hit)
{
	if (!known_count(known) || length < SHORTEST)
		return false;
	for (size_t at = from; at + SHORTEST <= length; at++) {
		unsigned hash = hash_of(bytes + at);
		if (!(known->starts[hash / 8] & (1U << hash % 8)))
			continue;
		for (size_t i = first_of(known, hash);
			i < known->needle_count && known->needles[i].hash == hash; i++) {
			const struct needle *needle = &known->needles[i];
			if (needle->length > length - at ||
				memcmp(bytes + at, needle->bytes, needle->length) != 0 ||
				(needle->word && !stands_alone(bytes, length, at, needle->length, encoded)))
				continue;
			const struct value *value = &known->values[needle->value];
			*hit = (struct known_hit){
				at, at + needle->length, value->who, value->bytes, value->length};
			return true;
		}
	}
	return false;
}
