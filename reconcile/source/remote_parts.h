/*
 * remote_parts.h - the two implementations of remote.h, for remote.c alone
 */
#pragma once

#include "reconcile/source/http.h"
#include "reconcile/source/remote.h"

/* Protocol v2 over http. A server that does not know it sets `without` to the URL, after redirects, at which it is to be
   asked by the older one, and `remote` is not set; else `without` is NULL. */
struct remote_http;

bool remote_http_open(const struct remote_setup *setup, struct http *http, const char **without,
	struct remote_http **remote, struct error *err) MUST_CHECK;
bool remote_http_refs(struct remote_http *remote, const char *const *prefixes, size_t count,
	struct remote_refs *refs, struct error *err) MUST_CHECK;
bool remote_http_fetch(struct remote_http *remote, const struct remote_wish *wish, struct error *err) MUST_CHECK;
void remote_http_close(struct remote_http *remote);

/* libgit2's transport; `http` carries its requests to `base` for http and https, both NULL otherwise. */
struct remote_libgit2;

bool remote_libgit2_open(const struct remote_setup *setup, struct http *http, const char *base,
	struct remote_libgit2 **remote, struct error *err) MUST_CHECK;
bool remote_libgit2_refs(struct remote_libgit2 *remote, const char *const *prefixes, size_t count,
	struct remote_refs *refs, struct error *err) MUST_CHECK;
bool remote_libgit2_fetch(
	struct remote_libgit2 *remote, const struct remote_wish *wish, struct error *err) MUST_CHECK;
int64_t remote_libgit2_received(const struct remote_libgit2 *remote);
void remote_libgit2_close(struct remote_libgit2 *remote);
