/*
 * rendering.h - from an answer of the Git process to one in which nothing is left to be rendered (the agent's side)
 */
#pragma once

#include "reconcile/source/source.h"
#include "reconcile/source/url.h"

/* Reads again what was rendered; asks nobody but the disk. */
typedef bool rendering_read(const struct source_request *request, struct arena *mem,
	struct source_result *result, struct error *err);

/* Which binaries they are, and where the commit is laid out. In `request`. */
void rendering_prepare(struct source_request *request, struct arena *mem);

/* What a tool refuses is a mistake of its path; only a run that could not be made fails everything. */
bool rendering_complete(const struct source_request *request, const struct url *url, rendering_read *read,
	struct arena *mem, struct source_result *result, struct error *err) MUST_CHECK;

/* Removes the commit that was laid out, whatever became of the request. */
void rendering_end(const struct source_request *request, const struct url *url, struct arena *mem);
