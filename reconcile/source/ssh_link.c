#include "reconcile/source/ssh_link.h"

#include <libssh/libssh.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/dialer.h"
#include "reconcile/source/known_hosts.h"
#include "reconcile/source/ssh_key.h"

enum { HOST_KEY_BYTES = 16384 };

struct ssh_link {
	ssh_session session;
	ssh_channel channel;
	const struct url *url;
	const struct source_access *access;
};

/* As git and Argo CD: the URL's. The credentials' may be meant for https, in a template of both. */
static const char *user_of(const struct ssh_link *link)
{
	const char *username = link->access->username;
	if (link->url->user)
		return link->url->user;
	return username && *username ? username : "git";
}

static const char *said(const struct ssh_link *link)
{
	const char *text = ssh_get_error(link->session);
	return text && *text ? text : "no reason given";
}

/* --- who they are --- */

static bool judge_key(const struct ssh_link *link, const unsigned char *key, size_t length, struct error *err)
{
	char fingerprint[FINGERPRINT_SIZE], type[64];
	const struct url *url = link->url;
	known_hosts_fingerprint(key, length, fingerprint);
	known_hosts_type(key, length, type);
	switch (known_hosts_check(link->access->known_hosts, url->host, url->port, key, length)) {
	case KNOWN_HOST_SAME:
		return true;
	case KNOWN_HOST_CHANGED:
		return error_set(err, ERROR_DENIED,
			"THE HOST KEY OF %s HAS CHANGED: it shows the %s key %s, known_hosts has another one. Either the server "
			"was set up anew or somebody stands in between; ask its owner, then correct known_hosts",
			url->host, type, fingerprint);
	case KNOWN_HOST_REVOKED:
		return error_set(err, ERROR_DENIED,
			"the host key of %s (%s %s) is marked as revoked in known_hosts", url->host, type,
			fingerprint);
	case KNOWN_HOST_OTHER_TYPE:
		return error_set(err, ERROR_DENIED,
			"known_hosts has no %s key for %s, which shows %s and has none of the kinds that are there: compare this "
			"with its owner, then add the line of `ssh-keyscan -t %s -p %d %s`",
			type, url->host, fingerprint, known_hosts_kind(type), url->port, url->host);
	default:
		return error_set(err, ERROR_DENIED,
			"the ssh server %s is not in known_hosts; it shows the %s key %s: compare this with its owner, then add "
			"the line of `ssh-keyscan -p %d %s`",
			url->host, type, fingerprint, url->port, url->host);
	}
}

static bool judge_host(const struct ssh_link *link, struct error *err)
{
	unsigned char blob[HOST_KEY_BYTES];
	size_t length = 0;
	ssh_key key = NULL;
	char *encoded = NULL;
	bool read = ssh_get_server_publickey(link->session, &key) == SSH_OK &&
		ssh_pki_export_pubkey_base64(key, &encoded) == SSH_OK && strlen(encoded) < sizeof(blob) &&
		text_base64_decode(encoded, strlen(encoded), blob, &length);
	ssh_key_free(key);
	ssh_string_free_char(encoded);
	if (!read)
		return error_set(err, ERROR_DENIED, "the server shows no host key that can be compared");
	return judge_key(link, blob, length, err);
}

/* --- who we are --- */

static bool refused(const struct ssh_link *link, int code, const char *what, struct error *err)
{
	const char *origin = link->access->origin;
	if (code == SSH_AUTH_ERROR || code == SSH_AUTH_AGAIN)
		return error_set(err, ERROR_RETRY, "the server broke off the login: %s", said(link));
	if (code == SSH_AUTH_PARTIAL)
		return error_set(err, ERROR_DENIED,
			"the server takes the %s of user %s and asks for a second proof, which nobody can give here",
			what, user_of(link));
	return error_set(err, ERROR_DENIED,
		"the server does not take the %s of user %s%s%s%s: is its public half known there?", what,
		user_of(link), origin ? " (from " : "", origin ? origin : "", origin ? ")" : "");
}

static bool log_in_by_key(const struct ssh_link *link, struct error *err)
{
	CLEANUP(buf_wipe) struct buf pem = BUF(2 * LIMIT_SECRET_FILE);
	ssh_key key = NULL;
	if (!ssh_key_read(&link->access->ssh_key, &pem, err))
		return false;
	if (ssh_pki_import_privkey_base64(buf_string(&pem), NULL, NULL, NULL, &key) != SSH_OK)
		return error_set(err, ERROR_DENIED,
			"the ssh key cannot be read: it is damaged, or of a kind that is not supported (ed25519, RSA, and ECDSA of "
			"nistp256, 384 and 521 are)");
	int code = ssh_userauth_publickey(link->session, NULL, key);
	ssh_key_free(key);
	return code == SSH_AUTH_SUCCESS || refused(link, code, "ssh key", err);
}

static bool log_in_by_password(const struct ssh_link *link, struct error *err)
{
	int code = ssh_userauth_password(link->session, NULL, link->access->password.bytes);
	return code == SSH_AUTH_SUCCESS || refused(link, code, "password", err);
}

static bool log_in(const struct ssh_link *link, struct error *err)
{
	/* Also tells which ways there are. */
	int code = ssh_userauth_none(link->session, NULL);
	if (code == SSH_AUTH_SUCCESS)
		return true;
	if (code == SSH_AUTH_ERROR)
		return refused(link, code, "", err);
	unsigned ways = (unsigned)ssh_userauth_list(link->session, NULL);
	if ((ways & (unsigned)SSH_AUTH_METHOD_PUBLICKEY) && link->access->ssh_key.bytes)
		return log_in_by_key(link, err);
	if ((ways & (unsigned)SSH_AUTH_METHOD_PASSWORD) && link->access->password.bytes)
		return log_in_by_password(link, err);
	if (link->access->ssh_key.bytes || link->access->password.bytes)
		return error_set(err, ERROR_DENIED, "the server does not take %s here",
			link->access->ssh_key.bytes ? "ssh keys" : "passwords");
	return error_set(err, ERROR_DENIED,
		"the server asks for an ssh key and none is configured for this URL%s%s",
		link->access->hint ? "; " : "", link->access->hint ? link->access->hint : "");
}

/* --- the connection --- */

static bool set(const struct ssh_link *link, enum ssh_options_e option, const void *value)
{
	return ssh_options_set(link->session, option, value) == SSH_OK;
}

static bool set_options(const struct ssh_link *link, struct error *err)
{
	static const char nowhere[] = "/dev/null";
	char algorithms[KNOWN_HOSTS_ALGORITHMS];
	const bool no = false;
	const long seconds = SSH_SECONDS;
	const unsigned port = (unsigned)link->url->port;
	known_hosts_algorithms(link->access->known_hosts, link->url->host, link->url->port, algorithms);
	/* Nobody's home: not its settings, not its hosts, not its keys. */
	bool taken = set(link, SSH_OPTIONS_PROCESS_CONFIG, &no) && set(link, SSH_OPTIONS_SSH_DIR, nowhere) &&
		set(link, SSH_OPTIONS_KNOWNHOSTS, nowhere) &&
		set(link, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, nowhere) &&
		set(link, SSH_OPTIONS_HOST, link->url->host) && set(link, SSH_OPTIONS_PORT, &port) &&
		set(link, SSH_OPTIONS_USER, user_of(link)) && set(link, SSH_OPTIONS_HOSTKEYS, algorithms) &&
		set(link, SSH_OPTIONS_TIMEOUT, &seconds);
	return taken || error_set(err, ERROR_INVALID, "libssh does not take what it is told: %s", said(link));
}

/* The session closes the socket. */
static bool take_socket(const struct ssh_link *link, struct dialer *dialer, struct error *err)
{
	if (!dialer)
		return true;
	int fd = dialer_connect(dialer, 0, err);
	if (fd < 0)
		return error_prefix(err, "cannot connect");
	if (set(link, SSH_OPTIONS_FD, &fd))
		return true;
	close(fd);
	return error_set(err, ERROR_BUG, "libssh does not take a socket: %s", said(link));
}

bool ssh_link_open(const struct url *url, const struct source_access *access, struct dialer *dialer,
	struct ssh_link **link, struct error *err)
{
	struct ssh_link *opened = memory_alloc(sizeof(*opened));
	opened->url = url;
	opened->access = access;
	opened->session = ssh_new();
	if (!opened->session)
		memory_fail("an ssh session", sizeof(*opened));
	bool ok = set_options(opened, err) && take_socket(opened, dialer, err);
	if (ok && ssh_connect(opened->session) != SSH_OK)
		ok = error_set(err, ERROR_RETRY, "cannot connect: %s", said(opened));
	if (!ok || !judge_host(opened, err) || !log_in(opened, err)) {
		ssh_link_close(opened);
		return false;
	}
	*link = opened;
	return true;
}

void ssh_link_close(struct ssh_link *link)
{
	if (!link)
		return;
	if (link->channel)
		ssh_channel_free(link->channel);
	if (ssh_is_connected(link->session))
		ssh_disconnect(link->session);
	ssh_free(link->session);
	free(link);
}

/* --- the command --- */

bool ssh_link_run(struct ssh_link *link, const char *command, struct error *err)
{
	link->channel = ssh_channel_new(link->session);
	if (!link->channel || ssh_channel_open_session(link->channel) != SSH_OK)
		return error_set(err, ERROR_RETRY, "the server opens no channel: %s", said(link));
	if (ssh_channel_request_exec(link->channel, command) != SSH_OK)
		return error_set(err, ERROR_DENIED, "the server does not run git-upload-pack for user %s: %s",
			user_of(link), said(link));
	return true;
}

bool ssh_link_write(struct ssh_link *link, const char *bytes, size_t size, struct error *err)
{
	enum { AT_ONCE = 32 * 1024 };
	while (size) {
		uint32_t now = size < AT_ONCE ? (uint32_t)size : AT_ONCE;
		int written = ssh_channel_write(link->channel, bytes, now);
		if (written <= 0)
			return error_set(err, ERROR_RETRY, "the connection was cut: %s", said(link));
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

ssize_t ssh_link_read(struct ssh_link *link, char *bytes, size_t size, struct error *err)
{
	enum { AT_ONCE = 1024 * 1024 };
	int got = ssh_channel_read(link->channel, bytes, size < AT_ONCE ? (uint32_t)size : AT_ONCE, 0);
	if (got >= 0)
		return got;
	error_set(err, ERROR_RETRY, "the connection was cut: %s", said(link));
	return -1;
}

void ssh_link_complaint(struct ssh_link *link, char *text, size_t size)
{
	int got = ssh_channel_read_nonblocking(link->channel, text, (uint32_t)size - 1, 1);
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
}
