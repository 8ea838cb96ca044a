#include "reconcile/source/connecting.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { TRIES = 8 }; /* addresses of one name that are tried */

/* The tries that are under way. */
struct race {
	const struct addrinfo *next;
	struct pollfd fds[TRIES];
	size_t count;
	int reason; /* why the last one failed */
};

/* Begins the next one; it may be done at once. */
static void begin(struct race *race)
{
	const struct addrinfo *address = race->next;
	race->next = address->ai_next;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && (connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS)) {
		race->fds[race->count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
		return;
	}
	race->reason = errno;
	if (fd >= 0)
		close(fd);
}

static void drop(struct race *race, size_t at)
{
	close(race->fds[at].fd);
	race->fds[at] = race->fds[--race->count];
}

/* The first that is connected; those that failed are dropped. */
static int winner(struct race *race)
{
	for (size_t i = race->count; i-- > 0;) {
		int reason = 0;
		socklen_t size = sizeof(reason);
		if (!race->fds[i].revents)
			continue;
		int fd = race->fds[i].fd;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) == 0 && reason == 0) {
			race->fds[i] = race->fds[--race->count];
			return fd;
		}
		race->reason = reason ? reason : errno;
		drop(race, i);
	}
	return -1;
}

static int run(struct race *race)
{
	int64_t end = clock_steady() + CONNECTING_MILLISECONDS, turn = 0;
	int fd = -1;
	while (fd < 0 && (race->next || race->count)) {
		int64_t now = clock_steady();
		if (now >= end) {
			race->reason = ETIMEDOUT;
			break;
		}
		if (race->next && race->count < TRIES && (!race->count || now >= turn)) {
			begin(race);
			turn = now + CONNECTING_STAGGER;
			continue;
		}
		int64_t wait = (race->next && race->count < TRIES && turn < end ? turn : end) - now;
		if (poll(race->fds, race->count, (int)wait) > 0)
			fd = winner(race);
	}
	while (race->count)
		drop(race, 0);
	return fd;
}

int connecting_open(const char *host, int port, struct error *err)
{
	const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses = NULL;
	char service[16];
	snprintf(service, sizeof(service), "%d", port);
	int code = getaddrinfo(host, service, &wanted, &addresses);
	if (code) {
		error_set(err, ERROR_RETRY, "Could not resolve host: %s (%s)", host, gai_strerror(code));
		return -1;
	}
	struct race race = {.next = addresses};
	int fd = run(&race);
	freeaddrinfo(addresses);
	if (fd < 0) {
		error_set(err, ERROR_RETRY, "Failed to connect to %s port %d: %s", host, port,
			strerror(race.reason));
		return -1;
	}
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}
