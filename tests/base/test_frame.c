#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/frame.h"

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

/* What a child is to read is read from the beginning. */
static void a_file_of_messages_is_read_from_its_beginning(void **state)
{
	(void)state;
	struct error err;
	int fd;
	CLEANUP(frame_done) struct frame_reader reader = FRAME_READER(100);
	assert_true(frame_file(&fd, &err));
	assert_true(frame_file_done(fd, frame_write(fd, "hello", 5, &err), &err));
	assert_true(frame_read(fd, &reader, &err));
	assert_string_equal(buf_string(&reader.body), "hello");
	close(fd);
}

/* Whoever takes over the child has this descriptor, and its memory is the agent's. */
static void a_file_for_a_child_cannot_be_changed_or_grown(void **state)
{
	(void)state;
	struct error err;
	int fd;
	assert_true(frame_file(&fd, &err));
	assert_true(frame_file_done(fd, frame_write(fd, "hello", 5, &err), &err));
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(pwrite(fd, "x", 1, 4096), -1);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, 0), -1);
	close(fd);
}

static void a_file_that_was_not_written_is_closed_and_its_error_stays(void **state)
{
	(void)state;
	struct error err;
	int fd;
	assert_true(frame_file(&fd, &err));
	error_set(&err, ERROR_RETRY, "cannot write");
	assert_false(frame_file_done(fd, false, &err));
	assert_string_equal(err.text, "cannot write");
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_whole_whatever_the_pieces),
		cmocka_unit_test(a_length_beyond_the_maximum_fails_before_any_byte_is_kept),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_file_of_messages_is_read_from_its_beginning),
		cmocka_unit_test(a_file_for_a_child_cannot_be_changed_or_grown),
		cmocka_unit_test(a_file_that_was_not_written_is_closed_and_its_error_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
