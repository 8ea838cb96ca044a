/*
 * wipe.h - a YAML tree that holds secrets, and its end
 */
#pragma once

#include "reconcile/manifest/yaml.h"

/* An arena for one document with secrets: everything readable in it is overwritten before it goes. */
struct secret_tree {
	struct arena *mem;
	struct yaml_documents documents;
	struct mistakes mistakes;
};

/* False when the text is not YAML; `err` names place and reason, never the text. */
bool secret_tree_read(const char *source, const char *bytes, size_t length, struct secret_tree *tree,
	struct error *err) MUST_CHECK;
void secret_tree_done(struct secret_tree *tree); /* for CLEANUP */

/* A JSON value whose strings are secret: overwrites them, then gives the reference back. The caller must hold the only
   one. For CLEANUP. */
void secret_json_done(json_t **value);
