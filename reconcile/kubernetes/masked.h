/*
 * masked.h - what of a Secret may be shown outside its data (pure, internal to the room)
 */
#pragma once

#include "base/json.h"

/* The annotation holds a copy of the whole object, as tools keep that apply manifests. */
bool masked_annotation(const char *name);

/* `value` contains one of the values of the Secret, as it stands there or decoded. Values of fewer than four bytes do not count. */
bool masked_repeats(const json_t *secret, const json_t *value);
