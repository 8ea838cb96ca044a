/*
 * internal.h - what the files of this room share
 */
#pragma once

#include "reconcile/leak/known.h"
#include "reconcile/leak/leak.h"
#include "reconcile/leak/public.h"
#include "reconcile/leak/views.h"
#include "reconcile/manifest/yaml.h"

/* What a file is by its name. Not a word about what stands in it. */
enum leak_place {
	PLACE_MANIFEST, /* .yaml, .yml, .json and templates of them */
	PLACE_OTHER,    /* any other: whatever can be read as a manifest is one */
	PLACE_PROSE,
	PLACE_SOURCE
};
enum leak_place leak_place_of(const char *path);

/* Only in prose and source something is said to a reader. */
static inline bool leak_is_example(enum leak_place place)
{
	return place == PLACE_PROSE || place == PLACE_SOURCE;
}

/* One text that is being judged: the file, or one inside it. */
struct look {
	struct leak_scan *scan;
	struct arena *mem; /* for nodes and copies; wiped */
	enum leak_place place;
	int shift;    /* lines in front of the text that the nodes count from */
	int fixed;    /* the line of everything in it; 0 = it has lines */
	int depth;    /* texts around it */
	bool decoded; /* it is not as the file has it */
};
enum { LOOK_DEPTH = 8 };

void leak_found(const struct look *look, enum leak_rule rule, int line, const void *value, size_t length,
	const char *format, ...) PRINTF_LIKE(6, 7);

/* Is there anything that the rest of this room could find? */
bool leak_is_worth_reading(const char *text, size_t length);

/* Reads a text as well as it goes, and judges what it is. text.c */
void leak_text(const struct look *look, const struct view *view, const char *text, size_t length);

/* Judges a tree. judge.c */
void leak_judge(const struct look *look, const struct yaml_node *node);
void leak_judge_users(const struct look *look, const struct yaml_node *users); /* a list, or a map by name */
void leak_judge_kubeconfig(const struct look *look, const struct yaml_node *root);
const char *leak_text_at(const struct yaml_node *map, const char *key); /* "" = there is none */

/*
 * What no parser takes: lines with their indentation, and braces. Both give trees of what can be made out, with the lines of the file.
 * `commented`: only what stands behind comment marks, since a parser read the rest.
 */
struct loose {
	const struct look *look;
	const struct view *view; /* for lines; NULL = they count from look->shift */
	const char *text;
	size_t length;
	struct loose_line *lines;
	size_t count;
};
void loose_judge(
	const struct look *look, const struct view *view, const char *text, size_t length, bool commented);
struct yaml_node *loose_flow(const struct loose *loose, size_t at, size_t *end); /* text[at] opens it */
void loose_flows(const struct loose *loose);                                     /* finds and judges them */
int loose_line_of(const struct loose *loose, size_t offset);
struct yaml_node *loose_node(const struct loose *loose, enum yaml_kind kind, int line);
void loose_pair(const struct loose *loose, struct yaml_node *map, const char *key, size_t key_length,
	int line, struct yaml_node *value);
void loose_item(const struct loose *loose, struct yaml_node *list, struct yaml_node *item);

/* Warnings. looks.c */
void leak_looks(const struct look *look, const char *text, size_t length);
