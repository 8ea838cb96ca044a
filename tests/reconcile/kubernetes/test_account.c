#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/account.h"

/* As the API server signs it, but for the signature, which nobody looks at. */
static struct kube_account account_of(const char *claims)
{
	struct kube_account account = {0};
	struct secret token = {0};
	size_t length = strlen(claims);
	char *encoded = malloc(4 * ((length + 2) / 3) + 1);
	text_base64((const unsigned char *)claims, length, encoded);
	encoded[strcspn(encoded, "=")] = '\0';
	for (char *at = encoded; *at; at++)
		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
	char *text = memory_printf("e30.%s.c2ln", encoded);
	secret_set(&token, text, strlen(text));
	kube_account_read(&token, &account);
	secret_done(&token);
	free(text);
	free(encoded);
	return account;
}

static void a_token_says_what_it_runs_as(void **state)
{
	(void)state;
	struct kube_account account = account_of(
		"{\"sub\":\"system:serviceaccount:argocd:pgitops\",\"kubernetes.io\":{\"namespace\":\"argocd\","
		"\"pod\":{\"name\":\"pgitops-7c9d-x2x4z\",\"uid\":\"?>?>~~\"}}}");
	assert_string_equal(account.namespace, "argocd");
	assert_string_equal(account.name, "pgitops");
	assert_string_equal(account.pod, "pgitops-7c9d-x2x4z");
	kube_account_done(&account);
	account = account_of("{\"sub\":\"system:serviceaccount:argocd:pgitops\"}");
	assert_string_equal(account.name, "pgitops");
	assert_null(account.pod);
	kube_account_done(&account);
}

static void what_is_no_service_accounts_says_nothing(void **state)
{
	static const char *const others[] = {"{\"sub\":\"alice\"}", "{}", "[]", "no JSON", "",
		"{\"sub\":\"system:serviceaccount:argocd\"}", "{\"sub\":\"system:serviceaccount::x\"}",
		"{\"sub\":\"system:serviceaccount:x:\"}", "{\"sub\":5}"};
	static const char *const tokens[] = {"", "opaque", "a.b", "a.%%%.c", "..", "a..b"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_null(account_of(others[i]).name);
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		struct kube_account account = {0};
		struct secret token = {0};
		if (*tokens[i])
			secret_set(&token, tokens[i], strlen(tokens[i]));
		kube_account_read(&token, &account);
		assert_null(account.name);
		secret_done(&token);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_says_what_it_runs_as),
		cmocka_unit_test(what_is_no_service_accounts_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
