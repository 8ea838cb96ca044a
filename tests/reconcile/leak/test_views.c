/* What a text may stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/leak/encoding.h"
#include "reconcile/leak/views.h"

struct wanted {
	const char *text;
	int line; /* -1 = not seen */
};

static void look(void *context, const struct view *view)
{
	struct wanted *wanted = context;
	const char *found = memmem(view->bytes, view->length, wanted->text, strlen(wanted->text));
	if (found && wanted->line < 0)
		wanted->line = view_line(view, (size_t)(found - view->bytes));
}

#define CASE(text, line)                                                                                     \
	{                                                                                                    \
		text, sizeof(text) - 1, line                                                                 \
	}

static void a_text_is_seen_through_its_encodings_with_its_line(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		int line;
	} cases[] = {
		CASE("a\nthe ma\"gic ' & 1", 2), CASE("x\n\"ma\\\"gic ' & 1\"", 2),
		CASE("x\ny\nma%22gic+%27+%26+1", 3), CASE("\n<p>ma&quot;gic &#39; &amp; 1</p>", 2),
		CASE("\n\n'ma\"gic '' & 1'", 3), CASE("\n\nma\\u0022gic ' \\u0026 1", 3),
		CASE("\nbWEiZ2ljICcgJiAx", 2),                      /* base64 */
		CASE("\nx: eG1hImdpYyAnICYgMQ==", 2),               /* behind one byte */
		CASE("\nx: eHhtYSJnaWMgJyAmIDE=", 2),               /* behind two */
		CASE("a/bWEiZ2ljICcgJiAx", 1),                      /* behind letters of its alphabet */
		CASE("\n  bWEiZ2l\n  jICcgJiAx\n", 2),              /* over lines */
		CASE("# bWEiZ2l\n# jICcgJiAx\n", 1),                /* in comments */
		CASE("YldFaVoybGpJQ2NnSmlBeA==", 1),                /* twice */
		CASE("m\0a\0\"\0g\0i\0c\0 \0'\0 \0&\0 \0001\0", 1), /* UTF-16 */
		CASE("\0m\0a\0\"\0g\0i\0c\0 \0'\0 \0&\0 \0001", 1), CASE("ma\"gi\0c ' & 1", 1),
		CASE("{\"a\":\"{\\\"b\\\":\\\"ma\\\\\\\"gic ' & 1\\\"}\"}", 1), /* JSON in JSON */
		CASE("bQBhACIAZwBpAGMAIAAnACAAJgAgADEA", 1),                    /* what PowerShell encodes */
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wanted wanted = {"ma\"gic ' & 1", -1};
		views_walk(cases[i].text, cases[i].length, 1, 6, look, &wanted);
		if (wanted.line != cases[i].line)
			fail_msg("case %zu: line %d", i, wanted.line);
	}
}

static void a_text_of_anything_is_text_for_a_reader_of_yaml(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *text;
	} cases[] = {
		CASE("\xef\xbb\xbf"
		     "a: b\r\nc: d\re: f\n",
			"a: b\nc: d\ne: f\n"),
		CASE("\xff\xfe"
		     "a\0:\0 \0\xfc\0\r\0\n\0",
			"a: \xc3\xbc\n"),
		CASE("\xfe\xff"
		     "\0a\0:\0 \0\xfc",
			"a: \xc3\xbc"),
		CASE("a: \xfc\n", "a: \xc3\xbc\n"),
		CASE("a: b\0\n", "a: b\n"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(buf_done) struct buf out = BUF(100);
		encoding_text(cases[i].bytes, cases[i].length, &out);
		assert_string_equal(buf_string(&out), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_seen_through_its_encodings_with_its_line),
		cmocka_unit_test(a_text_of_anything_is_text_for_a_reader_of_yaml),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
