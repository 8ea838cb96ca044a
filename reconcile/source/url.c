#include "reconcile/source/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/http/percent.h"
#include "base/text.h"
#include "reconcile/source/source.h"

enum { URL_MAXIMUM = 2048 };

static const struct {
	const char *prefix;
	enum url_scheme scheme;
	int port;
} schemes[] = {
	{"https://", URL_HTTPS, 443},
	{"http://", URL_HTTP, 80},
	{"ssh://", URL_SSH, 22},
	{"git+ssh://", URL_SSH, 22},
	{"ssh+git://", URL_SSH, 22},
	{"file://", URL_FILE, 0},
};

static const char *scheme_prefix(enum url_scheme scheme)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (schemes[i].scheme == scheme)
			return schemes[i].prefix;
	return "";
}

static int scheme_port(enum url_scheme scheme)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (schemes[i].scheme == scheme)
			return schemes[i].port;
	return 0;
}

/* git-upload-pack's path reaches a shell on an ssh server, so only characters without a meaning there pass. */
static bool path_is_safe(const char *path, enum url_scheme scheme)
{
	const char *others = scheme == URL_SSH ? "/-._~%+:@=," : "/-._~%+:@=,!$&()*;'[]";
	for (const char *c = path; *c; c++) {
		if (scheme == URL_FILE ? iscntrl((unsigned char)*c) != 0
				       : !(isascii(*c) && isalnum((unsigned char)*c)) && !strchr(others, *c))
			return false;
	}
	return !strstr(path, "/-") || scheme != URL_SSH;
}

static bool host_is_safe(const char *host)
{
	if (!*host || *host == '-')
		return false;
	for (const char *c = host; *c; c++)
		if (!(isascii(*c) && isalnum((unsigned char)*c)) && !strchr("-._:", *c))
			return false;
	return true;
}

/* Of a forge, a mail address; of a domain, "TEAM\\ci". */
static bool user_is_safe(const char *user)
{
	for (const char *c = user; *c; c++)
		if (!(isascii(*c) && isalnum((unsigned char)*c)) && !strchr("-._~+@\\", *c))
			return false;
	return *user && *user != '-';
}

static bool read_port(const char *text, int *port)
{
	char *end;
	long number = strtol(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || number < 1 || number > 65535)
		return false;
	*port = (int)number;
	return true;
}

/* What stands there may be half a password: it is not shown. */
static bool port_refused(const struct url *url, struct error *err)
{
	static const char what[] = "the port of the repository URL is no number from 1 to 65535";
	if (url->scheme != URL_SSH)
		return error_set(err, ERROR_INVALID, "%s", what);
	return error_set(err, ERROR_INVALID,
		"%s: behind ssh://%s: comes a port. A path from the user's home is written without ssh:// (%s%s%s:PATH), one "
		"from the root ssh://%s%s%s/PATH",
		what, url->host, url->user ? url->user : "", url->user ? "@" : "", url->host,
		url->user ? url->user : "", url->user ? "@" : "", url->host);
}

/* "[::1]:22", "host:22", "host:", "host" */
static bool read_host(char *text, struct url *url, struct error *err)
{
	char *port = NULL;
	if (*text == '[') {
		char *end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return error_set(err, ERROR_INVALID, "the repository URL has a broken IPv6 address");
		*end = '\0';
		text++;
		port = end[1] ? end + 2 : NULL;
	} else {
		port = strchr(text, ':');
		if (port)
			*port++ = '\0';
	}
	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	url->host = text;
	url->port = scheme_port(url->scheme);
	if (!host_is_safe(text))
		return error_set(err, ERROR_INVALID,
			"the host of the repository URL is empty or has forbidden characters");
	return !port || !*port || read_port(port, &url->port) || port_refused(url, err);
}

static bool password_refused(struct error *err)
{
	return error_set(err, ERROR_INVALID,
		"the repository URL holds a password, where everybody who reads the Application sees it: "
		"take it out and put it into the repository's credentials");
}

static bool read_authority(char *text, struct arena *mem, struct url *url, struct error *err)
{
	char *at = strrchr(text, '@');
	if (at) {
		*at = '\0';
		if (strchr(text, ':'))
			return password_refused(err);
		url->user = percent_decode(text, strlen(text), mem);
		if (strstr(text, "%00") || !user_is_safe(url->user))
			return error_set(err, ERROR_INVALID,
				"the user of the repository URL has forbidden characters");
		text = at + 1;
	}
	return read_host(text, url, err);
}

/* Where "git@host:team/db.git" opens a bracket: "[git@host:2222]:db", "git@[::1]:db"; NULL = nowhere. */
static const char *scp_bracket(const char *text)
{
	const char *bracket = text + strcspn(text, "[:/");
	return *bracket == '[' && (bracket == text || bracket[-1] == '@') ? bracket : NULL;
}

/* A ':' before any '/', or behind the brackets. */
static const char *scp_colon(const char *text)
{
	const char *bracket = scp_bracket(text), *end = bracket ? strchr(bracket, ']') : NULL;
	if (end)
		return end[1] == ':' ? end + 1 : NULL;
	size_t length = strcspn(text, ":/");
	return text[length] == ':' && length > 0 ? text + length : NULL;
}

/* Within brackets stands what Git finds there: a host with its port, an IPv6 address, the user before it or not. */
static char *scp_authority(const char *text, const char *colon, struct arena *mem)
{
	const char *bracket = scp_bracket(text);
	if (!bracket || colon[-1] != ']')
		return arena_copy_n(mem, text, (size_t)(colon - text));
	char *plain = arena_printf(
		mem, "%.*s%.*s", (int)(bracket - text), text, (int)(colon - bracket - 2), bracket + 1);
	const char *at = strrchr(plain, '@'), *host = at ? at + 1 : plain, *first = strchr(host, ':');
	if (!first || !strchr(first + 1, ':'))
		return plain;
	return arena_printf(mem, "%.*s[%s]", (int)(host - plain), plain, host);
}

/* "user:password@host:path" has the host "user" for Git; nobody means that, and the path would be shown. */
static bool scp_holds_password(const char *text, const char *colon)
{
	size_t user = strcspn(colon, "@/");
	return colon[user] == '@' && !memchr(text, '@', (size_t)(colon - text));
}

static bool split_scp(const char *text, const char *colon, struct arena *mem, struct url *url, struct error *err)
{
	if (scp_holds_password(text, colon))
		return password_refused(err);
	url->scheme = URL_SSH;
	url->literal = true;
	url->relative = colon[1] != '/';
	url->path = arena_printf(mem, "%s%s", url->relative ? "/" : "", colon + 1);
	return read_authority(scp_authority(text, colon, mem), mem, url, err);
}

/* "host", "host:8080", "[::1]:22"; the port only where it is not the scheme's own. */
static const char *authority(const struct url *url, struct arena *mem)
{
	const char *host = strchr(url->host, ':') ? arena_printf(mem, "[%s]", url->host) : url->host;
	if (url->port == scheme_port(url->scheme))
		return host;
	return arena_printf(mem, "%s:%d", host, url->port);
}

/* The user as he would be written in a URL, and the path as it is asked for: one from the home begins with "~". */
static const char *identity(const struct url *url, struct arena *mem)
{
	CLEANUP(buf_done) struct buf user = BUF(URL_MAXIMUM * 3);
	size_t length = strlen(url->path);
	while (length && url->path[length - 1] == '/')
		length--;
	if (url->user)
		percent_encode(&user, url->user);
	return arena_printf(mem, "%s%s%s%s%s%.*s", scheme_prefix(url->scheme), buf_string(&user),
		url->user ? "@" : "", authority(url, mem),
		url->relative && !text_starts(url->path, "/~") ? "/~" : "", (int)length, url->path);
}

/* Without the trailing '/' and ".git", which servers take or leave. */
static const char *plain_path(const char *path, struct arena *mem)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length > 5 && memcmp(path + length - 4, ".git", 4) == 0 && path[length - 5] != '/')
		length -= 4;
	return arena_copy_n(mem, path, length == 1 ? 0 : length);
}

static bool split(const char *text, struct arena *mem, struct url *url, struct error *err)
{
	const char *rest = NULL;
	for (size_t i = 0; i < COUNT_OF(schemes) && !rest; i++) {
		if (strncasecmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
			url->scheme = schemes[i].scheme;
			rest = text + strlen(schemes[i].prefix);
		}
	}
	if (!rest && *text == '/') {
		url->scheme = URL_FILE;
		rest = text;
	}
	if (rest && url->scheme == URL_FILE) {
		url->host = "";
		url->path = arena_copy(mem, rest);
		return *rest == '/' || error_set(err, ERROR_INVALID, "a file:// URL needs an absolute path");
	}
	const char *colon = rest ? NULL : strstr(text, "://") ? NULL : scp_colon(text);
	if (colon)
		return split_scp(text, colon, mem, url, err);
	if (!rest)
		return error_set(err, ERROR_INVALID,
			"the repository URL is none of https://, http://, ssh://, user@host:path, file:// or /path");
	size_t length = strcspn(rest, "/");
	url->path = rest[length] ? arena_copy(mem, rest + length) : "/";
	return read_authority(arena_copy_n(mem, rest, length), mem, url, err);
}

bool url_parse(const char *text, struct arena *mem, struct url *url, struct error *err)
{
	struct url read = {0};
	if (!text || !*text)
		return error_set(err, ERROR_INVALID, "the repository URL is empty");
	if (strlen(text) > URL_MAXIMUM)
		return error_set(err, ERROR_INVALID, "the repository URL is longer than %d bytes", URL_MAXIMUM);
	if (!split(text, mem, &read, err))
		return false;
	if (!path_is_safe(read.path, read.scheme) || strstr(read.path, "/../") || text_ends(read.path, "/.."))
		return error_set(err, ERROR_INVALID,
			"the path of the repository URL has forbidden characters or '..'");
	if (read.scheme == URL_FILE) {
		read.address = read.path;
		read.shown = arena_printf(mem, "file://%s", read.path);
		read.plain = arena_printf(mem, "file://%s", plain_path(read.path, mem));
		size_t length = strlen(read.path);
		while (length > 1 && read.path[length - 1] == '/')
			length--;
		read.identity = arena_printf(mem, "file://%.*s", (int)length, read.path);
	} else {
		const char *server =
			arena_printf(mem, "%s%s", scheme_prefix(read.scheme), authority(&read, mem));
		read.shown = read.address = arena_printf(mem, "%s%s", server, read.path);
		read.plain = arena_printf(mem, "%s%s", server, plain_path(read.path, mem));
		read.identity = identity(&read, mem);
	}
	*url = read;
	return true;
}

bool url_same_server(const struct url *a, const struct url *b)
{
	return a->scheme == b->scheme && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* What is no URL still has to be named in a message, without what may be a password in it. */
static const char *without_password(const char *url, struct arena *mem)
{
	const char *at = strrchr(url, '@');
	return at ? arena_printf(mem, "...%s", at) : arena_copy(mem, url);
}

const char *source_url_plain(const char *url, struct arena *mem)
{
	struct url read;
	struct error err;
	if (!url)
		return "";
	return url_parse(url, mem, &read, &err) ? read.plain : without_password(url, mem);
}

const char *source_url_identity(const char *url, struct arena *mem)
{
	struct url read;
	struct error err;
	if (!url)
		return "";
	return url_parse(url, mem, &read, &err) ? read.identity : without_password(url, mem);
}

const char *source_url_shown(const char *url, struct arena *mem)
{
	struct url read;
	struct error err;
	if (!url)
		return "";
	return url_parse(url, mem, &read, &err) ? read.shown : without_password(url, mem);
}
