#include "agent/config/folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_manifest(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
		(text_ends(entry->d_name, ".yaml") || text_ends(entry->d_name, ".yml") ||
			text_ends(entry->d_name, ".json"));
}

char *folder_state(const char *folder,
	void (*visit)(void *context, const char *file, const struct stat *status), void *context)
{
	struct buf state = BUF(LIMIT_CONFIG_BYTES);
	struct dirent **names = NULL;
	int count = scandir(folder, &names, is_manifest, compare_names);

	for (int i = 0; i < count; i++) {
		CLEANUP(memory_freep) char *file = memory_printf("%s/%s", folder, names[i]->d_name);
		struct stat status;
		free(names[i]);
		if (stat(file, &status) != 0)
			continue;
		buf_printf(&state, "%s %lld.%09ld %lld %o\n", file, (long long)status.st_mtim.tv_sec,
			status.st_mtim.tv_nsec, (long long)status.st_size, (unsigned)status.st_mode);
		if (visit)
			visit(context, file, &status);
	}
	free(names);
	char *text = memory_copy(buf_string(&state));
	buf_done(&state);
	return text;
}
