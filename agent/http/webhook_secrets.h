/*
 * webhook_secrets.h - repositories that have a webhook's secret of their own
 *
 * What such a repository is asked for, its own secret alone may announce; the common one announces all others, and each secret nothing
 * but what is its own. Whose a URL is, the entry says that fits it best (as credentials do, agent/loop/credentials_match.h).
 */
#pragma once

#include "agent/http/webhook.h"
#include "base/arena.h"

struct webhook_secret {
	const char *url; /* exact, or a prefix */
	struct secret secret;
};

struct webhook_secrets {
	struct secret common; /* empty = no webhook */
	struct webhook_secret *items;
	size_t count;
	/* How well `configured` fits `url`; 0 = not at all. Needed where there are items. */
	int (*fit)(const char *configured, const char *url, struct arena *mem);
};

/* As webhook_read(), of all secrets. What one may not announce is left out; where nothing is left the delivery is refused (401). */
void webhook_judge(const struct webhook_secrets *secrets, const struct webhook_delivery *delivery,
	struct webhook_verdict *verdict);

/* Is this value of "Authorization" Basic, with one of the secrets as password? */
bool webhook_knows_basic(const struct webhook_secrets *secrets, const char *value);

void webhook_secrets_done(struct webhook_secrets *secrets); /* for CLEANUP; not the URLs */
