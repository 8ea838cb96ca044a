#include "reconcile/source/rendered.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"

enum { WAY_OF_MAKING = 1 }; /* another number when the same would be made in another way */

const char *rendered_key(const struct source_path *path, enum render_tool tool, const char *tree,
	const char *program, struct arena *mem)
{
	const struct rendering *rendering = &path->directory.rendering;
	char digest[DIGEST_HEX_SIZE];
	CLEANUP(json_done) json_t *all = json_object();
	json_object_set_new(all, "way", json_integer(WAY_OF_MAKING));
	json_object_set_new(all, "tool", json_integer(tool));
	json_set_text(all, "tree", tree);
	json_set_text(all, "program", program);
	json_set_text(all, "path", path->directory.path);
	json_set_text(all, "name", path->application);
	json_set_text(all, "options", rendering->options);
	json_set_text(all, "namespace", rendering->namespace);
	CLEANUP(memory_freep) char *text = json_canonical(all);
	digest_sha256_hex(text, strlen(text), digest);
	return arena_copy(mem, digest);
}

static const char *file_of(const char *place, const char *key, struct arena *mem)
{
	return arena_printf(mem, "%s/rendered/%s", place, key);
}

bool rendered_read(const char *place, const char *key, struct buf *text, struct arena *mem)
{
	struct error ignored;
	const char *path = file_of(place, key, mem);
	if (!file_read(path, text, &ignored))
		return false;
	(void)utimensat(AT_FDCWD, path, NULL, 0); /* its time is that of its last use */
	return true;
}

bool rendered_keep(const char *place, const char *key, const char *from, struct arena *mem, struct error *err)
{
	if (!file_make_folder(arena_printf(mem, "%s/rendered", place), err))
		return false;
	return rename(from, file_of(place, key, mem)) == 0 ||
		error_set(err, ERROR_RETRY, "what was rendered cannot be kept: %s", strerror(errno));
}

struct kept {
	const char *path;
	struct timespec used;
	int64_t bytes;
};

/* The last used one first. */
static int by_use(const void *a, const void *b)
{
	const struct timespec *left = &((const struct kept *)a)->used, *right = &((const struct kept *)b)->used;
	if (left->tv_sec != right->tv_sec)
		return left->tv_sec < right->tv_sec ? 1 : -1;
	return (left->tv_nsec < right->tv_nsec) - (left->tv_nsec > right->tv_nsec);
}

static struct kept *list(const char *folder, size_t *count, struct arena *mem)
{
	struct kept *items = NULL;
	struct dirent *entry;
	struct stat status;
	DIR *open = opendir(folder);
	*count = 0;
	while (open && (entry = readdir(open))) {
		const char *path = arena_printf(mem, "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' || lstat(path, &status) != 0)
			continue;
		items = arena_grow(mem, items, *count, sizeof(*items));
		items[(*count)++] = (struct kept){path, status.st_mtim, status.st_size};
	}
	if (open)
		closedir(open);
	return items;
}

void rendered_trim(const char *place, struct arena *mem)
{
	size_t count;
	int64_t bytes = 0;
	struct kept *items = list(arena_printf(mem, "%s/rendered", place), &count, mem);
	if (count)
		qsort(items, count, sizeof(*items), by_use);
	for (size_t i = 0; i < count; i++) {
		bytes += items[i].bytes;
		if (i >= LIMIT_RENDERED_FILES || bytes > LIMIT_RENDERED_BYTES)
			unlink(items[i].path);
	}
}
