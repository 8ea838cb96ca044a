/* What no parser takes, by its braces: JSON that is cut or wrong, flow YAML, objects of programs. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/leak/internal.h"

enum { DEPTH_MAX = 48, KEY_MAX = 253 };
#define READ_BYTES (64L * 1024 * 1024) /* of one text, as parts of objects that are inside each other */

struct flow {
	const struct loose *loose;
	size_t at;
	int depth;
};

static char now(const struct flow *flow)
{
	return flow->at < flow->loose->length ? flow->loose->text[flow->at] : '\0';
}

static bool is_over(const struct flow *flow)
{
	return flow->at >= flow->loose->length;
}

static void skip(struct flow *flow)
{
	while (!is_over(flow) && strchr(" \t\r\n,;", now(flow)) && now(flow))
		flow->at++;
}

static struct yaml_node *text_node(const struct flow *flow, size_t start, size_t end, int line)
{
	struct yaml_node *node = loose_node(flow->loose, YAML_STRING, line);
	node->text = arena_copy_n(flow->loose->look->mem, flow->loose->text + start, end - start);
	node->length = end - start;
	return node;
}

/* To the closing quote; its place, or the end of the text. */
static size_t quoted_end(const struct flow *flow)
{
	const char *text = flow->loose->text;
	size_t at = flow->at + 1;
	while (at < flow->loose->length && text[at] != now(flow))
		at += text[at] == '\\' && now(flow) != '\'' ? 2 : 1;
	return at < flow->loose->length ? at : flow->loose->length;
}

/* A program's expression is no value. */
static struct yaml_node *expression(const struct flow *flow, int line)
{
	return loose_node(flow->loose, YAML_NULL, line);
}

static void skip_to_delimiter(struct flow *flow)
{
	while (!is_over(flow) && !strchr(",}]\n", now(flow)))
		flow->at++;
}

static struct yaml_node *read_quoted(struct flow *flow, int line)
{
	size_t start = flow->at + 1, end = quoted_end(flow);
	struct yaml_node *node = text_node(flow, start, end, line);
	node->quoted = true;
	flow->at = end < flow->loose->length ? end + 1 : end;
	while (now(flow) == ' ' || now(flow) == '\t')
		flow->at++;
	if (is_over(flow) || strchr(",}];\r\n#/\\", now(flow)))
		return node;
	skip_to_delimiter(flow);
	return flow->loose->look->place == PLACE_SOURCE ? expression(flow, line) : node;
}

static struct yaml_node *read_bare(struct flow *flow, int line)
{
	size_t start = flow->at, end;
	skip_to_delimiter(flow);
	for (end = flow->at; end > start && isspace((unsigned char)flow->loose->text[end - 1]);)
		end--;
	return leak_is_example(flow->loose->look->place) || end == start ? expression(flow, line)
									 : text_node(flow, start, end, line);
}

static struct yaml_node *read_any(struct flow *flow);

static bool read_key(struct flow *flow, size_t *start, size_t *end)
{
	if (now(flow) == '"' || now(flow) == '\'') {
		*start = flow->at + 1;
		*end = quoted_end(flow);
		flow->at = *end < flow->loose->length ? *end + 1 : *end;
	} else {
		*start = flow->at;
		while (!is_over(flow) &&
			(isalnum((unsigned char)now(flow)) || (now(flow) && strchr("._/-$", now(flow)))))
			flow->at++;
		*end = flow->at;
	}
	while (now(flow) == ' ' || now(flow) == '\t')
		flow->at++;
	if (*end == *start || *end - *start > KEY_MAX || (now(flow) != ':' && now(flow) != '='))
		return false;
	flow->at++;
	if (now(flow) == '>') /* => */
		flow->at++;
	while (!is_over(flow) && strchr(" \t\r\n", now(flow)))
		flow->at++;
	return true;
}

static struct yaml_node *read_map(struct flow *flow)
{
	struct yaml_node *map = loose_node(flow->loose, YAML_MAP, loose_line_of(flow->loose, flow->at));
	size_t start, end;
	flow->at++;
	for (skip(flow); !is_over(flow) && now(flow) != '}' && now(flow) != ']'; skip(flow)) {
		size_t before = flow->at;
		int line = loose_line_of(flow->loose, before);
		if (read_key(flow, &start, &end)) {
			struct yaml_node *value = read_any(flow);
			loose_pair(flow->loose, map, flow->loose->text + start, end - start, line, value);
		} else if (now(flow) == '{' || now(flow) == '[') {
			(void)read_any(flow);
		}
		if (flow->at == before)
			flow->at++;
	}
	flow->at += now(flow) == '}';
	return map;
}

static struct yaml_node *read_list(struct flow *flow)
{
	struct yaml_node *list = loose_node(flow->loose, YAML_LIST, loose_line_of(flow->loose, flow->at));
	flow->at++;
	for (skip(flow); !is_over(flow) && now(flow) != ']' && now(flow) != '}'; skip(flow)) {
		size_t before = flow->at;
		loose_item(flow->loose, list, read_any(flow));
		if (flow->at == before)
			flow->at++;
	}
	flow->at += now(flow) == ']';
	return list;
}

static struct yaml_node *read_any(struct flow *flow)
{
	int line = loose_line_of(flow->loose, flow->at);
	struct yaml_node *node;
	if (flow->depth >= DEPTH_MAX) {
		skip_to_delimiter(flow);
		return expression(flow, line);
	}
	flow->depth++;
	if (now(flow) == '{')
		node = read_map(flow);
	else if (now(flow) == '[')
		node = read_list(flow);
	else if (now(flow) == '"' || now(flow) == '\'' || now(flow) == '`')
		node = read_quoted(flow, line);
	else
		node = read_bare(flow, line);
	flow->depth--;
	return node;
}

struct yaml_node *loose_flow(const struct loose *loose, size_t at, size_t *end)
{
	struct flow flow = {.loose = loose, .at = at};
	struct yaml_node *node = read_any(&flow);
	*end = flow.at;
	return node;
}

/* Behind "kind" or "users": quote, colon, quote. */
static size_t behind_colon(const struct loose *loose, size_t at)
{
	bool colon = false;
	while (at < loose->length && strchr("\"' \t\r\n:=>", loose->text[at])) {
		colon = colon || loose->text[at] == ':' || loose->text[at] == '=';
		at++;
	}
	return colon ? at : SIZE_MAX;
}

static bool names_kind(const struct loose *loose, size_t at)
{
	static const char *const kinds[] = {"Secret", "SecretList", "SealedSecret", "Config"};
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t size = strlen(kinds[i]);
		if (loose->length - at > size && memcmp(loose->text + at, kinds[i], size) == 0 &&
			!isalnum((unsigned char)loose->text[at + size]))
			return true;
	}
	return false;
}

/* The braces that are open at a place, from the beginning of the text to it. */
struct open_braces {
	size_t *places, count, room, at;
};

static size_t innermost(const struct loose *loose, size_t place, struct open_braces *open)
{
	for (; open->at < place; open->at++) {
		char c = loose->text[open->at];
		if (c == '}' && open->count)
			open->count--;
		if (c != '{')
			continue;
		if (open->count == open->room) {
			open->room = open->room ? 2 * open->room : 64;
			open->places = memory_resize(open->places, open->room * sizeof(*open->places));
		}
		open->places[open->count++] = open->at;
	}
	return open->count ? open->places[open->count - 1] : SIZE_MAX;
}

static void judge_objects(const struct loose *loose)
{
	struct open_braces open = {0};
	size_t last = SIZE_MAX, end, at = 0;
	long budget = READ_BYTES;
	const char *found;
	while (budget > 0 && !arena_full(loose->look->mem) &&
		(found = memmem(loose->text + at, loose->length - at, "kind", 4))) {
		size_t place = (size_t)(found - loose->text), value = behind_colon(loose, place + 4);
		at = place + 4;
		if (value >= loose->length || !names_kind(loose, value))
			continue;
		size_t brace = innermost(loose, place, &open);
		if (brace == SIZE_MAX || brace == last)
			continue;
		last = brace;
		leak_judge(loose->look, loose_flow(loose, brace, &end));
		budget -= (long)(end - brace);
	}
	free(open.places);
	if (budget <= 0 || arena_full(loose->look->mem))
		leak_found(loose->look, LEAK_UNREADABLE, 1, loose->text, loose->length,
			"says in more braces than can be followed that it is a Secret");
}

static void judge_users(const struct loose *loose)
{
	const char *found;
	for (size_t at = 0; !arena_full(loose->look->mem) &&
		(found = memmem(loose->text + at, loose->length - at, "users", 5));) {
		size_t value = behind_colon(loose, (size_t)(found - loose->text) + 5), end = 0;
		at = (size_t)(found - loose->text) + 5;
		if (value >= loose->length || loose->text[value] != '[')
			continue;
		leak_judge_users(loose->look, loose_flow(loose, value, &end));
		at = end > at ? end : at;
	}
}

void loose_flows(const struct loose *loose)
{
	judge_objects(loose);
	judge_users(loose);
}
