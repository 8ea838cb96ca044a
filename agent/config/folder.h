/*
 * folder.h - a folder of manifests (Applications, AppProjects, Secrets): what is in it, and has anything changed?
 */
#pragma once

#include <sys/stat.h>

#include "reconcile/mistake.h"
#include "reconcile/object.h"

/*
 * A text that changes whenever a *.yaml, *.yml or *.json of the folder is added, changed, renamed or removed: names, times, sizes and
 * modes. The caller frees it; a folder that cannot be read gives "". `visit` (may be NULL) is called for each file in name order.
 */
char *folder_state(const char *folder,
	void (*visit)(void *context, const char *file, const struct stat *status), void *context);

struct folder_reader {
	struct arena *mem;
	struct mistakes *mistakes; /* what is wrong in the files; NULL = told by somebody else */
	void (*take)(void *context, const struct object *object);
	void *context;
};

/* Gives every object of those files to `take`, in the order of their names. Symbolic links are followed: a mounted ConfigMap is made of
   them. False when the folder or one of the files cannot be read: then nothing is known of what is in it. */
bool folder_read(const char *folder, const struct folder_reader *reader, struct error *err) MUST_CHECK;
