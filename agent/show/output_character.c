#include "agent/show/output_character.h"

struct range {
	uint32_t first, last;
};

/* Blocks rather than single characters: a table that is one column off for a rare sign is still a table. */
static const struct range none[] = {
	{0x0300, 0x036f}, /* combining diacritical marks */
	{0x0483, 0x0489},
	{0x0591, 0x05bd},
	{0x0610, 0x061a},
	{0x064b, 0x065f},
	{0x0e31, 0x0e31},
	{0x0e34, 0x0e3a},
	{0x0e47, 0x0e4e},
	{0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff},
	{0x20d0, 0x20ff},
	{0xfe00, 0xfe0f},
	{0xfe20, 0xfe2f},
	{0xe0100, 0xe01ef},
};

static const struct range wide[] = {
	{0x1100, 0x115f}, /* Hangul Jamo */
	{0x231a, 0x231b},
	{0x23e9, 0x23ec},
	{0x2614, 0x2615},
	{0x26a1, 0x26a1},
	{0x2705, 0x2705},
	{0x274c, 0x274c},
	{0x2753, 0x2755},
	{0x2795, 0x2797},
	{0x2b1b, 0x2b1c},
	{0x2e80, 0x303e}, /* CJK radicals to punctuation */
	{0x3041, 0x33ff},
	{0x3400, 0x4dbf},
	{0x4e00, 0x9fff},
	{0xa000, 0xa4cf},
	{0xac00, 0xd7a3},
	{0xf900, 0xfaff},
	{0xfe30, 0xfe6f},
	{0xff00, 0xff60},
	{0xffe0, 0xffe6},
	{0x1f300, 0x1f64f}, /* emoji */
	{0x1f680, 0x1f6ff},
	{0x1f900, 0x1f9ff},
	{0x20000, 0x3fffd},
};

static bool within(uint32_t character, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

size_t character_width(uint32_t character)
{
	if (character < 0x300)
		return 1;
	if (within(character, none, COUNT_OF(none)))
		return 0;
	return within(character, wide, COUNT_OF(wide)) ? 2 : 1;
}

size_t character_read(const char *text, uint32_t *character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = bytes[0] < 0x80 ? 1
		: bytes[0] < 0xc2       ? 0
		: bytes[0] < 0xe0       ? 2
		: bytes[0] < 0xf0       ? 3
					: 4;
	if (!length || bytes[0] > 0xf4)
		return 0;
	uint32_t value = length == 1 ? bytes[0] : bytes[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80) /* the final NUL ends here too */
			return 0;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*character = value;
	return length;
}
