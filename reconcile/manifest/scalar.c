/*
 * Plain scalars as sigs.k8s.io/yaml 1.6 reads them, which is what kubectl and the API server use: the rules of
 * resolve() in go.yaml.in/yaml/v2, YAML 1.1 without base 60. tests/reconcile/manifest/kubectl.jsonl holds what that
 * program answered. Two deliberate differences: an integer that does not fit 64 bits is a mistake (it would become a
 * rounded float there), and so are infinity and not-a-number, which JSON cannot hold.
 */
#include "reconcile/manifest/scalar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const struct {
	const char *text;
	enum yaml_kind kind;
	bool boolean;
	double number;
} words[] = {
	{"", YAML_NULL, false, 0},
	{"~", YAML_NULL, false, 0},
	{"null", YAML_NULL, false, 0},
	{"Null", YAML_NULL, false, 0},
	{"NULL", YAML_NULL, false, 0},
	{"y", YAML_BOOL, true, 0},
	{"Y", YAML_BOOL, true, 0},
	{"yes", YAML_BOOL, true, 0},
	{"Yes", YAML_BOOL, true, 0},
	{"YES", YAML_BOOL, true, 0},
	{"true", YAML_BOOL, true, 0},
	{"True", YAML_BOOL, true, 0},
	{"TRUE", YAML_BOOL, true, 0},
	{"on", YAML_BOOL, true, 0},
	{"On", YAML_BOOL, true, 0},
	{"ON", YAML_BOOL, true, 0},
	{"n", YAML_BOOL, false, 0},
	{"N", YAML_BOOL, false, 0},
	{"no", YAML_BOOL, false, 0},
	{"No", YAML_BOOL, false, 0},
	{"NO", YAML_BOOL, false, 0},
	{"false", YAML_BOOL, false, 0},
	{"False", YAML_BOOL, false, 0},
	{"FALSE", YAML_BOOL, false, 0},
	{"off", YAML_BOOL, false, 0},
	{"Off", YAML_BOOL, false, 0},
	{"OFF", YAML_BOOL, false, 0},
	{".nan", YAML_FLOAT, false, (double)NAN},
	{".NaN", YAML_FLOAT, false, (double)NAN},
	{".NAN", YAML_FLOAT, false, (double)NAN},
	{".inf", YAML_FLOAT, false, (double)INFINITY},
	{".Inf", YAML_FLOAT, false, (double)INFINITY},
	{".INF", YAML_FLOAT, false, (double)INFINITY},
	{"+.inf", YAML_FLOAT, false, (double)INFINITY},
	{"+.Inf", YAML_FLOAT, false, (double)INFINITY},
	{"+.INF", YAML_FLOAT, false, (double)INFINITY},
	{"-.inf", YAML_FLOAT, false, -(double)INFINITY},
	{"-.Inf", YAML_FLOAT, false, -(double)INFINITY},
	{"-.INF", YAML_FLOAT, false, -(double)INFINITY},
};

static const char too_wide[] =
	"the number is larger than JSON's numbers can be: put it in quotes if it is a text";
static const char too_large[] = "the number does not fit 64 bits and would be rounded: put it in quotes";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

enum integer { INTEGER_NONE, INTEGER_FITS, INTEGER_WIDE, INTEGER_HUGE };

/* strconv.ParseInt(text, 0, 64): 0x, 0o, 0b and a leading 0 choose the base. WIDE = only unsigned 64 bits hold it. And as go-yaml cuts
   "0b" off by itself where that fails: 0b-101 is a number, too. */
static enum integer read_integer(const char *text, int64_t *value)
{
	bool is_signed = *text == '-' || *text == '+', negative = *text == '-', huge = false;
	unsigned base = 10;
	uint64_t sum = 0;
	text += is_signed;
	if (!is_signed && (strncmp(text, "0b-", 3) == 0 || strncmp(text, "0b+", 3) == 0)) {
		negative = text[2] == '-';
		base = 2;
		text += 3;
	} else if (text[0] == '0' && text[1]) {
		char letter = (char)(text[1] | 0x20);
		base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
		text += letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1;
	}
	if (!*text)
		return INTEGER_NONE;
	for (; *text; text++) {
		int digit = digit_value(*text);
		if (digit >= (int)base)
			return INTEGER_NONE;
		huge = huge || __builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
			__builtin_add_overflow(sum, (uint64_t)digit, &sum);
	}
	if (huge)
		return INTEGER_HUGE;
	if (sum > (uint64_t)INT64_MAX + negative)
		return INTEGER_WIDE;
	*value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
	return INTEGER_FITS;
}

/* ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$ */
static bool is_float(const char *text)
{
	size_t whole, fraction = 0;
	text += *text == '-' || *text == '+';
	whole = strspn(text, "0123456789");
	text += whole;
	if (*text == '.') {
		fraction = strspn(text + 1, "0123456789");
		text += 1 + fraction;
	}
	if (!whole && !fraction)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		size_t exponent = strspn(text, "0123456789");
		if (!exponent)
			return false;
		text += exponent;
	}
	return !*text;
}

static bool only_digits(const char *text)
{
	text += *text == '-' || *text == '+';
	return *text && !text[strspn(text, "0123456789")];
}

static bool has_base_prefix(const char *text)
{
	text += *text == '-' || *text == '+';
	return text[0] == '0' && text[1] && strchr("xXoObB", text[1]);
}

static void be_string(struct yaml_node *node)
{
	node->kind = YAML_STRING;
}

static const char *resolve_number(struct yaml_node *node, const char *plain, bool flow)
{
	enum integer integer = read_integer(plain, &node->integer);
	if (integer == INTEGER_FITS) {
		node->kind = YAML_INTEGER;
		return NULL;
	}
	if (integer == INTEGER_WIDE)
		return too_large;
	if (integer == INTEGER_HUGE && !has_base_prefix(plain))
		return too_large;
	if (!is_float(plain)) {
		be_string(node);
		return NULL;
	}
	double number = strtod(plain, NULL);
	if (isinf(number)) {
		be_string(node); /* strconv.ParseFloat refuses it, so it stays what it was; as JSON it is refused */
		return flow ? too_wide : NULL;
	}
	if (only_digits(plain) && fabs(number) > 9007199254740992.0)
		return too_large; /* "0987654321987654321": not octal, so a float, and no exact one */
	node->kind = YAML_FLOAT;
	node->number = number;
	return NULL;
}

/* Underscores go first; but only those of numbers that do not begin with '.' are dropped anywhere, the others must
   stand between digits. */
static bool plain_number(const struct yaml_node *node, char *plain)
{
	size_t count = 0;
	const char *text = node->text;
	for (size_t i = 0; text[i]; i++) {
		if (text[i] != '_')
			plain[count++] = text[i];
		else if (*text == '.' && !(is_digit(text[i - 1]) && is_digit(text[i + 1])))
			return false;
	}
	plain[count] = '\0';
	return true;
}

const char *scalar_resolve(struct yaml_node *node, bool flow)
{
	if (!*node->text || strchr("yYnNtTfFoO~.+-", *node->text))
		for (size_t i = 0; i < COUNT_OF(words); i++)
			if (strcmp(words[i].text, node->text) == 0) {
				node->kind = words[i].kind;
				node->boolean = words[i].boolean;
				node->number = words[i].number;
				return node->kind == YAML_FLOAT && !isfinite(node->number)
					? "infinity and not-a-number cannot be written as JSON: put it in quotes"
					: NULL;
			}
	be_string(node);
	if (!is_digit(*node->text) && !strchr("+-.", *node->text))
		return NULL;
	CLEANUP(memory_freep) char *plain = memory_alloc(node->length + 1);
	return plain_number(node, plain) ? resolve_number(node, plain, flow) : NULL;
}

/* strconv.FormatFloat(number, 'g', -1, 32): the shortest digits that give the same single-precision number. */
static const char *float_key(double number, struct arena *mem)
{
	char text[32];
	float single = (float)number;
	int digits = 0;
	if (!isfinite(single))
		return single < 0 ? "-.inf" : ".inf";
	do {
		snprintf(text, sizeof(text), "%.*e", digits, (double)single);
	} while (strtof(text, NULL) != single && ++digits < 9);
	int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	if (exponent < -4 || exponent >= 6)
		return arena_copy(mem, text);
	return arena_printf(mem, "%.*f", digits > exponent ? digits - exponent : 0, (double)single);
}

const char *scalar_key(const struct yaml_node *node, struct arena *mem)
{
	switch (node->kind) {
	case YAML_STRING:
		return node->text;
	case YAML_BOOL:
		return node->boolean ? "true" : "false";
	case YAML_INTEGER:
		return arena_printf(mem, "%lld", (long long)node->integer);
	case YAML_FLOAT:
		return float_key(node->number, mem);
	default:
		return NULL;
	}
}
