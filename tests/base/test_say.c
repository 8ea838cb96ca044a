#include "base/say.h"

#include <stdlib.h>

#include "base/memory.h"
#include "fixture.h"

static void says(const char *wanted, const char *format, const char *word)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);
	/* The format is one of the table's. */
	if (strcmp(format, "%s\n\n") == 0)
		say(file, "%s\n\n", word);
	else
		say(file, "a %s", word);
	fclose(file);
	assert_string_equal(text, wanted);
	free(text);
}

static void nothing_is_obeyed_but_the_formats_own_line_breaks(void **state)
{
	(void)state;
	says("é 🐘\n\n", "%s\n\n", "é 🐘");
	says("a \\n\\n\n\n", "%s\n\n", "a \n\n");
	says("a x\\n", "a %s", "x\n");
	says("a ", "a %s", "");
	says("\\x1b[31m\\r\\t\\x7f\n\n", "%s\n\n", "\x1b[31m\r\t\x7f");
	says("\\u009b\\u202e\\ufeff\\ue0041\\xff\\xc2\n\n", "%s\n\n",
		"\xc2\x9b\xe2\x80\xae\xef\xbb\xbf\xf3\xa0\x81\x81\xff\xc2");
}

static void lines_are_kept_where_they_are_asked_for(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF(64);
	(void)state;
	say_visible("a\nb\r\n", true, &out);
	assert_string_equal(buf_string(&out), "a\nb\\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_obeyed_but_the_formats_own_line_breaks),
		cmocka_unit_test(lines_are_kept_where_they_are_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
