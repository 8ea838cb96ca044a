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
#include "reconcile/manifest/passed.h"

struct walk {
	const char *root;
	const struct manifest_directory *directory;
	size_t skip; /* bytes of a relative path that belong to directory->path */
	struct arena *mem;
	struct desired *desired;
	struct passed passed;
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
	if (manifest_is_named(file) || manifest_looks_like(buf_string(&bytes), bytes.length))
		manifest_read(file, buf_string(&bytes), bytes.length, walk->mem, walk->desired);
	else
		passed_add(&walk->passed, file + walk->skip, PASSED_CONTENT, walk->mem);
	return true;
}

static bool visit(struct walk *walk, const char *file, size_t depth, struct error *err);

static bool visit_file(struct walk *walk, const char *path, const char *file, mode_t mode, struct error *err)
{
	const char *relative = file + walk->skip;
	const char *refusal = manifest_refusal(relative);
	if (refusal) {
		mistakes_add(&walk->desired->mistakes, file, 0, 0, "%s", refusal);
		return true;
	}
	if (!manifest_wanted(walk->directory, relative)) {
		passed_add(&walk->passed, relative,
			manifest_is_named(relative) || walk->directory->any_name ? PASSED_FILTER : PASSED_NAME,
			walk->mem);
		return true;
	}
	if (!S_ISREG(mode)) {
		mistakes_add(&walk->desired->mistakes, file, 0, 0,
			S_ISLNK(mode) ? "symbolic links are not followed: put the file itself here"
				      : "not a plain file");
		return true;
	}
	return read_manifest(walk, path, file, err);
}

/* `name` ends with '/' when it was a folder. */
static bool visit_entry(struct walk *walk, const char *folder, const char *name, size_t depth, struct error *err)
{
	struct stat status;
	CLEANUP(memory_freep) char *file = memory_printf("%s%s%s", folder, *folder ? "/" : "", name);
	if (text_ends(file, "/")) {
		file[strlen(file) - 1] = '\0';
		if (walk->directory->recurse)
			return strcmp(name, ".git/") == 0 || visit(walk, file, depth + 1, err);
		passed_add(&walk->passed, file + walk->skip, PASSED_FOLDER, walk->mem);
		return true;
	}
	CLEANUP(memory_freep) char *path = memory_printf("%s/%s", walk->root, file);
	if (lstat(path, &status) != 0)
		return error_set(err, ERROR_RETRY, "cannot read %s: %s", path, strerror(errno));
	return visit_file(walk, path, file, status.st_mode, err);
}

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* The names in a folder, in the order of whole paths as Git keeps its trees: "a.yaml" before "a/b.yaml". */
static const char **list(const char *path, struct arena *mem, size_t *count, struct error *err)
{
	struct dirent **entries;
	int found = scandir(path, &entries, not_dots, NULL);
	if (found < 0) {
		error_set(err, errno == ENOENT || errno == ENOTDIR ? ERROR_MISSING : ERROR_RETRY,
			"cannot read the folder %s: %s", path, strerror(errno));
		return NULL;
	}
	const char **names = arena_array(mem, (size_t)found + 1, sizeof(*names));
	for (int i = 0; i < found; i++) {
		struct stat status;
		CLEANUP(memory_freep) char *inside = memory_printf("%s/%s", path, entries[i]->d_name);
		bool folder = lstat(inside, &status) == 0 && S_ISDIR(status.st_mode);
		names[i] = arena_printf(mem, "%s%s", entries[i]->d_name, folder ? "/" : "");
		free(entries[i]);
	}
	free(entries);
	*count = (size_t)found;
	qsort(names, *count, sizeof(*names), text_compare);
	return names;
}

/* Recursion: LIMIT_TREE_DEPTH. */
static bool visit(struct walk *walk, const char *folder, size_t depth, struct error *err)
{
	size_t count;
	const char *path = arena_printf(walk->mem, "%s%s%s", walk->root, *folder ? "/" : "", folder);
	if (depth > LIMIT_TREE_DEPTH)
		return error_set(
			err, ERROR_INVALID, "%s: folders are nested deeper than %d", path, LIMIT_TREE_DEPTH);
	const char **names = list(path, walk->mem, &count, err);
	if (!names)
		return false;
	walk->entries += count;
	if (walk->entries > LIMIT_PATH_FILES)
		return error_set(
			err, ERROR_INVALID, "more than %d files under %s", LIMIT_PATH_FILES, walk->root);
	for (size_t i = 0; i < count; i++)
		if (!visit_entry(walk, folder, names[i], depth, err))
			return false;
	return true;
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
	if (!visit(&walk, path, 0, err))
		return false;
	passed_judge(&walk.passed, *path ? path : ".", desired);
	return true;
}
