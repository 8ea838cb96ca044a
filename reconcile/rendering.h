/*
 * rendering.h - a path that is no folder of manifests but what kustomize or helm makes manifests of
 */
#pragma once

#include "base/arena.h"

enum render_tool { RENDER_NONE, RENDER_KUSTOMIZE, RENDER_HELM, RENDER_TOOLS };

/* What an Application says of it. */
struct rendering {
	enum render_tool asked; /* source.kustomize or source.helm holds something: the path has to be of this kind */
	bool plain;             /* source.directory holds something: the path is not to be rendered */
	const char *options; /* what is in source.kustomize or source.helm, checked, as canonical JSON; NULL = nothing */
	const char *namespace; /* destination.namespace: where Helm's release goes; NULL = "default" */
};

struct rendering rendering_copy(const struct rendering *rendering, struct arena *mem);
bool rendering_same(const struct rendering *a, const struct rendering *b);
