/*
 * server_memo.h - what is remembered of a server that speaks protocol v2, so that it need not be asked again
 *
 * Saves one request of three. A memo that no longer fits makes a request fail, and then the server is asked anew.
 */
#pragma once

#include "reconcile/source/repository.h"

struct server_memo {
	const char *base; /* URL that the requests go to: the repository's, or where the server redirected it */
	bool shallow;     /* it can cut history */
	bool agent,
		object_format; /* capabilities that it offers, and that may be sent with a command therefore */
};

/* False when nothing (valid for this URL) is remembered. */
bool server_memo_read(const struct repository *repository, const struct url *url, struct server_memo *memo);
bool server_memo_write(
	const struct repository *repository, const struct server_memo *memo, struct error *err) MUST_CHECK;
void server_memo_forget(const struct repository *repository);
