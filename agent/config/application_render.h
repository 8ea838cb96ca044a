/*
 * application_render.h - spec.source.kustomize and spec.source.helm (internal to application_spec.c)
 */
#pragma once

#include "agent/config/fields.h"
#include "reconcile/rendering.h"

/* Checked field by field, and kept as the JSON they are: what is made of them is reconcile/render's. `at`: where the source stands. */
void application_read_rendering(
	struct fields *fields, const json_t *source, const char *at, struct rendering *to);
