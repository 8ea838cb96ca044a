/*
 * mapping.h - the pairs of a YAML map: repeated keys and merge keys (internal to this room)
 */
#pragma once

#include "reconcile/manifest/yaml.h"

/* What came for one map until its end. */
struct mapping {
	const char *file;
	struct yaml_node *map;         /* its own pairs, in the order of the file */
	const struct yaml_node *merge; /* the value of `<<`, or NULL */
	int merge_line, merge_column;
};

/* Puts the merged pairs behind the map's own and refuses keys that are there twice. */
void mapping_finish(const struct mapping *mapping, struct arena *mem, struct mistakes *mistakes);
