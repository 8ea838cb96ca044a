#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/source/http_error.h"

static const struct source_access none = {.hint = "the template argocd/t nearly fits"};
static struct source_access some = {.origin = "Secret argocd/db"};

static void each_status_says_what_to_do_next(void **state)
{
	static const struct {
		long status;
		bool credentials;
		bool limited;
		enum error_kind kind;
		const char *words;
	} cases[] = {
		{401, true, false, ERROR_DENIED, "expiry"},
		{401, true, false, ERROR_DENIED, "of Secret argocd/db, user ci"},
		{401, false, false, ERROR_DENIED, "none are configured"},
		{401, false, false, ERROR_DENIED, "argocd/t nearly fits"},
		{403, true, false, ERROR_DENIED, "lacks the right"},
		{403, true, false, ERROR_DENIED, "of Secret argocd/db, user ci"},
		{403, false, false, ERROR_DENIED, "without credentials"},
		{403, false, true, ERROR_RETRY, "too often (HTTP 403)"},
		{404, true, false, ERROR_MISSING,
			"whether the credentials of Secret argocd/db, user ci may see it"},
		{404, false, false, ERROR_MISSING, "private repository"},
		{410, false, false, ERROR_MISSING, "410"},
		{407, false, false, ERROR_DENIED, "proxy"},
		{429, true, true, ERROR_RETRY, "too often"},
		{302, true, false, ERROR_INVALID, "redirect"},
		{500, true, false, ERROR_RETRY, "500"},
		{503, true, false, ERROR_RETRY, "503"},
		{503, true, true, ERROR_RETRY, "too often"},
		{418, true, false, ERROR_INVALID, "418"},
	};
	(void)state;
	secret_set(&some.password, "p", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		const struct http_refusal refusal = {.status = cases[i].status,
			.limited = cases[i].limited,
			.access = cases[i].credentials ? &some : &none,
			.user = cases[i].credentials ? "ci" : NULL};
		assert_false(http_status_error(&err, &refusal));
		assert_int_equal(err.kind, cases[i].kind);
		if (!strstr(err.text, cases[i].words))
			fail_msg("%ld: %s", cases[i].status, err.text);
	}
	secret_done(&some.password);
}

static void a_wish_for_rest_is_a_number(void **state)
{
	struct error err = {0};
	const struct http_refusal refusal = {.status = 403, .limited = true, .rest = 17, .access = &none};
	(void)state;
	assert_false(http_status_error(&err, &refusal));
	assert_int_equal(err.rest, 17);
	assert_non_null(strstr(err.text, "17 s"));
	error_set(&err, ERROR_RETRY, "another");
	assert_int_equal(err.rest, 0);
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
		cmocka_unit_test(a_wish_for_rest_is_a_number),
		cmocka_unit_test(broken_transfers_are_told_apart),
		cmocka_unit_test(a_web_page_is_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
