/*
 * fuzz_websocket.c - what a server, or whoever stands for it, sends to a WebSocket's client: the head of an answer, and frames
 *
 * The first byte says how large the pieces are. Any division into pieces gives the same.
 */
#include <string.h>

#include "base/http/websocket.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MOST = 1000, TOLD_MOST = 1 << 20 };

static void tell(void *context, enum websocket_kind kind, const char *bytes, size_t length)
{
	struct buf *told = context;
	require(length <= MESSAGE_MOST && !bytes[length]);
	require(kind == WEBSOCKET_TEXT || kind == WEBSOCKET_BINARY || length <= 125);
	buf_printf(told, "%d:", (int)kind);
	buf_append(told, bytes, length);
}

static void feed(const char *bytes, size_t size, size_t piece, struct buf *told)
{
	struct websocket websocket = WEBSOCKET(MESSAGE_MOST);
	struct error err;
	bool ok = true;
	for (size_t at = 0; ok && at < size; at += piece)
		ok = websocket_feed(
			&websocket, bytes + at, size - at < piece ? size - at : piece, tell, told, &err);
	buf_char(told, ok ? '.' : '!');
	websocket_done(&websocket);
}

static void read_head(const char *bytes, size_t size)
{
	struct websocket_head head;
	struct error err;
	if (!websocket_head_read(bytes, size, "dGhlIHNhbXBsZSBub25jZQ==", "v4.channel.k8s.io", &head, &err)) {
		require(err.kind != ERROR_NONE);
		return;
	}
	require(head.length <= size);
	require(!head.length || (head.status >= 0 && head.status <= 999 && head.body >= -1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	const char *bytes = (const char *)data + 1;
	size_t piece = data[0] ? data[0] : 1;
	struct buf whole = BUF(TOLD_MOST), parts = BUF(TOLD_MOST);
	read_head(bytes, size - 1);
	feed(bytes, size - 1, size, &whole);
	feed(bytes, size - 1, piece, &parts);
	require(whole.length == parts.length && memcmp(whole.data, parts.data, whole.length) == 0);
	buf_done(&whole);
	buf_done(&parts);
	return 0;
}
