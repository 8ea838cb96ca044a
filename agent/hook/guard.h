/*
 * guard.h - which contents are about to be committed or pushed, and whether one holds plain passwords
 */
#pragma once

#include "agent/hook/git.h"
#include "agent/hook/layout.h"
#include "reconcile/sealed/plain.h"

/* One version of one file. */
struct blob {
	const char *id;
	const char *path;
	const char *commit; /* NULL = staged */
};

struct blobs {
	struct blob *items;
	size_t count;
};

struct finding {
	const struct blob *blob;
	int line;
	const char *text;
};

struct guard {
	struct arena *mem;
	const struct layout *layout;
	const struct plain_known *known;
	size_t known_count;
	struct finding *findings; /* plain passwords */
	size_t count;
	struct finding *unsure; /* could not be decided: to be treated as a finding, and said differently */
	size_t unsure_count;
};

/* What the index (GIT_INDEX_FILE) adds or changes. Compared with the commit before the current one, so that an amended commit
   is judged as a whole; with `merging` compared with the current one. */
bool guard_staged(struct arena *mem, bool merging, struct blobs *blobs, struct error *err) MUST_CHECK;

/* All files of the index. */
bool guard_index(struct arena *mem, struct blobs *blobs, struct error *err) MUST_CHECK;

/* All files of a commit, for a repository without an index. */
bool guard_tree(struct arena *mem, const char *revision, struct blobs *blobs, struct error *err) MUST_CHECK;

/* What the commits add or change, each compared with its parents, each content once. `arguments` and the lines of `input` say
   which commits, as for git rev-list. */
bool guard_commits(struct arena *mem, const char *const *arguments, const char *input, struct blobs *blobs,
	struct error *err) MUST_CHECK;

/* Reads and scans them all; the findings are appended. */
bool guard_scan(struct guard *guard, const struct blobs *blobs, struct error *err) MUST_CHECK;
