#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/http/webhook_secrets.h"
#include "agent/loop/credentials_match.h"
#include "base/memory.h"

static struct webhook_secrets secrets;

static int set_up(void **state)
{
	static const char *const own[][2] = {{"https://git.example.org/own", "own secret"},
		{"https://git.example.org/own/inner", "inner secret"}};
	(void)state;
	secrets = (struct webhook_secrets){.fit = credentials_fit, .count = 2};
	secrets.items = memory_resize(NULL, 2 * sizeof(*secrets.items));
	secret_set(&secrets.common, "common secret", 13);
	for (size_t i = 0; i < 2; i++) {
		secrets.items[i] = (struct webhook_secret){.url = own[i][0]};
		secret_set(&secrets.items[i].secret, own[i][1], strlen(own[i][1]));
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	webhook_secrets_done(&secrets);
	return 0;
}

static const char *header(const void *token, const char *name)
{
	if (strcmp(name, "X-Gitlab-Event") == 0)
		return "Push Hook";
	if (strcmp(name, "X-Gitlab-Token") == 0)
		return token;
	return strcmp(name, "Content-Type") == 0 ? "application/json" : NULL;
}

/* The status, and how many URLs are handed on. */
static int judged(const char *token, const char *url, const char *more, size_t *count)
{
	char body[512];
	struct webhook_verdict verdict;
	snprintf(body, sizeof(body), "{\"project\":{\"git_http_url\":\"%s\",\"git_ssh_url\":\"%s\"}}", url,
		more);
	const struct webhook_delivery delivery = {header, token, body, strlen(body)};
	webhook_judge(&secrets, &delivery, &verdict);
	int status = verdict.status;
	*count = verdict.url_count;
	webhook_done(&verdict);
	return status;
}

static void each_secret_announces_what_is_its_own(void **state)
{
	static const struct {
		const char *token, *url, *more;
		int status;
		size_t count;
	} cases[] = {
		{"common secret", "https://git.example.org/team/db.git", "git@git.example.org:team/db.git",
			202, 2},
		{"common secret", "https://git.example.org/own/db.git", "https://git.example.org/own/db", 401,
			0},
		{"common secret", "https://git.example.org/OWN/db.git", "https://git.example.org/own/inner/x",
			401, 0},
		{"own secret", "https://git.example.org/own/db.git", "https://git.example.org/own/db", 202, 2},
		{"own secret", "https://git.example.org/own/db.git", "https://git.example.org/team/db", 202, 1},
		{"own secret", "https://git.example.org/team/db.git", "https://git.example.org/own-evil/db",
			401, 0},
		{"own secret", "https://git.example.org/own/inner/db.git", "https://git.example.org/team/db",
			401, 0},
		{"inner secret", "https://git.example.org/own/inner/db.git", "https://git.example.org/own/db",
			202, 1},
		{"another", "https://git.example.org/own/db.git", "https://git.example.org/own/db", 401, 0},
		{"", "https://git.example.org/own/db.git", "https://git.example.org/own/db", 401, 0},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t count;
		assert_int_equal(judged(cases[i].token, cases[i].url, cases[i].more, &count), cases[i].status);
		assert_int_equal(count, cases[i].count);
	}
}

/* Two entries with one secret are no reason to refuse. */
static void the_same_secret_twice_announces_both(void **state)
{
	size_t count;
	(void)state;
	secret_set(&secrets.items[1].secret, "own secret", 10);
	assert_int_equal(
		judged("own secret", "https://git.example.org/own/inner/db", "https://x.org/y", &count), 202);
	assert_int_equal(count, 1);
}

static void a_password_is_known_whosever_it_is(void **state)
{
	(void)state;
	assert_true(webhook_knows_basic(&secrets, "Basic Omlubm5lciBzZWNyZXQ=") == false);
	assert_true(webhook_knows_basic(&secrets, "Basic OmlubmVyIHNlY3JldA=="));
	assert_true(webhook_knows_basic(&secrets, "Basic OmNvbW1vbiBzZWNyZXQ="));
	assert_false(webhook_knows_basic(&secrets, "Basic Og=="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_secret_announces_what_is_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_secret_twice_announces_both, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_password_is_known_whosever_it_is, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
