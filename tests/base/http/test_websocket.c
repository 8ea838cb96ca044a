#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/http/websocket.h"

/* The example of RFC 6455, 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
static const char answer[] =
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	"sec-websocket-accept:  " ACCEPT " \r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n";

static void a_head_is_whole_with_its_empty_line(void **state)
{
	struct websocket_head head;
	struct error err;
	(void)state;
	for (size_t length = 0; length < strlen(answer); length++) {
		assert_true(websocket_head_read(answer, length, KEY, "v4.channel.k8s.io", &head, &err));
		assert_int_equal(head.length, 0);
	}
	assert_true(websocket_head_read(answer, sizeof(answer) - 1, KEY, "v4.channel.k8s.io", &head, &err));
	assert_int_equal(head.length, strlen(answer));
	assert_int_equal(head.status, 101);
	assert_int_equal(head.body, -1);
}

static void another_key_or_protocol_is_refused(void **state)
{
	struct websocket_head head;
	struct error err;
	(void)state;
	assert_false(websocket_head_read(
		answer, strlen(answer), "AAAAAAAAAAAAAAAAAAAAAA==", "v4.channel.k8s.io", &head, &err));
	assert_non_null(strstr(err.text, "Sec-WebSocket-Accept"));
	assert_false(websocket_head_read(answer, strlen(answer), KEY, "v5.channel.k8s.io", &head, &err));
	assert_string_equal(err.text, "the server does not speak v5.channel.k8s.io");
}

static void a_refusal_has_its_status_and_length(void **state)
{
	static const char refused[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 17\r\n\r\n{\"kind\":";
	static const char *const broken[] = {
		"HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "\r\n\r\n", "HTTP/2 200\r\n\r\n"};
	struct websocket_head head;
	struct error err;
	(void)state;
	assert_true(websocket_head_read(refused, strlen(refused), KEY, "p", &head, &err));
	assert_int_equal(head.status, 403);
	assert_int_equal(head.body, 17);
	assert_string_equal(refused + head.length, "{\"kind\":");
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_false(websocket_head_read(broken[i], strlen(broken[i]), KEY, "p", &head, &err));
}

static void write_down(void *context, enum websocket_kind kind, const char *bytes, size_t length)
{
	struct buf *out = context;
	buf_printf(out, "%d:%.*s|", (int)kind, (int)length, bytes);
}

/* All messages, fed in pieces of `piece` bytes; "!" where it ends with an error. */
static void collect(const char *bytes, size_t size, size_t piece, struct buf *out)
{
	struct websocket websocket = WEBSOCKET(300);
	struct error err;
	bool ok = true;
	for (size_t at = 0; ok && at < size; at += piece)
		ok = websocket_feed(
			&websocket, bytes + at, size - at < piece ? size - at : piece, write_down, out, &err);
	if (!ok)
		buf_char(out, '!');
	websocket_done(&websocket);
}

static void is_read_as(const char *bytes, size_t size, const char *expected)
{
	for (size_t piece = 1; piece <= size; piece++) {
		CLEANUP(buf_done) struct buf out = BUF(4096);
		collect(bytes, size, piece, &out);
		assert_string_equal(buf_string(&out), expected);
	}
}
#define READ_AS(bytes, expected) is_read_as(bytes, sizeof(bytes) - 1, expected)

static void frames_come_out_whole_whatever_the_pieces(void **state)
{
	char longer[4 + 200] = "\x82\x7e\0\xc8";
	char expected[300];
	(void)state;
	READ_AS("\x82\5hello\x81\0\x82\1x", "2:hello|1:|2:x|");
	READ_AS("\2\2ab\x89\1p\0\0\x80\2cd\x88\0", "9:p|2:abcd|8:|"); /* a control frame within a message */
	memset(longer + 4, 'y', 200);
	snprintf(expected, sizeof(expected), "2:%.200s|", longer + 4);
	is_read_as(longer, sizeof(longer), expected);
	READ_AS("\x82\x7f\0\0\0\0\0\0\0\2ab", "2:ab|");
}

static void what_no_server_sends_ends_it(void **state)
{
	(void)state;
	READ_AS("\x82\1x\xc2\1y", "2:x|!"); /* reserved bits */
	READ_AS("\x82\x81"
		"abcdx",
		"!");                   /* masked */
	READ_AS("\x83\1x", "!");        /* no known kind */
	READ_AS("\x8b\1x", "!");        /* no known control kind */
	READ_AS("\x80\1x", "!");        /* goes on with nothing */
	READ_AS("\2\1x\x82\1y", "!");   /* another message within one */
	READ_AS("\x09\1x", "!");        /* a control frame in parts */
	READ_AS("\x89\x7e\0\x7e", "!"); /* and a long one */
	READ_AS("\x82\x7e\1\x2d", "!"); /* 301 bytes of 300 */
	READ_AS("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "!");
}

/* As a server takes it: masked, the shortest length. */
static void is_written(size_t length, const char *header, size_t header_length)
{
	static const unsigned char mask[4] = {1, 2, 3, 4};
	CLEANUP(buf_done) struct buf out = BUF(200000), payload = BUF(200000);
	for (size_t i = 0; i < length; i++)
		buf_char(&payload, (char)i);
	websocket_frame(&out, WEBSOCKET_BINARY, mask, buf_string(&payload), length);
	assert_int_equal(out.length, header_length + 4 + length);
	assert_memory_equal(out.data, header, header_length);
	assert_memory_equal(out.data + header_length, mask, 4);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(
			(unsigned char)out.data[header_length + 4 + i], (unsigned char)i ^ mask[i % 4]);
}

static void what_is_sent_is_masked(void **state)
{
	(void)state;
	is_written(0, "\x82\x80", 2);
	is_written(125, "\x82\xfd", 2);
	is_written(126, "\x82\xfe\0\x7e", 4);
	is_written(65535, "\x82\xfe\xff\xff", 4);
	is_written(65536, "\x82\xff\0\0\0\0\0\1\0\0", 10);
}

static void keys_are_sixteen_bytes_and_differ(void **state)
{
	char one[WEBSOCKET_KEY_SIZE], other[WEBSOCKET_KEY_SIZE];
	struct error err;
	(void)state;
	assert_true(websocket_key(one, &err) && websocket_key(other, &err));
	assert_int_equal(strlen(one), 24);
	assert_string_not_equal(one, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_whole_with_its_empty_line),
		cmocka_unit_test(another_key_or_protocol_is_refused),
		cmocka_unit_test(a_refusal_has_its_status_and_length),
		cmocka_unit_test(frames_come_out_whole_whatever_the_pieces),
		cmocka_unit_test(what_no_server_sends_ends_it),
		cmocka_unit_test(what_is_sent_is_masked),
		cmocka_unit_test(keys_are_sixteen_bytes_and_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
