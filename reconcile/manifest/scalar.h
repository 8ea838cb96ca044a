/*
 * scalar.h - what a plain YAML scalar means (internal to this room)
 */
#pragma once

#include "base/arena.h"
#include "reconcile/manifest/yaml.h"

/* Sets kind and value of an unquoted scalar from its text; `flow`: it stands in { } or [ ], as all of JSON does. Returns what is wrong
   with it, or NULL. */
const char *scalar_resolve(struct yaml_node *node, bool flow);

/* The key that kubectl makes of a scalar used as a key, or NULL when it can be none (null). In `mem`. */
const char *scalar_key(const struct yaml_node *node, struct arena *mem);
