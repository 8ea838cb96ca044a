/*
 * url.h - the address of a repository, taken apart and checked before anything is done with it
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum url_scheme { URL_HTTP, URL_HTTPS, URL_SSH, URL_FILE };

struct url {
	enum url_scheme scheme;
	const char *user; /* decoded ("%40" is '@'), or NULL; http and ssh only */
	const char *host; /* lower case, "" for files; an IPv6 address without its brackets */
	int port;         /* as written or the scheme's own, 0 for files */
	const char *path; /* begins with '/' */
	bool relative; /* "host:path": that path without the '/' is looked for from the user's home, as Git's own ssh does */
	bool literal;         /* "host:path": '%' is a character of it, in "ssh://" a byte is written so */
	const char *address;  /* without the user: what the transports are given */
	const char *plain;    /* for comparing: see source_url_plain() */
	const char *shown;    /* for messages: see source_url_shown() */
	const char *identity; /* what is asked, and as whom: see source_url_identity() */
};

/* "https://...", "http://...", "ssh://...", "user@host:path", "[user@host:port]:path", "file:///path" or "/path". ERROR_INVALID for anything
   else, for a password inside, and for characters that could mean something to a shell on the other side. */
bool url_parse(const char *text, struct arena *mem, struct url *url, struct error *err) MUST_CHECK;

/* Same scheme, host and port: credentials for the one may go to the other. */
bool url_same_server(const struct url *a, const struct url *b);
