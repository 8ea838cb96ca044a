#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/source/pktline.h"

static bool note(void *context, enum pktline_kind kind, const char *bytes, size_t length, struct error *err)
{
	static const char *const signs[] = {"", "<flush>", "<delimiter>", "<end>"};
	struct buf *out = context;
	(void)err;
	buf_text(out, signs[kind]);
	buf_append(out, bytes, length);
	buf_char(out, '|');
	return true;
}

static bool feed(const char *bytes, size_t size, size_t piece, struct buf *out, bool *rest)
{
	struct pktline_reader reader = PKTLINE_READER(note, out);
	struct error err = {0};
	bool ok = true;
	for (size_t at = 0; ok && at < size; at += piece)
		ok = pktline_feed(&reader, bytes + at, size - at < piece ? size - at : piece, &err);
	*rest = pktline_at_rest(&reader);
	pktline_done(&reader);
	return ok;
}

static void lines_come_out_whole_whatever_the_pieces(void **state)
{
	static const char stream[] = "000bversion0001000Ax\0yzab000400020000";
	static const char lines[] = "version|<delimiter>|x\0yzab||<end>|<flush>|";
	bool rest;
	(void)state;
	for (size_t piece = 1; piece <= sizeof(stream); piece++) {
		CLEANUP(buf_done) struct buf out = BUF(1000);
		assert_true(feed(stream, sizeof(stream) - 1, piece, &out, &rest));
		assert_true(rest);
		assert_int_equal(out.length, sizeof(lines) - 1);
		assert_memory_equal(out.data, lines, sizeof(lines) - 1);
	}
}

static void a_cut_stream_is_not_at_rest(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(1000);
	bool rest;
	(void)state;
	assert_true(feed("00", 2, 2, &out, &rest));
	assert_false(rest);
	assert_true(feed("0009ab", 6, 6, &out, &rest));
	assert_false(rest);
}

static void what_is_no_length_is_refused(void **state)
{
	static const char *const bad[] = {"0003", "fff1", "ffff", "00 5", "-001", "<htm", "000g"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CLEANUP(buf_done) struct buf out = BUF(1000);
		bool rest;
		if (feed(bad[i], 4, 4, &out, &rest))
			fail_msg("%s was taken", bad[i]);
	}
}

static void the_largest_line_is_taken(void **state)
{
	CLEANUP(buf_done) struct buf in = BUF(200000);
	CLEANUP(buf_done) struct buf out = BUF(200000);
	bool rest;
	(void)state;
	buf_text(&in, "fff0");
	for (int i = 0; i < PKTLINE_MAXIMUM; i++)
		buf_char(&in, 'x');
	assert_true(feed(in.data, in.length, 1000, &out, &rest));
	assert_true(rest);
	assert_int_equal(out.length, PKTLINE_MAXIMUM + 1);
}

static void written_lines_can_be_read(void **state)
{
	CLEANUP(buf_done) struct buf in = BUF(1000);
	(void)state;
	pktline_text(&in, "want %s", "abc");
	pktline_delimiter(&in);
	pktline_flush(&in);
	assert_string_equal(buf_string(&in), "000dwant abc\n00010000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_whole_whatever_the_pieces),
		cmocka_unit_test(a_cut_stream_is_not_at_rest),
		cmocka_unit_test(what_is_no_length_is_refused),
		cmocka_unit_test(the_largest_line_is_taken),
		cmocka_unit_test(written_lines_can_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
