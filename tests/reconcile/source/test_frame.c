#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "reconcile/source/frame.h"
#include "reconcile/source/request.h"

/* All messages of a stream, joined with '|', fed in pieces of `piece` bytes. */
static void collect(const char *bytes, size_t size, size_t piece, struct buf *out)
{
	CLEANUP(frame_done) struct frame_reader reader = FRAME_READER(100);
	for (size_t at = 0; at < size;) {
		size_t part = size - at < piece ? size - at : piece;
		size_t taken = frame_feed(&reader, bytes + at, part);
		assert_true(taken <= part);
		at += taken;
		if (reader.failed) {
			buf_text(out, "!");
			return;
		}
		if (reader.ready) {
			buf_append(out, buf_string(&reader.body), reader.body.length);
			buf_char(out, '|');
			frame_next(&reader);
		}
	}
}

static void messages_come_out_whole_whatever_the_pieces(void **state)
{
	static const char stream[] = "\0\0\0\5hello\0\0\0\0\0\0\0\1x";
	(void)state;
	for (size_t piece = 1; piece <= sizeof(stream); piece++) {
		CLEANUP(buf_done) struct buf out = BUF(1000);
		collect(stream, sizeof(stream) - 1, piece, &out);
		assert_string_equal(buf_string(&out), "hello||x|");
	}
}

static void a_length_beyond_the_maximum_fails_before_any_byte_is_kept(void **state)
{
	static const char stream[] = "\0\0\0\145", huge[] = "\377\377\377\377xxxx";
	CLEANUP(buf_done) struct buf out = BUF(1000);
	(void)state;
	collect(stream, 4, 4, &out);
	collect(huge, 8, 1, &out);
	assert_string_equal(buf_string(&out), "!!");
}

static void what_is_written_is_read(void **state)
{
	int ends[2];
	struct error err = {0};
	CLEANUP(frame_done) struct frame_reader reader = FRAME_READER(100);
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(frame_write(ends[1], "one", 3, &err));
	assert_true(frame_write(ends[1], "", 0, &err));
	close(ends[1]);
	assert_true(frame_read(ends[0], &reader, &err));
	assert_string_equal(buf_string(&reader.body), "one");
	frame_next(&reader);
	assert_true(frame_read(ends[0], &reader, &err));
	assert_int_equal(reader.body.length, 0);
	frame_next(&reader);
	assert_false(frame_read(ends[0], &reader, &err));
	close(ends[0]);
}

static void a_request_arrives_as_it_was_asked(void **state)
{
	struct arena *mem = arena_new((size_t)1 << 20);
	struct source_access access = {.username = "ci", .ca = "PEM", .insecure = true};
	const struct source_path paths[] = {
		{"users", {.path = "users", .recurse = true, .exclude = "*.yml"}},
		{"cluster", {.path = "c"}},
	};
	const struct source_request asked = {.url = "https://h/db",
		.revision = "main",
		.folder = "/f",
		.access = &access,
		.paths = paths,
		.path_count = 2,
		.stop = -1};
	struct request_read read;
	struct error err = {0};
	int fd;
	(void)state;
	secret_set(&access.password, "p\0q", 3);
	secret_set(&access.ssh_key, "key", 3);
	assert_true(request_write(&asked, 5000, &fd, &err));
	assert_true(request_read(fd, mem, &read, &err));
	close(fd);
	assert_string_equal(read.request.url, "https://h/db");
	assert_string_equal(read.request.revision, "main");
	assert_null(read.request.known);
	assert_int_equal(read.request.deadline, 5000);
	assert_int_equal(read.parent, getpid());
	assert_int_equal(read.request.path_count, 2);
	assert_string_equal(read.request.paths[0].application, "users");
	assert_true(read.request.paths[0].directory.recurse);
	assert_string_equal(read.request.paths[0].directory.exclude, "*.yml");
	assert_null(read.request.paths[0].directory.include);
	assert_string_equal(read.access.username, "ci");
	assert_true(read.access.insecure);
	assert_int_equal(read.access.password.length, 3);
	assert_memory_equal(read.access.password.bytes, "p\0q", 3);
	assert_string_equal(read.access.ssh_key.bytes, "key");
	assert_null(read.access.bearer.bytes);
	request_done(&read);
	source_access_done(&access);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_whole_whatever_the_pieces),
		cmocka_unit_test(a_length_beyond_the_maximum_fails_before_any_byte_is_kept),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_request_arrives_as_it_was_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
