/*
 * yaml.h - text to a tree with places, read as kubectl reads it
 *
 * Scalars are resolved as sigs.k8s.io/yaml does (YAML 1.1: yes, no, on, off, y, n are NOT booleans there except
 * as go-yaml v2 resolves them; see yaml.c for the table and its source). Duplicate keys, tags, non-string keys,
 * recursive aliases and anything beyond limits.h are mistakes. Aliases and merge keys are expanded by sharing nodes,
 * and their expanded number is bounded. Bytes must be UTF-8. A JSON file is read by the same function.
 */
#pragma once

#include "base/json.h"
#include "reconcile/mistake.h"

enum yaml_kind { YAML_NULL, YAML_BOOL, YAML_INTEGER, YAML_FLOAT, YAML_STRING, YAML_LIST, YAML_MAP };

struct yaml_pair;

struct yaml_node {
	enum yaml_kind kind;
	int line;         /* from 1 */
	int column;       /* from 1 */
	const char *text; /* scalars: the text as written (quotes and folding resolved), NUL-terminated */
	size_t length;    /* of `text`; a scalar with NUL inside has strlen < length */
	bool quoted;      /* a scalar in quotes or a block scalar: always YAML_STRING */
	bool block;       /* a literal or folded block scalar; its first content line is line + 1 */
	int indent;       /* of a block scalar: the characters of the file before each line of `text` */
	bool boolean;
	int64_t integer;
	double number;
	size_t count; /* of a list's items or a map's pairs */
	struct yaml_node **items;
	struct yaml_pair *pairs; /* in the order of the file */
};

struct yaml_pair {
	const char *key; /* no NUL inside */
	int line, column;
	struct yaml_node *value;
	enum yaml_kind key_kind; /* in a file: what the key was before it became a text */
};

struct yaml_documents {
	struct yaml_node **items; /* empty documents are left out */
	size_t count;
};

/* All documents of a file. On any mistake, `documents` holds those before it. `file` names the place only; `bytes` may be NULL
   where there are none. */
void yaml_read(const char *file, const char *bytes, size_t length, struct arena *mem,
	struct yaml_documents *documents, struct mistakes *mistakes);

/* NULL when the node is no map or has no such key. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* A new reference. Integral floats become integers, as Go's encoder writes them. */
json_t *yaml_to_json(const struct yaml_node *node);

/* "a string", "an integer", "a list", ... for messages. */
const char *yaml_kind_name(enum yaml_kind kind);
