/*
 * ssh_link.h - one connection to an ssh server, and the one command on it (libssh)
 *
 * libssh and not libgit2's own ssh: libssh2 1.10 signs with RSA by SHA-1 alone, which servers refuse since 2021, cannot prefer the
 * kinds of host keys that known_hosts has, and hides what the server says on its way out. No file of a home and no agent is looked
 * at: key and known hosts are those of the credentials. A silent server is given up after SSH_SECONDS until the command runs;
 * after that the deadline of the process counts.
 */
#pragma once

#include "reconcile/source/source.h"
#include "reconcile/source/url.h"

#include <sys/types.h>

struct ssh_link;

enum { SSH_SECONDS = 20 };

struct dialer; /* dialer.h; NULL = libssh connects itself */

/* Connects, judges the host's key before anything of ours is shown, and logs in. */
bool ssh_link_open(const struct url *url, const struct source_access *access, struct dialer *dialer,
	struct ssh_link **link, struct error *err) MUST_CHECK;
void ssh_link_close(struct ssh_link *link); /* accepts NULL */

bool ssh_link_run(struct ssh_link *link, const char *command, struct error *err) MUST_CHECK;
bool ssh_link_write(struct ssh_link *link, const char *bytes, size_t size, struct error *err) MUST_CHECK;

/* Some bytes of what the command says; 0 = it has ended, -1 = failed. */
ssize_t ssh_link_read(struct ssh_link *link, char *bytes, size_t size, struct error *err);

/* What it complained of (stderr) before it ended, one line, "" = nothing. */
void ssh_link_complaint(struct ssh_link *link, char *text, size_t size);
