/*
 * manifest.h - one file of a path to Kubernetes objects, or its mistakes
 *
 * Pure: no file, no network. Used by the Git process for blobs and by `pgitops check` for files on disk.
 */
#pragma once

#include "reconcile/desired.h"

/* A source directory as the Application describes it (argocd.md 2.16). */
struct manifest_directory {
	const char *path; /* inside the repository, "" or "." = its root; no leading or trailing '/' */
	bool recurse;
	const char *include; /* glob on the path relative to `path`; NULL = everything */
	const char *exclude; /* glob, asked first; NULL = nothing */
};

/* Is this file (relative to the directory's path) a manifest that the directory wants? *.yaml, *.yml, *.json. */
bool manifest_wanted(const struct manifest_directory *directory, const char *relative);

/* Helm and Kustomize directories cannot be applied as they lie: the name that gives one away, or NULL. */
const char *manifest_foreign_tool(const char *file_name);

/* Appends the file's objects (Lists expanded) to `desired`, or mistakes with file:line:column. */
void manifest_read(
	const char *file, const char *bytes, size_t length, struct arena *mem, struct desired *desired);

/* Reads a folder on disk the way the Git process reads a tree; `file` names are relative to `root`. */
bool manifest_read_folder(const char *root, const struct manifest_directory *directory, struct arena *mem,
	struct desired *desired, struct error *err) MUST_CHECK;
