#include "reconcile/source/tree.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/manifest/passed.h"
#include "reconcile/source/render_path.h"
#include "reconcile/source/revision.h"

enum { PATH_BYTES = 4096 };

static const char lfs_text[] = "version https://git-lfs.github.com/spec/";

/* One path being read. */
struct walk {
	const struct repository *repository;
	const struct manifest_directory *directory;
	struct arena *mem;
	struct desired *desired;
	struct passed passed;
	struct source_content *content;
	size_t prefix; /* bytes of a full name before the name relative to the directory */
	size_t entries;
	size_t bytes;
	bool full; /* a maximum was crossed and reported: stop */
};

static bool unreadable(struct error *err, const char *name)
{
	const git_error *last = git_error_last();
	return error_set(err, ERROR_RETRY, "the local repository cannot be read at \"%.200s\": %s", name,
		last && last->message ? last->message : "no reason given");
}

static const char *join(const struct walk *walk, const char *folder, const char *name)
{
	return arena_printf(walk->mem, "%s%s%s", folder, *folder ? "/" : "", name);
}

const char *tree_bad_name(const char *name)
{
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return "is no name of a file";
	if (strcasecmp(name, ".git") == 0 || strcasecmp(name, "git~1") == 0)
		return "is reserved for Git";
	if (strchr(name, '/'))
		return "has a '/' inside";
	return strlen(name) > 255 ? "is longer than 255 bytes" : NULL;
}

bool tree_odd_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (iscntrl((unsigned char)*c))
			return true;
	return !text_is_utf8(name, strlen(name));
}

/* By which a file is known here: the bytes that cannot be shown as \xNN. */
static const char *shown_name(const char *name, struct arena *mem)
{
	static const char digits[] = "0123456789abcdef";
	if (!tree_odd_name(name))
		return name;
	char *shown = arena_array(mem, strlen(name) * 4 + 1, 1), *out = shown;
	for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
		if (!iscntrl(*c) && *c < 0x80) {
			*out++ = (char)*c;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = digits[*c >> 4];
		*out++ = digits[*c & 15];
	}
	*out = '\0';
	return shown;
}

/* As it may be shown. */
static const char *safe_name(const char *name, struct arena *mem)
{
	char *shown = arena_copy_n(mem, name, strnlen(name, 200));
	for (char *c = shown; *c; c++)
		if (iscntrl((unsigned char)*c) || (unsigned char)*c >= 0x80)
			*c = '?';
	return shown;
}

/* ---- what the base has already ---- */

/* What the base had by this name is not what is there now: `was` NULL = it had nothing. */
static void note_changed(struct walk *walk, const char *name, const git_tree_entry *was)
{
	struct source_content *content = walk->content;
	if (!was)
		return;
	content->changed =
		arena_grow(walk->mem, content->changed, content->changed_count, sizeof(*content->changed));
	content->changed[content->changed_count++] = name;
}

/* A hidden file counts by what is in it, so it is read each time. */
static bool is_as_it_was(
	const struct walk *walk, const char *file, const git_tree_entry *entry, const git_tree_entry *was)
{
	bool hidden = *file == '.' || strstr(file, "/.");
	return was && !hidden && !walk->directory->any_name &&
		git_tree_entry_filemode_raw(entry) == git_tree_entry_filemode_raw(was) &&
		git_oid_equal(git_tree_entry_id(entry), git_tree_entry_id(was));
}

/* In this folder of the base. */
static void note_gone(struct walk *walk, const git_tree *now, const git_tree *before, const char *folder)
{
	size_t count = before ? git_tree_entrycount(before) : 0;
	for (size_t i = 0; i < count; i++) {
		const git_tree_entry *was = git_tree_entry_byindex(before, i);
		if (!git_tree_entry_byname(now, git_tree_entry_name(was)))
			note_changed(walk,
				join(walk, folder, shown_name(git_tree_entry_name(was), walk->mem)), was);
	}
}

/* ---- files ---- */

static void read_manifest(struct walk *walk, const char *file, const char *bytes, size_t length)
{
	if (!manifest_is_named(file) && !manifest_looks_like(bytes, length)) {
		passed_add(&walk->passed, file + walk->prefix, PASSED_CONTENT, walk->mem);
		return;
	}
	if (length >= sizeof(lfs_text) - 1 && memcmp(bytes, lfs_text, sizeof(lfs_text) - 1) == 0) {
		mistakes_add(&walk->desired->mistakes, file, 1, 0,
			"is a Git LFS pointer, which is not supported: keep manifests in Git itself");
		return;
	}
	manifest_read(file, bytes, length, walk->mem, walk->desired);
}

static bool fits(struct walk *walk, const char *file, size_t size)
{
	if (size > (size_t)LIMIT_FILE_BYTES) {
		mistakes_add(&walk->desired->mistakes, file, 0, 0,
			"is %.1f MB, a manifest may have %ld MiB: split it, or exclude it in the Application's directory options",
			(double)size / 1e6, LIMIT_FILE_BYTES >> 20);
		return false;
	}
	walk->bytes += size;
	if (walk->bytes > (size_t)LIMIT_PATH_BYTES) {
		mistakes_add(&walk->desired->mistakes, file, 0, 0,
			"with this file the manifests of the path are more than %ld MiB: split it into several Applications",
			LIMIT_PATH_BYTES >> 20);
		walk->full = true;
		return false;
	}
	return true;
}

/* The size is asked for before the content is unpacked. */
static bool read_blob(struct walk *walk, const char *file, const git_tree_entry *entry,
	const git_tree_entry *was, struct error *err)
{
	const git_oid *id = git_tree_entry_id(entry);
	git_blob *blob = NULL;
	git_object_t type;
	size_t size;
	if (git_odb_read_header(&size, &type, walk->repository->odb, id))
		return unreadable(err, file);
	if (type != GIT_OBJECT_BLOB)
		return error_set(err, ERROR_RETRY, "the local repository holds no file at \"%.200s\"", file);
	if (!fits(walk, file, size))
		return true;
	if (is_as_it_was(walk, file, entry, was)) {
		walk->desired->files++;
		return true;
	}
	note_changed(walk, file, was);
	if (git_blob_lookup(&blob, walk->repository->git, id))
		return unreadable(err, file);
	const char *bytes = git_blob_rawcontent(blob);
	read_manifest(walk, file, bytes ? bytes : "", (size_t)git_blob_rawsize(blob));
	git_blob_free(blob);
	return true;
}

static bool visit_file(struct walk *walk, const char *file, const git_tree_entry *entry,
	const git_tree_entry *was, struct error *err)
{
	const char *relative = file + walk->prefix;
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
	if (git_tree_entry_filemode_raw(entry) == GIT_FILEMODE_LINK) {
		mistakes_add(&walk->desired->mistakes, file, 0, 0,
			"is a symbolic link, which is not followed: put the file itself here");
		return true;
	}
	return read_blob(walk, file, entry, was, err);
}

/* A folder, and the one by its name in the base, NULL = none. */
struct folder {
	const char *name;
	const git_oid *id, *was;
	int depth;
};

static bool visit_tree(struct walk *walk, const struct folder *folder, struct error *err);

static bool visit_folder(struct walk *walk, const char *name, const git_tree_entry *entry,
	const git_tree_entry *was, int depth, struct error *err)
{
	const struct folder folder = {
		name, git_tree_entry_id(entry), was ? git_tree_entry_id(was) : NULL, depth + 1};

	if (!walk->directory->recurse) {
		passed_add(&walk->passed, name + walk->prefix, PASSED_FOLDER, walk->mem);
		return true;
	}
	if (depth >= LIMIT_TREE_DEPTH) {
		mistakes_add(&walk->desired->mistakes, name, 0, 0, "is more than %d folders deep",
			LIMIT_TREE_DEPTH);
		return true;
	}
	return visit_tree(walk, &folder, err);
}

static bool visit_entry(struct walk *walk, const git_tree_entry *entry, const git_tree_entry *was,
	const char *folder, int depth, struct error *err)
{
	const char *reason = tree_bad_name(git_tree_entry_name(entry));
	const char *name = join(walk, folder, shown_name(git_tree_entry_name(entry), walk->mem));
	if (reason) {
		mistakes_add(&walk->desired->mistakes, *folder ? folder : ".", 0, 0,
			"holds an entry \"%s\" whose name %s: such a tree is not made by git",
			safe_name(git_tree_entry_name(entry), walk->mem), reason);
		return true;
	}
	if (++walk->entries > LIMIT_PATH_FILES) {
		mistakes_add(&walk->desired->mistakes, *folder ? folder : ".", 0, 0,
			"the path holds more than %d files: split it into several Applications",
			LIMIT_PATH_FILES);
		walk->full = true;
		return true;
	}
	if (was && git_tree_entry_type(was) != git_tree_entry_type(entry)) {
		note_changed(walk, name, was);
		was = NULL;
	}
	switch (git_tree_entry_type(entry)) {
	case GIT_OBJECT_TREE:
		return visit_folder(walk, name, entry, was, depth, err);
	case GIT_OBJECT_COMMIT:
		mistakes_add(&walk->desired->warnings, name, 0, 0,
			"is a submodule, whose files are in another repository and are not read");
		passed_add(&walk->passed, name + walk->prefix, PASSED_SUBMODULE, walk->mem);
		return true;
	default:
		return visit_file(walk, name, entry, was, err);
	}
}

static void free_tree(git_tree **tree)
{
	git_tree_free(*tree);
}

/* A folder that is too large to be taken apart is a mistake and no damage: `tree` stays NULL. */
static bool open_tree(
	struct walk *walk, const git_oid *id, const char *folder, git_tree **tree, struct error *err)
{
	*tree = NULL;
	if (!repository_fits(walk->repository, id)) {
		mistakes_add(&walk->desired->mistakes, *folder ? folder : ".", 0, 0,
			"the list of this folder's files alone is larger than %ld MiB", LIMIT_GIT_NODE >> 20);
		walk->full = true;
		return true;
	}
	return git_tree_lookup(tree, walk->repository->git, id) == 0 || unreadable(err, folder);
}

static bool visit_tree(struct walk *walk, const struct folder *folder, struct error *err)
{
	CLEANUP(free_tree) git_tree *tree = NULL;
	CLEANUP(free_tree) git_tree *before = NULL;
	if (!open_tree(walk, folder->id, folder->name, &tree, err))
		return false;
	if (folder->was && git_tree_lookup(&before, walk->repository->git, folder->was))
		return unreadable(err, folder->name);
	size_t count = tree ? git_tree_entrycount(tree) : 0;
	for (size_t i = 0; !walk->full && i < count; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
		const git_tree_entry *was =
			before ? git_tree_entry_byname(before, git_tree_entry_name(entry)) : NULL;
		if (!visit_entry(walk, entry, was, folder->name, folder->depth, err))
			return false;
	}
	if (tree)
		note_gone(walk, tree, before, folder->name);
	return true;
}

/* Where the path of the Application begins. */
struct place {
	const char *name;
	git_oid tree;
	bool found;
};

/* One step down; what is there and is no folder is a mistake, not an absence. */
static bool step_down(struct walk *walk, const char *name, struct place *place, struct error *err)
{
	git_tree *tree;
	if (!open_tree(walk, &place->tree, place->name, &tree, err))
		return false;
	if (!tree)
		return true;
	place->name = join(walk, place->name, name);
	const git_tree_entry *entry = git_tree_entry_byname(tree, name);
	place->found = entry != NULL;
	if (entry && git_tree_entry_type(entry) == GIT_OBJECT_TREE) {
		place->tree = *git_tree_entry_id(entry);
	} else if (entry) {
		const char *what = git_tree_entry_type(entry) == GIT_OBJECT_COMMIT
			? "a submodule, which is not read"
			: git_tree_entry_filemode_raw(entry) == GIT_FILEMODE_LINK
			? "a symbolic link, which is not followed"
			: "a file";
		mistakes_add(&walk->desired->mistakes, place->name, 0, 0,
			"is %s: the path of an Application has to be a folder", what);
		walk->full = true;
	}
	git_tree_free(tree);
	return true;
}

static bool find_path(struct walk *walk, const char *path, struct place *place, struct error *err)
{
	char copy[PATH_BYTES];
	char *rest = copy, *name;
	place->found = true;
	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy)) {
		mistakes_add(&walk->desired->mistakes, "path", 0, 0, "is longer than %d bytes", PATH_BYTES);
		walk->full = true;
		return true;
	}
	while (place->found && !walk->full && (name = strsep(&rest, "/"))) {
		if (!*name || strcmp(name, ".") == 0)
			continue;
		const char *reason = tree_odd_name(name) ? "has a control character" : tree_bad_name(name);
		if (reason) {
			mistakes_add(&walk->desired->mistakes, safe_name(path, walk->mem), 0, 0,
				"the path of the Application has a part that %s", reason);
			walk->full = true;
			return true;
		}
		if (!step_down(walk, name, place, err))
			return false;
	}
	return true;
}

/* The same folder at the base; false = it is not to be had. */
static bool find_base(const struct walk *walk, const char *base, const char *name, git_oid *id)
{
	CLEANUP(free_tree) git_tree *root = NULL;
	git_commit *commit = NULL;
	git_tree_entry *entry = NULL;
	if (!base || !revision_is_id(base, id) || !repository_has_commit(walk->repository, id) ||
		git_commit_lookup(&commit, walk->repository->git, id))
		return false;
	*id = *git_commit_tree_id(commit);
	git_commit_free(commit);
	if (!*name)
		return true;
	bool found = git_tree_lookup(&root, walk->repository->git, id) == 0 &&
		git_tree_entry_bypath(&entry, root, name) == 0 &&
		git_tree_entry_type(entry) == GIT_OBJECT_TREE;
	if (found)
		*id = *git_tree_entry_id(entry);
	git_tree_entry_free(entry);
	return found;
}

/* The folder of the path: rendered, or walked. */
static bool read_folder(
	struct walk *walk, const struct place *place, struct render_path *rendering, struct error *err)
{
	struct folder folder = {.name = place->name, .id = &place->tree};
	git_oid base;
	git_tree *tree;
	if (!open_tree(walk, &place->tree, place->name, &tree, err))
		return false;
	rendering->at = tree;
	rendering->name = place->name;
	bool rendered = tree && render_path_read(rendering, walk->content);
	git_tree_free(tree);
	if (rendered || walk->full)
		return true;
	walk->prefix = *place->name ? strlen(place->name) + 1 : 0;
	walk->content->based = find_base(walk, rendering->path->base, place->name, &base);
	folder.was = walk->content->based ? &base : NULL;
	if (!visit_tree(walk, &folder, err))
		return false;
	passed_judge(&walk->passed, *place->name ? place->name : ".", walk->desired);
	return true;
}

bool tree_read(const struct repository *repository, const git_oid *commit, const struct source_request *request,
	const struct source_path *path, struct arena *mem, struct source_content *content, struct error *err)
{
	struct walk walk = {
		.repository = repository,
		.directory = &path->directory,
		.mem = mem,
		.desired = &content->desired,
		.content = content,
	};
	struct place place = {.name = ""};
	git_commit *object = NULL;
	char root[41];

	*content = (struct source_content){.application = path->application};
	content->desired.mistakes.mem = content->desired.warnings.mem = mem;
	if (git_commit_lookup(&object, repository->git, commit))
		return unreadable(err, "commit");
	place.tree = *git_commit_tree_id(object);
	git_commit_free(object);
	git_oid_tostr(root, sizeof(root), &place.tree);
	if (!find_path(&walk, path->directory.path ? path->directory.path : "", &place, err))
		return false;
	content->found = place.found;
	if (!place.found || walk.full)
		return true;
	struct render_path rendered = {
		.repository = repository, .request = request, .path = path, .root = root, .mem = mem};
	return read_folder(&walk, &place, &rendered, err);
}
