/*
 * http_transport.h - carries libgit2's own protocol over our http.h, for servers without protocol v2
 *
 * libgit2's http would bring a second TLS library, no client certificates, no time limits, and dies on some
 * redirects. Only its negotiation is used. An answer goes through a nameless file, since libgit2 pulls and libcurl
 * pushes.
 */
#pragma once

#include <git2.h>
#include <git2/sys/transport.h>

#include "reconcile/source/http.h"

struct http_transport {
	struct http *http;
	const char *folder;   /* for the nameless file */
	const char *base;     /* URL without trailing '/' */
	struct error failure; /* why the last request failed; kind ERROR_NONE = it did not */
};

/* A git_transport_cb; `payload` is a struct http_transport that outlives the remote. */
int http_transport_new(git_transport **out, git_remote *owner, void *payload);
