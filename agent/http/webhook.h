/*
 * webhook.h - is this delivery from the forge that knows our secret, and which repository does it announce?
 *
 * Six forms, told apart by their headers:
 *
 *   GitHub, Gitea, Forgejo     X-GitHub-Event, X-Hub-Signature-256: "sha256=" and HMAC-SHA256 of the raw body
 *   Gogs                       X-Gogs-Event, X-Gogs-Signature: the HMAC alone
 *   GitLab                     X-Gitlab-Event, X-Gitlab-Token: the secret itself
 *   Bitbucket Cloud, Server    X-Event-Key, X-Hub-Signature: "sha256=" and the HMAC
 *   Azure DevOps               basic authentication, whose password is the secret; the body says eventType: git.push
 *   anything else              X-Pgitops-Signature: "sha256=" and the HMAC, of {"url": "..."} or {"urls": [...]}
 *
 * That is checked before any byte of the body is understood, in constant time. The body only names a repository to ask again; nothing else
 * of it is used, so a replayed delivery costs one question to the Git server and no more, and many that wait are one (queue.h).
 */
#pragma once

#include "base/json.h"
#include "base/secret.h"

struct webhook_delivery {
	const char *(*header)(const void *context, const char *name); /* of the request; NULL = missing */
	const void *context;
	const void *body;
	size_t length;
};

enum { WEBHOOK_URLS = 8 };

/* What to answer: an HTTP status, and a sentence for the sender that holds no foreign text. */
struct webhook_verdict {
	int status;
	const char *text;
	const char *urls[WEBHOOK_URLS]; /* of the pushed repository, each its own way to write it */
	size_t url_count;               /* 0 = nothing to ask again (ping, another event) */
	json_t *document;               /* owns the urls */
};

/* The headers that a forge proves itself with, then NULL: without one of them no delivery can be any forge's, but for "Authorization",
   which needs no body to be judged: see webhook_basic_is(). */
extern const char *const webhook_proofs[];

/* Is this value of "Authorization" Basic, with the secret as password? */
bool webhook_basic_is(const struct secret *secret, const char *proof);

/* Cannot fail: what is wrong is the verdict. An empty secret is 404: no webhook. */
void webhook_read(const struct secret *secret, const struct webhook_delivery *delivery,
	struct webhook_verdict *verdict);
void webhook_done(struct webhook_verdict *verdict);
