/*
 * folder.h - has anything changed in a folder of manifests? (Applications, Secrets)
 */
#pragma once

#include <sys/stat.h>

#include "base/base.h"

/*
 * A text that changes whenever a *.yaml, *.yml or *.json of the folder is added, changed, renamed or removed: names, times, sizes and
 * modes. The caller frees it; a folder that cannot be read gives "". `visit` (may be NULL) is called for each file in name order.
 */
char *folder_state(const char *folder,
	void (*visit)(void *context, const char *file, const struct stat *status), void *context);
