#include "reconcile/source/dialer.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/sandbox/sandbox.h"
#include "reconcile/source/connecting.h"

/* What comes back with a socket, or without one. */
struct reply {
	enum error_kind kind;
	char text[256];
};

/* ---- its own process ---- */

static void reply(int fd, int socket, const struct error *why)
{
	struct reply said = {.kind = socket < 0 ? why->kind : ERROR_NONE};
	struct iovec bytes = {.iov_base = &said, .iov_len = sizeof(said)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	if (socket < 0) {
		snprintf(said.text, sizeof(said.text), "%.255s", why->text);
	} else {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.room);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &socket, sizeof(socket));
	}
	while (sendmsg(fd, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	if (socket >= 0)
		close(socket);
}

/* The answer and the messages of the Git process are not its own: they end when that one ends. */
static bool let_go(struct error *err)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool done = nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(nothing, STDOUT_FILENO) >= 0 &&
		dup2(nothing, STDERR_FILENO) >= 0;
	return done || error_set(err, ERROR_RETRY, "cannot open /dev/null: %s", strerror(errno));
}

static bool give_rights_away(const struct dialer *dialer, pid_t parent, struct error *err)
{
	static const char *const nothing[] = {NULL};
	uint16_t ports[DIALER_PLACES];
	for (size_t i = 0; i < dialer->count; i++)
		ports[i] = (uint16_t)dialer->places[i].port;
	const struct sandbox sandbox = {
		.what = "connecting",
		.writable = nothing,
		.network = true,
		.ports = ports,
		.port_count = dialer->count,
		.seconds = LIMIT_GIT_SECONDS,
	};
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return error_set(err, ERROR_STOPPED, "the Git process is gone");
	return let_go(err) && sandbox_enter(&sandbox, err);
}

static _Noreturn void serve(const struct dialer *dialer, int fd, pid_t parent)
{
	struct error err = {0};
	uint8_t place;
	bool ready = give_rights_away(dialer, parent, &err);
	for (;;) {
		ssize_t got = recv(fd, &place, sizeof(place), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got != sizeof(place) || place >= dialer->count)
			_exit(0);
		int socket = ready
			? connecting_open(dialer->places[place].host, dialer->places[place].port, &err)
			: -1;
		reply(fd, socket, &err);
	}
}

/* ---- the Git process's side ---- */

static void add(struct dialer *dialer, const char *host, int port)
{
	dialer->places[dialer->count++] = (struct transfer_place){host, port};
}

bool dialer_places(const struct url *url, const struct source_access *access, struct arena *mem,
	struct dialer *dialer, struct error *err)
{
	struct url api;
	*dialer = (struct dialer){.fd = -1};
	add(dialer, url->host, url->port);
	if (access->proxy && *access->proxy &&
		!transfer_proxy_place(access->proxy, mem, &dialer->places[dialer->count++]))
		return error_set(err, ERROR_INVALID, "the proxy of the credentials is no URL of a host");
	if (!access->app_key.bytes)
		return true;
	if (!access->app_api || !*access->app_api)
		add(dialer, "api.github.com", 443);
	else if (url_parse(access->app_api, mem, &api, err))
		add(dialer, api.host, api.port);
	else
		return error_prefix(err, "the API of the GitHub App");
	return true;
}

bool dialer_start(struct dialer *dialer, struct source_access *access, struct error *err)
{
	int pair[2];
	pid_t parent = getpid();
	if (prctl(PR_GET_SECCOMP) < 0)
		return true;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return error_set(err, ERROR_RETRY, "cannot make a pair of sockets: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		source_access_done(access);
		serve(dialer, pair[1], parent);
	}
	int reason = errno;
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return error_set(
			err, ERROR_RETRY, "cannot start the process that connects: %s", strerror(reason));
	}
	dialer->fd = pair[0];
	return true;
}

static int socket_in(struct msghdr *message)
{
	int fd = -1;
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

int dialer_connect(void *context, size_t place, struct error *err)
{
	const struct dialer *dialer = context;
	uint8_t wish = (uint8_t)place;
	struct reply said = {0};
	struct iovec bytes = {.iov_base = &said, .iov_len = sizeof(said)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room)};
	ssize_t got = -1;
	if (send(dialer->fd, &wish, sizeof(wish), MSG_NOSIGNAL) == sizeof(wish))
		while ((got = recvmsg(dialer->fd, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
			;
	int fd = got > 0 ? socket_in(&message) : -1;
	if (fd >= 0)
		return fd;
	if (got == sizeof(said))
		error_set(err, said.kind, "%.*s", (int)sizeof(said.text), said.text);
	else
		error_set(err, ERROR_RETRY, "the process that connects is gone");
	return -1;
}

void dialer_lead(struct dialer *dialer, struct transfer_request *request)
{
	if (!dialer)
		return;
	request->dial = dialer_connect;
	request->dial_context = dialer;
	request->places = dialer->places;
	request->place_count = dialer->count;
}
