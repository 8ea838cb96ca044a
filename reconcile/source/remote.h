/*
 * remote.h - the server: which refs it has, and the objects of a commit
 *
 * Two implementations: Git protocol v2 over libcurl (http, https), and libgit2's transport (ssh, files, http servers
 * without v2). They differ in what costs little, not in what they answer.
 */
#pragma once

#include "reconcile/source/repository.h"
#include "reconcile/source/source.h"

struct remote_ref {
	const char *name;
	git_oid id;     /* what it points to */
	git_oid commit; /* the same with tags followed; equal to `id` where the server did not say */
};

struct remote_refs {
	struct remote_ref *items;
	size_t count;
};

enum remote_depth {
	REMOTE_NEWEST,  /* the commit alone is enough */
	REMOTE_HISTORY, /* everything that `refs/heads/` and `refs/tags/` reach */
};

/* What is to be here afterwards. */
struct remote_wish {
	enum remote_depth depth;
	const git_oid *id; /* must be here afterwards; may be NULL with REMOTE_HISTORY */
	const char *ref;   /* its name on the server, or NULL when only the id is known */
	bool since;        /* an earlier commit is known: fetch some history where that is cheap */
};

/* What both need; lives as long as the run. */
struct remote_setup {
	const struct url *url;
	const struct source_access *access;
	struct repository *repository; /* open before a fetch, not needed before that */
	struct dialer *dialer;         /* NULL = no connection is needed */
	struct arena *mem;
	int64_t deadline; /* on the steady clock */
	bool (*step)(void *context, const char *text, struct error *err);
	void *context;
};

struct dialer; /* dialer.h */
struct remote;

bool remote_open(const struct remote_setup *setup, struct remote **remote, struct error *err) MUST_CHECK;
void remote_close(struct remote **remote); /* for CLEANUP */

/* The refs whose names begin with one of the prefixes. */
bool remote_refs(struct remote *remote, const char *const *prefixes, size_t count, struct remote_refs *refs,
	struct error *err) MUST_CHECK;

/* ERROR_MISSING: the server does not have what is wished for, in no branch or tag either. */
bool remote_fetch(struct remote *remote, const struct remote_wish *wish, struct error *err) MUST_CHECK;

int64_t remote_received(const struct remote *remote);

/* For the implementations. */
void remote_refs_add(struct remote_refs *refs, const struct remote_ref *ref, struct arena *mem);
bool remote_ref_wanted(const char *name, const char *const *prefixes, size_t count);

/* After a fetch of the whole history: the branches are remembered, so that the next time only the difference is sent. Then
   `id`, unless it is NULL, has to be here. */
bool remote_history_fetched(struct repository *repository, const struct remote_refs *refs, const git_oid *id,
	struct error *err) MUST_CHECK;
