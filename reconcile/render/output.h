/*
 * output.h - what a tool wrote, as objects
 */
#pragma once

#include "reconcile/desired.h"
#include "reconcile/rendering.h"

/* As manifest_read() for each of its documents. Their file is the run and the document ("kustomize build team: document 3"), or the
   template that Helm says it comes from ("helm template team: templates/a.yaml"); lines count from there. */
void output_read(enum render_tool tool, const char *title, const char *bytes, size_t length,
	struct arena *mem, struct desired *desired);
