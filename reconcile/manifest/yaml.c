#include "reconcile/manifest/yaml.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/mapping.h"
#include "reconcile/manifest/scalar.h"
#include "reconcile/manifest/text.h"

/* A collection that is open: its node, and what it waits for. */
struct frame {
	struct yaml_node *node;
	struct yaml_node *merge; /* value of `<<` */
	int merge_line, merge_column;
	const char *key; /* the key whose value comes next; NULL = a key comes next */
	enum yaml_kind key_kind;
	int key_line, key_column;
	bool merging;        /* the next value belongs to `<<` */
	bool bad_key;        /* the next value has no usable key */
	bool flow;           /* in { } or [ ] */
	size_t anchor;       /* index of its anchor + 1, 0 = none */
	size_t nodes, bytes; /* of the reader when it began */
	size_t height;       /* of its highest child so far */
};

struct anchor {
	const char *name;
	struct yaml_node *node;
	bool open;                   /* its node has not ended yet */
	size_t nodes, bytes, height; /* expanded */
};

struct reader {
	const char *file;
	struct arena *mem;
	struct mistakes *mistakes;
	struct yaml_documents *documents;
	yaml_parser_t parser;
	yaml_event_t event;
	struct frame frames[LIMIT_YAML_DEPTH];
	size_t depth;
	struct anchor *anchors;
	size_t anchor_count;
	size_t aliases, nodes, bytes;
	size_t alias_bytes; /* text that only aliases repeat */
	size_t document_count;
	struct yaml_node *root;
	size_t mistakes_before;       /* when the document began */
	const char *line_start, *end; /* of the line `line`, and of the file */
	int line;                     /* from 1; only goes forward */
};

static size_t mistake_count(const struct reader *reader)
{
	return reader->mistakes->count + reader->mistakes->dropped;
}

static void complain(struct reader *reader, const char *text)
{
	const yaml_mark_t *mark = &reader->event.start_mark;
	mistakes_add(reader->mistakes, reader->file, (int)mark->line + 1, (int)mark->column + 1, "%s", text);
}

/* Nothing more can be read from this file. */
static bool stop(struct reader *reader, const char *text)
{
	complain(reader, text);
	return false;
}

static bool stop_at(struct reader *reader, long limit, const char *what)
{
	const yaml_mark_t *mark = &reader->event.start_mark;
	mistakes_add(reader->mistakes, reader->file, (int)mark->line + 1, (int)mark->column + 1,
		"more than %ld %s", limit, what);
	return false;
}

static struct yaml_node *new_node(struct reader *reader, enum yaml_kind kind)
{
	struct yaml_node *node = arena_alloc(reader->mem, sizeof(*node));
	node->kind = kind;
	node->line = (int)reader->event.start_mark.line + 1;
	node->column = (int)reader->event.start_mark.column + 1;
	reader->nodes++;
	return node;
}

/* A tag changes how a value is read, in ways few readers agree on: what is meant can be said without. */
static void refuse_tag(struct reader *reader, const yaml_char_t *tag)
{
	if (!tag)
		return;
	complain(reader,
		"tags such as !!str or !custom are not supported: remove it, and put a text that looks like a "
		"number or a boolean in quotes");
}

static bool add_anchor(struct reader *reader, const yaml_char_t *name, struct yaml_node *node, size_t *index)
{
	*index = 0;
	if (!name)
		return true;
	if (reader->anchor_count >= LIMIT_YAML_ALIASES)
		return stop_at(reader, LIMIT_YAML_ALIASES, "anchors in one file");
	reader->anchors =
		arena_grow(reader->mem, reader->anchors, reader->anchor_count, sizeof(*reader->anchors));
	reader->anchors[reader->anchor_count++] = (struct anchor){
		.name = arena_copy(reader->mem, (const char *)name),
		.node = node,
		.open = true,
	};
	*index = reader->anchor_count;
	return true;
}

static void close_anchor(struct reader *reader, size_t index, size_t nodes, size_t bytes, size_t height)
{
	if (!index)
		return;
	struct anchor *anchor = &reader->anchors[index - 1];
	anchor->open = false;
	anchor->nodes = nodes;
	anchor->bytes = bytes;
	anchor->height = height;
}

/* Takes a scalar that stands where a key is due. */
static bool take_key(struct reader *reader, struct frame *frame, const struct yaml_node *node)
{
	frame->key_kind = node->kind;
	frame->key_line = node->line;
	frame->key_column = node->column;
	frame->merging = frame->bad_key = false;
	if (node->kind == YAML_LIST || node->kind == YAML_MAP)
		return stop(reader,
			"a list or a map cannot be a key (templates such as {{ ... }} must be rendered before)");
	if (node->kind == YAML_STRING && !node->quoted && strcmp(node->text, "<<") == 0) {
		if (frame->merge)
			complain(reader, "\"<<\" stands here twice: use it once, with a list of maps");
		frame->merging = true;
		frame->merge_line = node->line;
		frame->merge_column = node->column;
	}
	frame->key = scalar_key(node, reader->mem);
	if (!frame->key) {
		complain(reader, "a key cannot be empty or null: put it in quotes");
		frame->key = "";
		frame->bad_key = true;
	}
	return true;
}

/* Hangs a finished or just opened node under its parent. */
static bool attach(struct reader *reader, struct yaml_node *node, size_t height)
{
	if (!reader->depth) {
		reader->root = node;
		return true;
	}
	struct frame *frame = &reader->frames[reader->depth - 1];
	struct yaml_node *parent = frame->node;
	if (height + 1 > frame->height)
		frame->height = height + 1;
	if (parent->kind == YAML_LIST) {
		parent->items = arena_grow(reader->mem, parent->items, parent->count, sizeof(*parent->items));
		parent->items[parent->count++] = node;
		return true;
	}
	if (!frame->key)
		return take_key(reader, frame, node);
	if (frame->merging) {
		frame->merge = node;
	} else if (!frame->bad_key) {
		parent->pairs = arena_grow(reader->mem, parent->pairs, parent->count, sizeof(*parent->pairs));
		parent->pairs[parent->count++] = (struct yaml_pair){
			frame->key, frame->key_line, frame->key_column, node, frame->key_kind};
	}
	frame->key = NULL;
	return true;
}

/* Where the line begins, as YAML 1.2 counts lines. */
static const char *line_at(struct reader *reader, int line)
{
	for (; reader->line < line && reader->line_start < reader->end; reader->line_start++)
		if (*reader->line_start == '\n' ||
			(*reader->line_start == '\r' &&
				(reader->line_start + 1 == reader->end || reader->line_start[1] != '\n')))
			reader->line++;
	return reader->line_start;
}

/* Blanks before the first line that is not blank, without those that are the text's own (`|2` may leave some). */
static int block_indent(struct reader *reader, const struct yaml_node *node)
{
	int blanks = 0, own = 0;
	for (const char *c = line_at(reader, node->line + 1); c < reader->end && isspace((unsigned char)*c); c++)
		blanks = *c == ' ' ? blanks + 1 : 0;
	for (const char *c = node->text; *c == ' ' || *c == '\n'; c++)
		own = *c == ' ' ? own + 1 : 0;
	return blanks > own ? blanks - own : 0;
}

static bool on_scalar(struct reader *reader)
{
	size_t anchor;
	struct yaml_node *node = new_node(reader, YAML_STRING);
	yaml_scalar_style_t style = reader->event.data.scalar.style;
	node->length = reader->event.data.scalar.length;
	node->text = arena_copy_n(reader->mem, (const char *)reader->event.data.scalar.value, node->length);
	node->quoted = style != YAML_PLAIN_SCALAR_STYLE;
	/* With an anchor the mark is the anchor's, which may stand on an earlier line. */
	node->block = (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) &&
		!reader->event.data.scalar.anchor;
	node->indent = node->block ? block_indent(reader, node) : 0;
	reader->bytes += node->length;
	refuse_tag(reader, reader->event.data.scalar.tag);
	if (strlen(node->text) != node->length)
		complain(reader, "NUL character in a string: no system takes it");
	bool flow = reader->depth && reader->frames[reader->depth - 1].flow;
	const char *wrong = node->quoted ? NULL : scalar_resolve(node, flow);
	if (wrong)
		complain(reader, wrong);
	if (!add_anchor(reader, reader->event.data.scalar.anchor, node, &anchor))
		return false;
	close_anchor(reader, anchor, 1, node->length, 0);
	return attach(reader, node, 0);
}

/* The event's own word, whatever it opens. */
static bool opens_flow(const yaml_event_t *event)
{
	return event->type == YAML_MAPPING_START_EVENT
		? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
		: event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
}

static bool on_start(struct reader *reader, enum yaml_kind kind, const yaml_char_t *name, const yaml_char_t *tag)
{
	size_t anchor, nodes = reader->nodes, bytes = reader->bytes;
	if (reader->depth >= LIMIT_YAML_DEPTH)
		return stop_at(reader, LIMIT_YAML_DEPTH, "levels of nesting");
	struct yaml_node *node = new_node(reader, kind);
	refuse_tag(reader, tag);
	if (!add_anchor(reader, name, node, &anchor) || !attach(reader, node, 0))
		return false;
	reader->frames[reader->depth++] = (struct frame){.node = node,
		.anchor = anchor,
		.nodes = nodes,
		.bytes = bytes,
		.flow = opens_flow(&reader->event)};
	return true;
}

static void on_end(struct reader *reader)
{
	struct frame *frame = &reader->frames[--reader->depth];
	if (frame->node->kind == YAML_MAP)
		mapping_finish(&(struct mapping){.file = reader->file,
				       .map = frame->node,
				       .merge = frame->merge,
				       .merge_line = frame->merge_line,
				       .merge_column = frame->merge_column},
			reader->mem, reader->mistakes);
	close_anchor(reader, frame->anchor, reader->nodes - frame->nodes, reader->bytes - frame->bytes,
		frame->height);
	if (reader->depth && reader->frames[reader->depth - 1].height < frame->height + 1)
		reader->frames[reader->depth - 1].height = frame->height + 1;
}

static struct anchor *find_anchor(struct reader *reader, const char *name)
{
	for (size_t i = reader->anchor_count; i-- > 0;)
		if (strcmp(reader->anchors[i].name, name) == 0)
			return &reader->anchors[i];
	return NULL;
}

/* The node is shared, but whoever walks the tree meets it again: it counts each time. */
static bool on_alias(struct reader *reader)
{
	struct anchor *anchor = find_anchor(reader, (const char *)reader->event.data.alias.anchor);
	if (!anchor)
		return stop(reader, "the alias names an anchor that was not set before it");
	if (anchor->open)
		return stop(reader, "the alias stands inside what it names, which would never end");
	if (++reader->aliases > LIMIT_YAML_ALIASES)
		return stop_at(reader, LIMIT_YAML_ALIASES, "aliases in one file");
	reader->nodes += anchor->nodes;
	reader->bytes += anchor->bytes;
	reader->alias_bytes += anchor->bytes;
	if (reader->alias_bytes > LIMIT_FILE_BYTES)
		return stop_at(reader, LIMIT_FILE_BYTES, "bytes of text are repeated by aliases");
	if (reader->depth + anchor->height > LIMIT_YAML_DEPTH)
		return stop_at(reader, LIMIT_YAML_DEPTH, "levels of nesting, aliases expanded");
	return attach(reader, anchor->node, anchor->height);
}

static bool on_document_start(struct reader *reader)
{
	if (++reader->document_count > LIMIT_DOCUMENTS)
		return stop_at(reader, LIMIT_DOCUMENTS, "documents in one file");
	const yaml_event_t *event = &reader->event;
	if (event->data.document_start.version_directive ||
		event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
		complain(reader,
			"directives (%YAML, %TAG) are not supported: remove them; values are read as kubectl reads them");
	reader->anchor_count = 0;
	reader->root = NULL;
	return true;
}

static void on_document_end(struct reader *reader)
{
	struct yaml_documents *documents = reader->documents;
	bool empty = !reader->root || reader->root->kind == YAML_NULL;
	if (!empty && mistake_count(reader) == reader->mistakes_before) {
		documents->items =
			arena_grow(reader->mem, documents->items, documents->count, sizeof(*documents->items));
		documents->items[documents->count++] = reader->root;
	}
	reader->mistakes_before = mistake_count(reader);
}

/* False = the file is not read any further, and a mistake says why. */
static bool on_event(struct reader *reader)
{
	bool ok = true;
	const yaml_event_t *event = &reader->event;
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		ok = on_document_start(reader);
		break;
	case YAML_DOCUMENT_END_EVENT:
		on_document_end(reader);
		break;
	case YAML_ALIAS_EVENT:
		ok = on_alias(reader);
		break;
	case YAML_SCALAR_EVENT:
		ok = on_scalar(reader);
		break;
	case YAML_SEQUENCE_START_EVENT:
		ok = on_start(
			reader, YAML_LIST, event->data.sequence_start.anchor, event->data.sequence_start.tag);
		break;
	case YAML_MAPPING_START_EVENT:
		ok = on_start(
			reader, YAML_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_end(reader);
		break;
	default:
		break;
	}
	if (ok && arena_full(reader->mem))
		return stop(reader, "the file needs more memory than one file may have: split it");
	if (ok && reader->nodes > LIMIT_YAML_NODES)
		return stop_at(reader, LIMIT_YAML_NODES, "values in one file, aliases expanded");
	return ok;
}

/* libyaml's words where they say nothing to people. */
static const char *plain_problem(const char *problem)
{
	static const char *const words[][2] = {
		{"did not find expected <document start>",
			"the document ends before this place, and only \"---\" on a line of its own begins another"},
	};
	for (size_t i = 0; problem && i < COUNT_OF(words); i++)
		if (strcmp(problem, words[i][0]) == 0)
			return words[i][1];
	return problem ? problem : "not readable";
}

static void report_syntax(struct reader *reader, const char *bytes)
{
	const yaml_parser_t *parser = &reader->parser;
	int line = (int)parser->problem_mark.line + 1, column = (int)parser->problem_mark.column + 1;
	const char *problem = plain_problem(parser->problem);
	if (parser->error == YAML_MEMORY_ERROR)
		memory_fail("reading YAML", 0);
	if (parser->error == YAML_READER_ERROR)
		manifest_text_position(bytes, parser->problem_offset, &line, &column);
	int above = (int)parser->problem_mark.line - (int)parser->context_mark.line;
	if (parser->context && above)
		mistakes_add(reader->mistakes, reader->file, line, column,
			"not valid YAML: %s, %s that begins %d line%s above", problem, parser->context, above,
			above == 1 ? "" : "s");
	else
		mistakes_add(reader->mistakes, reader->file, line, column, "not valid YAML: %s", problem);
}

static void read_events(struct reader *reader, const char *bytes, size_t length)
{
	bool more = true;
	if (!yaml_parser_initialize(&reader->parser))
		memory_fail("reading YAML", 0);
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)bytes, length);
	while (more) {
		if (!yaml_parser_parse(&reader->parser, &reader->event)) {
			report_syntax(reader, bytes);
			break;
		}
		more = on_event(reader) && reader->event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&reader->event);
	}
	yaml_parser_delete(&reader->parser);
}

void yaml_read(const char *file, const char *bytes, size_t length, struct arena *mem,
	struct yaml_documents *documents, struct mistakes *mistakes)
{
	*documents = (struct yaml_documents){0};
	bytes = bytes ? bytes : ""; /* of an empty buffer, where libyaml would end the process */
	if (!manifest_text_check(file, &bytes, &length, mistakes))
		return;
	struct reader reader = {.file = file, .mem = mem, .mistakes = mistakes, .documents = documents};
	reader.mistakes_before = mistake_count(&reader);
	CLEANUP(memory_freep) char *plain = manifest_text_join_surrogates(bytes, length, &length);
	reader.line_start = plain ? plain : bytes;
	reader.end = reader.line_start + length;
	reader.line = 1;
	read_events(&reader, plain ? plain : bytes, length);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return map->pairs[i].value;
	return NULL;
}

static json_t *number_to_json(double number)
{
	/* encoding/json writes 1000.0 and 1e3 as 1000. */
	if (number == trunc(number) && fabs(number) < 9.2e18)
		return json_integer((json_int_t)number);
	return json_real(number);
}

/* Depth is bounded by the reader, aliases included. */
json_t *yaml_to_json(const struct yaml_node *node)
{
	json_t *value;
	switch (node->kind) {
	case YAML_NULL:
		return json_null();
	case YAML_BOOL:
		return json_boolean(node->boolean);
	case YAML_INTEGER:
		return json_integer(node->integer);
	case YAML_FLOAT:
		return number_to_json(node->number);
	case YAML_STRING:
		return json_stringn(node->text, node->length);
	case YAML_LIST:
		value = json_array();
		for (size_t i = 0; i < node->count; i++)
			json_array_append_new(value, yaml_to_json(node->items[i]));
		return value;
	case YAML_MAP:
		value = json_object();
		for (size_t i = 0; i < node->count; i++)
			json_object_set_new(value, node->pairs[i].key, yaml_to_json(node->pairs[i].value));
		return value;
	}
	return NULL;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
	static const char *const names[] = {
		"null", "a boolean", "an integer", "a number", "a string", "a list", "a map"};
	return names[kind];
}
