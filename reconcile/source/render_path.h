/*
 * render_path.h - a path that kustomize or helm is for: what the Git process does of it (internal to this room)
 */
#pragma once

#include "reconcile/source/repository.h"
#include "reconcile/source/source.h"

/* Where the objects of one path come from. */
struct render_path {
	const struct repository *repository;
	const struct source_request *request;
	const struct source_path *path;
	const char *root;   /* the tree of the commit, 40 hex digits */
	const git_tree *at; /* the folder of the path */
	const char *name;   /* of that folder, "" = the root */
	struct arena *mem;
};

/* False = a plain folder of manifests, which is still to be read. Else `content` has the objects, or the mistake, or the name of the
   file that says that it has to be rendered first (render_file). */
bool render_path_read(const struct render_path *path, struct source_content *content);
