/*
 * webhook.h - is this delivery from the forge that knows our secret, and which repository does it announce?
 *
 * GitHub's form, which Gitea and Forgejo send too: HMAC-SHA256 over the raw body in X-Hub-Signature-256. The signature is
 * checked before any byte of the body is understood. The body only names a repository to ask again; nothing else of it is used,
 * so a replayed delivery costs one question to the Git server and no more.
 */
#pragma once

#include "base/json.h"
#include "base/secret.h"

struct webhook_delivery {
	const char *event;        /* X-GitHub-Event; NULL = missing */
	const char *signature;    /* X-Hub-Signature-256; NULL = missing */
	const char *content_type; /* NULL = missing */
	const void *body;
	size_t length;
};

enum { WEBHOOK_URLS = 4 };

/* What to answer: an HTTP status, and a sentence for the sender that holds no foreign text. */
struct webhook_verdict {
	int status;
	const char *text;
	const char *urls[WEBHOOK_URLS]; /* of the pushed repository, each its own way to write it */
	size_t url_count;               /* 0 = nothing to ask again (ping, another event) */
	json_t *document;               /* owns the urls */
};

/* Cannot fail: what is wrong is the verdict. An empty secret is 404: no webhook. */
void webhook_read(const struct secret *secret, const struct webhook_delivery *delivery,
	struct webhook_verdict *verdict);
void webhook_done(struct webhook_verdict *verdict);
