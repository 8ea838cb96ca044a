#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/source/http_error.h"

static void each_status_says_what_to_do_next(void **state)
{
	static const struct {
		long status;
		bool credentials;
		enum error_kind kind;
		const char *words;
	} cases[] = {
		{401, true, ERROR_DENIED, "expiry"},
		{401, false, ERROR_DENIED, "none are configured"},
		{403, true, ERROR_DENIED, "lacks the right"},
		{403, false, ERROR_DENIED, "no credentials"},
		{404, true, ERROR_MISSING, "whether these credentials may see it"},
		{404, false, ERROR_MISSING, "private repository"},
		{410, false, ERROR_MISSING, "410"},
		{407, false, ERROR_DENIED, "proxy"},
		{429, true, ERROR_RETRY, "too often"},
		{302, true, ERROR_INVALID, "redirect"},
		{500, true, ERROR_RETRY, "500"},
		{503, true, ERROR_RETRY, "503"},
		{418, true, ERROR_INVALID, "418"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		assert_false(http_status_error(&err, cases[i].status, cases[i].credentials, 0));
		assert_int_equal(err.kind, cases[i].kind);
		if (!strstr(err.text, cases[i].words))
			fail_msg("%ld: %s", cases[i].status, err.text);
	}
}

static void broken_transfers_are_told_apart(void **state)
{
	static const struct {
		enum transfer_end end;
		long proxy;
		enum error_kind kind;
		const char *words;
	} cases[] = {
		{TRANSFER_UNTRUSTED, 0, ERROR_DENIED, "caFile"},
		{TRANSFER_UNTRUSTED, 0, ERROR_DENIED, "certificates"},
		{TRANSFER_UNCONNECTED, 0, ERROR_RETRY, "cannot reach"},
		{TRANSFER_FAILED, 0, ERROR_RETRY, "cannot reach"},
		{TRANSFER_SILENT, 0, ERROR_RETRY, "silent"},
		{TRANSFER_CUT, 0, ERROR_RETRY, "cut"},
		{TRANSFER_NO_MEMORY, 0, ERROR_INVALID, "memory"},
		{TRANSFER_CUT, 407, ERROR_DENIED, "proxy"},
		{TRANSFER_CUT, 502, ERROR_RETRY, "proxy"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		assert_false(http_transfer_error(&err, cases[i].end, "", cases[i].proxy));
		assert_int_equal(err.kind, cases[i].kind);
		if (!strstr(err.text, cases[i].words))
			fail_msg("%d: %s", (int)cases[i].end, err.text);
	}
}

static void a_web_page_is_no_answer(void **state)
{
	struct error err = {0};
	(void)state;
	assert_false(http_type_error(&err, "Text/HTML; charset=utf-8"));
	assert_int_equal(err.kind, ERROR_DENIED);
	assert_false(http_type_error(&err, NULL));
	assert_int_equal(err.kind, ERROR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_says_what_to_do_next),
		cmocka_unit_test(broken_transfers_are_told_apart),
		cmocka_unit_test(a_web_page_is_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
