#include "reconcile/source/remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/remote_parts.h"

struct remote {
	struct http *http;             /* NULL for ssh and files */
	struct remote_http *version_2; /* one of the two */
	struct remote_libgit2 *libgit2;
};

static bool open_http(const struct remote_setup *setup, struct remote *remote, struct error *err)
{
	const char *without = NULL;
	remote->http = http_open(setup->url, setup->access, setup->dialer, setup->deadline);
	if (!remote_http_open(setup, remote->http, &without, &remote->version_2, err))
		return false;
	return !without || remote_libgit2_open(setup, remote->http, without, &remote->libgit2, err);
}

bool remote_open(const struct remote_setup *setup, struct remote **remote, struct error *err)
{
	struct remote *opened = memory_alloc(sizeof(*opened));
	bool http = setup->url->scheme == URL_HTTP || setup->url->scheme == URL_HTTPS;
	bool ok = http ? open_http(setup, opened, err)
		       : remote_libgit2_open(setup, NULL, NULL, &opened->libgit2, err);
	if (!ok) {
		remote_close(&opened);
		return false;
	}
	*remote = opened;
	return true;
}

void remote_close(struct remote **remote)
{
	if (!*remote)
		return;
	remote_http_close((*remote)->version_2);
	remote_libgit2_close((*remote)->libgit2);
	http_close((*remote)->http);
	free(*remote);
	*remote = NULL;
}

bool remote_refs(struct remote *remote, const char *const *prefixes, size_t count, struct remote_refs *refs,
	struct error *err)
{
	if (remote->version_2)
		return remote_http_refs(remote->version_2, prefixes, count, refs, err);
	return remote_libgit2_refs(remote->libgit2, prefixes, count, refs, err);
}

static bool fetch(struct remote *remote, const struct remote_wish *wish, struct error *err)
{
	if (remote->version_2)
		return remote_http_fetch(remote->version_2, wish, err);
	return remote_libgit2_fetch(remote->libgit2, wish, err);
}

/* A server may give out only what a ref points to and yet have the commit in the history of one. */
bool remote_fetch(struct remote *remote, const struct remote_wish *wish, struct error *err)
{
	const struct remote_wish history = {.depth = REMOTE_HISTORY, .id = wish->id};
	if (fetch(remote, wish, err))
		return true;
	if (!remote->version_2 || err->kind != ERROR_MISSING || wish->ref || wish->depth == REMOTE_HISTORY)
		return false;
	return fetch(remote, &history, err);
}

int64_t remote_received(const struct remote *remote)
{
	int64_t received = remote->http ? http_received(remote->http) : 0;
	return received + (remote->http ? 0 : remote_libgit2_received(remote->libgit2));
}

void remote_refs_add(struct remote_refs *refs, const struct remote_ref *ref, struct arena *mem)
{
	refs->items = arena_grow(mem, refs->items, refs->count, sizeof(*refs->items));
	refs->items[refs->count] = *ref;
	refs->items[refs->count++].name = arena_copy(mem, ref->name);
}

bool remote_ref_wanted(const char *name, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_starts(name, prefixes[i]))
			return true;
	return false;
}

/* More than a few branches only cost time: most of their commits are shared. */
enum { BRANCHES_REMEMBERED = 32 };

bool remote_history_fetched(
	struct repository *repository, const struct remote_refs *refs, const git_oid *id, struct error *err)
{
	size_t remembered = 0;
	git_odb_refresh(repository->odb);
	for (size_t i = 0; i < refs->count && remembered < BRANCHES_REMEMBERED; i++) {
		const struct remote_ref *ref = &refs->items[i];
		if (!text_starts(ref->name, "refs/heads/") || !repository_has_commit(repository, &ref->commit))
			continue;
		if (!repository_remember(repository, ref->name, &ref->commit, err))
			return false;
		remembered++;
	}
	return !id || git_odb_exists(repository->odb, id) ||
		error_set(err, ERROR_MISSING,
			"no branch or tag of the repository reaches it: its branch was rewritten or deleted, or it belongs to "
			"another repository");
}
