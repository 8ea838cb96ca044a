/*
 * fields.h - the places in an object that a field manager owns, by metadata.managedFields (pure, internal to the room)
 */
#pragma once

#include "base/json.h"

/* Adds to `places` what `manager` owns of `document`, as far as it is there: values, and elements of which nothing but their keys
   would be left. `managed` may be NULL. */
void fields_owned(const json_t *managed, const char *manager, const json_t *document, json_t *places);
