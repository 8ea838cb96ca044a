/*
 * ssh_transport.h - libgit2's smart protocol over our own ssh (ssh_link.h)
 */
#pragma once

#include <git2.h>
#include <git2/sys/transport.h>

#include "reconcile/source/source.h"
#include "reconcile/source/url.h"

/* One connection's; outlives the remote that uses it. */
struct ssh_transport {
	const struct url *url;
	const struct source_access *access;
	struct dialer *dialer; /* NULL = libssh connects itself */
	struct error failure;  /* set when a call failed: libgit2 keeps the text alone */
};

/* A git_transport_cb; `payload` is a struct ssh_transport. */
int ssh_transport_new(git_transport **out, git_remote *owner, void *payload);

/* What the server is told to run: the path from the root, or from the user's home for "host:path" and "/~...", quoted for the
   shell that may be there. NULL when the path cannot be decoded into what is safe. */
char *ssh_transport_command(const struct url *url);
