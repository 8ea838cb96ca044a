/* A sealed text cut into documents, and which of them are SealedSecrets of the users. */
#include "reconcile/sealed/sealed_documents.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/sealed_written.h"

/* So many are within what a YAML file may hold (LIMIT_YAML_NODES), and more are refused as ever. */
enum { WRITTEN_MAX = 5000 };

void sealed_documents_append(
	struct sealed_parse *parse, struct sealed_document *document, struct sealed_document *after)
{
	struct sealed_document **link = after ? &after->next
		: parse->last                 ? &parse->last->next
					      : &parse->first;
	document->next = *link;
	*link = document;
	if (!document->next)
		parse->last = document;
}

static const char *text_at(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->kind == YAML_STRING ? node->text : NULL;
}

/* Is it a SealedSecret of our namespace? Then its name and value are looked up. */
static void recognise(const struct sealed_reading *reading, struct sealed_document *document)
{
	const struct edit_users *users = reading->input->users;
	const struct yaml_node *metadata = yaml_get(document->root, "metadata"),
			       *values = yaml_get(yaml_get(document->root, "spec"), "encryptedData");
	const char *kind = text_at(document->root, "kind"), *namespace = text_at(metadata, "namespace");
	if (!kind || strcmp(kind, SEALED_KIND) != 0 || !text_equal(namespace, users->namespace))
		return;
	document->name = text_at(metadata, "name");
	for (size_t i = 0; values && values->kind == YAML_MAP && i < values->count; i++)
		if (strcmp(values->pairs[i].key, users->item) == 0 &&
			values->pairs[i].value->kind == YAML_STRING)
			document->value = &values->pairs[i];
	document->sealed = document->value ? document->value->value->text : NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct sealed_document *const *)a)->name, (*(struct sealed_document *const *)b)->name);
}

/* The root of the one document whose lines these are; several in one span (after "...") are nobody's. */
static const struct yaml_node *root_between(
	const struct yaml_documents *parsed, size_t *at, size_t first_line, size_t end_line)
{
	const struct yaml_node *root = NULL;
	size_t count = 0;
	while (*at < parsed->count && (size_t)parsed->items[*at]->line < end_line) {
		if ((size_t)parsed->items[*at]->line >= first_line)
			root = parsed->items[*at];
		count++;
		++*at;
	}
	return count == 1 ? root : NULL;
}

static size_t line_of(const struct splice *splice, size_t offset, size_t from)
{
	while (from < splice->line_count && splice->lines[from] < offset)
		from++;
	return from + 1;
}

static void add_documents(const struct sealed_reading *reading, const struct yaml_documents *parsed)
{
	const struct sealed_users_input *input = reading->input;
	struct span *spans;
	size_t count = splice_documents(input->text, input->length, reading->mem, &spans), line = 1, at = 0;
	reading->parse->by_name = arena_array(reading->mem, count + 1, sizeof(struct sealed_document *));
	for (size_t i = 0; i < count; i++) {
		struct sealed_document *document = arena_alloc(reading->mem, sizeof(*document));
		size_t next = line_of(&reading->parse->places, spans[i].end, line - 1);
		document->start = spans[i].start;
		document->text = input->text + spans[i].start;
		document->length = spans[i].end - spans[i].start;
		document->root = root_between(parsed, &at, line, next);
		recognise(reading, document);
		sealed_documents_append(reading->parse, document, NULL);
		if (document->name)
			reading->parse->by_name[reading->parse->named++] = document;
		line = next;
	}
}

static void add_written(
	const struct sealed_reading *reading, struct span span, const struct sealed_written *found)
{
	struct arena *mem = reading->mem;
	const char *text = reading->input->text + span.start;
	struct sealed_document *document = arena_alloc(mem, sizeof(*document));
	struct yaml_node *value = arena_alloc(mem, sizeof(*value));
	struct yaml_pair *pair = arena_alloc(mem, sizeof(*pair));
	value->kind = YAML_STRING;
	value->length = found->value.end - found->value.start;
	value->text = arena_copy_n(mem, text + found->value.start, value->length);
	pair->value = value;
	*document = (struct sealed_document){
		.start = span.start,
		.text = text,
		.length = span.end - span.start,
		.name = arena_copy_n(mem, text + found->name.start, found->name.end - found->name.start),
		.value = pair,
		.sealed = value->text,
	};
	sealed_documents_append(reading->parse, document, NULL);
	reading->parse->by_name[reading->parse->named++] = document;
}

/* A file of nothing but what was written here before needs no YAML. */
static bool read_written(const struct sealed_reading *reading)
{
	const struct sealed_users_input *input = reading->input;
	struct span *spans;
	size_t count = splice_documents(input->text, input->length, reading->mem, &spans), known = 0;
	struct sealed_written *found = arena_array(reading->mem, count + 1, sizeof(*found));
	while (known < count &&
		sealed_written_read(input->text + spans[known].start, spans[known].end - spans[known].start,
			input->users->namespace, input->users->item, &found[known]))
		known++;
	if (known != count || count > WRITTEN_MAX)
		return false;
	reading->parse->by_name = arena_array(reading->mem, count + 1, sizeof(struct sealed_document *));
	for (size_t i = 0; i < count; i++)
		add_written(reading, spans[i], &found[i]);
	return true;
}

static bool read_yaml(const struct sealed_reading *reading)
{
	const struct sealed_users_input *input = reading->input;
	struct yaml_documents parsed = {0};
	size_t before = reading->mistakes->count + reading->mistakes->dropped;
	reading->parse->places = splice_index(input->text, input->length, reading->mem);
	yaml_read(input->file, input->text, input->length, reading->mem, &parsed, reading->mistakes);
	if (reading->mistakes->count + reading->mistakes->dropped != before)
		return false;
	add_documents(reading, &parsed);
	return true;
}

bool sealed_documents_read(const struct sealed_reading *reading)
{
	const struct sealed_users_input *input = reading->input;
	const struct sealed_parse *known = input->parse;
	if (known && text_equal(known->namespace, input->users->namespace) &&
		text_equal(known->item, input->users->item)) {
		*reading->parse = *known;
		return true;
	}
	size_t before = reading->mistakes->count + reading->mistakes->dropped;
	if (!read_written(reading) && !read_yaml(reading))
		return false;
	qsort(reading->parse->by_name, reading->parse->named, sizeof(*reading->parse->by_name), by_name);
	for (size_t i = 1; i < reading->parse->named; i++)
		if (strcmp(reading->parse->by_name[i - 1]->name, reading->parse->by_name[i]->name) == 0)
			mistakes_add(reading->mistakes, input->file, 0, 0,
				"SealedSecret \"%s\" stands there twice: remove one",
				reading->parse->by_name[i]->name);
	return reading->mistakes->count + reading->mistakes->dropped == before;
}

struct sealed_document *sealed_documents_find(const struct sealed_parse *parse, const char *name)
{
	struct sealed_document key = {.name = name}, *at = &key;
	struct sealed_document **found = name && parse->named
		? bsearch(&at, parse->by_name, parse->named, sizeof(*parse->by_name), by_name)
		: NULL;
	return found ? *found : NULL;
}
