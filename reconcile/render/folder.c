#include "reconcile/render/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "reconcile/render/left_out.h"

struct copy {
	const char *from, *to;
	struct arena *mem;
	struct left_out left_out;
	size_t files;
	int64_t bytes;
};

static bool too_large(const struct copy *copy, struct error *err)
{
	return error_set(err, ERROR_INVALID,
		"%s holds more than the %d files and %ld MiB that kustomize and helm are shown: check a fresh clone",
		copy->from, LIMIT_RENDER_TREE_FILES, LIMIT_RENDER_TREE_BYTES >> 20);
}

static bool copy_bytes(int from, int to)
{
	char bytes[65536];
	ssize_t got;
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		if (!file_write_all(to, bytes, (size_t)got))
			return false;
	return got == 0;
}

static bool copy_file(struct copy *copy, const char *name, int64_t size, struct error *err)
{
	const char *path = arena_printf(copy->mem, "%s/%s", copy->from, name);
	copy->bytes += size;
	if (copy->bytes > LIMIT_RENDER_TREE_BYTES)
		return too_large(copy, err);
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int to = open(arena_printf(copy->mem, "%s/%s", copy->to, name),
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool copied = from >= 0 && to >= 0 && copy_bytes(from, to);
	int reason = errno;
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return copied || error_set(err, ERROR_RETRY, "cannot copy %s: %s", path, strerror(reason));
}

static bool copy_folder(struct copy *copy, const char *folder, int depth, struct error *err);

static bool copy_entry(struct copy *copy, const char *folder, const char *entry, int depth, struct error *err)
{
	struct stat status;
	const char *name = arena_printf(copy->mem, "%s%s%s", folder, *folder ? "/" : "", entry);
	if (strcmp(entry, ".") == 0 || strcmp(entry, "..") == 0 || strcmp(entry, ".git") == 0)
		return true;
	if (++copy->files > LIMIT_RENDER_TREE_FILES || arena_full(copy->mem))
		return too_large(copy, err);
	if (lstat(arena_printf(copy->mem, "%s/%s", copy->from, name), &status) != 0)
		return error_set(err, ERROR_RETRY, "cannot read %s: %s", name, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return copy_folder(copy, name, depth + 1, err);
	if (!S_ISREG(status.st_mode))
		left_out_add(
			&copy->left_out, name, S_ISLNK(status.st_mode) ? "symbolic link" : "no plain file");
	else if (status.st_size > LIMIT_RENDER_FILE_BYTES)
		left_out_add(&copy->left_out, name, "larger than 8 MiB");
	else
		return copy_file(copy, name, status.st_size, err);
	return true;
}

/* Recursion: LIMIT_TREE_DEPTH. */
static bool copy_folder(struct copy *copy, const char *folder, int depth, struct error *err)
{
	const char *path = arena_printf(copy->mem, "%s/%s", copy->from, folder);
	struct dirent *entry;
	bool ok = true;
	if (depth > LIMIT_TREE_DEPTH)
		return error_set(
			err, ERROR_INVALID, "%s: folders are nested deeper than %d", path, LIMIT_TREE_DEPTH);
	if (mkdir(arena_printf(copy->mem, "%s/%s", copy->to, folder), 0700) != 0)
		return error_set(err, ERROR_RETRY, "cannot make a copy of %s: %s", path, strerror(errno));
	DIR *open = opendir(path);
	if (!open)
		return error_set(err, ERROR_RETRY, "cannot read the folder %s: %s", path, strerror(errno));
	while (ok && (entry = readdir(open)))
		ok = copy_entry(copy, folder, entry->d_name, depth, err);
	closedir(open);
	return ok;
}

bool folder_copy(const char *from, const char *to, struct arena *mem, const char **left_out, struct error *err)
{
	struct copy copy = {.from = from, .to = to, .mem = mem, .left_out.mem = mem};
	if (!copy_folder(&copy, "", 0, err))
		return false;
	*left_out = left_out_text(&copy.left_out);
	return true;
}
