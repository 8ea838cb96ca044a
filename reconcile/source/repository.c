#include "reconcile/source/repository.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

enum { NAME_LENGTH = 40, HASH_LENGTH = 16, SHALLOW_LINES = 100000, TIPS = 64 };

bool repository_error(struct error *err, enum error_kind kind, const char *what)
{
	const git_error *last = git_error_last();
	return error_set(err, kind, "%s: %s", what, last && last->message ? last->message : "no reason given");
}

bool repository_too_large(struct error *err)
{
	const git_error *last = git_error_last();
	const char *message = last && last->message ? last->message : "";
	if (!strstr(message, "overly large object") && !(last && last->klass == GIT_ERROR_NOMEMORY))
		return false;
	error_set(err, ERROR_INVALID,
		"the repository has a file that unpacks to more than %zu MiB, which is what one may have here%s: files "
		"like that do not belong beside manifests; give them a repository of their own, or the agent more memory",
		budget_git_object() >> 20, budget_group() ? " (it follows from the memory group)" : "");
	return true;
}

/* A name that people recognise, made unique by the digest of who asks for what. */
static const char *place_name(const struct url *url, struct arena *mem)
{
	char digest[DIGEST_HEX_SIZE], name[NAME_LENGTH + 1];
	size_t length = 0;
	const char *last = strrchr(url->plain, '/');
	for (const char *c = last ? last + 1 : url->plain; *c && length < NAME_LENGTH; c++)
		name[length++] = isascii(*c) && isalnum((unsigned char)*c) ? *c : '-';
	name[length] = '\0';
	digest_sha256_hex(url->identity, strlen(url->identity), digest);
	return arena_printf(mem, "%s-%.*s", name, HASH_LENGTH, digest);
}

const char *repository_place(const char *folder, const struct url *url, struct arena *mem)
{
	return arena_printf(mem, "%s/%s", folder, place_name(url, mem));
}

bool repository_prepare(const char *folder, const struct url *url, struct arena *mem,
	struct repository *repository, struct error *err)
{
	struct repository prepared = {.mem = mem, .lock = -1};
	prepared.place = repository_place(folder, url, mem);
	prepared.path = arena_printf(mem, "%s/repository.git", prepared.place);
	if (!file_make_folder(prepared.place, err))
		return false;
	*repository = prepared;
	return true;
}

bool repository_lock(struct repository *repository, struct error *err)
{
	const char *path = arena_printf(repository->mem, "%s/lock", repository->place);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, ERROR_RETRY, "cannot open %s: %s", path, strerror(errno));
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		close(fd);
		return error_set(err, ERROR_RETRY, "cannot lock %s: %s", path, strerror(errno));
	}
	repository->lock = fd;
	return true;
}

/* No file of settings is read: url.insteadOf or http.proxy of somebody's home must not bend this. */
static bool start_git(struct repository *repository, struct error *err)
{
	static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};
	if (repository->started)
		return true;
	if (git_libgit2_init() < 0)
		return repository_error(err, ERROR_BUG, "libgit2 does not start");
	for (size_t i = 0; i < COUNT_OF(levels); i++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	/* A volume may belong to another user; nothing of it is executed. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)LIMIT_PACK_OBJECTS);
	git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, budget_git_object());
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)(LIMIT_GIT_MEMORY / 4));
	repository->started = true;
	return true;
}

static bool is_leftover(const char *name)
{
	static const char *const beginnings[] = {"pack_git2_", "tmp_", "transfer.", "shallow.", "server.json."};
	for (size_t i = 0; i < COUNT_OF(beginnings); i++)
		if (text_starts(name, beginnings[i]))
			return true;
	return text_ends(name, ".lock");
}

/* Folders of one level that a killed fetch may have left something in. */
static void sweep_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (is_leftover(entry->d_name))
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
}

static bool sweep(const char *place, struct arena *mem, struct error *err)
{
	static const char *const folders[] = {"", "/objects/pack", "/refs/revisions", "/refs", "/objects"};
	for (size_t i = 0; i < COUNT_OF(folders); i++)
		sweep_folder(arena_printf(mem, "%s/repository.git%s", place, folders[i]));
	sweep_folder(place);
	return file_remove_folder(arena_printf(mem, "%s/fresh.git", place), err);
}

static void close_git(struct repository *repository)
{
	git_odb_free(repository->odb);
	git_repository_free(repository->git);
	repository->odb = NULL;
	repository->git = NULL;
	repository->generation++;
}

static bool open_git(struct repository *repository)
{
	return git_repository_open_bare(&repository->git, repository->path) == 0 &&
		git_repository_odb(&repository->odb, repository->git) == 0;
}

static bool make_git(struct repository *repository, struct error *err)
{
	close_git(repository);
	if (!file_remove_folder(repository->path, err))
		return false;
	if (git_repository_init(&repository->git, repository->path, true) ||
		git_repository_odb(&repository->odb, repository->git))
		return repository_error(err, ERROR_RETRY, "cannot make the local repository");
	return true;
}

bool repository_open(struct repository *repository, struct error *err)
{
	if (!start_git(repository, err) || !sweep(repository->place, repository->mem, err))
		return false;
	return open_git(repository) || make_git(repository, err);
}

void repository_close(struct repository *repository)
{
	close_git(repository);
	if (repository->lock >= 0)
		close(repository->lock);
	repository->lock = -1;
}

bool repository_discard(struct repository *repository, struct error *err)
{
	repository->suspect = false;
	return make_git(repository, err);
}

bool repository_is_worn(const struct repository *repository)
{
	DIR *folder = opendir(arena_printf(repository->mem, "%s/objects/pack", repository->path));
	struct dirent *entry;
	int packs = 0;
	if (!folder)
		return false;
	while ((entry = readdir(folder)))
		packs += text_ends(entry->d_name, ".pack");
	closedir(folder);
	return packs >= LIMIT_PACKS;
}

bool repository_begin_fresh(struct repository *repository, struct error *err)
{
	close_git(repository);
	repository->path = arena_printf(repository->mem, "%s/fresh.git", repository->place);
	return make_git(repository, err);
}

bool repository_settle(struct repository *repository, struct error *err)
{
	const char *final = arena_printf(repository->mem, "%s/repository.git", repository->place);
	if (text_equal(final, repository->path))
		return true;
	close_git(repository);
	if (!file_remove_folder(final, err))
		return false;
	if (rename(repository->path, final))
		return error_set(err, ERROR_RETRY, "cannot rename %s: %s", repository->path, strerror(errno));
	repository->path = final;
	if (!open_git(repository))
		return repository_error(err, ERROR_RETRY, "cannot open the local repository");
	return true;
}

bool repository_fits(const struct repository *repository, const git_oid *id)
{
	size_t size;
	git_object_t type;
	return git_odb_read_header(&size, &type, repository->odb, id) || size <= (size_t)LIMIT_GIT_NODE;
}

bool repository_has_commit(const struct repository *repository, const git_oid *id)
{
	git_commit *commit = NULL;
	if (git_commit_lookup(&commit, repository->git, id))
		return false;
	bool complete = git_odb_exists(repository->odb, git_commit_tree_id(commit));
	git_commit_free(commit);
	return complete;
}

bool repository_peel(const struct repository *repository, const git_oid *id, git_oid *commit, struct error *err)
{
	git_object *object = NULL, *peeled = NULL;
	if (!repository_fits(repository, id))
		return error_set(err, ERROR_INVALID, "its object is larger than %ld MiB", LIMIT_GIT_NODE >> 20);
	int code = git_object_lookup(&object, repository->git, id, GIT_OBJECT_ANY);
	if (code == GIT_ENOTFOUND)
		return error_set(err, ERROR_MISSING, "the object is not in the repository");
	if (code)
		return repository_error(err, ERROR_RETRY, "its object cannot be read");
	int failed = git_object_peel(&peeled, object, GIT_OBJECT_COMMIT);
	if (!failed)
		git_oid_cpy(commit, git_object_id(peeled));
	const char *kind = git_object_type2string(git_object_type(object));
	git_object_free(peeled);
	git_object_free(object);
	if (failed)
		return error_set(err, ERROR_INVALID, "it names a %s, not a commit", kind);
	return true;
}

/* libgit2 notes an error in memory of its own thread, which is somebody else's before its start. */
bool repository_read_id(const char *hex, git_oid *id)
{
	size_t digits = 0;
	while (digits < GIT_OID_HEXSZ && isxdigit((unsigned char)hex[digits]))
		digits++;
	return digits == GIT_OID_HEXSZ && git_oid_fromstrn(id, hex, GIT_OID_HEXSZ) == 0;
}

void repository_ids_add(struct repository_ids *ids, const git_oid *id, struct arena *mem)
{
	ids->items = arena_grow(mem, ids->items, ids->count, sizeof(*ids->items));
	git_oid_cpy(&ids->items[ids->count++], id);
}

void repository_ids_remove(struct repository_ids *ids, const git_oid *id)
{
	size_t kept = 0;
	for (size_t i = 0; i < ids->count; i++)
		if (!git_oid_equal(&ids->items[i], id))
			ids->items[kept++] = ids->items[i];
	ids->count = kept;
}

bool repository_ids_have(const struct repository_ids *ids, const git_oid *id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (git_oid_equal(&ids->items[i], id))
			return true;
	return false;
}

bool repository_tips(const struct repository *repository, struct repository_ids *ids, struct error *err)
{
	git_reference_iterator *iterator = NULL;
	git_reference *reference;
	if (git_reference_iterator_glob_new(&iterator, repository->git, "refs/revisions/*"))
		return repository_error(err, ERROR_RETRY, "cannot read the refs of the local repository");
	while (ids->count < TIPS && git_reference_next(&reference, iterator) == 0) {
		const git_oid *id = git_reference_target(reference);
		if (id && !repository_ids_have(ids, id) && repository_has_commit(repository, id))
			repository_ids_add(ids, id, repository->mem);
		git_reference_free(reference);
	}
	git_reference_iterator_free(iterator);
	return true;
}

static void memory_ref(const char *revision, char name[64])
{
	char digest[DIGEST_HEX_SIZE];
	digest_sha256_hex(revision, strlen(revision), digest);
	snprintf(name, 64, "refs/revisions/%.*s", HASH_LENGTH, digest);
}

bool repository_remember(
	struct repository *repository, const char *revision, const git_oid *commit, struct error *err)
{
	char name[64];
	git_reference *reference = NULL;
	memory_ref(revision, name);
	if (git_reference_create(&reference, repository->git, name, commit, 1, NULL))
		return repository_error(err, ERROR_RETRY, "cannot write a ref of the local repository");
	git_reference_free(reference);
	return true;
}

bool repository_recall(const struct repository *repository, const char *revision, git_oid *commit)
{
	char name[64];
	memory_ref(revision, name);
	return git_reference_name_to_id(commit, repository->git, name) == 0;
}

bool repository_shallow(const struct repository *repository, struct repository_ids *ids, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(SHALLOW_LINES * (GIT_OID_HEXSZ + 1));
	struct error missing = {0};
	git_oid id;
	if (!file_read(arena_printf(repository->mem, "%s/shallow", repository->path), &text, &missing)) {
		if (missing.kind == ERROR_MISSING)
			return true;
		*err = missing;
		return false;
	}
	for (size_t at = 0; at + GIT_OID_HEXSZ <= text.length; at += GIT_OID_HEXSZ + 1)
		if (repository_read_id(text.data + at, &id))
			repository_ids_add(ids, &id, repository->mem);
	return true;
}

bool repository_set_shallow(struct repository *repository, const struct repository_ids *ids, struct error *err)
{
	const char *path = arena_printf(repository->mem, "%s/shallow", repository->path);
	CLEANUP(buf_done) struct buf text = BUF(SHALLOW_LINES * (GIT_OID_HEXSZ + 1));
	char hex[GIT_OID_HEXSZ + 1];
	if (!ids->count)
		return unlink(path) == 0 || errno == ENOENT ||
			error_set(err, ERROR_RETRY, "cannot remove %s: %s", path, strerror(errno));
	for (size_t i = 0; i < ids->count; i++)
		buf_printf(&text, "%s\n", git_oid_tostr(hex, sizeof(hex), &ids->items[i]));
	if (buf_failed(&text))
		return error_set(err, ERROR_INVALID, "the server cuts the history in more than %d places",
			SHALLOW_LINES);
	return file_replace(path, text.data, text.length, 0600, err);
}

/* -1 when another process works in it, or there is none. */
static int try_lock(const char *place, struct arena *mem)
{
	int lock = open(arena_printf(mem, "%s/lock", place), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB)) {
		close(lock);
		lock = -1;
	}
	return lock;
}

/* Commits that were laid out for a rendering whose agent was killed. */
static void sweep_layouts(const char *place, struct arena *mem)
{
	struct error ignored;
	DIR *folder = opendir(place);
	struct dirent *entry;
	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (text_starts(entry->d_name, "render-"))
			(void)!file_remove_folder(arena_printf(mem, "%s/%s", place, entry->d_name), &ignored);
	closedir(folder);
}

static bool sweep_place(const char *place, struct error *err)
{
	struct arena *mem = arena_new((size_t)1 << 20);
	int lock = try_lock(place, mem);
	bool swept = lock < 0 || sweep(place, mem, err);
	if (lock >= 0)
		sweep_layouts(place, mem);
	if (lock >= 0)
		close(lock);
	arena_free(mem);
	return swept;
}

bool repository_remove(const char *folder, const struct url *url, struct arena *mem, struct error *err)
{
	const char *place = repository_place(folder, url, mem);
	int lock = try_lock(place, mem);
	if (lock < 0)
		return true;
	bool removed = file_remove_folder(arena_printf(mem, "%s/repository.git", place), err);
	close(lock);
	return removed;
}

bool repository_sweep_all(const char *path, struct error *err)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	bool swept = true;
	if (!folder)
		return errno == ENOENT ||
			error_set(err, ERROR_RETRY, "cannot open %s: %s", path, strerror(errno));
	while (swept && (entry = readdir(folder))) {
		char place[4096];
		if (entry->d_name[0] == '.' ||
			snprintf(place, sizeof(place), "%s/%s", path, entry->d_name) >= (int)sizeof(place))
			continue;
		swept = sweep_place(place, err);
	}
	closedir(folder);
	return swept;
}
