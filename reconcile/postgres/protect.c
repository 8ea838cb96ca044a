#include <libpq-fe.h>

#include "reconcile/postgres/protect.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What no libpq reads a password from, and no warning is printed about. */
#define NO_FILE "/dev/null/none"

/* ---- where it goes ---- */

static bool is_loopback(const char *host)
{
	struct in_addr four;
	struct in6_addr six;
	if (strcmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* "" is libpq's own socket; '@' begins an abstract one. */
static bool is_this_machine(const char *host)
{
	return !*host || *host == '/' || *host == '@' || is_loopback(host);
}

/* Cuts the next item off a list with commas; "" when it has no more. */
static void next_item(const char **list, char *item, size_t size)
{
	size_t length = strcspn(*list, ",");
	snprintf(item, size, "%.*s", (int)(length < size ? length : size - 1), *list);
	*list += length + ((*list)[length] == ',');
}

/* An address counts more than the name beside it, as in libpq. One host elsewhere is enough. */
static bool is_elsewhere(const char *hosts, const char *addresses)
{
	char host[512], address[512];
	do {
		next_item(&hosts, host, sizeof(host));
		next_item(&addresses, address, sizeof(address));
		if (!is_this_machine(*address ? address : host))
			return true;
	} while (*hosts || *addresses);
	return false;
}

/* As libpq will have it: the connection, else the environment. */
static const char *effective(
	const struct options *options, const PQconninfoOption *defaults, const char *keyword)
{
	const char *own = options_get(options, keyword);
	for (const PQconninfoOption *at = defaults; !own && at && at->keyword; at++)
		if (strcmp(at->keyword, keyword) == 0)
			return at->val;
	return own;
}

static bool libpq_knows(const PQconninfoOption *defaults, const char *keyword)
{
	for (const PQconninfoOption *at = defaults; at && at->keyword; at++)
		if (strcmp(at->keyword, keyword) == 0)
			return true;
	return false;
}

/* A service file may name any host. */
static bool goes_elsewhere(const struct options *options, const PQconninfoOption *defaults)
{
	const char *host = effective(options, defaults, "host");
	const char *address = effective(options, defaults, "hostaddr");
	if (!host && !address && effective(options, defaults, "service"))
		return true;
	return is_elsewhere(host ? host : "", address ? address : "");
}

/* ---- how ---- */

/* Besides passwordFrom libpq knows PGPASSWORD and a file that is named. ~/.pgpass is nobody's decision here, and is not read. */
static bool has_password(
	const struct session *session, struct options *options, const PQconninfoOption *defaults)
{
	bool file = effective(options, defaults, "passfile") != NULL;
	if (!file)
		options_set(options, "passfile", NO_FILE);
	return session->password.length || file || effective(options, defaults, "password");
}

/* Channel binding needs TLS, so what would do without becomes what it has to be; GSSAPI's encryption has no binding. */
static bool require_binding(struct options *options, const PQconninfoOption *defaults, struct error *err)
{
	const char *mode = effective(options, defaults, "sslmode");
	const char *binding = effective(options, defaults, "channel_binding");
	if (mode && strcmp(mode, "disable") == 0)
		return error_set(err, ERROR_INVALID,
			"the password is not given without TLS (sslmode=disable) to a server on another machine: write "
			"sslmode=verify-full sslrootcert=FILE into the connection, or say `authentication: any` for this "
			"database in the agent file");
	if (binding && strcmp(binding, "require") != 0 && options_get(options, "channel_binding"))
		return error_set(err, ERROR_INVALID,
			"the connection says channel_binding=%s, and without it the server may ask for the password in clear "
			"text: take it out, or say `authentication: scram` for this database in the agent file",
			binding);
	if (!mode || strcmp(mode, "prefer") == 0 || strcmp(mode, "allow") == 0)
		options_set(options, "sslmode", "require");
	options_default(options, "gssencmode", "disable");
	options_set(options, "channel_binding", "require");
	return true;
}

/* Where libpq cannot be told to use nothing but SCRAM, the server must be the one that its certificate names. */
static bool require_scram(const struct options *options, const PQconninfoOption *defaults, struct error *err)
{
	if (libpq_knows(defaults, "require_auth") ||
		text_equal(effective(options, defaults, "sslmode"), "verify-full"))
		return true;
	return error_set(err, ERROR_INVALID,
		"`authentication: scram` needs sslmode=verify-full in the connection: libpq %d of this machine cannot refuse "
		"a server that asks for the password in clear text",
		PQlibVersion() / 10000);
}

static bool protect(const struct session *session, struct options *options, const PQconninfoOption *defaults,
	struct error *err)
{
	enum session_authentication how = session->authentication;
	bool secret = has_password(session, options, defaults);
	if (how == SESSION_AUTHENTICATION_UNSAID)
		how = goes_elsewhere(options, defaults) ? SESSION_AUTHENTICATION_BOUND
							: SESSION_AUTHENTICATION_ANY;
	if (!secret || how == SESSION_AUTHENTICATION_ANY)
		return true;
	if (!(how == SESSION_AUTHENTICATION_BOUND ? require_binding(options, defaults, err)
						  : require_scram(options, defaults, err)))
		return false;
	if (libpq_knows(defaults, "require_auth"))
		options_set(options, "require_auth", "scram-sha-256");
	return true;
}

bool protect_password(const struct session *session, struct options *options, struct error *err)
{
	CLEANUP(options_free_parsed) PQconninfoOption *defaults = PQconndefaults();
	if (!defaults)
		return error_set(err, ERROR_INVALID,
			"libpq cannot read its settings: is PGSERVICE set to a service that there is not?");
	return protect(session, options, defaults, err);
}

bool session_trust(const struct session_target *target, struct session_trust *trust, struct error *err)
{
	CLEANUP(options_free_parsed) PQconninfoOption *parsed = NULL;
	CLEANUP(options_free_parsed) PQconninfoOption *defaults = PQconndefaults();
	struct options options = {.count = 0};
	if (!options_parse(target->connection, &parsed, &options, err))
		return false;
	const char *mode = effective(&options, defaults, "sslmode");
	trust->elsewhere = goes_elsewhere(&options, defaults);
	trust->verified = text_equal(mode, "verify-full");
	snprintf(trust->sslmode, sizeof(trust->sslmode), "%s", mode ? mode : "prefer");
	return true;
}

/* libpq's texts; the first is also there where a server asks for md5, the last is that of require_auth. */
bool protect_was_refused(const char *message)
{
	static const char *const texts[] = {
		"channel binding required but not supported by server",
		"channel binding required, but",
		"channel binding is required, but",
		"channel binding type",
		"could not find digest for NID",
		"authentication method requirement",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (strstr(message, texts[i]))
			return true;
	return false;
}
