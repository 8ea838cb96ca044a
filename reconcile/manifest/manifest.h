/*
 * manifest.h - one file of a path to Kubernetes objects, or its mistakes
 *
 * Pure: no file, no network. Used by the Git process for blobs and by `pgitops check` for files on disk.
 */
#pragma once

#include "reconcile/desired.h"
#include "reconcile/rendering.h"

/* A source directory as the Application describes it (argocd.md 2.16). */
struct manifest_directory {
	const char *path; /* inside the repository, "" or "." = its root; no leading or trailing '/' */
	bool recurse;
	const char *include; /* glob on the path relative to `path`; NULL = everything */
	const char *exclude; /* glob, asked first; NULL = nothing */
	bool any_name; /* disableExtensionFilter: a file of another name counts when its text looks like a manifest */
	struct rendering rendering;
};

/* *.yaml, *.yml, *.json */
bool manifest_is_named(const char *file);

/* Is this file (relative to the directory's path) a manifest that the directory wants? With any_name a file that is not
   named like one has to be asked for its text, too. */
bool manifest_wanted(const struct manifest_directory *directory, const char *relative);

/* Does the text hold apiVersion, kind and metadata? */
bool manifest_looks_like(const char *bytes, size_t length);

/* Helm and Kustomize directories cannot be applied as they lie, nor one whose source Argo CD overrides by a file in it: what
   is wrong with a file of this name in the directory itself, or NULL. */
const char *manifest_refusal(const char *relative);

/* Appends the file's objects (Lists expanded) to `desired`, or mistakes with file:line:column. */
void manifest_read(
	const char *file, const char *bytes, size_t length, struct arena *mem, struct desired *desired);

/* Reads a folder on disk the way the Git process reads a tree; `file` names are relative to `root`. */
bool manifest_read_folder(const char *root, const struct manifest_directory *directory, struct arena *mem,
	struct desired *desired, struct error *err) MUST_CHECK;
