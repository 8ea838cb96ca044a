#include "reconcile/postgres/exchange.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/text.h"

enum { PATIENCE = 5000, MESSAGE = 2048, NONCE = 24, SASL = 10, SASL_CONTINUE = 11, ROUNDS = 64 };

/* Both ends of a connection that never leaves this process. */
struct exchange {
	int listener, server;
	char name[64]; /* of the socket, in the abstract name space: "@..." */
	PGconn *client;
};

static void done(struct exchange *exchange)
{
	PQfinish(exchange->client);
	if (exchange->server >= 0)
		close(exchange->server);
	if (exchange->listener >= 0)
		close(exchange->listener);
}

/* libpq appends the port's part to a socket's folder, in the abstract name space, too. */
static bool listen_here(struct exchange *exchange)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char random[SCRAM_NONCE_SIZE];
	if (!scram_nonce(random))
		return false;
	snprintf(exchange->name, sizeof(exchange->name), "@pgitops-%s", random);
	int length = snprintf(
		address.sun_path + 1, sizeof(address.sun_path) - 1, "%s/.s.PGSQL.5432", exchange->name + 1);
	exchange->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return exchange->listener >= 0 &&
		bind(exchange->listener, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0 &&
		listen(exchange->listener, 1) == 0;
}

static bool start_client(struct exchange *exchange, const struct secret *password)
{
	const char *const keywords[] = {"host", "port", "user", "dbname", "password", "sslmode", "gssencmode",
		"channel_binding", "target_session_attrs", "client_encoding", NULL};
	const char *const values[] = {exchange->name, "5432", "-", "-", password->bytes, "disable", "disable",
		"disable", "any", "SQL_ASCII", NULL};
	exchange->client = PQconnectStartParams(keywords, values, 0);
	return exchange->client && PQstatus(exchange->client) != CONNECTION_BAD;
}

/* Only this process may prove anything here. */
static bool take_client(struct exchange *exchange)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	exchange->server = accept4(exchange->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return exchange->server >= 0 &&
		getsockopt(exchange->server, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
		peer.pid == getpid();
}

/* The client goes on until it waits for us. */
static bool drive(struct exchange *exchange)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct pollfd ready = {.fd = PQsocket(exchange->client), .events = POLLIN | POLLOUT};
		PostgresPollingStatusType state = PQconnectPoll(exchange->client);
		if (state == PGRES_POLLING_FAILED)
			return false;
		ready.fd = PQsocket(exchange->client);
		ready.events = state == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
		if (state == PGRES_POLLING_READING && poll(&ready, 1, 0) == 0)
			return true;
		if (poll(&ready, 1, PATIENCE) != 1)
			return false;
	}
	return false;
}

/* What the client sent, whole, for it has sent all before it waits; `kind` is its type, 0 = the startup packet, which has none. */
static bool receive(struct exchange *exchange, char kind, char *body, size_t size)
{
	unsigned char bytes[MESSAGE];
	uint32_t length;
	size_t head = kind ? 5 : 4;
	ssize_t got = recv(exchange->server, bytes, sizeof(bytes), 0);
	if (got < (ssize_t)head || (kind && bytes[0] != (unsigned char)kind))
		return false;
	memcpy(&length, bytes + head - 4, sizeof(length));
	if (ntohl(length) != (size_t)got - (kind ? 1 : 0) || (size_t)got - head >= size)
		return false;
	memcpy(body, bytes + head, (size_t)got - head);
	body[(size_t)got - head] = '\0';
	return true;
}

static bool answer(struct exchange *exchange, uint32_t code, const char *data, size_t length)
{
	unsigned char bytes[MESSAGE];
	uint32_t size = htonl((uint32_t)length + 8), number = htonl(code);
	if (length + 9 > sizeof(bytes))
		return false;
	bytes[0] = 'R';
	memcpy(bytes + 1, &size, 4);
	memcpy(bytes + 5, &number, 4);
	memcpy(bytes + 9, data, length);
	return send(exchange->server, bytes, length + 9, MSG_NOSIGNAL) == (ssize_t)(length + 9);
}

/* "SCRAM-SHA-256", the length of the rest, "n,,n=,r=NONCE": what follows "n,," is signed. */
static const char *client_first(const char *body)
{
	const char *rest = body + strlen("SCRAM-SHA-256") + 1 + 4;
	return strcmp(body, "SCRAM-SHA-256") == 0 && text_starts(rest, "n,,") ? rest + 3 : NULL;
}

/* "r=NONCE,s=SALT,i=ITERATIONS", the nonce continued by ours. */
static bool server_first(const char *first, const struct scram_verifier *verifier, char *text, size_t size)
{
	char random[SCRAM_NONCE_SIZE], salt[4 * ((SCRAM_SALT_MAX + 2) / 3) + 1];
	const char *nonce = strstr(first, ",r=");
	if (!nonce || !scram_nonce(random))
		return false;
	text_base64(verifier->salt, verifier->salt_length, salt);
	int length = snprintf(text, size, "r=%s%s,s=%s,i=%d", nonce + 3, random, salt, verifier->iterations);
	return length > 0 && (size_t)length < size;
}

static bool proof_is_right(
	const char *first, const char *second, const char *last, const struct scram_verifier *verifier)
{
	char signed_text[3 * MESSAGE];
	const char *proof = strstr(last, ",p=");
	if (!proof)
		return false;
	int length = snprintf(
		signed_text, sizeof(signed_text), "%s,%s,%.*s", first, second, (int)(proof - last), last);
	return length > 0 && (size_t)length < sizeof(signed_text) &&
		scram_proves(verifier, signed_text, (size_t)length, proof + 3);
}

static bool play_server(struct exchange *exchange, const struct scram_verifier *verifier)
{
	static const char methods[] = "SCRAM-SHA-256\0";
	char startup[MESSAGE], initial[MESSAGE], second[MESSAGE], last[MESSAGE];
	if (!drive(exchange) || !take_client(exchange) || !drive(exchange) ||
		!receive(exchange, 0, startup, sizeof(startup)) ||
		!answer(exchange, SASL, methods, sizeof(methods)) || !drive(exchange) ||
		!receive(exchange, 'p', initial, sizeof(initial)))
		return false;
	const char *first = client_first(initial);
	return first && server_first(first, verifier, second, sizeof(second)) &&
		answer(exchange, SASL_CONTINUE, second, strlen(second)) && drive(exchange) &&
		receive(exchange, 'p', last, sizeof(last)) && proof_is_right(first, second, last, verifier);
}

bool exchange_proves(const struct secret *password, const struct scram_verifier *verifier)
{
	struct exchange exchange = {.listener = -1, .server = -1};
	bool proved = listen_here(&exchange) && start_client(&exchange, password) &&
		play_server(&exchange, verifier);
	done(&exchange);
	return proved;
}
