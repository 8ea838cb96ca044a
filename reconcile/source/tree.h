/*
 * tree.h - the manifests under a path at one commit, straight from the object database
 *
 * Whatever a tree holds is foreign: names are checked here, since libgit2 takes any. Nothing is followed: a symbolic
 * link where a manifest should be is a mistake.
 */
#pragma once

#include "reconcile/source/repository.h"
#include "reconcile/source/source.h"

/* Mistakes of the content are in `content`; false only when the repository cannot be read (ERROR_RETRY): then nothing
   of the path may be used, and the repository is broken. `mem` is given to everything in `content`. */
bool tree_read(const struct repository *repository, const git_oid *commit,
	const struct source_request *request, const struct source_path *path, struct arena *mem,
	struct source_content *content, struct error *err) MUST_CHECK;

/* What Git itself refuses to write into a work tree, and what would break out of a line of a message; NULL = it is fine. */
const char *tree_bad_name(const char *name);

/* A name that git takes and that cannot be shown or written as it is: "Icon\r" of a Mac, one in Latin-1. */
bool tree_odd_name(const char *name);
