#include "tests/fuzz/mutate.h"

#include <string.h>

#include "base/base.h"

/* What parsers stumble over: ends, brackets, numbers at their limits, broken characters. */
static const struct {
	const char *bytes;
	size_t length;
} words[] = {{"\0", 1}, {"\n", 1}, {"\r\n", 2}, {"\"", 1}, {"'", 1}, {"\\", 1}, {"{", 1}, {"}", 1}, {"[", 1},
	{"]", 1}, {": ", 2}, {",", 1}, {"- ", 2}, {"*a", 2}, {"&a ", 3}, {"<<: ", 4}, {"---\n", 4},
	{"|\n", 2}, {"../", 3}, {"/", 1}, {"@", 1}, {"%00", 3}, {"%", 1}, {"$", 1}, {"0", 1}, {"-1", 2},
	{"2147483648", 10}, {"9223372036854775808", 19}, {"1e999", 5}, {"null", 4}, {"true", 4}, {"\xff", 1},
	{"\xc3", 1}, {"\xe2\x80\xae", 3}, {"\x1b[2J", 4}, {"\xef\xbb\xbf", 3}, {"0000", 4}, {"ffff", 4},
	{"SELECT", 6}, {"\x7f\xff\xff\xff", 4}};

/* A counter, mixed: SplitMix64, whose seed may be anything. */
static uint64_t draw(struct mutate *mutate)
{
	uint64_t z = mutate->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* From 0 to `end` - 1; 0 when there is nothing to choose. */
static size_t below(struct mutate *mutate, size_t end)
{
	return end ? (size_t)((draw(mutate) >> 16) % end) : 0;
}

static size_t insert(uint8_t *out, size_t size, size_t at, const void *bytes, size_t length)
{
	if (length > MUTATE_LARGEST - size)
		return size;
	memmove(out + at + length, out + at, size - at);
	memcpy(out + at, bytes, length);
	return size + length;
}

static size_t erase(uint8_t *out, size_t size, size_t at, size_t length)
{
	memmove(out + at, out + at + length, size - at - length);
	return size - length;
}

/* A piece of the input, once more somewhere else. */
static size_t repeat(struct mutate *mutate, uint8_t *out, size_t size, size_t at)
{
	uint8_t piece[256];
	size_t from = below(mutate, size), length = below(mutate, sizeof(piece));
	length = length < size - from ? length : size - from;
	memcpy(piece, out + from, length);
	return insert(out, size, at, piece, length);
}

/* The end of another file. */
static size_t splice(struct mutate *mutate, uint8_t *out, size_t at)
{
	size_t other = below(mutate, mutate->count), from = below(mutate, mutate->sizes[other]);
	size_t length = mutate->sizes[other] - from;
	length = length < MUTATE_LARGEST - at ? length : MUTATE_LARGEST - at;
	memcpy(out + at, mutate->files[other] + from, length);
	return at + length;
}

static size_t change(struct mutate *mutate, uint8_t *out, size_t size)
{
	size_t at = below(mutate, size), word = below(mutate, COUNT_OF(words));
	switch (size ? below(mutate, 7) : 0) {
	case 0:
		return insert(out, size, at, words[word].bytes, words[word].length);
	case 1:
		out[at] ^= (uint8_t)(1u << below(mutate, 8));
		return size;
	case 2:
		out[at] = (uint8_t)draw(mutate);
		return size;
	case 3:
		return erase(out, size, at, below(mutate, size - at < 64 ? size - at + 1 : 64));
	case 4:
		return repeat(mutate, out, size, at);
	case 5:
		return splice(mutate, out, at);
	default:
		size = erase(out, size, at, words[word].length < size - at ? words[word].length : size - at);
		return insert(out, size, at, words[word].bytes, words[word].length);
	}
}

size_t mutate_next(struct mutate *mutate, uint8_t *out)
{
	size_t file = below(mutate, mutate->count), size = mutate->sizes[file];
	size = size < MUTATE_LARGEST ? size : MUTATE_LARGEST;
	memcpy(out, mutate->files[file], size);
	for (size_t changes = 1 + below(mutate, 6); changes; changes--)
		size = change(mutate, out, size);
	return size;
}
