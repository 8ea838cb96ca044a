#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/http_transport.h"
#include "reconcile/source/object_format.h"
#include "reconcile/source/remote_parts.h"
#include "reconcile/source/ssh_transport.h"

struct remote_libgit2 {
	struct remote_setup setup;
	git_remote *remote;            /* NULL until connected */
	unsigned generation;           /* of the repository it belongs to */
	struct http_transport carrier; /* `http` is NULL for ssh and files */
	struct ssh_transport ssh;
	int64_t received;
	struct error failure; /* set by a callback; kind ERROR_NONE = libgit2 knows why */
};

/* --- the connection --- */

static int check_progress(const git_indexer_progress *progress, void *payload)
{
	struct remote_libgit2 *remote = payload;
	remote->received = (int64_t)progress->received_bytes;
	if (remote->received > LIMIT_PACK_BYTES) {
		error_set(&remote->failure, ERROR_INVALID,
			"the pack of the repository is larger than %ld MiB", LIMIT_PACK_BYTES >> 20);
		return -1;
	}
	return 0;
}

static void set_callbacks(struct remote_libgit2 *remote, git_remote_callbacks *callbacks)
{
	callbacks->transfer_progress = check_progress;
	callbacks->payload = remote;
}

static int make_transport(git_transport **out, git_remote *owner, void *payload)
{
	struct remote_libgit2 *remote = payload;
	return remote->carrier.http ? http_transport_new(out, owner, &remote->carrier)
				    : ssh_transport_new(out, owner, &remote->ssh);
}

static bool says(const char *message, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcasestr(message, words[i]))
			return true;
	return false;
}

static bool failed(struct remote_libgit2 *remote, int code, const char *what, struct error *err)
{
	static const char *const missing[] = {"not found", "does not exist", "no such file",
		"could not find repository", "does not appear to be a git repository", "early eof",
		"not a git repository"};
	static const char *const denied[] = {"authenticat", "permission denied", "access denied"};
	const git_error *last = git_error_last();
	const char *message = last && last->message ? last->message : "no reason given";
	const struct error *known = remote->failure.kind ? &remote->failure
		: remote->ssh.failure.kind               ? &remote->ssh.failure
							 : &remote->carrier.failure;
	if (known->kind != ERROR_NONE) {
		*err = *known;
		return false;
	}
	if (strstr(message, "too many objects"))
		return error_set(
			err, ERROR_INVALID, "the repository has more than %d objects", LIMIT_PACK_OBJECTS);
	if (repository_too_large(err))
		return false;
	if (code == GIT_EAUTH || says(message, denied, COUNT_OF(denied)))
		return error_set(err, ERROR_DENIED, "%s: %s", what, message);
	if (says(message, missing, COUNT_OF(missing)))
		return error_set(err, ERROR_MISSING,
			"%s: %s; the repository does not exist there, or this user may not see it", what,
			message);
	return error_set(err, ERROR_RETRY, "%s: %s", what, message);
}

static void disconnect(struct remote_libgit2 *remote)
{
	git_remote_free(remote->remote);
	remote->remote = NULL;
}

static bool connect_to(struct remote_libgit2 *remote, struct error *err)
{
	git_remote_connect_options options;
	struct repository *repository = remote->setup.repository;
	if (remote->remote && remote->generation == repository->generation)
		return true;
	disconnect(remote);
	if (remote->setup.url->scheme == URL_SSH && remote->setup.access->proxy)
		return error_set(err, ERROR_INVALID,
			"a proxy is configured for this URL, which is not possible with ssh: use https, or remove it");
	/* libgit2 takes a path that is not there for a URL of an unknown kind. */
	if (remote->setup.url->scheme == URL_FILE && access(remote->setup.url->path, F_OK) != 0 &&
		errno == ENOENT)
		return error_set(
			err, ERROR_MISSING, "there is no folder %s on this machine", remote->setup.url->path);
	if (remote->setup.url->scheme == URL_FILE && object_format_of_folder_is_sha256(remote->setup.url->path))
		return object_format_refused(err);
	if (!remote->setup.step(remote->setup.context, "connecting to the server", err) ||
		(!repository->git && !repository_open(repository, err)))
		return false;
	git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
	remote->failure.kind = remote->carrier.failure.kind = remote->ssh.failure.kind = ERROR_NONE;
	remote->generation = repository->generation;
	set_callbacks(remote, &options.callbacks);
	if (remote->setup.url->scheme != URL_FILE)
		options.callbacks.transport = make_transport;
	options.proxy_opts.type = GIT_PROXY_NONE;
	if (git_remote_create_anonymous(&remote->remote, repository->git, remote->setup.url->address))
		return repository_error(err, ERROR_INVALID, "libgit2 does not take this URL");
	int code = git_remote_connect_ext(remote->remote, GIT_DIRECTION_FETCH, &options);
	if (code) {
		failed(remote, code, "cannot connect", err);
		disconnect(remote);
		return false;
	}
	return true;
}

bool remote_libgit2_open(const struct remote_setup *setup, struct http *http, const char *base,
	struct remote_libgit2 **remote, struct error *err)
{
	struct remote_libgit2 *opened = memory_alloc(sizeof(*opened));
	opened->setup = *setup;
	opened->carrier.http = http;
	opened->carrier.folder = setup->repository->place;
	opened->carrier.base = base;
	opened->ssh.url = setup->url;
	opened->ssh.access = setup->access;
	opened->ssh.dialer = setup->dialer;
	if (!connect_to(opened, err)) {
		free(opened);
		return false;
	}
	*remote = opened;
	return true;
}

void remote_libgit2_close(struct remote_libgit2 *remote)
{
	if (!remote)
		return;
	disconnect(remote);
	free(remote);
}

int64_t remote_libgit2_received(const struct remote_libgit2 *remote)
{
	return remote->received;
}

/* --- refs --- */

/* "refs/tags/x^{}" follows "refs/tags/x" and says where its tag leads. */
static bool take_peeled(struct remote_refs *refs, const git_remote_head *head)
{
	size_t length = strlen(head->name);
	if (!text_ends(head->name, "^{}"))
		return false;
	for (size_t i = refs->count; i > 0; i--) {
		struct remote_ref *ref = &refs->items[i - 1];
		if (strlen(ref->name) == length - 3 && strncmp(ref->name, head->name, length - 3) == 0) {
			ref->commit = head->oid;
			break;
		}
	}
	return true;
}

bool remote_libgit2_refs(struct remote_libgit2 *remote, const char *const *prefixes, size_t count,
	struct remote_refs *refs, struct error *err)
{
	const git_remote_head **heads;
	size_t head_count;
	refs->count = 0;
	if (!connect_to(remote, err))
		return false;
	int code = git_remote_ls(&heads, &head_count, remote->remote);
	if (code)
		return failed(remote, code, "cannot list the refs", err);
	if (head_count > LIMIT_REFS)
		return error_set(err, ERROR_INVALID, "the repository has more than %d refs", LIMIT_REFS);
	for (size_t i = 0; i < head_count; i++) {
		struct remote_ref ref = {.name = heads[i]->name, .id = heads[i]->oid, .commit = heads[i]->oid};
		if (remote_ref_wanted(ref.name, prefixes, count) && !take_peeled(refs, heads[i]))
			remote_refs_add(refs, &ref, remote->setup.mem);
	}
	return true;
}

/* --- objects --- */

/* libgit2 fetches by names of refs; nothing is written to refs here. */
static bool download(struct remote_libgit2 *remote, char **specs, size_t count, struct error *err)
{
	git_strarray list = {.strings = specs, .count = count};
	git_fetch_options options;
	git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	set_callbacks(remote, &options.callbacks);
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	options.proxy_opts.type = GIT_PROXY_NONE;
	int code = git_remote_download(remote->remote, &list, &options);
	if (!code)
		return true;
	const git_error *last = git_error_last();
	int class = last ? last->klass : GIT_ERROR_NONE;
	remote->setup.repository->suspect = class == GIT_ERROR_ODB || class == GIT_ERROR_INDEXER ||
		class == GIT_ERROR_ZLIB || class == GIT_ERROR_OBJECT;
	return failed(remote, code, "cannot fetch", err);
}

static bool fetch_history(struct remote_libgit2 *remote, const git_oid *id, struct error *err)
{
	static const char *const everything[] = {"refs/heads/", "refs/tags/"};
	char heads[] = "+refs/heads/*:refs/heads/*", tags[] = "+refs/tags/*:refs/tags/*";
	char *specs[] = {heads, tags};
	struct remote_refs refs = {0};
	return remote_libgit2_refs(remote, everything, COUNT_OF(everything), &refs, err) &&
		download(remote, specs, COUNT_OF(specs), err) &&
		remote_history_fetched(remote->setup.repository, &refs, id, err);
}

bool remote_libgit2_fetch(struct remote_libgit2 *remote, const struct remote_wish *wish, struct error *err)
{
	struct repository *repository = remote->setup.repository;
	struct repository_ids shallow = {0};
	if (!remote->setup.step(remote->setup.context, "receiving objects", err) ||
		!repository_shallow(repository, &shallow, err))
		return false;
	/* libgit2 1.5 walks to the beginning of history; a repository that was cut by protocol v2 is of no use to it. */
	if (shallow.count && !repository_begin_fresh(repository, err))
		return false;
	if (!connect_to(remote, err))
		return false;
	if (wish->depth == REMOTE_HISTORY || !wish->ref)
		return fetch_history(remote, wish->id, err);
	char *spec = arena_printf(remote->setup.mem, "+%s:refs/fetched", wish->ref);
	if (!download(remote, &spec, 1, err))
		return false;
	git_odb_refresh(repository->odb);
	return git_odb_exists(repository->odb, wish->id) ||
		error_set(err, ERROR_MISSING, "the server has moved %s meanwhile", wish->ref);
}
