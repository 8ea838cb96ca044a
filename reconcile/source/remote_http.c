#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/object_format.h"
#include "reconcile/source/pack_receiver.h"
#include "reconcile/source/pktline.h"
#include "reconcile/source/remote_parts.h"
#include "reconcile/source/server_memo.h"

enum { REDIRECTS = 3, REFS_BYTES = 64 * 1024 * 1024, REQUEST_BYTES = 4 * 1024 * 1024 };

static const char info_suffix[] = "/info/refs?service=git-upload-pack";

struct remote_http {
	struct remote_setup setup;
	struct http *http;
	struct server_memo server;
	bool from_memo; /* not confirmed by an answer yet */
};

/* --- what the server can do --- */

struct discovery {
	struct remote_http *remote;
	size_t lines; /* without "# service=..." */
	bool version_2;
	bool sha256;
};

/* A server may end a command that brings a capability it did not offer: git before 2.28 does so at object-format. */
static void note_capability(struct discovery *discovery, const char *line)
{
	struct server_memo *server = &discovery->remote->server;
	if (text_starts(line, "fetch="))
		server->shallow = strstr(line, "shallow") != NULL;
	else if (text_starts(line, "agent="))
		server->agent = true;
	else if (text_starts(line, "object-format=sha256"))
		discovery->sha256 = true;
	else if (text_starts(line, "object-format=sha1"))
		server->object_format = true;
}

static bool take_capability(
	void *context, enum pktline_kind kind, const char *bytes, size_t length, struct error *err)
{
	struct discovery *discovery = context;
	if (kind != PKTLINE_DATA || text_starts(bytes, "# service="))
		return true;
	if (text_starts(bytes, "ERR "))
		return error_set(err, ERROR_RETRY, "the server says: %.*s",
			length > 200 ? 200 : (int)length - 4, bytes + 4);
	if (discovery->lines++ == 0) {
		discovery->version_2 = text_starts(bytes, "version 2");
		discovery->sha256 = object_format_is_sha256(bytes, length);
	}
	if (discovery->version_2)
		note_capability(discovery, bytes);
	return true;
}

static bool feed_lines(void *context, const char *bytes, size_t size, struct error *err)
{
	return pktline_feed(context, bytes, size, err);
}

/* A repository that was renamed on its server is followed there; a login page or another host is not. */
static bool follow(struct remote_http *remote, const char *redirect, struct error *err)
{
	struct arena *mem = remote->setup.mem;
	struct url to;
	struct error broken = {0};
	size_t length = strlen(redirect);
	if (!text_ends(redirect, info_suffix))
		return error_set(err, ERROR_DENIED,
			"the server redirects to %.200s, which is no repository: probably a login page; check the URL and the "
			"credentials",
			source_url_shown(arena_copy_n(mem, redirect, strcspn(redirect, "?#")), mem));
	const char *base = arena_copy_n(mem, redirect, length - strlen(info_suffix));
	if (!url_parse(base, mem, &to, &broken))
		return error_set(
			err, ERROR_INVALID, "the server redirects to something that is no repository URL");
	if (!url_same_server(&to, remote->setup.url))
		return error_set(err, ERROR_INVALID,
			"the server redirects to %s: another server gets no credentials, so this is not followed; if it is the "
			"right one, use that URL",
			to.shown);
	remote->server.base = to.address;
	return true;
}

static bool ask_capabilities(
	struct remote_http *remote, struct discovery *discovery, const char **redirect, struct error *err)
{
	struct pktline_reader lines = PKTLINE_READER(take_capability, discovery);
	struct http_exchange exchange = {
		.url = arena_printf(remote->setup.mem, "%s%s", remote->server.base, info_suffix),
		.accept = "application/x-git-upload-pack-advertisement",
		.version_2 = true,
		.maximum = REFS_BYTES,
		.too_large = "the list of refs",
		.sink = feed_lines,
		.context = &lines,
	};
	*redirect = NULL;
	bool asked = http_run(remote->http, &exchange, err);
	pktline_done(&lines);
	if (!asked && exchange.redirect)
		*redirect = arena_copy(remote->setup.mem, exchange.redirect);
	return asked;
}

static bool discover(struct remote_http *remote, bool *version_2, struct error *err)
{
	struct discovery discovery = {.remote = remote};
	size_t length = strlen(remote->setup.url->address);
	while (length && remote->setup.url->address[length - 1] == '/')
		length--;
	remote->server = (struct server_memo){
		.base = arena_copy_n(remote->setup.mem, remote->setup.url->address, length),
	};
	remote->from_memo = false;
	for (int redirects = 0;; redirects++) {
		const char *redirect;
		discovery = (struct discovery){.remote = remote};
		if (ask_capabilities(remote, &discovery, &redirect, err))
			break;
		if (!redirect)
			return false;
		if (redirects == REDIRECTS)
			return error_set(
				err, ERROR_INVALID, "the server redirects more than %d times", REDIRECTS);
		if (!follow(remote, redirect, err))
			return false;
	}
	if (discovery.sha256)
		return object_format_refused(err);
	*version_2 = discovery.version_2;
	return true;
}

bool remote_http_open(const struct remote_setup *setup, struct http *http, const char **without,
	struct remote_http **remote, struct error *err)
{
	struct remote_http *opened = memory_alloc(sizeof(*opened));
	bool version_2 = true;
	opened->setup = *setup;
	opened->http = http;
	opened->from_memo = server_memo_read(setup->repository, setup->url, &opened->server);
	if (!opened->from_memo) {
		if (!setup->step(setup->context, "asking the server what it can do", err) ||
			!discover(opened, &version_2, err) ||
			(version_2 && !server_memo_write(setup->repository, &opened->server, err))) {
			free(opened);
			return false;
		}
	}
	*without = version_2 ? NULL : opened->server.base;
	if (version_2)
		*remote = opened;
	else
		free(opened);
	return true;
}

void remote_http_close(struct remote_http *remote)
{
	free(remote);
}

/* --- requests --- */

static bool post(struct remote_http *remote, const struct buf *body, const char *what, int64_t maximum,
	http_sink *sink, void *context, long *status, struct error *err)
{
	struct http_exchange exchange = {
		.url = arena_printf(remote->setup.mem, "%s/git-upload-pack", remote->server.base),
		.body = buf_string(body),
		.body_length = body->length,
		.body_type = "application/x-git-upload-pack-request",
		.accept = "application/x-git-upload-pack-result",
		.version_2 = true,
		.maximum = maximum,
		.too_large = what,
		.sink = sink,
		.context = context,
	};
	if (buf_failed(body))
		return error_set(
			err, ERROR_BUG, "a request to the server is larger than %d bytes", REQUEST_BYTES);
	bool posted = http_run(remote->http, &exchange, err);
	*status = exchange.status;
	return posted;
}

static void begin_command(const struct remote_http *remote, struct buf *body, const char *command)
{
	pktline_text(body, "command=%s", command);
	if (remote->server.agent)
		pktline_text(body, "agent=pgitops/%s", PGITOPS_VERSION);
	if (remote->server.object_format)
		pktline_text(body, "object-format=sha1");
	pktline_delimiter(body);
}

/* --- refs --- */

struct listing {
	struct remote_http *remote;
	struct remote_refs *refs;
	const char *const *prefixes;
	size_t prefix_count;
	bool finished;
};

/* "OID NAME[ symref-target:X][ peeled:OID]" */
static bool take_ref(void *context, enum pktline_kind kind, const char *bytes, size_t length, struct error *err)
{
	struct listing *listing = context;
	char name[1024];
	struct remote_ref ref = {.name = name};
	if (kind != PKTLINE_DATA) {
		listing->finished = true;
		return true;
	}
	if (text_starts(bytes, "ERR "))
		return error_set(err, ERROR_RETRY, "the server says: %.*s",
			length > 200 ? 200 : (int)length - 4, bytes + 4);
	if (text_starts(bytes, "unborn "))
		return true;
	size_t end = length > GIT_OID_HEXSZ + 1 ? strcspn(bytes + GIT_OID_HEXSZ + 1, " \n") : 0;
	if (!end || bytes[GIT_OID_HEXSZ] != ' ' || !repository_read_id(bytes, &ref.id))
		return error_set(err, ERROR_RETRY, "the server's list of refs is broken");
	if (end >= sizeof(name))
		return true; /* nobody asks for a ref of such a name */
	memcpy(name, bytes + GIT_OID_HEXSZ + 1, end);
	name[end] = '\0';
	ref.commit = ref.id;
	const char *peeled = strstr(bytes + GIT_OID_HEXSZ + 1 + end, " peeled:");
	if (peeled && !repository_read_id(peeled + strlen(" peeled:"), &ref.commit))
		return error_set(err, ERROR_RETRY, "the server's list of refs is broken");
	if (!remote_ref_wanted(name, listing->prefixes, listing->prefix_count))
		return true;
	if (listing->refs->count >= LIMIT_REFS)
		return error_set(err, ERROR_INVALID, "the repository has more than %d refs", LIMIT_REFS);
	remote_refs_add(listing->refs, &ref, listing->remote->setup.mem);
	return true;
}

static bool list_refs(struct remote_http *remote, const char *const *prefixes, size_t count,
	struct remote_refs *refs, long *status, struct error *err)
{
	CLEANUP(buf_done) struct buf body = BUF(REQUEST_BYTES);
	struct listing listing = {.remote = remote, .refs = refs, .prefixes = prefixes, .prefix_count = count};
	struct pktline_reader lines = PKTLINE_READER(take_ref, &listing);
	refs->count = 0;
	begin_command(remote, &body, "ls-refs");
	pktline_text(&body, "peel");
	pktline_text(&body, "symrefs");
	for (size_t i = 0; i < count; i++)
		pktline_text(&body, "ref-prefix %s", prefixes[i]);
	pktline_flush(&body);
	bool listed = post(remote, &body, "the list of refs", REFS_BYTES, feed_lines, &lines, status, err);
	bool whole = listing.finished && pktline_at_rest(&lines);
	pktline_done(&lines);
	if (listed && !whole)
		return error_set(err, ERROR_RETRY, "the server's list of refs was cut");
	return listed;
}

/* The server answered, but not as remembered, or is about to be relied on unasked: it may have moved or changed. */
static bool ask_anew(struct remote_http *remote, struct error *err)
{
	bool version_2 = false;
	server_memo_forget(remote->setup.repository);
	if (!discover(remote, &version_2, err))
		return false;
	if (!version_2)
		return error_set(err, ERROR_RETRY, "the server no longer speaks Git protocol version 2");
	return server_memo_write(remote->setup.repository, &remote->server, err);
}

bool remote_http_refs(struct remote_http *remote, const char *const *prefixes, size_t count,
	struct remote_refs *refs, struct error *err)
{
	long status = 0;
	if (!remote->setup.step(remote->setup.context, "asking the server for its refs", err))
		return false;
	if (list_refs(remote, prefixes, count, refs, &status, err)) {
		remote->from_memo = false;
		return true;
	}
	/* Asking anew also gives the better reason when it is something else. */
	if (!remote->from_memo || !status || status == 429 || status >= 500)
		return false;
	return ask_anew(remote, err) && list_refs(remote, prefixes, count, refs, &status, err);
}

/* --- objects --- */

/*
 * How a fetch goes deeper only as far as it must: with the commits in between, where they are few, one can tell whether
 * history was rewritten. Each try but the last ends when the pack announces more objects than it allows.
 */
static const struct attempt {
	bool needs_tips;
	bool needs_interest; /* somebody wants to know how the commit came about */
	long depth;          /* 0 = all that is not here */
	size_t objects;
} attempts[] = {
	{.needs_tips = true, .depth = 0, .objects = 2000},
	{.needs_interest = true, .depth = 50, .objects = 20000},
	{.depth = 1},
};

enum { DEPTH_EVERYTHING = 0x7fffffff };

struct request {
	const struct repository_ids *wants;
	const struct repository_ids *haves;
	const struct repository_ids *shallow;
	long depth;
};

static void add_ids(struct buf *body, const char *word, const struct repository_ids *ids)
{
	char hex[GIT_OID_HEXSZ + 1];
	for (size_t i = 0; i < ids->count; i++)
		pktline_text(body, "%s %s", word, git_oid_tostr(hex, sizeof(hex), &ids->items[i]));
}

static void write_fetch(const struct remote_http *remote, struct buf *body, const struct request *request)
{
	begin_command(remote, body, "fetch");
	pktline_text(body, "thin-pack");
	pktline_text(body, "ofs-delta");
	pktline_text(body, "no-progress");
	if (remote->server.shallow) {
		add_ids(body, "shallow", request->shallow);
		if (request->depth)
			pktline_text(body, "deepen %ld", request->depth);
	}
	add_ids(body, "want", request->wants);
	add_ids(body, "have", request->haves);
	pktline_text(body, "done");
	pktline_flush(body);
}

/* One request; `too_many` says that it was given up because of `limit`. */
static bool fetch_once(struct remote_http *remote, const struct request *request, size_t limit,
	bool *too_many, struct error *err)
{
	struct repository *repository = remote->setup.repository;
	CLEANUP(buf_done) struct buf body = BUF(REQUEST_BYTES);
	CLEANUP(pack_receiver_done) struct pack_receiver receiver = {0};
	struct repository_ids shallow = {0};
	long status;
	for (size_t i = 0; i < request->shallow->count; i++)
		repository_ids_add(&shallow, &request->shallow->items[i], repository->mem);
	write_fetch(remote, &body, request);
	if (!pack_receiver_start(&receiver, repository, &shallow, limit, err))
		return false;
	bool fetched = post(remote, &body, "the pack of the repository", LIMIT_PACK_BYTES, pack_receiver_feed,
		&receiver, &status, err);
	*too_many = receiver.too_many;
	if (!fetched || !pack_receiver_commit(&receiver, err))
		return false;
	if (shallow.count == request->shallow->count &&
		(!shallow.count ||
			!memcmp(shallow.items, request->shallow->items, shallow.count * sizeof(*shallow.items))))
		return true;
	return repository_set_shallow(repository, &shallow, err);
}

/* All branches and tags, to their beginnings. */
static bool fetch_history(
	struct remote_http *remote, const struct request *request, const git_oid *id, struct error *err)
{
	static const char *const everything[] = {"refs/heads/", "refs/tags/"};
	struct remote_refs refs = {0};
	struct repository_ids wants = {0};
	bool too_many;
	if (!remote_http_refs(remote, everything, COUNT_OF(everything), &refs, err))
		return false;
	for (size_t i = 0; i < refs.count; i++)
		if (!repository_ids_have(&wants, &refs.items[i].commit))
			repository_ids_add(&wants, &refs.items[i].commit, remote->setup.mem);
	if (!wants.count)
		return error_set(err, ERROR_MISSING, "the repository has no branches");
	struct request all = *request;
	all.wants = &wants;
	all.depth = request->shallow->count ? DEPTH_EVERYTHING : 0;
	return fetch_once(remote, &all, 0, &too_many, err) &&
		remote_history_fetched(remote->setup.repository, &refs, id, err);
}

bool remote_http_fetch(struct remote_http *remote, const struct remote_wish *wish, struct error *err)
{
	struct repository *repository = remote->setup.repository;
	struct repository_ids wants = {0}, haves = {0}, shallow = {0};
	/* Of a commit that is named by its id no list of refs has shown whether the memo still holds. */
	if (remote->from_memo && !ask_anew(remote, err))
		return false;
	if (!remote->setup.step(remote->setup.context, "receiving objects", err) ||
		!repository_tips(repository, &haves, err) || !repository_shallow(repository, &shallow, err))
		return false;
	struct request request = {.wants = &wants, .haves = &haves, .shallow = &shallow};
	if (wish->depth == REMOTE_HISTORY)
		return fetch_history(remote, &request, wish->id, err);
	repository_ids_add(&wants, wish->id, remote->setup.mem);
	for (size_t i = 0; i < COUNT_OF(attempts); i++) {
		bool too_many = false;
		if ((attempts[i].needs_tips && !haves.count) || (attempts[i].needs_interest && !wish->since))
			continue;
		request.depth = attempts[i].depth;
		if (fetch_once(remote, &request, attempts[i].objects, &too_many, err))
			return true;
		if (!too_many)
			return false;
	}
	return false;
}
