/*
 * fuzz_objects.c - raw Git objects, as a pushed pack may hold them: trees, commits, tags
 *
 * The first byte says what the rest is: a tree under which manifests are looked for, or a commit or tag that is followed, judged and
 * read. In a tree "@B" at the end of an entry stands for the id of a blob that is there, "@T" for that of a tree. Nothing is read from
 * beside the repository, and no name goes on that would break out of a path or a line.
 */
#include <stdlib.h>
#include <string.h>

#include <git2/sys/odb_backend.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "reconcile/source/history.h"
#include "reconcile/source/repository.h"
#include "reconcile/source/signature.h"
#include "reconcile/source/tree.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libgit2 1.5 loses some bytes over a commit that it cannot parse: in a process that ends with its answer, that is no harm. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libgit2.so\n";
}

static struct arena *mem;
static struct repository repository;
static char place[] = "/tmp/pgitops-fuzz-XXXXXX";

static const char manifest[] = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n";

static void remove_place(void)
{
	struct error err;
	repository_close(&repository);
	arena_free(mem);
	(void)!file_remove_folder(place, &err);
}

/* ---- objects in memory, forgotten before the next input: libgit2's own mempack lacks the NUL that its readers rely on ---- */

enum { OBJECTS = 16 };

static struct stored {
	git_oid id;
	git_object_t type;
	char *bytes;
	size_t length;
} stored[OBJECTS];
static size_t stored_count;

static void forget(void)
{
	while (stored_count)
		free(stored[--stored_count].bytes);
}

static const struct stored *find(const git_oid *id)
{
	for (size_t i = 0; i < stored_count; i++)
		if (git_oid_equal(&stored[i].id, id))
			return &stored[i];
	return NULL;
}

static int object_exists(git_odb_backend *backend, const git_oid *id)
{
	(void)backend;
	return find(id) != NULL;
}

static int object_header(size_t *length, git_object_t *type, git_odb_backend *backend, const git_oid *id)
{
	const struct stored *object = find(id);
	(void)backend;
	if (!object)
		return GIT_ENOTFOUND;
	*length = object->length;
	*type = object->type;
	return 0;
}

static int object_read(
	void **data, size_t *length, git_object_t *type, git_odb_backend *backend, const git_oid *id)
{
	const struct stored *object = find(id);
	if (!object)
		return GIT_ENOTFOUND;
	char *copy = git_odb_backend_data_alloc(backend, object->length + 1);
	memcpy(copy, object->bytes, object->length);
	copy[object->length] = '\0';
	*data = copy;
	*length = object->length;
	*type = object->type;
	return 0;
}

static int object_write(
	git_odb_backend *backend, const git_oid *id, const void *data, size_t length, git_object_t type)
{
	(void)backend;
	require(stored_count < OBJECTS);
	char *copy = malloc(length + 1);
	require(copy);
	memcpy(copy, data, length);
	stored[stored_count++] = (struct stored){*id, type, copy, length};
	return 0;
}

static void backend_free(git_odb_backend *backend)
{
	(void)backend;
	forget();
}

static git_odb_backend memory = {.version = GIT_ODB_BACKEND_VERSION,
	.read = object_read,
	.read_header = object_header,
	.exists = object_exists,
	.write = object_write,
	.free = backend_free};

/* ---- the target ---- */

static void set_up(void)
{
	struct error err;
	struct url url;
	mem = arena_new((size_t)256 << 20);
	require(mkdtemp(place) && url_parse("https://git.example.org/team/db.git", mem, &url, &err));
	require(repository_prepare(place, &url, mem, &repository, &err) && repository_open(&repository, &err));
	require(git_odb_add_backend(repository.odb, &memory, 999) == 0);
	atexit(remove_place);
}

static bool put(git_object_t type, const void *bytes, size_t length, git_oid *id)
{
	return git_odb_write(id, repository.odb, bytes, length, type) == 0;
}

/* The tree's bytes with the ids that they stand for. */
static void with_ids(const char *bytes, size_t size, const git_oid *blob, const git_oid *tree, struct buf *out)
{
	for (size_t i = 0; i < size; i++) {
		const git_oid *id = i + 1 < size && bytes[i] == '@'
			? (bytes[i + 1] == 'B'                  ? blob
					  : bytes[i + 1] == 'T' ? tree
								: NULL)
			: NULL;
		if (id)
			buf_append(out, id->id, sizeof(id->id));
		else
			buf_char(out, bytes[i]);
		i += id != NULL;
	}
}

/* "..x" and "..." are names like others; ".." alone would lead out of the folder. */
static bool leads_out(const char *file)
{
	for (const char *c = strstr(file, ".."); c; c = strstr(c + 1, ".."))
		if ((c == file || c[-1] == '/') && (c[2] == '/' || !c[2]))
			return true;
	return false;
}

static void check_content(const struct source_content *content)
{
	const struct objects *objects = &content->desired.objects;
	for (size_t i = 0; i < objects->count; i++) {
		require(text_equal(objects->items[i].key.kind, "ConfigMap"));
		require(!leads_out(objects->items[i].file));
		require(!strpbrk(objects->items[i].file, "\r\n"));
	}
	require(content->found || !objects->count);
}

static void read_commit(const git_oid *commit, struct arena *pass)
{
	static const char *const folders[] = {"", "apps", "a/b"};
	static const struct source_request request = {.url = "https://git.example.org/team/db.git"};
	for (size_t i = 0; i < 2 * COUNT_OF(folders); i++) {
		struct source_path path = {
			.application = "app", .directory = {.path = folders[i / 2], .recurse = i % 2}};
		struct source_content content = {0};
		struct error err;
		if (tree_read(&repository, commit, &request, &path, pass, &content, &err))
			check_content(&content);
	}
}

static void read_tree(const char *bytes, size_t size, struct arena *pass)
{
	CLEANUP(buf_done) struct buf inner = BUF(1 << 20), outer = BUF(1 << 20);
	char hex[GIT_OID_HEXSZ + 1], text[256];
	git_oid blob, tree, commit;
	require(put(GIT_OBJECT_BLOB, manifest, sizeof(manifest) - 1, &blob));
	with_ids(bytes, size, &blob, &blob, &inner);
	require(put(GIT_OBJECT_TREE, buf_string(&inner), inner.length, &tree));
	with_ids(bytes, size, &blob, &tree, &outer);
	require(put(GIT_OBJECT_TREE, buf_string(&outer), outer.length, &tree));
	int length =
		snprintf(text, sizeof(text), "tree %s\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nm\n",
			git_oid_tostr(hex, sizeof(hex), &tree));
	require(put(GIT_OBJECT_COMMIT, text, (size_t)length, &commit));
	read_commit(&commit, pass);
}

static void read_other(git_object_t type, const char *bytes, size_t size, struct arena *pass)
{
	static const struct source_signers signers = {.required = true,
		.allowed =
			"ada@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0YpJ8nq5Xq3jqVbUC0x1s0oJ0m9w0o8yq3m2d1c0aE\n"};
	git_oid id, commit, empty;
	struct signature signature = {0};
	struct error err;
	require(put(GIT_OBJECT_TREE, "", 0, &empty));
	if (!put(type, bytes, size, &id) || !repository_fits(&repository, &id))
		return;
	repository_has_commit(&repository, &id);
	if (!repository_peel(&repository, &id, &commit, &err))
		return;
	history_between(&repository, &commit, &commit);
	history_between(&repository, &empty, &commit);
	if (signature_check(&repository, &commit, &signers, &signature, &err))
		require(signature.signer || signature.text);
	read_commit(&commit, pass);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!mem)
		set_up();
	if (!size)
		return 0;
	struct arena *pass = arena_new((size_t)64 << 20);
	repository.mem = pass;
	const char *bytes = (const char *)data + 1;
	if (data[0] % 3 == 0)
		read_tree(bytes, size - 1, pass);
	else
		read_other(data[0] % 3 == 1 ? GIT_OBJECT_COMMIT : GIT_OBJECT_TAG, bytes, size - 1, pass);
	forget();
	repository.mem = mem;
	arena_free(pass);
	return 0;
}
