#include "base/http/websocket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/digest.h"
#include "base/text.h"

enum {
	HEAD_MOST = 65536,
	FINAL = 0x80,
	RESERVED = 0x70,
	MASKED = 0x80,
	CONTROL = 8,
	CONTROL_MOST = 125,
	LENGTH_16 = 126,
	LENGTH_64 = 127
};

static const char unique[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */

bool websocket_key(char key[WEBSOCKET_KEY_SIZE], struct error *err)
{
	unsigned char bytes[16];
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return error_set(err, ERROR_RETRY, "the system gives no random bytes");
	text_base64(bytes, sizeof(bytes), key);
	return true;
}

/* ---- the head ---- */

/* The value of a header line, without blanks around it; NULL = the line is another one. */
static const char *value_of(const char *line, size_t length, const char *name, size_t *value_length)
{
	size_t skip = strlen(name);
	if (length <= skip || line[skip] != ':' || strncasecmp(line, name, skip) != 0)
		return NULL;
	for (skip++; skip < length && (line[skip] == ' ' || line[skip] == '\t');)
		skip++;
	while (length > skip && (line[length - 1] == ' ' || line[length - 1] == '\t'))
		length--;
	*value_length = length - skip;
	return line + skip;
}

struct heading {
	bool accepted, chosen;
	char accept[32];
	const char *protocol;
	struct websocket_head *head;
};

static bool is_value(const char *value, size_t length, const char *wanted)
{
	return length == strlen(wanted) && strncmp(value, wanted, length) == 0;
}

static void take_line(struct heading *heading, const char *line, size_t length)
{
	size_t size;
	char number[20];
	const char *value = value_of(line, length, "Sec-WebSocket-Accept", &size);
	if (value)
		heading->accepted = is_value(value, size, heading->accept);
	value = value_of(line, length, "Sec-WebSocket-Protocol", &size);
	if (value)
		heading->chosen = is_value(value, size, heading->protocol);
	value = value_of(line, length, "Transfer-Encoding", &size);
	if (value)
		heading->head->chunked = is_value(value, size, "chunked");
	value = value_of(line, length, "Content-Length", &size);
	if (value && size && size < sizeof(number) - 1) {
		memcpy(number, value, size);
		number[size] = '\0';
		if (!number[strspn(number, "0123456789")])
			heading->head->body = strtoll(number, NULL, 10);
	}
}

static bool take_status(const char *line, size_t length, int *status)
{
	static const char start[] = "HTTP/1.1 ";
	size_t skip = strlen(start);
	if (length < skip + 3 || strncmp(line, start, skip) != 0)
		return false;
	*status = 0;
	for (size_t i = skip; i < skip + 3; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		*status = *status * 10 + line[i] - '0';
	}
	return true;
}

static void expect(struct heading *heading, const char *key)
{
	char text[WEBSOCKET_KEY_SIZE + sizeof(unique)];
	unsigned char digest[DIGEST_SHA1_SIZE];
	int length = snprintf(text, sizeof(text), "%s%s", key, unique);
	digest_sha1(text, (size_t)length, digest);
	text_base64(digest, sizeof(digest), heading->accept);
}

bool websocket_head_read(const char *bytes, size_t length, const char *key, const char *protocol,
	struct websocket_head *head, struct error *err)
{
	struct websocket_head found = {.body = -1};
	struct heading heading = {.protocol = protocol, .head = &found};
	const char *end = length ? memmem(bytes, length, "\r\n\r\n", 4) : NULL;
	if (!end && length > HEAD_MOST)
		return error_set(err, ERROR_RETRY, "the head of the answer is over %d bytes", HEAD_MOST);
	*head = found;
	if (!end)
		return true;
	expect(&heading, key);
	found.length = (size_t)(end - bytes) + 4;
	for (const char *line = bytes; line <= end; line += 2) {
		const char *stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
		size_t size = (size_t)((stop ? stop : end) - line);
		if (line == bytes && !take_status(line, size, &found.status))
			return error_set(err, ERROR_RETRY, "the answer is not of HTTP/1.1");
		take_line(&heading, line, size);
		line += size;
	}
	if (found.status == 101 && !heading.accepted)
		return error_set(err, ERROR_RETRY, "the answer is to another request (Sec-WebSocket-Accept)");
	if (found.status == 101 && !heading.chosen)
		return error_set(err, ERROR_INVALID, "the server does not speak %s", protocol);
	*head = found;
	return true;
}

/* ---- frames ---- */

void websocket_done(struct websocket *websocket)
{
	buf_done(&websocket->message);
	buf_done(&websocket->control);
}

/* Bytes of the header, as far as it tells. */
static size_t header_wanted(const struct websocket *websocket)
{
	int length = websocket->header_length < 2 ? 0 : websocket->header[1] & 0x7f;
	return 2 + (length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0);
}

static bool is_control(const struct websocket *websocket)
{
	return websocket->header[0] & CONTROL;
}

static const char *mistake(const struct websocket *websocket)
{
	int kind = websocket->header[0] & 0x0f;
	bool final = websocket->header[0] & FINAL, known = kind <= WEBSOCKET_BINARY;
	if (websocket->header[0] & RESERVED)
		return "a frame has reserved bits";
	if (websocket->header[1] & MASKED)
		return "a frame is masked";
	if (is_control(websocket) && (kind > WEBSOCKET_PONG || !final || websocket->left > CONTROL_MOST))
		return "a control frame is of no known kind, in parts, or too long";
	if (!is_control(websocket) && (!known || (kind == 0) != (websocket->kind != 0)))
		return "a frame is of no known kind, or goes on with nothing";
	if (!is_control(websocket) && websocket->left > websocket->message.maximum - websocket->message.length)
		return "a message is too long";
	return NULL;
}

static bool begin(struct websocket *websocket, struct error *err)
{
	size_t size = websocket->header_length;
	websocket->left = websocket->header[1] & 0x7f;
	if (size > 2)
		websocket->left = 0;
	for (size_t i = 2; i < size; i++)
		websocket->left = websocket->left << 8 | websocket->header[i];
	const char *wrong = mistake(websocket);
	if (wrong)
		return error_set(err, ERROR_RETRY, "the server's WebSocket cannot be read: %s", wrong);
	if (!is_control(websocket) && !websocket->kind)
		websocket->kind = websocket->header[0] & 0x0f;
	websocket->inside = true;
	return true;
}

static void end_frame(struct websocket *websocket, websocket_message *tell, void *context)
{
	int kind = websocket->header[0] & 0x0f;
	struct buf *whole = is_control(websocket) ? &websocket->control : &websocket->message;
	websocket->inside = false;
	websocket->header_length = 0;
	if (!(websocket->header[0] & FINAL))
		return;
	tell(context, (enum websocket_kind)(is_control(websocket) ? kind : websocket->kind),
		buf_string(whole), whole->length);
	buf_clear(whole);
	if (whole == &websocket->message)
		websocket->kind = 0;
}

bool websocket_feed(struct websocket *websocket, const char *bytes, size_t length, websocket_message *tell,
	void *context, struct error *err)
{
	while (length || (websocket->inside && !websocket->left)) {
		if (!websocket->inside) {
			websocket->header[websocket->header_length++] = (unsigned char)*bytes++;
			length--;
			if (websocket->header_length < 2 || websocket->header_length < header_wanted(websocket))
				continue;
			if (!begin(websocket, err))
				return false;
		}
		size_t taken = length < websocket->left ? length : (size_t)websocket->left;
		buf_append(is_control(websocket) ? &websocket->control : &websocket->message, bytes, taken);
		bytes += taken;
		length -= taken;
		websocket->left -= taken;
		if (!websocket->left)
			end_frame(websocket, tell, context);
	}
	return true;
}

void websocket_frame(struct buf *out, enum websocket_kind kind, const unsigned char mask[4],
	const void *bytes, size_t length)
{
	const unsigned char *from = bytes;
	buf_char(out, (char)(FINAL | (int)kind));
	if (length <= CONTROL_MOST) {
		buf_char(out, (char)(MASKED | (int)length));
	} else {
		bool wide = length > 0xffff;
		buf_char(out, (char)(MASKED | (wide ? LENGTH_64 : LENGTH_16)));
		for (int shift = wide ? 56 : 8; shift >= 0; shift -= 8)
			buf_char(out, (char)((uint64_t)length >> shift & 0xff));
	}
	buf_append(out, mask, 4);
	for (size_t i = 0; i < length; i++)
		buf_char(out, (char)(from[i] ^ mask[i % 4]));
}
