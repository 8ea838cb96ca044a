#include "agent/commands/cluster_tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/say.h"

enum { PIECE = 65536, WAIT_MILLISECONDS = 5000, POLLED = 2 + 2 * TUNNEL_CONNECTIONS };

/* ---- the end here ---- */

static bool listen_here(struct tunnel *tunnel, struct error *err)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(here);
	tunnel->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (tunnel->listener < 0 || bind(tunnel->listener, (struct sockaddr *)&here, sizeof(here)) != 0 ||
		listen(tunnel->listener, TUNNEL_CONNECTIONS) != 0 ||
		getsockname(tunnel->listener, (struct sockaddr *)&here, &size) != 0)
		return error_set(
			err, ERROR_RETRY, "no port of 127.0.0.1 can be listened at: %s", strerror(errno));
	tunnel->port = ntohs(here.sin_port);
	return true;
}

/* Whose socket is at this port of loopback and leads to ours? -1 = the kernel does not say. */
static long owner_of(int port, int ours)
{
	char line[512];
	long owner = -1;
	FILE *file = fopen("/proc/self/net/tcp", "re");
	while (file && owner < 0 && fgets(line, sizeof(line), file)) {
		unsigned local, local_port, remote, remote_port;
		unsigned long uid;
		if (sscanf(line, " %*u: %8x:%4x %8x:%4x %*x %*x:%*x %*x:%*x %*x %lu", &local, &local_port,
			    &remote, &remote_port, &uid) == 5 &&
			local == htonl(INADDR_LOOPBACK) && local_port == (unsigned)port &&
			remote_port == (unsigned)ours)
			owner = (long)uid;
	}
	if (file)
		fclose(file);
	return owner;
}

static bool is_own(const struct tunnel *tunnel, int fd)
{
	struct sockaddr_in peer = {0};
	socklen_t size = sizeof(peer);
	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
		owner_of(ntohs(peer.sin_port), tunnel->port) == (long)geteuid();
}

/* ---- connections ---- */

static void end_connection(struct tunnel_connection *connection)
{
	if (connection->local >= 0)
		close(connection->local);
	port_forward_close(connection->forward);
	*connection = (struct tunnel_connection){.local = -1};
}

static struct tunnel_connection *free_place(struct tunnel *tunnel)
{
	for (size_t i = 0; i < COUNT_OF(tunnel->connections); i++)
		if (!tunnel->connections[i].forward)
			return &tunnel->connections[i];
	return NULL;
}

static void tell(const struct tunnel *tunnel, const struct error *err)
{
	say(stderr, "pgitops: %s, port %d: %s\n", tunnel->target.pod, tunnel->target.port, err->text);
}

static bool open_way(struct tunnel *tunnel, struct port_forward **forward, struct error *err)
{
	struct kube_config fresh = {0};
	if (port_forward_open(tunnel->config, &tunnel->target, forward, err))
		return true;
	if (err->kind != ERROR_DENIED || !tunnel->renew || !tunnel->renew(tunnel->context, &fresh, err)) {
		kube_config_done(&fresh);
		return false;
	}
	kube_config_done(&tunnel->renewed);
	tunnel->renewed = fresh;
	tunnel->config = &tunnel->renewed;
	return port_forward_open(tunnel->config, &tunnel->target, forward, err);
}

static void take_connection(struct tunnel *tunnel)
{
	struct tunnel_connection *place = free_place(tunnel);
	int yes = 1, fd = place ? accept4(tunnel->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
	struct error err;
	if (fd < 0)
		return;
	if (!is_own(tunnel, fd)) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	struct port_forward *forward = tunnel->first;
	tunnel->first = NULL;
	if (!forward && !open_way(tunnel, &forward, &err)) {
		tell(tunnel, &err);
		close(fd);
		return;
	}
	*place = (struct tunnel_connection){.local = fd, .forward = forward};
}

/* From the program to the pod. False = the program has ended this connection. */
static bool read_local(struct tunnel_connection *connection)
{
	char bytes[PIECE];
	while (!port_forward_is_full(connection->forward)) {
		ssize_t count = read(connection->local, bytes, sizeof(bytes));
		if (count > 0)
			port_forward_give(connection->forward, bytes, (size_t)count);
		else
			return count < 0 && (errno == EAGAIN || errno == EINTR);
	}
	return true;
}

/* From the pod to the program. */
static bool write_local(struct tunnel_connection *connection)
{
	const struct buf *received = port_forward_received(connection->forward);
	while (received->length) {
		ssize_t count = write(connection->local, received->data, received->length);
		if (count < 0)
			return errno == EAGAIN || errno == EINTR;
		port_forward_take(connection->forward, (size_t)count);
	}
	return true;
}

/* The pod's bytes wait for the program: no more are received. */
static bool is_choked(const struct tunnel_connection *connection)
{
	return !(port_forward_events(connection->forward) & POLLIN);
}

/* Both directions as far as they go now; what is over is ended. */
static void serve(const struct tunnel *tunnel, struct tunnel_connection *connection)
{
	struct error err = {.kind = ERROR_NONE};
	bool here = connection->ending || read_local(connection), choked;
	do {
		if (!connection->ending && !port_forward_step(connection->forward, &err)) {
			connection->ending = true;
			if (err.kind != ERROR_NONE)
				tell(tunnel, &err);
		}
		choked = is_choked(connection);
		here = write_local(connection) && here;
		/* What TLS has read already shows at no socket. */
	} while (here && !connection->ending && choked && !is_choked(connection));
	if (!here || (connection->ending && !port_forward_received(connection->forward)->length))
		end_connection(connection);
}

/* ---- until the program ends ---- */

static size_t gather(const struct tunnel *tunnel, int child, struct pollfd fds[POLLED])
{
	size_t count = 0;
	bool room = false;
	fds[count++] = (struct pollfd){.fd = child, .events = POLLIN};
	for (size_t i = 0; i < COUNT_OF(tunnel->connections); i++) {
		const struct tunnel_connection *connection = &tunnel->connections[i];
		if (!connection->forward) {
			room = true;
			continue;
		}
		bool full = port_forward_is_full(connection->forward) || connection->ending;
		bool waiting = port_forward_received(connection->forward)->length;
		fds[count++] = (struct pollfd){.fd = connection->local,
			.events = (short)((full ? 0 : POLLIN) | (waiting ? POLLOUT : 0))};
		if (!connection->ending)
			fds[count++] = (struct pollfd){.fd = port_forward_socket(connection->forward),
				.events = port_forward_events(connection->forward)};
	}
	fds[count++] = (struct pollfd){.fd = room ? tunnel->listener : -1, .events = POLLIN};
	return count;
}

int tunnel_serve(struct tunnel *tunnel, pid_t child)
{
	struct pollfd fds[POLLED];
	int ended = (int)syscall(SYS_pidfd_open, child, 0), status = 0;
	do {
		size_t count = gather(tunnel, ended, fds);
		poll(fds, count, WAIT_MILLISECONDS);
		take_connection(tunnel);
		for (size_t i = 0; i < COUNT_OF(tunnel->connections); i++)
			if (tunnel->connections[i].forward)
				serve(tunnel, &tunnel->connections[i]);
	} while (waitpid(child, &status, WNOHANG) != child);
	if (ended >= 0)
		close(ended);
	return status;
}

bool tunnel_open(struct tunnel *tunnel, struct error *err)
{
	tunnel->listener = -1;
	for (size_t i = 0; i < COUNT_OF(tunnel->connections); i++)
		tunnel->connections[i].local = -1;
	return listen_here(tunnel, err) &&
		port_forward_open(tunnel->config, &tunnel->target, &tunnel->first, err);
}

void tunnel_close(struct tunnel *tunnel)
{
	for (size_t i = 0; i < COUNT_OF(tunnel->connections); i++)
		if (tunnel->connections[i].forward)
			end_connection(&tunnel->connections[i]);
	port_forward_close(tunnel->first);
	if (tunnel->listener > 0)
		close(tunnel->listener);
	kube_config_done(&tunnel->renewed);
}
