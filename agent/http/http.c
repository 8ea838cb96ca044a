#include "agent/http/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { BACKLOG = 256, RECEIVE = 16384 };

/* ---- the TCP address ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Only numbers, localhost and "all addresses": a name server has no say in where we listen. */
static bool read_host(const char *host, uint16_t port, union address *address)
{
	memset(address, 0, sizeof(*address));
	if (text_equal(host, "localhost"))
		host = "127.0.0.1";
	else if (!*host)
		host = "0.0.0.0";
	if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons(port);
		return true;
	}
	return false;
}

/* "127.0.0.1:8080", "[::1]:8080", ":8080". */
static bool read_address(const char *text, char host[64], union address *address)
{
	const char *colon = strrchr(text, ':');
	char *end;
	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	errno = 0;
	unsigned long port = strtoul(colon + 1, &end, 10);
	size_t length = (size_t)(colon - text);
	bool bracketed = length > 2 && text[0] == '[' && colon[-1] == ']';
	if (bracketed) {
		text++;
		length -= 2;
	}
	if (errno || port > 65535 || length >= 64)
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	return bracketed == (strchr(host, ':') != NULL) && read_host(host, (uint16_t)port, address);
}

static bool is_loopback(const union address *address)
{
	if (address->any.sa_family == AF_INET)
		return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static socklen_t size_of(const union address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

/* With the port that the kernel chose when 0 was asked for. */
static void remember_address(struct http *http, int fd)
{
	union address real = {0};
	socklen_t length = sizeof(real);
	char host[INET6_ADDRSTRLEN] = "";
	if (getsockname(fd, &real.any, &length) < 0)
		return;
	if (real.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &real.v4.sin_addr, host, sizeof(host));
		snprintf(http->address, sizeof(http->address), "%s:%u", host, ntohs(real.v4.sin_port));
	} else {
		inet_ntop(AF_INET6, &real.v6.sin6_addr, host, sizeof(host));
		snprintf(http->address, sizeof(http->address), "[%s]:%u", host, ntohs(real.v6.sin6_port));
	}
}

static bool close_with(int fd, struct error *err, enum error_kind kind, const char *what, const char *name)
{
	error_set(err, kind, "cannot %s %s: %s", what, name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

static bool open_tcp(struct http *http, const char *listen_on, int *out, struct error *err)
{
	union address address;
	int on = 1, receive = RECEIVE;
	if (!read_address(listen_on, http->listen_host, &address))
		return error_set(err, ERROR_INVALID,
			"listen: %.100s is not HOST:PORT with a numeric address or localhost", listen_on);
	http->loopback = is_loopback(&address);
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return close_with(fd, err, ERROR_RETRY, "make a socket for", listen_on);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* What waits in the kernel counts as the agent's memory, too, for each connection. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
	if (bind(fd, &address.any, size_of(&address)) < 0 || listen(fd, BACKLOG) < 0)
		return close_with(fd, err, errno == EADDRINUSE ? ERROR_CONFLICT : ERROR_INVALID, "listen on",
			listen_on);
	remember_address(http, fd);
	*out = fd;
	return true;
}

/* ---- the Unix socket ---- */

/* What a killed agent left behind may go: a socket of our own that nobody answers on. */
static bool clear_socket(const struct sockaddr_un *address, struct error *err)
{
	struct stat file;
	if (lstat(address->sun_path, &file) < 0)
		return errno == ENOENT || close_with(-1, err, ERROR_INVALID, "look at", address->sun_path);
	if (!S_ISSOCK(file.st_mode) || file.st_uid != geteuid())
		return error_set(
			err, ERROR_CONFLICT, "%s is in the way: it is no socket of ours", address->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool answered = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
	if (fd >= 0)
		close(fd);
	if (answered)
		return error_set(err, ERROR_CONFLICT, "another agent answers on %s", address->sun_path);
	if (unlink(address->sun_path) < 0)
		return close_with(-1, err, ERROR_INVALID, "remove", address->sun_path);
	return true;
}

static bool open_local(const char *path, int *out, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, ERROR_INVALID,
			"the socket's path is longer than %zu bytes: %s: choose a shorter state folder",
			sizeof(address.sun_path) - 1, path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (!clear_socket(&address, err))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return close_with(fd, err, ERROR_RETRY, "make", path);
	/* Nobody can connect between bind and listen, so the mode is right before the first guest. */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0600) < 0 ||
		listen(fd, BACKLOG) < 0)
		return close_with(
			fd, err, errno == EADDRINUSE ? ERROR_CONFLICT : ERROR_INVALID, "listen on", path);
	*out = fd;
	return true;
}

/* ---- the loop ---- */

static void on_tcp_request(struct evhttp_request *request, void *http)
{
	http_route(request, http, false);
}

static void on_local_request(struct evhttp_request *request, void *http)
{
	http_route(request, http, true);
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	http_connections_sweep(context);
	http_events_poll(context);
	http_manifests_poll(context);
}

static void on_push(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	http_events_push(context);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	struct http *http = context;
	uint64_t count;
	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	if (atomic_load(&http->stopping)) {
		event_base_loopbreak(http->base);
	} else {
		http_events_notify(http);
		http_manifests_poll(http);
	}
}

static void *run(void *context)
{
	struct http *http = context;
	sigset_t all; /* a write to a guest who left must not raise SIGPIPE */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	event_base_dispatch(http->base);
	return NULL;
}

/* Every method is allowed here and refused by route.c, which says what the path takes. */
static bool serve(struct http *http, struct http_door *door, int fd,
	void (*handle)(struct evhttp_request *, void *), struct error *err)
{
	struct evhttp *server = evhttp_new(http->base);
	door->server = server;
	if (!server)
		return error_set(err, ERROR_RETRY, "cannot start the HTTP server: out of memory");
	evhttp_set_allowed_methods(server,
		EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
			EVHTTP_REQ_PATCH | EVHTTP_REQ_OPTIONS);
	evhttp_set_max_headers_size(server, LIMIT_HTTP_HEADERS);
	evhttp_set_max_body_size(server, LIMIT_HTTP_BODY);
	evhttp_set_bevcb(
		server, door == &http->local ? http_connection_open_local : http_connection_open, http);
	evhttp_set_gencb(server, handle, http);
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(server, fd);
	if (!bound)
		return error_set(err, ERROR_RETRY, "cannot watch the listening socket");
	door->listener = evhttp_bound_socket_get_listener(bound);
	return true;
}

void http_listen(struct http *http, bool on)
{
	int (*change)(struct evconnlistener *) = on ? evconnlistener_enable : evconnlistener_disable;
	if (http->tcp.listener)
		change(http->tcp.listener);
	if (http->local.listener)
		change(http->local.listener);
}

static bool prepare_loop(struct http *http, struct error *err)
{
	struct timeval interval = {.tv_usec = HTTP_SWEEP_MILLISECONDS * 1000};
	http->base = event_base_new();
	http->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!http->base || http->wake < 0)
		return error_set(err, ERROR_RETRY, "cannot start the HTTP loop: %s", strerror(errno));
	http->sweep = event_new(http->base, -1, EV_PERSIST, on_sweep, http);
	http->push = event_new(http->base, -1, 0, on_push, http);
	http->wake_event = event_new(http->base, http->wake, EV_READ | EV_PERSIST, on_wake, http);
	if (!http->sweep || !http->push || !http->wake_event || event_add(http->sweep, &interval) < 0 ||
		event_add(http->wake_event, NULL) < 0)
		return error_set(err, ERROR_RETRY, "cannot start the HTTP loop: out of memory");
	return true;
}

static bool open_doors(struct http *http, const struct http_options *options, struct error *err)
{
	int fd = -1;
	if (options->listen && *options->listen) {
		if (!open_tcp(http, options->listen, &fd, err))
			return false;
		if (!serve(http, &http->tcp, fd, on_tcp_request, err)) {
			close(fd);
			return false;
		}
	}
	if (options->socket) {
		if (!open_local(options->socket, &fd, err))
			return false;
		struct stat made;
		http->socket = memory_copy(options->socket);
		http->socket_inode = stat(options->socket, &made) == 0 ? made.st_ino : 0;
		if (!serve(http, &http->local, fd, on_local_request, err)) {
			close(fd);
			return false;
		}
	}
	return true;
}

/* A token that cannot serve is a mistake to hear of at the start, not with the first request. A missing file is none: its
   Secret may be made after us, and until then nobody is let in. */
static bool check_token(const struct http_options *options, struct error *err)
{
	CLEANUP(secret_done) struct secret token = {0};
	if (!options->token_file)
		return true;
	if (!secret_read_private(&token, options->token_file, true, err)) {
		if (err->kind != ERROR_MISSING)
			return false;
		log_warning("the API over TCP refuses everything until its token file is there", "file",
			options->token_file, NULL);
		return true;
	}
	if (token.length < HTTP_TOKEN_BYTES)
		return error_set(err, ERROR_INVALID, "the API token in %s is shorter than %d bytes",
			options->token_file, HTTP_TOKEN_BYTES);
	return true;
}

bool http_start(const struct http_options *options, const struct http_agent *agent, struct http **out,
	struct error *err)
{
	if (!check_token(options, err))
		return false;
	struct http *http = memory_alloc(sizeof(*http));
	*http = (struct http){.agent = *agent, .wake = -1, .webhook = options->webhook};
	TAILQ_INIT(&http->connections.list);
	TAILQ_INIT(&http->streams);
	TAILQ_INIT(&http->waiters);
	http->started = clock_now();
	http->state = memory_copy(options->state);
	http->token_file = memory_copy(options->token_file);
	if (!prepare_loop(http, err) || !open_doors(http, options, err) ||
		!http_clusters_start(http, options->clusters, err)) {
		http_stop(http);
		return false;
	}
	http->running = pthread_create(&http->thread, NULL, run, http) == 0;
	if (!http->running) {
		http_stop(http);
		return error_set(err, ERROR_RETRY, "cannot start the HTTP thread");
	}
	*out = http;
	return true;
}

static void wake(struct http *http)
{
	uint64_t one = 1;
	if (write(http->wake, &one, sizeof(one)) < 0)
		return; /* the counter is full: the loop will wake up anyway */
}

void http_notify(struct http *http)
{
	if (http)
		wake(http);
}

static void free_loop(struct http *http)
{
	if (http->tcp.server)
		evhttp_free(http->tcp.server);
	if (http->local.server)
		evhttp_free(http->local.server);
	http_connections_done(http);
	if (http->sweep)
		event_free(http->sweep);
	if (http->push)
		event_free(http->push);
	if (http->wake_event)
		event_free(http->wake_event);
	if (http->base)
		event_base_free(http->base);
	if (http->wake >= 0)
		close(http->wake);
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	if (http->running) {
		atomic_store(&http->stopping, true);
		wake(http);
		pthread_join(http->thread, NULL);
	}
	http_clusters_stop(http);
	free_loop(http);
	struct stat there;
	if (http->socket && stat(http->socket, &there) == 0 && there.st_ino == http->socket_inode)
		unlink(http->socket);
	store_close(http->store);
	free(http->socket);
	free(http->state);
	free(http->token_file);
	free(http);
}

const char *http_address(const struct http *http)
{
	return http->address;
}
