#include "agent/doctor/doctor.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/show/client.h"
#include "base/text.h"

/* As the server has it for its token, and for the same reason: a shorter secret can be guessed. */
enum { SECRET_BYTES = 16 };

/* ---- the address ---- */

/* Where the agent would be reached if it listens on this address: every address means the loopback one, too. */
static const char *reachable(struct doctor *doctor, const char *host, const char *port)
{
	if (!*host || text_equal(host, "0.0.0.0"))
		host = "127.0.0.1";
	else if (text_equal(host, "::"))
		host = "::1";
	return arena_printf(doctor->mem, strchr(host, ':') ? "http://[%s]:%s" : "http://%s:%s", host, port);
}

static bool agent_listens_there(struct doctor *doctor, const char *host, const char *port)
{
	struct command_context over_tcp = *doctor->context;
	over_tcp.server = reachable(doctor, host, port);
	over_tcp.token_file = NULL;
	return client_running(doctor->context) && client_running(&over_tcp);
}

/* Bound for a moment, if it is free. */
static int try_address(const char *host, const char *port)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *address;
	int on = 1;
	if (getaddrinfo(*host ? host : "0.0.0.0", port, &hints, &address) != 0)
		return EINVAL;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	int failed = fd < 0 || bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, 1) != 0
		? errno
		: 0;
	if (fd >= 0)
		close(fd);
	freeaddrinfo(address);
	return failed;
}

static void check_address(struct doctor *doctor, const char *address)
{
	const char *colon = strrchr(address, ':');
	const char *port = colon ? colon + 1 : "";
	size_t length = colon ? (size_t)(colon - address) : 0;
	bool bracketed = length > 2 && *address == '[' && colon[-1] == ']';
	const char *host = arena_copy_n(doctor->mem, address + bracketed, length - 2 * (size_t)bracketed);
	if (text_equal(host, "localhost"))
		host = "127.0.0.1";

	int failed = colon && *port ? try_address(host, port) : EINVAL;
	if (!failed)
		doctor_ok(doctor, "listen", "%s is free", address);
	else if (failed == EADDRINUSE && agent_listens_there(doctor, host, port))
		doctor_ok(doctor, "listen", "%s: the running agent answers there", address);
	else if (failed == EADDRINUSE)
		doctor_fail(doctor, "listen",
			arena_printf(doctor->mem,
				"set `listen` in the agent file to a free port; `ss -ltnp sport = :%s` says who has this one",
				port),
			"%s is in use by another program", address);
	else
		doctor_fail(doctor, "listen",
			"set `listen` in the agent file to ADDRESS:PORT of this machine, or to \"\"", "%s: %s",
			address, failed == EINVAL ? "no numeric address and port" : strerror(failed));
}

/* ---- what guards it ---- */

static bool is_loopback(const char *address)
{
	return text_starts(address, "127.") || text_starts(address, "localhost:") ||
		text_starts(address, "[::1]:");
}

/* In a pod it is a file of a Secret, which nobody writes to. */
static const char *make_secret(struct doctor *doctor, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *folder =
		slash && slash != file ? arena_copy_n(doctor->mem, file, (size_t)(slash - file)) : "/";
	if (access(folder, W_OK) == 0)
		return arena_printf(
			doctor->mem, "(umask 077; openssl rand -hex 32 > %s)", doctor_quoted(doctor, file));
	return arena_printf(doctor->mem,
		"put the output of `openssl rand -hex 32` there; in a pod, as key %s of the Secret that is mounted at %s",
		slash ? slash + 1 : file, folder);
}

/* Length and mode of a secret that is compared with what comes over the network. The agent starts without its token, whose Secret
   may be made after it, but not without the webhook's. */
static void check_shared_secret(
	struct doctor *doctor, const char *check, const char *file, const char *what, bool may_be_missing)
{
	CLEANUP(secret_done) struct secret secret = {0};
	struct stat status;
	struct error err;
	const char *make = make_secret(doctor, file);

	if (!secret_read(&secret, file, true, &err)) {
		if (may_be_missing && err.kind == ERROR_MISSING)
			doctor_warn(doctor, check, make,
				"%s: %s is not there: until it is, the API over TCP refuses everything", what,
				file);
		else
			doctor_fail(doctor, check, make, "%s: %s", what, err.text);
		return;
	}
	if (secret.length < SECRET_BYTES)
		doctor_fail(doctor, check, make, "%s: %s has %zu bytes; at least %d are needed", what, file,
			secret.length, SECRET_BYTES);
	else if (stat(file, &status) == 0 && status.st_mode & (S_IROTH | S_IWOTH))
		doctor_fail(doctor, check,
			arena_printf(doctor->mem, "chmod 0600 %s", doctor_quoted(doctor, file)),
			"%s: everybody may read %s (mode %04o)", what, file, (unsigned)status.st_mode & 07777);
	else
		doctor_ok(doctor, check, "%s: %s, %zu bytes", what, file, secret.length);
}

static void check_token(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	if (config->token_file)
		check_shared_secret(doctor, "api", config->token_file, "token", true);
	else if (is_loopback(config->listen))
		doctor_ok(doctor, "api",
			"no token: reading on this machine only, acting through agent.sock only");
	else
		doctor_warn(doctor, "api", "set `api: {tokenFile: FILE}` in the agent file",
			"no token: page and API refuse everything on %s", config->listen);
}

static void check_webhook(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	if (config->webhook_secret_file)
		check_shared_secret(doctor, "webhook", config->webhook_secret_file, "secret", false);
	else if (!config->poll)
		doctor_fail(doctor, "webhook",
			"set `webhook: {secretFile: FILE}`, or a `poll` interval, in the agent file",
			"no webhook and `poll: 0`: no push is ever noticed");
	else
		doctor_ok(doctor, "webhook", "none: pushes are noticed by polling");
	for (size_t i = 0; i < config->webhook_count; i++)
		check_shared_secret(doctor, "webhook", config->webhooks[i].secret_file,
			arena_printf(doctor->mem, "secret of %s", config->webhooks[i].url), false);
	if (config->webhook_secret_file && !config->listen)
		doctor_warn(doctor, "webhook", "set `listen` in the agent file",
			"nothing listens, so no webhook can arrive");
}

void doctor_check_listen(struct doctor *doctor)
{
	if (doctor->config->listen) {
		check_address(doctor, doctor->config->listen);
		check_token(doctor);
	} else {
		doctor_ok(doctor, "listen", "none, as the agent file says: no page, API or webhook");
	}
	check_webhook(doctor);
}
