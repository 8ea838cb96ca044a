#include "agent/hook/guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* Contents are read in portions; one that is larger cannot be a manifest. */
enum { PORTION = 256 };
#define BLOB_BYTES_MAX (8L * 1024 * 1024)
#define PORTION_BYTES (256L * 1024 * 1024)
#define LIST_BYTES (256L * 1024 * 1024)

static void add(struct arena *mem, struct blobs *blobs, const char *id, size_t id_length, const char *path,
	const char *commit)
{
	blobs->items = arena_grow(mem, blobs->items, blobs->count, sizeof(*blobs->items));
	blobs->items[blobs->count++] = (struct blob){
		.id = arena_copy_n(mem, id, id_length), .path = arena_copy(mem, path), .commit = commit};
}

/* The next NUL-terminated token; NULL at the end. */
static const char *token(const struct buf *out, size_t *at)
{
	if (*at >= out->length)
		return NULL;
	const char *found = out->data + *at;
	*at += strlen(found) + 1;
	return found;
}

/* ":100644 100644 ID ID M" NUL path NUL; in a list of commits also "ID" NUL. Deletions and submodules have no content. */
static void read_raw(struct arena *mem, const struct buf *out, struct blobs *blobs)
{
	const char *word, *commit = NULL;
	size_t at = 0;
	while ((word = token(out, &at))) {
		if (*word != ':') {
			commit = arena_copy_n(mem, word, strcspn(word, " \n"));
			continue;
		}
		const char *path = token(out, &at), *mode = word + strcspn(word, " "), *id = mode;
		if (!path)
			return;
		for (int i = 0; i < 2 && *id; i++)
			id += 1 + strcspn(id + 1, " ");
		id += *id == ' ';
		if (strncmp(mode + 1, "100", 3) == 0 || strncmp(mode + 1, "120", 3) == 0)
			add(mem, blobs, id, strcspn(id, " "), path, commit);
	}
}

static bool changes_since(const char *tree, struct buf *out, int *code, struct error *err)
{
	const char *const arguments[] = {
		"diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", tree, "--", NULL};
	struct git_call call = {.arguments = arguments};
	return git_run(&call, out, code, err);
}

bool guard_staged(struct arena *mem, bool merging, struct blobs *blobs, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(LIST_BYTES);
	int code;
	if (!changes_since(merging ? "HEAD" : "HEAD^", &out, &code, err))
		return false;
	if (code != 0) { /* the first or second commit: everything is new */
		buf_clear(&out);
		if (!changes_since(git_empty_tree(mem), &out, NULL, err))
			return false;
	}
	read_raw(mem, &out, blobs);
	return true;
}

/* "100644 ID 0\tpath" of ls-files, "100644 blob ID\tpath" of ls-tree. */
static void read_list(struct arena *mem, const struct buf *out, const char *before_id, struct blobs *blobs)
{
	const char *word;
	size_t at = 0;
	while ((word = token(out, &at))) {
		const char *path = strchr(word, '\t'), *id = strstr(word, before_id);
		if (path && id && id < path && (strncmp(word, "100", 3) == 0 || strncmp(word, "120", 3) == 0)) {
			id += strlen(before_id);
			add(mem, blobs, id, strcspn(id, " \t"), path + 1, NULL);
		}
	}
}

bool guard_index(struct arena *mem, struct blobs *blobs, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(LIST_BYTES);
	if (!git_ask(&out, err, "ls-files", "--stage", "-z", NULL))
		return false;
	read_list(mem, &out, " ", blobs);
	return true;
}

bool guard_tree(struct arena *mem, const char *revision, struct blobs *blobs, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(LIST_BYTES);
	if (!git_ask(&out, err, "ls-tree", "-r", "-z", "--full-tree", revision, NULL))
		return false;
	read_list(mem, &out, " blob ", blobs);
	return true;
}

static int by_content(const void *a, const void *b)
{
	const struct blob *left = a, *right = b;
	int order = strcmp(left->id, right->id);
	return order ? order : strcmp(left->path, right->path);
}

/* The same content under the same name in ten commits is one. */
static void unique(struct blobs *blobs)
{
	size_t kept = 0;
	if (!blobs->count)
		return;
	qsort(blobs->items, blobs->count, sizeof(*blobs->items), by_content);
	for (size_t i = 0; i < blobs->count; i++)
		if (kept == 0 || by_content(&blobs->items[kept - 1], &blobs->items[i]) != 0)
			blobs->items[kept++] = blobs->items[i];
	blobs->count = kept;
}

bool guard_commits(struct arena *mem, const char *const *arguments, const char *input, struct blobs *blobs,
	struct error *err)
{
	static const char *const tree[] = {"diff-tree", "--stdin", "-r", "-m", "--root", "--raw", "-z",
		"--no-abbrev", "--no-renames", NULL};
	CLEANUP(buf_done) struct buf commits = BUF(LIST_BYTES);
	CLEANUP(buf_done) struct buf out = BUF(LIST_BYTES);
	struct git_call list = {
		.arguments = arguments, .input = input, .input_length = input ? strlen(input) : 0};
	if (!git_run(&list, &commits, NULL, err))
		return false;
	struct git_call changes = {
		.arguments = tree, .input = buf_string(&commits), .input_length = commits.length};
	if (commits.length && !git_run(&changes, &out, NULL, err))
		return false;
	read_raw(mem, &out, blobs);
	unique(blobs);
	return true;
}

static void keep(struct arena *mem, struct finding **list, size_t *count, const struct blob *blob, int line,
	const char *text)
{
	*list = arena_grow(mem, *list, *count, sizeof(**list));
	(*list)[(*count)++] = (struct finding){blob, line, arena_copy(mem, text)};
}

static void scan_one(struct guard *guard, const struct blob *blob, const char *bytes, size_t length)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1024 * 1024);
	struct mistakes certain = {.mem = mem}, possible = {.mem = mem};
	const struct plain_scan scan = {guard->known, guard->known_count, &certain, &possible};
	plain_scan(&scan, blob->path, bytes, length);
	if ((certain.count || possible.count) && layout_allows(guard->layout, blob->path, bytes, length))
		return;
	for (size_t i = 0; i < certain.count; i++)
		keep(guard->mem, &guard->findings, &guard->count, blob, certain.items[i].line,
			certain.items[i].text);
	for (size_t i = 0; i < possible.count; i++)
		keep(guard->mem, &guard->unsure, &guard->unsure_count, blob, possible.items[i].line,
			possible.items[i].text);
}

/* "ID blob SIZE\n" bytes "\n", in the order that was asked. */
static bool read_portion(struct guard *guard, const struct blob *const *blobs, size_t count, struct error *err)
{
	static const char *const batch[] = {"cat-file", "--batch", NULL};
	CLEANUP(buf_done) struct buf names = BUF(PORTION * 80);
	CLEANUP(buf_wipe) struct buf out = BUF(PORTION_BYTES);
	for (size_t i = 0; i < count; i++)
		buf_printf(&names, "%s\n", blobs[i]->id);
	struct git_call call = {.arguments = batch, .input = buf_string(&names), .input_length = names.length};
	if (!git_run(&call, &out, NULL, err))
		return false;
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		const char *line = out.data + at,
			   *end = at < out.length ? memchr(line, '\n', out.length - at) : NULL;
		const char *size = end ? memmem(line, (size_t)(end - line), " blob ", 6) : NULL;
		char *behind = NULL;
		size_t length = size ? strtoul(size + 6, &behind, 10) : 0;
		if (!size || behind != end || !text_starts(line, blobs[i]->id))
			return error_set(err, ERROR_INVALID, "git cat-file has no content %s of %s",
				blobs[i]->id, blobs[i]->path);
		at = (size_t)(end - out.data) + 1;
		if (length > out.length - at)
			return error_set(err, ERROR_INVALID, "git cat-file gives a part of %s", blobs[i]->path);
		scan_one(guard, blobs[i], out.data + at, length);
		at += length + 1;
	}
	return true;
}

static bool may_be_manifest(const char *path)
{
	return text_ends(path, ".yaml") || text_ends(path, ".yml") || text_ends(path, ".json");
}

/* Staged files are mostly as they lie in the work tree; a few small ones need no question about their size. */
static bool are_small(const struct blobs *blobs, size_t from, size_t count)
{
	struct stat status;
	for (size_t i = 0; i < count; i++) {
		const struct blob *blob = &blobs->items[from + i];
		if (blob->commit || lstat(blob->path, &status) != 0 || status.st_size > 1024 * 1024)
			return false;
	}
	return true;
}

/* Sizes first: what is too large to be a manifest is not read. */
static bool read_sizes(const struct blobs *blobs, size_t from, size_t count, size_t *sizes, struct error *err)
{
	static const char *const check[] = {"cat-file", "--batch-check=%(objectsize)", NULL};
	CLEANUP(buf_done) struct buf names = BUF(PORTION * 80);
	CLEANUP(buf_done) struct buf out = BUF(PORTION * 160);
	for (size_t i = 0; i < count; i++)
		buf_printf(&names, "%s\n", blobs->items[from + i].id);
	struct git_call call = {.arguments = check, .input = buf_string(&names), .input_length = names.length};
	if (!git_run(&call, &out, NULL, err))
		return false;
	const char *at = buf_string(&out);
	for (size_t i = 0; i < count; i++) {
		char *end;
		sizes[i] = strtoul(at, &end, 10);
		if (end == at || *end != '\n')
			return error_set(err, ERROR_INVALID, "the content of %s is not in the repository",
				blobs->items[from + i].path);
		at = end + 1;
	}
	return true;
}

bool guard_scan(struct guard *guard, const struct blobs *blobs, struct error *err)
{
	for (size_t from = 0; from < blobs->count; from += PORTION) {
		const struct blob *portion[PORTION] = {0};
		size_t sizes[PORTION], count = blobs->count - from < PORTION ? blobs->count - from : PORTION,
				       taken = 0, bytes = 0;
		if (are_small(blobs, from, count))
			memset(sizes, 0, sizeof(sizes));
		else if (!read_sizes(blobs, from, count, sizes, err))
			return false;
		for (size_t i = 0; i < count; i++) {
			const struct blob *blob = &blobs->items[from + i];
			if (sizes[i] > BLOB_BYTES_MAX && may_be_manifest(blob->path))
				keep(guard->mem, &guard->unsure, &guard->unsure_count, blob, 0,
					"is larger than 8 MiB and was not read");
			if (sizes[i] > BLOB_BYTES_MAX)
				continue;
			if (bytes + sizes[i] + 200 > PORTION_BYTES / 2) {
				if (!read_portion(guard, portion, taken, err))
					return false;
				taken = bytes = 0;
			}
			portion[taken++] = blob;
			bytes += sizes[i] + 200;
		}
		if (taken && !read_portion(guard, portion, taken, err))
			return false;
	}
	return true;
}
