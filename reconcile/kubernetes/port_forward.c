#include "reconcile/kubernetes/port_forward.h"

#include <poll.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/http/percent.h"
#include "base/http/upgrade.h"
#include "base/http/websocket.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/access.h"
#include "reconcile/kubernetes/answer.h"

enum {
	DATA = 0,
	REASON = 1,
	PORT_BYTES = 2,
	PIECE = 16384,
	WAITING = 256 * 1024, /* bytes in one direction before more are asked for */
	PING_MILLISECONDS = 30 * 1000,
	CONNECT_SECONDS = 15
};
static const char protocol[] = "v4.channel.k8s.io";

struct port_forward {
	struct transfer *transfer;
	struct websocket websocket;
	struct buf out, in, reason;
	size_t port_left[2]; /* bytes of the port that are still to come on each channel */
	int64_t pinged;
	bool closed; /* the other side says so */
	struct error broken;
};

/* ---- messages ---- */

static void send_frame(struct port_forward *forward, enum websocket_kind kind, const void *bytes, size_t length)
{
	unsigned char mask[4];
	if (getrandom(mask, sizeof(mask), 0) != sizeof(mask))
		error_set(&forward->broken, ERROR_RETRY, "the system gives no random bytes");
	else
		websocket_frame(&forward->out, kind, mask, bytes, length);
}

static void take_channel(struct port_forward *forward, const char *bytes, size_t length)
{
	int channel = (unsigned char)*bytes;
	if (channel != DATA && channel != REASON)
		return;
	bytes++;
	length--;
	size_t *port = &forward->port_left[channel], skip = length < *port ? length : *port;
	*port -= skip;
	buf_append(channel == DATA ? &forward->in : &forward->reason, bytes + skip, length - skip);
}

static void take_message(void *context, enum websocket_kind kind, const char *bytes, size_t length)
{
	struct port_forward *forward = context;
	if (kind == WEBSOCKET_CLOSE)
		forward->closed = true;
	else if (kind == WEBSOCKET_PING)
		send_frame(forward, WEBSOCKET_PONG, bytes, length);
	else if (kind == WEBSOCKET_BINARY && length)
		take_channel(forward, bytes, length);
}

/* ---- its beginning ---- */

/* What the kubelet says (the API server hands it on) is plain text; a page of HTML is of somebody between. */
static void tell_plain_words(const char *path, const struct upgrade_refusal *refusal, struct error *err)
{
	enum { WORDS_BYTES = 300 };
	CLEANUP(memory_freep) char *words = memory_copy(buf_string(&refusal->body));
	words[strcspn(words, "\r\n<")] = '\0';
	text_shorten(words, WORDS_BYTES);
	error_set(err, ERROR_RETRY, "GET %.*s: the answer is HTTP status %d%s%s", (int)strcspn(path, "?"),
		path, refusal->status, *words ? ": " : "", words);
}

/* The API server answers with a Status, and asks for an upgrade where a proxy has taken ours out of the request; a kubelet says a line. */
static bool is_of_proxy(const json_t *body, const struct upgrade_refusal *refusal)
{
	if (!body)
		return !refusal->body.length || *buf_string(&refusal->body) == '<';
	return !text_equal(json_text_at(body, "kind", ""), "Status") ||
		strcasestr(json_text_at(body, "message", ""), "upgrade request required");
}

/* In the words of who refused; a proxy's 403 is no missing right, so that kind is the API server's alone. */
static void tell_refusal(const char *path, const struct upgrade_refusal *refusal, struct error *err)
{
	CLEANUP(json_done) json_t *body = NULL;
	struct error ignored;
	if (!answer_read(buf_string(&refusal->body), refusal->body.length, &body, &ignored))
		body = NULL;
	const struct answer answer = {.method = "GET", .path = path, .status = refusal->status, .body = body};
	if (body)
		answer_failure(&answer, err);
	else
		tell_plain_words(path, refusal, err);
	if (!is_of_proxy(body, refusal))
		return;
	const struct error told = *err;
	error_set(err, ERROR_RETRY,
		"%s; a proxy in front of the API server has to pass WebSockets (Upgrade: websocket), "
		"or the kubeconfig has to name a server past it",
		told.text);
}

static bool open_socket(struct port_forward *forward, struct access *access, const char *path,
	struct buf *rest, struct error *err)
{
	struct upgrade_refusal refusal = UPGRADE_REFUSAL;
	const struct access_transfer wanted = {
		.method = "GET", .path = path, .accept = "*/*", .seconds = CONNECT_SECONDS, .upgrade = true};
	access_prepare(access, forward->transfer, &wanted);
	bool ok = upgrade_run(forward->transfer, protocol, rest, &refusal, err);
	if (!ok && refusal.status)
		tell_refusal(path, &refusal, err);
	else if (!ok)
		error_prefix(err, "%s: GET %.*s", access_server(access), (int)strcspn(path, "?"), path);
	buf_done(&refusal.body);
	return ok;
}

static char *path_of(const struct port_forward_target *target)
{
	CLEANUP(buf_done) struct buf path = BUF(8192);
	buf_text(&path, "/api/v1/namespaces/");
	percent_encode(&path, target->namespace);
	buf_text(&path, "/pods/");
	percent_encode(&path, target->pod);
	buf_printf(&path, "/portforward?ports=%d", target->port);
	return memory_copy(buf_string(&path));
}

bool port_forward_open(const struct kube_config *config, const struct port_forward_target *target,
	struct port_forward **forward, struct error *err)
{
	struct port_forward *made = memory_alloc(sizeof(*made));
	*made = (struct port_forward){.transfer = transfer_new(),
		.websocket = WEBSOCKET(LIMIT_WEBSOCKET_MESSAGE),
		.out = BUF(4 * WAITING),
		.in = BUF(WAITING + 2 * LIMIT_WEBSOCKET_MESSAGE),
		.reason = BUF(LIMIT_WEBSOCKET_MESSAGE),
		.port_left = {PORT_BYTES, PORT_BYTES},
		.pinged = clock_steady()};
	CLEANUP(buf_done) struct buf rest = BUF(LIMIT_WEBSOCKET_MESSAGE);
	CLEANUP(memory_freep) char *path = path_of(target);
	struct access *access = access_new(config);
	bool ok = open_socket(made, access, path, &rest, err) &&
		websocket_feed(&made->websocket, buf_string(&rest), rest.length, take_message, made, err);
	access_free(access);
	if (ok)
		*forward = made;
	else
		port_forward_close(made);
	return ok;
}

void port_forward_close(struct port_forward *forward)
{
	struct error ignored;
	if (!forward)
		return;
	if (transfer_socket(forward->transfer) >= 0 && !forward->closed) {
		send_frame(forward, WEBSOCKET_CLOSE, "\003\350", 2); /* 1000: done */
		(void)!port_forward_step(forward, &ignored);
	}
	transfer_free(forward->transfer);
	websocket_done(&forward->websocket);
	buf_wipe(&forward->out);
	buf_wipe(&forward->in);
	buf_done(&forward->reason);
	memory_freep(&forward);
}

/* ---- its life ---- */

int port_forward_socket(const struct port_forward *forward)
{
	return transfer_socket(forward->transfer);
}

static bool is_choked(const struct port_forward *forward)
{
	return forward->in.length >= WAITING;
}

short port_forward_events(const struct port_forward *forward)
{
	return (short)((is_choked(forward) ? 0 : POLLIN) | (forward->out.length ? POLLOUT : 0));
}

static void drop(struct buf *buf, size_t count)
{
	memmove(buf->data, buf->data + count, buf->length - count);
	buf->length -= count;
}

static bool send_some(struct port_forward *forward)
{
	while (forward->out.length) {
		ssize_t sent = transfer_send(forward->transfer, forward->out.data, forward->out.length);
		if (sent <= 0)
			return sent == 0;
		drop(&forward->out, (size_t)sent);
	}
	return true;
}

static bool receive_some(struct port_forward *forward, struct error *err)
{
	char bytes[PIECE];
	ssize_t received = 1;
	while (received > 0 && !is_choked(forward) && !forward->closed) {
		received = transfer_receive(forward->transfer, bytes, sizeof(bytes));
		if (received > 0 &&
			!websocket_feed(
				&forward->websocket, bytes, (size_t)received, take_message, forward, err))
			return false;
	}
	forward->closed |= received < 0;
	return true;
}

bool port_forward_step(struct port_forward *forward, struct error *err)
{
	*err = forward->broken;
	if (clock_steady() - forward->pinged > PING_MILLISECONDS) {
		forward->pinged = clock_steady();
		send_frame(forward, WEBSOCKET_PING, "", 0);
	}
	if (err->kind != ERROR_NONE || !receive_some(forward, err))
		return false;
	if (forward->reason.length)
		return error_set(err, ERROR_RETRY, "%s", buf_string(&forward->reason));
	if (buf_failed(&forward->out) || buf_failed(&forward->in))
		return error_set(err, ERROR_BUG, "more bytes were given than were asked for");
	return send_some(forward) && !forward->closed;
}

bool port_forward_is_full(const struct port_forward *forward)
{
	return forward->out.length >= WAITING;
}

void port_forward_give(struct port_forward *forward, const void *bytes, size_t length)
{
	const char *from = bytes;
	while (length) {
		char message[PIECE + 1] = {DATA};
		size_t part = length < PIECE ? length : PIECE;
		memcpy(message + 1, from, part);
		send_frame(forward, WEBSOCKET_BINARY, message, part + 1);
		from += part;
		length -= part;
	}
}

const struct buf *port_forward_received(const struct port_forward *forward)
{
	return &forward->in;
}

void port_forward_take(struct port_forward *forward, size_t count)
{
	drop(&forward->in, count);
}
