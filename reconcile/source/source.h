/*
 * source.h - a repository at one commit: resolve, fetch, read the paths (the agent's side)
 *
 * The work is done by a child process of the same binary (`pgitops git-worker`, worker.h): it holds no Kubernetes
 * token and no database password, has rlimits, Landlock and seccomp where the kernel knows them, parses the YAML
 * too, and is killed at the deadline. It answers in bounded, length-prefixed JSON frames (frame.h). The bare
 * repository under `folder` is a cache: whatever is wrong with it, it is thrown away and cloned anew.
 */
#pragma once

#include "base/secret.h"
#include "reconcile/desired.h"
#include "reconcile/manifest/manifest.h"

/* How to get in. Texts may be NULL. Nothing here reaches argv or the environment. */
struct source_access {
	const char *origin; /* which credentials these are, for messages: "Secret argocd/db"; NULL = none are configured */
	const char *hint; /* without credentials: what nearly was for this URL; NULL = nothing */
	const char *username;
	struct secret password; /* or token */
	bool token; /* `password` is a token without a user: sent with the user that the forge asks for, then as Bearer */
	struct secret bearer;     /* Authorization: Bearer */
	struct secret ssh_key;    /* private key, PEM */
	const char *known_hosts;  /* content of a known_hosts file; without a matching line ssh is refused */
	const char *ca;           /* PEM bundle used instead of the system's */
	const char *client_cert;  /* PEM */
	struct secret client_key; /* PEM */
	const char *proxy;        /* URL */
	const char *no_proxy;     /* hosts that are asked without it: "a.example.org,.internal" */
	const char *app_id, *app_installation; /* a GitHub App instead of a password, with app_key */
	const char *app_api;                   /* URL of its API; NULL = github.com's */
	struct secret app_key;                 /* PEM */
	bool insecure;                         /* no TLS verification: loud in status */
};

void source_access_done(struct source_access *access); /* wipes the secrets; texts are not owned */

/* Who may sign the commits of a repository where they have to be signed. Files are read at each request. */
struct source_signers {
	bool required;
	const char *ssh_keys; /* file of allowed signers as ssh-keygen(1) has them; NULL = no ssh key may */
	const char *gpg_keys; /* file of exported public keys, or a folder of such; NULL = no GPG key may */
	const char *allowed;  /* content of `ssh_keys`: source_read()'s own */
};

/* One source of an Application: its part of a request. */
struct source_path {
	const char *application;
	struct manifest_directory directory;
	size_t source; /* which of the Application's: for whoever asks */
	const char *base; /* commit of which whoever asks has the content of this very directory, without mistakes and not
			     rendered: where it is still there, only files that differ from it are read; NULL = all are */
};

struct source_request {
	const char *url;
	const char *revision; /* branch, tag, full or short SHA, full ref name, constraint on tags (semver.h); "" = HEAD.
				 It need not be the Application's own: a rollback or a comparison names another one */
	const char *tag_prefix; /* what the tags of a constraint begin with; NULL = nothing */
	const char *folder; /* where the bare repositories live; this one's name in it is made from the URL */
	const struct source_access *access;
	struct source_signers signers; /* offline, too: what is not signed is not used */
	const char *known; /* commit of the last good answer, or NULL: if the revision still is this commit,
				    the answer is `unchanged` and no path is read */
	bool offline; /* ask nobody: read `known` from the bare repository; without it, `revision`, which is a commit
			      that is there or a name that was read before */
	const struct source_path *paths;
	size_t path_count;
	const char *programs[RENDER_TOOLS]; /* absolute paths of kustomize and helm; NULL = not there */
	const char *identities[RENDER_TOOLS],
		*layout;  /* which binaries, and the folder for a commit: source_read()'s own */
	int64_t deadline; /* milliseconds for everything; at most LIMIT_GIT_SECONDS */
	int stop;         /* descriptor that becomes readable when the agent ends, or -1 */
};

/* What one path held. */
struct source_content {
	const char *application;
	bool found;             /* false: the path does not exist at the commit (distinct from empty) */
	struct desired desired; /* not completed */
	bool based; /* `desired` has the objects of files that are not as at the path's `base`, alone */
	const char **changed; /* then: what the base had and is not there any more, or is another: files and folders */
	size_t changed_count;    /* of them */
	const char *render_file; /* it has to be rendered first: never in an answer of source_read() */
};

struct source_result {
	char commit[41];      /* the peeled commit, 40 hex digits */
	char tree[41];        /* the commit's */
	const char *left_out; /* of the commit, where it was laid out; "" = nothing */
	const char *ref; /* what the revision was resolved to: "refs/heads/main", "refs/tags/v1.4.2"; "" = an id */
	const char *signer; /* of the commit, where it had to be signed: "ada@example.org (ssh SHA256:...)"; else "" */
	const char *author;  /* "Name <mail>" */
	int64_t author_time; /* microseconds */
	const char *message; /* first line, at most 200 bytes */
	bool unchanged;      /* the revision still is `known`; `contents` is empty */
	bool fetched;        /* objects were transferred */
	bool rewritten;      /* `known` is no ancestor of `commit`, or that could not be told */
	bool history_unknown; /* with `rewritten`: it could not be told (only the newest commits are fetched) */
	int64_t received;     /* bytes */
	struct source_content *contents; /* one for each path, in the order of the request */
	size_t content_count;
};

/*
 * Blocks until the child has answered, died, or the deadline passed. Result memory is in `mem`.
 * Paths for kustomize and helm are rendered, one after the other, and what such a program refuses is a mistake of its path.
 * Errors: ERROR_RETRY (unreachable, deadline, server trouble), ERROR_DENIED (credentials, host key, certificate),
 * ERROR_MISSING (repository, or the revision in it), ERROR_INVALID (URL, too large, unsupported, not signed as it has to
 * be), ERROR_STOPPED.
 * Every text names the URL without userinfo, and for a missing revision what was asked for.
 */
bool source_read(const struct source_request *request, struct arena *mem, struct source_result *result,
	struct error *err) MUST_CHECK;

/*
 * The URL without user, password and trailing '/' or ".git", lower-case host: what a push announces, and a name for people.
 * Two URLs of one plain form are mostly one repository, but need not be: a server may know "db.git" and not "db", and another user may
 * not see it.
 */
const char *source_url_plain(const char *url, struct arena *mem);

/* The URL with its user, lower-case host, and the path as it is asked for: who asks for what. Only what is the same here shares an
   answer, a failure and a bare repository. */
const char *source_url_identity(const char *url, struct arena *mem);

/* The URL without user and password, lower-case host, and else as it was written: for messages. */
const char *source_url_shown(const char *url, struct arena *mem);

/* Removes leftovers of killed children (temporary packs, locks) in all bare repositories; at start. */
bool source_sweep(const char *folder, struct error *err) MUST_CHECK;
