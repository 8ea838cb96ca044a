/*
 * A folder on disk, read with the rules of the Git walk: names that no Git tree may hold and symbolic links are
 * mistakes, files that are no manifests are passed over.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/manifest.h"

struct walk {
	const char *root;
	const struct manifest_directory *directory;
	size_t skip; /* bytes of a relative path that belong to directory->path */
	struct arena *mem;
	struct desired *desired;
	size_t bytes;
	size_t entries;
};

static bool is_root(const char *path)
{
	return !*path || strcmp(path, ".") == 0;
}

static bool read_manifest(struct walk *walk, const char *path, const char *file, struct error *err)
{
	CLEANUP(buf_done) struct buf bytes = BUF(LIMIT_FILE_BYTES);
	struct mistakes *mistakes = &walk->desired->mistakes;
	if (!file_read(path, &bytes, err)) {
		if (!buf_failed(&bytes))
			return false;
		mistakes_add(mistakes, file, 0, 0,
			"larger than %ld bytes: split it, or keep it out of the path", LIMIT_FILE_BYTES);
		return true;
	}
	walk->bytes += bytes.length;
	if (walk->bytes > (size_t)LIMIT_PATH_BYTES)
		return error_set(err, ERROR_INVALID, "the manifests under %s are larger than %ld bytes",
			walk->root, LIMIT_PATH_BYTES);
	manifest_read(file, buf_string(&bytes), bytes.length, walk->mem, walk->desired);
	return true;
}

static bool visit(struct walk *walk, const char *file, size_t depth, struct error *err);

static bool visit_entry(struct walk *walk, const char *file, size_t depth, struct error *err)
{
	struct stat status;
	const char *relative = file + walk->skip;
	const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	CLEANUP(memory_freep) char *path = memory_printf("%s/%s", walk->root, file);
	if (lstat(path, &status) != 0)
		return error_set(err, ERROR_RETRY, "cannot read %s: %s", path, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return !walk->directory->recurse || strcmp(name, ".git") == 0 ||
			visit(walk, file, depth + 1, err);
	const char *tool = strchr(relative, '/') ? NULL : manifest_foreign_tool(name);
	if (tool) {
		mistakes_add(&walk->desired->mistakes, file, 0, 0,
			"this is a %s directory, which cannot be applied as it lies: render it and commit the result",
			tool);
		return true;
	}
	if (!manifest_wanted(walk->directory, relative))
		return true;
	if (!S_ISREG(status.st_mode)) {
		mistakes_add(&walk->desired->mistakes, file, 0, 0,
			S_ISLNK(status.st_mode) ? "symbolic links are not followed: put the file itself here"
						: "not a plain file");
		return true;
	}
	return read_manifest(walk, path, file, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Recursion: LIMIT_TREE_DEPTH. */
static bool visit(struct walk *walk, const char *file, size_t depth, struct error *err)
{
	struct dirent **entries;
	bool ok = true;
	CLEANUP(memory_freep) char *path = memory_printf("%s%s%s", walk->root, *file ? "/" : "", file);
	if (depth > LIMIT_TREE_DEPTH)
		return error_set(
			err, ERROR_INVALID, "%s: folders are nested deeper than %d", path, LIMIT_TREE_DEPTH);
	int count = scandir(path, &entries, not_dots, by_name);
	if (count < 0)
		return error_set(err, errno == ENOENT || errno == ENOTDIR ? ERROR_MISSING : ERROR_RETRY,
			"cannot read the folder %s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		CLEANUP(memory_freep)
		char *inside = memory_printf("%s%s%s", file, *file ? "/" : "", entries[i]->d_name);
		if (ok && ++walk->entries > LIMIT_PATH_FILES)
			ok = error_set(err, ERROR_INVALID, "more than %d files under %s", LIMIT_PATH_FILES,
				walk->root);
		ok = ok && visit_entry(walk, inside, depth, err);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

bool manifest_read_folder(const char *root, const struct manifest_directory *directory, struct arena *mem,
	struct desired *desired, struct error *err)
{
	const char *path = directory->path && !is_root(directory->path) ? directory->path : "";
	struct walk walk = {
		.root = root,
		.directory = directory,
		.skip = *path ? strlen(path) + 1 : 0,
		.mem = mem,
		.desired = desired,
	};
	return visit(&walk, path, 0, err);
}
