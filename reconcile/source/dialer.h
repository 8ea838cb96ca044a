/*
 * dialer.h - the one who connects for the Git process, to where its repository is and nowhere else
 *
 * Landlock knows ports and no addresses, seccomp sees no address at all (connect() has it behind a pointer), and a name is an address
 * only once it was asked for. So the Git process has no right to make a socket. It forks before it gives its rights away: the dialer
 * knows the hosts of this one question, resolves them and connects, and hands the connected socket over a pair of sockets of their own.
 * All it reads of the Git process is which of the hosts is meant; it holds no secret, opens no file but what resolving needs, and ends
 * with the Git process. Whoever took over the Git process could ask for further connections to the same hosts and ports, and for
 * nothing else; what a name resolves to is the resolver's word, as for everybody on this machine.
 *
 * The hosts are those of the repository's URL, its proxy, and the API that gives a GitHub App its token. Redirects are followed on the
 * same server alone (remote_http.c), so they need no further one.
 */
#pragma once

#include "base/arena.h"
#include "base/http/transfer.h"
#include "reconcile/source/source.h"
#include "reconcile/source/url.h"

enum { DIALER_PLACES = 3 };

struct dialer {
	int fd; /* -1 = there is none */
	struct transfer_place places[DIALER_PLACES];
	size_t count;
};

/* The places alone. ERROR_INVALID: a proxy that is no URL. */
bool dialer_places(const struct url *url, const struct source_access *access, struct arena *mem,
	struct dialer *dialer, struct error *err) MUST_CHECK;

/* Before the process has threads or a sandbox. What `access` holds is wiped in the dialer. A kernel without seccomp could not keep the
   Git process from connecting by itself, and then it does: there is no dialer. */
bool dialer_start(struct dialer *dialer, struct source_access *access, struct error *err) MUST_CHECK;

/* A request that goes its way by the dialer; NULL = as it is. */
void dialer_lead(struct dialer *dialer, struct transfer_request *request);

/* A connected socket for whoever called, or -1. `context` is a struct dialer: a transfer_dial. */
int dialer_connect(void *context, size_t place, struct error *err);
