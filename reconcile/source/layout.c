#include "reconcile/source/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "reconcile/render/left_out.h"
#include "reconcile/source/tree.h"

struct layout {
	const struct repository *repository;
	const char *folder;
	struct arena *mem;
	size_t files;
	int64_t bytes;
	struct left_out left_out;
};

static bool too_large(struct error *err)
{
	return error_set(err, ERROR_INVALID,
		"the commit is more than the %d files and %ld MiB that kustomize and helm are shown",
		LIMIT_RENDER_TREE_FILES, LIMIT_RENDER_TREE_BYTES >> 20);
}

static bool write_bytes(const char *path, const char *bytes, size_t length, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool wrote = fd >= 0 && file_write_all(fd, bytes, length);
	int reason = errno;
	if (fd >= 0)
		close(fd);
	return wrote || error_set(err, ERROR_RETRY, "cannot write %s: %s", path, strerror(reason));
}

static bool write_file(struct layout *layout, const char *name, const git_oid *id, struct error *err)
{
	git_blob *blob = NULL;
	git_object_t type;
	size_t size;
	if (git_odb_read_header(&size, &type, layout->repository->odb, id) || type != GIT_OBJECT_BLOB)
		return repository_error(err, ERROR_RETRY, "the local repository cannot be read");
	if (size > (size_t)LIMIT_RENDER_FILE_BYTES) {
		left_out_add(&layout->left_out, name, "larger than 8 MiB");
		return true;
	}
	layout->bytes += (int64_t)size;
	if (layout->bytes > LIMIT_RENDER_TREE_BYTES)
		return too_large(err);
	if (git_blob_lookup(&blob, layout->repository->git, id))
		return repository_error(err, ERROR_RETRY, "the local repository cannot be read");
	const char *bytes = git_blob_rawcontent(blob);
	bool wrote = write_bytes(arena_printf(layout->mem, "%s/%s", layout->folder, name), bytes ? bytes : "",
		(size_t)git_blob_rawsize(blob), err);
	git_blob_free(blob);
	return wrote;
}

static bool write_tree(
	struct layout *layout, const git_oid *id, const char *folder, int depth, struct error *err);

static bool write_entry(
	struct layout *layout, const git_tree_entry *entry, const char *folder, int depth, struct error *err)
{
	const char *name =
		arena_printf(layout->mem, "%s%s%s", folder, *folder ? "/" : "", git_tree_entry_name(entry));
	const git_oid *id = git_tree_entry_id(entry);
	if (tree_bad_name(git_tree_entry_name(entry)) || tree_odd_name(git_tree_entry_name(entry))) {
		left_out_add(
			&layout->left_out, *folder ? folder : ".", "an entry whose name git does not make");
		return true;
	}
	if (++layout->files > LIMIT_RENDER_TREE_FILES || arena_full(layout->mem))
		return too_large(err);
	switch (git_tree_entry_filemode_raw(entry)) {
	case GIT_FILEMODE_TREE:
		return write_tree(layout, id, name, depth + 1, err);
	case GIT_FILEMODE_COMMIT:
		left_out_add(&layout->left_out, name, "submodule");
		return true;
	case GIT_FILEMODE_LINK:
		left_out_add(&layout->left_out, name, "symbolic link");
		return true;
	default:
		return write_file(layout, name, id, err);
	}
}

/* Recursion: LIMIT_TREE_DEPTH. */
static bool write_tree(
	struct layout *layout, const git_oid *id, const char *folder, int depth, struct error *err)
{
	git_tree *tree;
	bool ok = true;
	const char *path = arena_printf(layout->mem, "%s/%s", layout->folder, folder);
	if (depth > LIMIT_TREE_DEPTH || !repository_fits(layout->repository, id))
		return error_set(err, ERROR_INVALID, "folder \"%.200s\" is too deep or too large", folder);
	if (git_tree_lookup(&tree, layout->repository->git, id))
		return repository_error(err, ERROR_RETRY, "the local repository cannot be read");
	if (mkdir(path, 0700) != 0)
		ok = error_set(err, ERROR_RETRY, "cannot make %s: %s", path, strerror(errno));
	for (size_t i = 0; ok && i < git_tree_entrycount(tree); i++)
		ok = write_entry(layout, git_tree_entry_byindex(tree, i), folder, depth, err);
	git_tree_free(tree);
	return ok;
}

bool layout_write(const struct repository *repository, const git_oid *tree, const char *folder,
	struct arena *mem, const char **left_out, struct error *err)
{
	struct layout layout = {
		.repository = repository, .folder = folder, .mem = mem, .left_out = {.mem = mem}};
	if (!write_tree(&layout, tree, "", 0, err))
		return false;
	*left_out = left_out_text(&layout.left_out);
	return true;
}
