/*
 * fuzz_http.c - bytes that reach the agent's port: requests of any form, one behind the other on a connection
 *
 * Sent to a real server, over its Unix socket and, with the first byte odd, to one that wants a token. Whatever comes, what is
 * answered is HTTP with a status, nobody without the token makes the agent act, and the server answers the next one.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/http/http.h"
#include "agent/http/webhook_secrets.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "store/store.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/pgitops-fuzz-http-XXXXXX";
static char paths[2][64];
static struct http *servers[2];
static struct store *store;
static struct webhook_secrets secrets;
static bool acted;

static bool take_request(
	void *context, const struct agent_request *request, int64_t *operation, struct error *err)
{
	(void)context;
	(void)err;
	require(request->kind && request->target && request->by);
	__atomic_store_n(&acted, true, __ATOMIC_SEQ_CST);
	*operation = 17;
	return true;
}

static size_t take_announcement(void *context, const char *const *urls, size_t count, struct error *err)
{
	(void)context;
	(void)urls;
	(void)err;
	require(count > 0);
	abort(); /* no input has the secret */
}

static bool is_fine(void *context, struct error *err)
{
	(void)context;
	(void)err;
	return true;
}

static const struct http_agent agent = {NULL, take_request, take_announcement, is_fine, is_fine};

static void tear_down(void)
{
	struct error err;
	for (size_t i = 0; i < COUNT_OF(servers); i++)
		http_stop(servers[i]);
	store_close(store);
	webhook_secrets_done(&secrets);
	(void)!file_remove_folder(folder, &err);
}

static void set_up(void)
{
	static const char token[] = "0123456789abcdef-token\n", hook[] = "the secret of webhooks";
	struct store_opening how;
	struct error err;
	char token_path[64];
	unsigned char digest[DIGEST_SIZE];
	/* Whatever sets itself up at its first use, OpenSSL above all, ends after tear_down() at the latest. */
	digest_sha256("", 0, digest);
	log_setup(LOG_ERROR, LOG_LOGFMT);
	require(mkdtemp(folder) && store_open(folder, &store, &how, &err));
	snprintf(token_path, sizeof(token_path), "%s/token", folder);
	require(file_replace(token_path, token, sizeof(token) - 1, 0600, &err));
	secret_set(&secrets.common, hook, sizeof(hook) - 1);
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%zu.sock", folder, i);
		const struct http_options options = {i ? "127.0.0.1:0" : NULL, i ? NULL : paths[i], folder,
			i ? token_path : NULL, &secrets, NULL};
		require(http_start(&options, &agent, &servers[i], &err));
	}
	atexit(tear_down);
}

static int connected(bool tcp)
{
	struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (tcp)
		port.sin_port = htons((uint16_t)strtoul(strrchr(http_address(servers[1]), ':') + 1, NULL, 10));
	else
		snprintf(path.sun_path, sizeof(path.sun_path), "%s", paths[0]);
	require(fd >= 0);
	require(connect(fd, tcp ? (struct sockaddr *)&port : (struct sockaddr *)&path,
			tcp ? sizeof(port) : sizeof(path)) == 0);
	return fd;
}

/* Sends all that is taken and reads the first answer's beginning; a stream of events has no end, so no more is waited for. */
static void talk(bool tcp, const uint8_t *data, size_t size, char answer[16])
{
	int fd = connected(tcp);
	size_t sent = 0, got = 0;
	ssize_t moved = 1;
	while (sent < size && (moved = send(fd, data + sent, size - sent, MSG_NOSIGNAL)) > 0)
		sent += (size_t)moved;
	shutdown(fd, SHUT_WR);
	while (got < 15 && (moved = recv(fd, answer + got, 15 - got, 0)) > 0)
		got += (size_t)moved;
	answer[got] = '\0';
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char alive[] = "GET /healthz HTTP/1.0\r\n\r\n";
	char answer[16];
	if (!store)
		set_up();
	if (!size)
		return 0;
	bool tcp = data[0] & 1;
	__atomic_store_n(&acted, false, __ATOMIC_SEQ_CST);
	talk(tcp, data + 1, size - 1, answer);
	require(!*answer ||
		strncmp(answer, "HTTP/", 5) == 0); /* in the version that was asked in, whatever that is */
	talk(tcp, (const uint8_t *)alive, sizeof(alive) - 1, answer);
	require(strncmp(answer, "HTTP/1.", 7) == 0 && strncmp(answer + 8, " 200", 4) == 0);
	require(!tcp || !__atomic_load_n(&acted, __ATOMIC_SEQ_CST));
	return 0;
}
