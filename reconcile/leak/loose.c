/* What no parser takes, by its lines: the indentation says what belongs to what. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/leak/internal.h"

enum { DEPTH_MAX = 32, KEY_MAX = 253, ANCHORS_MAX = 5000 };

struct loose_line {
	const char *text;
	size_t length;
	const char *key, *value;
	size_t key_length, value_length;
	size_t column, dash_column;
	int line;
	char mark; /* what comments it out, quotes it or adds it in a patch; 0 = nothing */
	bool dash, blank, control,
		end; /* a list's item; nothing; of a template language; the document or the quotation ends */
};

/* ---- trees ---- */

struct yaml_node *loose_node(const struct loose *loose, enum yaml_kind kind, int line)
{
	struct yaml_node *node = arena_alloc(loose->look->mem, sizeof(*node));
	node->kind = kind;
	node->line = line - loose->look->shift; /* leak_found() adds it */
	node->text = "";
	return node;
}

void loose_pair(const struct loose *loose, struct yaml_node *map, const char *key, size_t key_length,
	int line, struct yaml_node *value)
{
	map->pairs = arena_grow(loose->look->mem, map->pairs, map->count, sizeof(*map->pairs));
	map->pairs[map->count++] = (struct yaml_pair){arena_copy_n(loose->look->mem, key, key_length),
		line - loose->look->shift, 1, value, YAML_STRING};
}

void loose_item(const struct loose *loose, struct yaml_node *list, struct yaml_node *item)
{
	list->items = arena_grow(loose->look->mem, list->items, list->count, sizeof(struct yaml_node *));
	list->items[list->count++] = item;
}

int loose_line_of(const struct loose *loose, size_t offset)
{
	size_t low = 0, high = loose->count;
	while (low + 1 < high) {
		size_t middle = (low + high) / 2;
		if ((size_t)(loose->lines[middle].text - loose->text) <= offset)
			low = middle;
		else
			high = middle;
	}
	return loose->count ? loose->lines[low].line : 0;
}

/* ---- one line ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t skip_blanks(const struct loose_line *line, size_t at)
{
	while (at < line->length && is_blank(line->text[at]))
		at++;
	return at;
}

/* "#", "//", "*", ">", "+" in front: what stands behind is read as if it were alone. */
static size_t skip_mark(struct loose_line *line, size_t at)
{
	static const char marks[] = "#/*>+;|";
	while (at < line->length && memchr(marks, line->text[at], sizeof(marks) - 1)) {
		if (line->text[at] == '/' && (at + 1 >= line->length || line->text[at + 1] != '/'))
			break;
		char mark = line->text[at];
		line->mark = mark;
		while (at < line->length && line->text[at] == mark)
			at++;
		at = skip_blanks(line, at);
	}
	return at;
}

static size_t key_end(const struct loose_line *line, size_t at)
{
	if (line->text[at] == '"' || line->text[at] == '\'') {
		const char *close = memchr(line->text + at + 1, line->text[at], line->length - at - 1);
		return close ? (size_t)(close - line->text) + 1 : at;
	}
	while (at < line->length && (isalnum((unsigned char)line->text[at]) || strchr("._/-$", line->text[at])))
		at++;
	return at;
}

static void read_key(struct loose_line *line, size_t at)
{
	if (at + 1 < line->length && line->text[at] == '?' && is_blank(line->text[at + 1]))
		at = skip_blanks(line, at + 1);
	size_t end = at < line->length ? key_end(line, at) : at, colon = skip_blanks(line, end);
	bool quoted = end > at && (line->text[at] == '"' || line->text[at] == '\'');
	if (end == at || end - at > KEY_MAX || colon >= line->length || line->text[colon] != ':' ||
		(colon + 1 < line->length && !is_blank(line->text[colon + 1]) && !quoted))
		return;
	line->key = line->text + at + quoted;
	line->key_length = end - at - 2 * quoted;
	size_t value = skip_blanks(line, colon + 1), length = line->length;
	while (length > value && is_blank(line->text[length - 1]))
		length--;
	line->value = line->text + value;
	line->value_length = length - value;
}

static void read_line(struct loose_line *line)
{
	size_t at = skip_blanks(line, 0);
	line->control = line->length - at >= 2 &&
		(memcmp(line->text + at, "{{", 2) == 0 || memcmp(line->text + at, "{%", 2) == 0);
	line->end = at < line->length &&
		(strncmp(line->text + at, "```", 3) == 0 || strncmp(line->text + at, "---", 3) == 0 ||
			strncmp(line->text + at, "~~~", 3) == 0);
	at = skip_mark(line, at);
	line->blank = at >= line->length;
	if (at + 1 < line->length && line->text[at] == '-' && is_blank(line->text[at + 1])) {
		line->dash = true;
		line->dash_column = at;
		at = skip_blanks(line, at + 1);
	} else if (at + 1 == line->length && line->text[at] == '-') {
		line->dash = true;
		line->dash_column = at++;
	}
	line->column = at;
	read_key(line, at);
}

static int line_at(const struct loose *loose, size_t offset, int counted)
{
	if (loose->look->fixed)
		return loose->look->fixed;
	return loose->view ? view_line(loose->view, offset) : loose->look->shift + counted;
}

static void read_lines(struct loose *loose)
{
	size_t room = 1;
	for (size_t at = 0; at < loose->length; at++) /* empty ones are not kept: a file may be made of them */
		room += loose->text[at] != '\n' && (at + 1 == loose->length || loose->text[at + 1] == '\n');
	loose->lines = arena_array(loose->look->mem, room, sizeof(*loose->lines));
	int counted = 1;
	bool plain = loose->view && !loose->view->marks && !loose->view->origin;
	for (size_t at = 0; at < loose->length; counted++) {
		if (loose->text[at] == '\n') {
			at++;
			continue;
		}
		struct loose_line *line = &loose->lines[loose->count++];
		const char *end = memchr(loose->text + at, '\n', loose->length - at);
		line->text = loose->text + at;
		line->length = end ? (size_t)(end - line->text) : loose->length - at;
		while (line->length && line->text[line->length - 1] == '\r')
			line->length--;
		line->line = plain ? loose->view->line + counted - 1 : line_at(loose, at, counted);
		at += (end ? (size_t)(end - line->text) : line->length) + 1;
		read_line(line);
	}
}

/* ---- what belongs to what ---- */

/* A comment in the middle of what is none, a line of a template: neither ends nor adds anything. */
static bool is_passed(const struct loose_line *line, const struct loose_line *with)
{
	return line->blank || line->control || line->mark != with->mark;
}

static bool is_below(const struct loose_line *line, size_t column)
{
	return line->dash ? line->dash_column >= column && line->column > column : line->column > column;
}

static size_t end_of_child(const struct loose *loose, size_t from, size_t to, const struct loose_line *with)
{
	size_t at = from;
	while (at < to && (is_passed(&loose->lines[at], with) || is_below(&loose->lines[at], with->column)))
		at++;
	return at;
}

static struct yaml_node *read_block(const struct loose *loose, size_t from, size_t to, int depth);

/* Without tag, anchor, quotes and comment. */
static struct yaml_node *read_scalar(const struct loose *loose, const struct loose_line *line)
{
	const char *text = line->value;
	size_t length = line->value_length;
	struct yaml_node *node = loose_node(loose, YAML_STRING, line->line);
	while (length > 1 && (*text == '!' || *text == '&') && memchr(text, ' ', length)) {
		const char *blank = memchr(text, ' ', length);
		length -= (size_t)(blank - text) + 1;
		text = blank + 1;
	}
	if (length && (*text == '"' || *text == '\'')) {
		const char *close = memchr(text + 1, *text, length - 1);
		while (close && close[-1] == '\\' && *text == '"')
			close = memchr(close + 1, *text, length - (size_t)(close + 1 - text));
		node->quoted = true;
		length = close ? (size_t)(close - text) - 1 : length - 1;
		text++;
	} else {
		const char *comment = memmem(text, length, " #", 2);
		length = comment ? (size_t)(comment - text) : length;
		while (length && strchr(", \t", text[length - 1]))
			length--;
	}
	node->text = arena_copy_n(loose->look->mem, text, length);
	node->length = length;
	return node;
}

static struct yaml_node *read_region(const struct loose *loose, size_t from, size_t to, int line)
{
	struct yaml_node *node = loose_node(loose, YAML_STRING, line);
	if (from >= to)
		return node;
	const char *start = loose->lines[from].text,
		   *end = loose->lines[to - 1].text + loose->lines[to - 1].length;
	node->block = true;
	node->text = arena_copy_n(loose->look->mem, start, (size_t)(end - start));
	node->length = (size_t)(end - start);
	return node;
}

static struct yaml_node *read_value(const struct loose *loose, size_t at, size_t end, int depth)
{
	const struct loose_line *line = &loose->lines[at];
	const char *value = line->value;
	size_t length = line->value_length, stop;
	if (!length || *value == '#')
		return read_block(loose, at + 1, end, depth + 1);
	if ((*value == '{' && (length < 2 || value[1] != '{')) || *value == '[') {
		struct yaml_node *flow = loose_flow(loose, (size_t)(value - loose->text), &stop);
		return flow ? flow : loose_node(loose, YAML_NULL, line->line);
	}
	if ((*value == '|' || *value == '>') && length <= 4)
		return read_region(loose, at + 1, end, line->line);
	/* "!vault |": what the tag's program wrote stands below. */
	if (*value == '!' && (value[length - 1] == '|' || value[length - 1] == '>'))
		return read_region(loose, at + 1, end, line->line);
	if (leak_is_example(loose->look->place) && value[length - 1] == ',' && *value != '"' && *value != '\'')
		return loose_node(loose, YAML_NULL, line->line); /* a variable of a program */
	return read_scalar(loose, line);
}

/* Keys below a key that has a value already: their indentation is wrong, and what they say is not. */
static void add_strays(const struct loose *loose, struct yaml_node *map, size_t from, size_t to, int depth)
{
	for (size_t at = from; at < to; at++) {
		const struct loose_line *line = &loose->lines[at];
		if (!line->blank && !line->control && line->key && line->value_length)
			loose_pair(loose, map, line->key, line->key_length, line->line,
				read_value(loose, at, to, depth + 1));
	}
}

static struct yaml_node *read_map(const struct loose *loose, size_t from, size_t to, int depth)
{
	const struct loose_line *first = &loose->lines[from];
	struct yaml_node *map = loose_node(loose, YAML_MAP, first->line);
	for (size_t at = from; at < to;) {
		const struct loose_line *line = &loose->lines[at];
		if (is_passed(line, first) || line->column != first->column || !line->key) {
			at++;
			continue;
		}
		size_t end = end_of_child(loose, at + 1, to, line);
		struct yaml_node *value = read_value(loose, at, end, depth);
		loose_pair(loose, map, line->key, line->key_length, line->line, value);
		if (value->kind == YAML_STRING && !value->block && value->length)
			add_strays(loose, map, at + 1, end, depth);
		at = end;
	}
	return map;
}

static struct yaml_node *read_items(const struct loose *loose, size_t from, size_t to, int depth)
{
	const struct loose_line *first = &loose->lines[from];
	struct yaml_node *list = loose_node(loose, YAML_LIST, first->line);
	for (size_t at = from; at < to;) {
		size_t end = at + 1;
		while (end < to &&
			(is_passed(&loose->lines[end], first) || !loose->lines[end].dash ||
				loose->lines[end].dash_column != first->dash_column))
			end++;
		const struct loose_line *line = &loose->lines[at];
		if (line->key) {
			loose_item(loose, list, read_map(loose, at, end, depth + 1));
		} else if (line->column < line->length) {
			struct loose_line whole = *line;
			whole.value = line->text + line->column;
			whole.value_length = line->length - line->column;
			loose_item(loose, list, read_scalar(loose, &whole));
		} else {
			loose_item(loose, list, read_block(loose, at + 1, end, depth + 1));
		}
		at = end;
	}
	return list;
}

static struct yaml_node *read_block(const struct loose *loose, size_t from, size_t to, int depth)
{
	while (from < to && (loose->lines[from].blank || loose->lines[from].control))
		from++;
	if (from >= to || depth > DEPTH_MAX)
		return loose_node(loose, YAML_NULL, from < loose->count ? loose->lines[from].line : 0);
	if (loose->lines[from].dash)
		return read_items(loose, from, to, depth);
	if (loose->lines[from].key)
		return read_map(loose, from, to, depth);
	return read_region(loose, from, to, loose->lines[from].line);
}

/* ---- what is looked for ---- */

/* Further left, or something else than a key where the map's keys are: the end of a text in a program, the mark of a conflict. */
static bool is_outside(const struct loose_line *line, const struct loose_line *anchor)
{
	if (is_passed(line, anchor))
		return false;
	return line->column < anchor->column || (line->column == anchor->column && !line->key && !line->dash);
}

/* The lines of the map that this one is in. */
static void find_object(const struct loose *loose, size_t at, size_t *from, size_t *to)
{
	const struct loose_line *anchor = &loose->lines[at];
	size_t start = at, end = at + 1;
	for (size_t i = at; i > 0 && !loose->lines[start].dash; i--) {
		const struct loose_line *line = &loose->lines[i - 1];
		if (line->end || is_outside(line, anchor))
			break;
		if (!is_passed(line, anchor) && line->column == anchor->column)
			start = i - 1;
	}
	while (end < loose->count && !loose->lines[end].end && !is_outside(&loose->lines[end], anchor) &&
		(is_passed(&loose->lines[end], anchor) || !loose->lines[end].dash ||
			loose->lines[end].dash_column >= anchor->column))
		end++;
	*from = start;
	*to = end;
}

static bool key_is(const struct loose_line *line, const char *key)
{
	return line->key && line->key_length == strlen(key) && memcmp(line->key, key, line->key_length) == 0;
}

/* "Secret", with whatever quotes, tag, braces or comma around it. */
static bool value_names(const struct loose_line *line, const char *word)
{
	const char *found =
		line->value_length ? memmem(line->value, line->value_length, word, strlen(word)) : NULL;
	if (!found)
		return false;
	for (const char *at = line->value; at < found; at++)
		if (isalnum((unsigned char)*at) && *line->value != '!' && *line->value != '&')
			return false;
	for (const char *at = found + strlen(word); at < line->value + line->value_length; at++)
		if (isalnum((unsigned char)*at))
			return at[-1] == ' ' && memmem(found, (size_t)(at - found), " #", 2);
	return true;
}

/* The value of `kind` is what it names, whatever stands around it. */
static void set_kind(const struct loose *loose, struct yaml_node *map, const char *kind)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->pairs[i].key, "kind") == 0) {
			map->pairs[i].value = loose_node(loose, YAML_STRING, map->line);
			map->pairs[i].value->text = kind;
			map->pairs[i].value->length = strlen(kind);
		}
}

/* A program begins a text behind something: "const x = `apiVersion: v1". */
static void add_version(const struct loose *loose, struct yaml_node *map, size_t from, size_t to)
{
	static const char key[] = "apiVersion: ";
	if (yaml_get(map, "apiVersion"))
		return;
	for (size_t at = from > 0 ? from - 1 : from; at < to; at++) {
		const struct loose_line *line = &loose->lines[at];
		const char *found = line->key ? NULL : memmem(line->text, line->length, key, sizeof(key) - 1);
		if (!found)
			continue;
		struct loose_line rest = {.line = line->line, .value = found + sizeof(key) - 1};
		rest.value_length = line->length - (size_t)(rest.value - line->text);
		loose_pair(loose, map, "apiVersion", 10, line->line, read_scalar(loose, &rest));
		return;
	}
}

/* The object that was judged last: its other lines need no second look. */
struct judged {
	size_t end, column;
	char mark;
	size_t count;
};

static void judge_object(const struct loose *loose, size_t at, struct judged *judged)
{
	static const char *const kinds[] = {"SealedSecret", "SecretList", "Secret", "Config"};
	const struct loose_line *line = &loose->lines[at];
	size_t from, to;
	if (!key_is(line, "kind") ||
		(at < judged->end && line->column == judged->column && line->mark == judged->mark))
		return;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (!value_names(line, kinds[i]))
			continue;
		find_object(loose, at, &from, &to);
		*judged = (struct judged){to, line->column, line->mark, judged->count + 1};
		struct yaml_node *map = read_map(loose, from, to, 0);
		set_kind(loose, map, kinds[i]);
		add_version(loose, map, from, to);
		leak_judge(loose->look, map);
		return;
	}
}

static void judge_lists(const struct loose *loose, size_t at)
{
	const struct loose_line *line = &loose->lines[at];
	if (!key_is(line, "users") && !key_is(line, "secretGenerator"))
		return;
	size_t end = end_of_child(loose, at + 1, loose->count, line);
	struct yaml_node *map = loose_node(loose, YAML_MAP, line->line);
	loose_pair(loose, map, line->key, line->key_length, line->line, read_value(loose, at, end, 0));
	leak_judge(loose->look, map);
}

static void judge_comment(const struct loose *loose, const struct loose_line *line)
{
	if (line->mark != '#' || !line->key || !line->value_length ||
		!public_names_password(line->key, line->key_length))
		return;
	const struct yaml_node *value = read_scalar(loose, line);
	if (!public_value(value->text, value->length, false) && !memchr(value->text, ' ', value->length))
		leak_found(loose->look, LEAK_USERS, value->line, value->text, value->length,
			"a comment in a list of users holds a plain password: take it out");
}

/* A list of users keeps the old password in a comment, on a line of its own or behind something. */
static void judge_comments(const struct loose *loose)
{
	bool users = false;
	for (size_t i = 0; i < loose->count && !users; i++)
		users = key_is(&loose->lines[i], "username") && !loose->lines[i].mark;
	for (size_t i = 0; users && i < loose->count; i++) {
		const struct loose_line *line = &loose->lines[i];
		const char *behind = line->mark ? NULL : memmem(line->text, line->length, " #", 2);
		struct loose_line tail = {.line = line->line};
		if (behind) {
			tail.text = behind + 1;
			tail.length = line->length - (size_t)(behind + 1 - line->text);
			read_line(&tail);
			line = &tail;
		}
		judge_comment(loose, line);
	}
}

void loose_judge(
	const struct look *look, const struct view *view, const char *text, size_t length, bool commented)
{
	struct loose loose = {.look = look, .view = view, .text = text, .length = length};
	read_lines(&loose);
	struct judged judged = {0};
	for (size_t i = 0; i < loose.count && judged.count < ANCHORS_MAX && !arena_full(look->mem); i++) {
		if (!loose.lines[i].key || (commented && !loose.lines[i].mark))
			continue;
		judge_object(&loose, i, &judged);
		judge_lists(&loose, i);
	}
	if (judged.count >= ANCHORS_MAX)
		leak_found(look, LEAK_UNREADABLE, 1, text, length,
			"holds more Secrets than can be judged in one file: make several of it");
	if (!leak_is_example(look->place))
		judge_comments(&loose);
	if (!commented)
		loose_flows(&loose);
}
