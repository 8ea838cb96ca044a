/* Which contents: lists of git, read. */
#include "agent/hook/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define LIST_BYTES (256L * 1024 * 1024)

enum { PARENTS_MAX = 64, IDS_MAX = PARENTS_MAX + 1 };

void guard_add(struct arena *mem, struct blobs *blobs, struct blob blob)
{
	blobs->items = arena_grow(mem, blobs->items, blobs->count, sizeof(*blobs->items));
	blobs->items[blobs->count++] = blob;
}

void blobs_done(struct blobs *blobs)
{
	buf_done(&blobs->commits);
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

static bool is_zero(const char *id, size_t length)
{
	return strspn(id, "0") >= length;
}

static bool is_file(const char *mode)
{
	return strncmp(mode, "100", 3) == 0 || strncmp(mode, "120", 3) == 0;
}

/* One row: ":100644 100644 OLD NEW M", of a merge "::100644 100644 100644 OLD OLD NEW MM". */
struct row {
	const char *words[2 * IDS_MAX + 2];
	size_t count, parents;
};

static void read_row(const char *text, struct row *row)
{
	*row = (struct row){.parents = strspn(text, ":")};
	for (const char *at = text + row->parents; *at && row->count < COUNT_OF(row->words);) {
		row->words[row->count++] = at;
		at += strcspn(at, " ");
		at += *at == ' ';
	}
}

static const char *const *read_before(struct arena *mem, const struct row *row, bool *is_new)
{
	const char **before = arena_array(mem, row->parents + 1, sizeof(*before));
	size_t count = 0;
	*is_new = true;
	for (size_t i = 0; i < row->parents; i++) {
		const char *id = row->words[row->parents + 1 + i];
		size_t length = strcspn(id, " ");
		if (is_zero(id, length))
			continue;
		*is_new = false;
		if (is_file(row->words[i])) /* what was a submodule has no content */
			before[count++] = arena_copy_n(mem, id, length);
	}
	return count ? before : NULL;
}

/* ROW NUL path NUL; of a renamed file the new path behind the old one; in a list of commits also "ID" NUL. */
static void read_raw(struct arena *mem, const struct buf *out, struct blobs *blobs)
{
	const char *word, *commit = NULL;
	struct row row;
	size_t at = 0;
	while ((word = token(out, &at))) {
		if (*word != ':') {
			commit = arena_copy_n(mem, word, strcspn(word, " \n"));
			continue;
		}
		read_row(word, &row);
		const char *path = token(out, &at), *status = row.count ? row.words[row.count - 1] : "";
		bool renamed = row.parents == 1 && (*status == 'R' || *status == 'C');
		if (renamed)
			path = token(out, &at);
		if (!path || row.count != 2 * (row.parents + 1) + 1)
			continue;
		const char *id = row.words[2 * row.parents + 1];
		if (!is_file(row.words[row.parents]) || is_zero(id, strcspn(id, " ")))
			continue;
		struct blob blob = {.id = arena_copy_n(mem, id, strcspn(id, " ")),
			.path = arena_copy(mem, path),
			.commit = commit};
		blob.before = read_before(mem, &row, &blob.is_new);
		blob.is_new = blob.is_new || renamed;
		guard_add(mem, blobs, blob);
	}
}

static bool changes_since(const char *tree, struct buf *out, int *code, struct error *err)
{
	const char *const arguments[] = {
		"diff-index", "--cached", "--raw", "-z", "--no-abbrev", "-M", tree, "--", NULL};
	struct git_call call = {.arguments = arguments};
	return git_run(&call, out, code, err);
}

bool guard_staged(struct arena *mem, bool amending, struct blobs *blobs, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(LIST_BYTES);
	int code;
	if (!changes_since(amending ? "HEAD^" : "HEAD", &out, &code, err))
		return false;
	if (code != 0) { /* the first commit: everything is new */
		buf_clear(&out);
		if (!changes_since(git_empty_tree(mem), &out, NULL, err))
			return false;
	}
	read_raw(mem, &out, blobs);
	return true;
}

/* "100644 ID 0\tpath" of ls-files, "100644 blob ID\tpath" of ls-tree. */
static void read_list(struct arena *mem, const struct buf *out, const char *before_id, const char *commit,
	struct blobs *blobs)
{
	const char *word;
	size_t at = 0;
	while ((word = token(out, &at))) {
		const char *path = strchr(word, '\t'), *id = strstr(word, before_id);
		if (path && id && id < path && is_file(word)) {
			id += strlen(before_id);
			guard_add(mem, blobs,
				(struct blob){.id = arena_copy_n(mem, id, strcspn(id, " \t")),
					.path = arena_copy(mem, path + 1),
					.commit = commit,
					.is_new = true});
		}
	}
}

bool guard_index(struct arena *mem, struct blobs *blobs, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(LIST_BYTES);
	if (!git_ask(&out, err, "ls-files", "--stage", "-z", NULL))
		return false;
	read_list(mem, &out, " ", NULL, blobs);
	return true;
}

bool guard_tree(
	struct arena *mem, const char *revision, const char *commit, struct blobs *blobs, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(LIST_BYTES);
	if (!git_ask(&out, err, "ls-tree", "-r", "-z", "--full-tree", revision, NULL))
		return false;
	read_list(mem, &out, " blob ", commit, blobs);
	return true;
}

static int by_before(const char *const *left, const char *const *right)
{
	if (!left || !right)
		return (left != NULL) - (right != NULL);
	for (size_t i = 0;; i++) {
		if (!left[i] || !right[i])
			return (left[i] != NULL) - (right[i] != NULL);
		int order = strcmp(left[i], right[i]);
		if (order)
			return order;
	}
}

static int by_content(const void *a, const void *b)
{
	const struct blob *left = a, *right = b;
	int order = strcmp(left->id, right->id);
	order = order ? order : strcmp(left->path, right->path);
	return order ? order : by_before(left->before, right->before);
}

/* The same change in ten commits is one. */
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
	/* -c: of a merge what differs from all parents; everything else was in a parent before. */
	static const char *const tree[] = {
		"diff-tree", "--stdin", "-r", "-c", "--root", "--raw", "-z", "--no-abbrev", "-M", NULL};
	CLEANUP(buf_done) struct buf out = BUF(LIST_BYTES);
	struct buf commits = BUF(LIST_BYTES);
	struct git_call list = {
		.arguments = arguments, .input = input, .input_length = input ? strlen(input) : 0};
	if (!git_run(&list, &commits, NULL, err)) {
		buf_done(&commits);
		return false;
	}
	buf_done(&blobs->commits);
	blobs->commits = commits;
	struct git_call changes = {
		.arguments = tree, .input = buf_string(&commits), .input_length = commits.length};
	if (commits.length && !git_run(&changes, &out, NULL, err))
		return false;
	read_raw(mem, &out, blobs);
	unique(blobs);
	return true;
}
