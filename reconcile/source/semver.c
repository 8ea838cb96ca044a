/*
 * semver.c - versions and constraints as Argo CD understands them (semver.org 2.0.0, Masterminds/semver 3.4)
 */
#include "reconcile/source/semver.h"

#include <ctype.h>
#include <string.h>

/* ---- versions ---- */

static bool is_identifier(char c)
{
	return c && isascii(c) && (isalnum((unsigned char)c) || c == '-');
}

/* A number that fits; leading zeros are taken, as in "2024.01.02". */
static bool read_number(const char **at, uint64_t *number)
{
	uint64_t value = 0;
	const char *c = *at;
	for (; isdigit((unsigned char)*c); c++) {
		uint64_t digit = (uint64_t)(*c - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (c == *at)
		return false;
	*at = c;
	*number = value;
	return true;
}

/* "rc.1": parts of letters, digits and '-'; the parts of a pre-release that are numbers have no leading zero. */
static bool read_identifiers(const char **at, bool is_pre)
{
	const char *c = *at;
	for (;;) {
		const char *part = c;
		bool number = true;
		for (; is_identifier(*c); c++)
			number = number && isdigit((unsigned char)*c);
		if (c == part || (is_pre && number && *part == '0' && c - part > 1))
			return false;
		if (*c != '.')
			break;
		c++;
	}
	*at = c;
	return true;
}

/* What may follow the numbers. */
static bool read_tail(const char **at, struct semver *version)
{
	if (**at == '-') {
		version->pre = ++*at;
		if (!read_identifiers(at, true))
			return false;
		version->pre_length = (size_t)(*at - version->pre);
	}
	if (**at == '+') {
		++*at;
		return read_identifiers(at, false);
	}
	return true;
}

bool semver_parse(const char *text, struct semver *version)
{
	struct semver read = {0};
	const char *at = text + (*text == 'v');
	if (!read_number(&at, &read.major))
		return false;
	if (*at == '.' && (++at, !read_number(&at, &read.minor)))
		return false;
	if (*at == '.' && (++at, !read_number(&at, &read.patch)))
		return false;
	if (!read_tail(&at, &read) || *at)
		return false;
	*version = read;
	return true;
}

static size_t part_length(const char *text, size_t length)
{
	const char *dot = memchr(text, '.', length);
	return dot ? (size_t)(dot - text) : length;
}

static bool is_number(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* Numbers by value and below words, words by their bytes. Numbers have no leading zero, so the longer is the greater. */
static int compare_part(const char *a, size_t a_length, const char *b, size_t b_length)
{
	bool a_number = is_number(a, a_length), b_number = is_number(b, b_length);
	if (a_number != b_number)
		return a_number ? -1 : 1;
	if (a_number && a_length != b_length)
		return a_length < b_length ? -1 : 1;
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
	return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* Part by part; the one with more parts is the greater. A version without any is greater than all with some. */
static int compare_pre(const struct semver *a, const struct semver *b)
{
	const char *left = a->pre, *right = b->pre;
	size_t left_length = a->pre_length, right_length = b->pre_length;
	if (!left_length || !right_length)
		return (left_length == 0) - (right_length == 0);
	for (;;) {
		size_t left_part = part_length(left, left_length),
		       right_part = part_length(right, right_length);
		int order = compare_part(left, left_part, right, right_part);
		bool left_ends = left_part == left_length, right_ends = right_part == right_length;
		if (order || left_ends || right_ends)
			return order ? order : right_ends - left_ends;
		left += left_part + 1;
		left_length -= left_part + 1;
		right += right_part + 1;
		right_length -= right_part + 1;
	}
}

int semver_compare(const struct semver *a, const struct semver *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->minor != b->minor)
		return a->minor < b->minor ? -1 : 1;
	if (a->patch != b->patch)
		return a->patch < b->patch ? -1 : 1;
	return compare_pre(a, b);
}

/* ---- constraints ---- */

enum open_from { OPEN_NOT, OPEN_PATCH, OPEN_MINOR, OPEN_ALL };

/* One comparison. Numbers that were left out or are wildcards are 0 in `base`. */
struct term {
	bool (*holds)(const struct term *term, const struct semver *version);
	struct semver base;
	enum open_from open; /* the first of the numbers that is open */
	size_t group;        /* terms of one group must all hold */
};

struct semver_range {
	struct term *terms;
	size_t count;
	size_t groups;
};

static bool same_open(const struct term *term, const struct semver *version)
{
	return term->open == OPEN_ALL ||
		(version->major == term->base.major &&
			(term->open == OPEN_MINOR ||
				(version->minor == term->base.minor &&
					(term->open == OPEN_PATCH || version->patch == term->base.patch))));
}

/* "~1.2.3": from there, below 1.3; "~1": below 2. */
static bool holds_tilde(const struct term *term, const struct semver *version)
{
	if (term->open == OPEN_ALL)
		return true;
	return semver_compare(version, &term->base) >= 0 && version->major == term->base.major &&
		(term->open == OPEN_MINOR || version->minor == term->base.minor);
}

/* "=1.2" is every 1.2.x; "=1.2.3" is that alone. */
static bool holds_equal(const struct term *term, const struct semver *version)
{
	return term->open == OPEN_NOT ? semver_compare(version, &term->base) == 0 : holds_tilde(term, version);
}

static bool holds_not_equal(const struct term *term, const struct semver *version)
{
	return term->open == OPEN_NOT ? semver_compare(version, &term->base) != 0 : !same_open(term, version);
}

/* ">1" begins with 2, ">1.2" with 1.3. */
static bool holds_greater(const struct term *term, const struct semver *version)
{
	return semver_compare(version, &term->base) > 0 &&
		(term->open == OPEN_NOT || !same_open(term, version));
}

static bool holds_less(const struct term *term, const struct semver *version)
{
	return semver_compare(version, &term->base) < 0;
}

static bool holds_at_least(const struct term *term, const struct semver *version)
{
	return semver_compare(version, &term->base) >= 0;
}

/* "<=1.2" ends before 1.3. */
static bool holds_at_most(const struct term *term, const struct semver *version)
{
	return semver_compare(version, &term->base) <= 0 ||
		(term->open != OPEN_NOT && same_open(term, version));
}

/* The leftmost number that is not 0 stays: "^1.2" below 2, "^0.2.3" below 0.3, "^0.0.3" is that alone. */
static bool holds_caret(const struct term *term, const struct semver *version)
{
	const struct semver *base = &term->base;
	if (term->open == OPEN_ALL)
		return true;
	if (semver_compare(version, base) < 0 || version->major != base->major)
		return false;
	if (base->major || term->open == OPEN_MINOR)
		return true;
	if (version->minor != base->minor)
		return false;
	return base->minor || term->open == OPEN_PATCH || version->patch == base->patch;
}

/* Longer ones first: the first that fits is taken. */
static const struct {
	const char *text;
	bool (*holds)(const struct term *term, const struct semver *version);
} operators[] = {
	{"!=", holds_not_equal},
	{">=", holds_at_least},
	{"=>", holds_at_least},
	{"<=", holds_at_most},
	{"=<", holds_at_most},
	{"~>", holds_tilde},
	{"=", holds_equal},
	{">", holds_greater},
	{"<", holds_less},
	{"~", holds_tilde},
	{"^", holds_caret},
	{"", holds_equal},
};

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

static bool read_wildcard(const char **at)
{
	if (!**at || !strchr("xX*", **at))
		return false;
	++*at;
	return true;
}

/* Numbers of which the last may be left out or be wildcards; what follows the first open one means nothing. */
static bool read_base(const char **at, struct term *term)
{
	static const enum open_from opens[] = {OPEN_ALL, OPEN_MINOR, OPEN_PATCH};
	uint64_t *numbers[] = {&term->base.major, &term->base.minor, &term->base.patch};
	uint64_t ignored;
	*at += **at == 'v';
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		if (i && **at != '.') {
			term->open = term->open == OPEN_NOT ? opens[i] : term->open;
			break;
		}
		*at += i > 0;
		if (read_wildcard(at))
			term->open = term->open == OPEN_NOT ? opens[i] : term->open;
		else if (!read_number(at, term->open == OPEN_NOT ? numbers[i] : &ignored))
			return false;
	}
	return read_tail(at, &term->base);
}

static void add(struct semver_range *range, const struct term *term, struct arena *mem)
{
	range->terms = arena_grow(mem, range->terms, range->count, sizeof(*range->terms));
	range->terms[range->count++] = *term;
}

/* "1.2 - 2.0" is ">=1.2 <=2.0". */
static bool read_hyphen(const char **at, struct term *term, struct semver_range *range, struct arena *mem)
{
	struct term last = {.holds = holds_at_most, .group = term->group};
	const char *c = *at;
	skip_blanks(&c);
	if (c == *at || *c != '-' || (c[1] != ' ' && c[1] != '\t'))
		return true;
	c++;
	skip_blanks(&c);
	if (!read_base(&c, &last))
		return false;
	term->holds = holds_at_least;
	add(range, &last, mem);
	*at = c;
	return true;
}

static bool read_term(const char **at, struct semver_range *range, struct arena *mem)
{
	struct term term = {.group = range->groups};
	size_t i = 0;
	while (strncmp(*at, operators[i].text, strlen(operators[i].text)) != 0)
		i++;
	term.holds = operators[i].holds;
	*at += strlen(operators[i].text);
	skip_blanks(at);
	bool plain = !*operators[i].text;
	if (!read_base(at, &term) || (plain && !read_hyphen(at, &term, range, mem)))
		return false;
	add(range, &term, mem);
	return true;
}

/* Terms up to the end or to "||". */
static bool read_group(const char **at, struct semver_range *range, struct arena *mem)
{
	skip_blanks(at);
	for (;;) {
		if (!read_term(at, range, mem))
			return false;
		const char *end = *at;
		skip_blanks(at);
		if (!**at || strncmp(*at, "||", 2) == 0)
			break;
		if (**at == ',')
			++*at;
		else if (*at == end)
			return false;
		skip_blanks(at);
	}
	range->groups++;
	return true;
}

const struct semver_range *semver_range_parse(const char *text, struct arena *mem)
{
	struct semver exact;
	struct semver_range *range = arena_alloc(mem, sizeof(*range));
	if (semver_parse(text, &exact))
		return NULL;
	for (const char *at = text;; at += 2) {
		if (!read_group(&at, range, mem))
			return NULL;
		if (!*at)
			return range;
	}
}

static bool group_takes_pre(const struct semver_range *range, size_t group)
{
	for (size_t i = 0; i < range->count; i++)
		if (range->terms[i].group == group && range->terms[i].base.pre_length)
			return true;
	return false;
}

static bool group_has(const struct semver_range *range, size_t group, const struct semver *version)
{
	if (version->pre_length && !group_takes_pre(range, group))
		return false;
	for (size_t i = 0; i < range->count; i++)
		if (range->terms[i].group == group && !range->terms[i].holds(&range->terms[i], version))
			return false;
	return true;
}

bool semver_range_has(const struct semver_range *range, const struct semver *version)
{
	for (size_t group = 0; group < range->groups; group++)
		if (group_has(range, group, version))
			return true;
	return false;
}

bool semver_range_takes_pre(const struct semver_range *range)
{
	for (size_t group = 0; group < range->groups; group++)
		if (group_takes_pre(range, group))
			return true;
	return false;
}
