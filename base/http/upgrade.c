#include "base/http/upgrade.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/http/transfer_parts.h"
#include "base/http/websocket.h"

enum { ANSWER_MILLISECONDS = 15 * 1000, BODY_MILLISECONDS = 2 * 1000, PIECE = 16384 };

int transfer_socket(const struct transfer *transfer)
{
	curl_socket_t socket = CURL_SOCKET_BAD;
	curl_easy_getinfo(transfer->curl, CURLINFO_ACTIVESOCKET, &socket);
	return (int)socket;
}

ssize_t transfer_send(struct transfer *transfer, const void *bytes, size_t length)
{
	size_t sent = 0;
	CURLcode code = curl_easy_send(transfer->curl, bytes, length, &sent);
	return code == CURLE_OK ? (ssize_t)sent : code == CURLE_AGAIN ? 0 : -1;
}

ssize_t transfer_receive(struct transfer *transfer, void *bytes, size_t size)
{
	size_t received = 0;
	CURLcode code = curl_easy_recv(transfer->curl, bytes, size, &received);
	if (code == CURLE_AGAIN)
		return 0;
	return code == CURLE_OK && received ? (ssize_t)received : -1;
}

/* False when the time is over. */
static bool wait_for(const struct transfer *transfer, short events, int64_t end)
{
	struct pollfd ready = {.fd = transfer_socket(transfer), .events = events};
	int64_t left = end - clock_steady();
	return left > 0 && poll(&ready, 1, (int)left) >= 0 && clock_steady() < end;
}

static bool send_all(struct transfer *transfer, const struct buf *text, int64_t end)
{
	for (size_t at = 0; at < text->length;) {
		ssize_t sent = transfer_send(transfer, text->data + at, text->length - at);
		if (sent < 0 || (!sent && !wait_for(transfer, POLLOUT, end)))
			return false;
		at += (size_t)sent;
	}
	return true;
}

static bool receive_more(struct transfer *transfer, struct buf *into, int64_t end)
{
	char bytes[PIECE];
	ssize_t received = transfer_receive(transfer, bytes, sizeof(bytes));
	if (received > 0)
		buf_append(into, bytes, (size_t)received);
	return received > 0 ? !buf_failed(into) : received == 0 && wait_for(transfer, POLLIN, end);
}

/* With the headers that libcurl would have sent: who we are, and as whom we ask. */
static void write_request(
	const struct transfer *transfer, const char *protocol, const char *key, struct buf *out)
{
	char *url = NULL;
	curl_easy_getinfo(transfer->curl, CURLINFO_EFFECTIVE_URL, &url);
	const char *host = url ? strstr(url, "://") : NULL;
	host = host ? host + 3 : "";
	size_t length = strcspn(host, "/");
	buf_printf(out, "GET %s HTTP/1.1\r\nHost: %.*s\r\n", host[length] ? host + length : "/", (int)length,
		host);
	for (const struct curl_slist *at = transfer->headers; at; at = at->next)
		buf_printf(out, "%s\r\n", at->data);
	buf_printf(out,
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
		"Sec-WebSocket-Protocol: %s\r\n\r\n",
		key, protocol);
}

/* RFC 9112, 7.1. False while the last one has not come. */
static bool join_chunks(const char *at, const char *end, struct buf *body)
{
	static const char line_end[] = "\r\n";
	for (;;) {
		const char *line = memmem(at, (size_t)(end - at), line_end, 2);
		size_t size = line ? strtoul(at, NULL, 16) : 0;
		if (!line || (size_t)(end - line) < 4 || size > (size_t)(end - line) - 4)
			return false;
		if (!size)
			return true;
		buf_append(body, line + 2, size);
		at = line + 2 + size + 2;
	}
}

/* `body` is what has come of it. */
static bool is_whole(const struct websocket_head *head, const struct buf *answer, struct buf *body)
{
	const char *bytes = buf_string(answer);
	size_t length = answer->length - head->length;
	buf_clear(body);
	if (head->chunked)
		return join_chunks(bytes + head->length, bytes + answer->length, body);
	buf_append(body, bytes + head->length, length);
	return head->body >= 0 && (int64_t)length >= head->body;
}

/* What a server has to say that does not speak it: why, mostly. */
static void read_refusal(struct transfer *transfer, const struct websocket_head *head, struct buf *rest,
	struct upgrade_refusal *refusal)
{
	int64_t end = clock_steady() + BODY_MILLISECONDS;
	while (!is_whole(head, rest, &refusal->body) && receive_more(transfer, rest, end))
		;
	refusal->status = head->status;
	buf_clear(rest);
}

static bool ask(struct transfer *transfer, const char *protocol, const char *key, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(262144);
	write_request(transfer, protocol, key, &text);
	return send_all(transfer, &text, clock_steady() + ANSWER_MILLISECONDS)
		? true
		: error_set(err, ERROR_RETRY, "the connection ended before the request was sent");
}

static bool shake_hands(struct transfer *transfer, const char *protocol, struct buf *rest,
	struct upgrade_refusal *refusal, struct error *err)
{
	char key[WEBSOCKET_KEY_SIZE];
	struct websocket_head head = {0};
	int64_t end = clock_steady() + ANSWER_MILLISECONDS;
	if (!websocket_key(key, err) || !ask(transfer, protocol, key, err))
		return false;
	while (!head.length) {
		if (!receive_more(transfer, rest, end))
			return error_set(err, ERROR_RETRY, "the connection ended before there was an answer");
		if (!websocket_head_read(buf_string(rest), rest->length, key, protocol, &head, err))
			return false;
	}
	if (head.status != 101) {
		read_refusal(transfer, &head, rest, refusal);
		return error_set(err, ERROR_RETRY, "the answer is HTTP status %d", refusal->status);
	}
	memmove(rest->data, rest->data + head.length, rest->length - head.length);
	rest->length -= head.length;
	return true;
}

bool upgrade_run(struct transfer *transfer, const char *protocol, struct buf *rest,
	struct upgrade_refusal *refusal, struct error *err)
{
	transfer->code = transfer->refused != CURLE_OK ? transfer->refused : curl_easy_perform(transfer->curl);
	enum transfer_end end = transfer_end(transfer);
	bool ok = end == TRANSFER_ANSWERED ||
		error_set(err, end == TRANSFER_UNTRUSTED ? ERROR_DENIED : ERROR_RETRY, "%s",
			transfer_reason(transfer));
	ok = ok && shake_hands(transfer, protocol, rest, refusal, err);
	transfer_wipe(transfer);
	return ok;
}
