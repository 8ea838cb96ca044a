/*
 * controlled.h - fields of a manifest that a controller of the cluster decides, whatever the manifest says (internal to the room)
 */
#pragma once

#include "base/json.h"

/* Takes them out of an object that is to be applied, or compared by a dry run: sent, they would be drift for ever, and a fight. */
void controlled_strip(json_t *object);
