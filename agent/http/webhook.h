/*
 * webhook.h - is this delivery from the forge that knows our secret, and which repository does it announce?
 *
 * Four forms, told apart by the header that names the event: GitHub's, which Gitea and Forgejo send too, and Bitbucket's (Cloud and
 * Server) sign the raw body with HMAC-SHA256; GitLab's carries the secret itself. That is checked before any byte of the body is
 * understood. The body only names a repository to ask again; nothing else of it is used, so a replayed delivery costs one question
 * to the Git server and no more.
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

/* The headers that a forge proves itself with, then NULL: without one of them no delivery can be any forge's. */
extern const char *const webhook_proofs[];

/* Cannot fail: what is wrong is the verdict. An empty secret is 404: no webhook. */
void webhook_read(const struct secret *secret, const struct webhook_delivery *delivery,
	struct webhook_verdict *verdict);
void webhook_done(struct webhook_verdict *verdict);
