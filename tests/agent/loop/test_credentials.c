/*
 * Which credentials go to which URL: a mistake here gives a token to a stranger.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/loop/credentials.h"
#include "agent/loop/credentials_match.h"
#include "base/limits.h"
#include "base/text.h"

static struct arena *mem;

static int set_up(void **state)
{
	(void)state;
	mem = arena_new(LIMIT_CONFIG_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(mem);
	return 0;
}

static json_t *repository_secret(const char *name, const char *type, const char *url, const char *password)
{
	char encoded_url[512], encoded_password[128];
	text_base64((const unsigned char *)url, strlen(url), encoded_url);
	text_base64((const unsigned char *)password, strlen(password), encoded_password);
	json_t *data = json_pack("{s:s}", "url", encoded_url);
	if (*password)
		json_object_set_new(data, "password", json_string(encoded_password));
	return json_pack("{s:{s:s, s:{s:s}}, s:o}", "metadata", "name", name, "labels",
		"argocd.argoproj.io/secret-type", type, "data", data);
}

static void seen(struct credentials *credentials, const char *name, const char *type, const char *url,
	const char *password)
{
	json_t *secret = repository_secret(name, type, url, password);
	credentials_seen(credentials, secret, false);
	json_decref(secret);
}

static void assert_password(struct credentials *credentials, const char *url, const char *password)
{
	struct source_access out;
	struct error err;
	assert_true(credentials_for(credentials, url, mem, &out, &err));
	if (password) {
		assert_non_null(out.password.bytes);
		assert_string_equal(out.password.bytes, password);
	} else {
		assert_null(out.password.bytes);
	}
	source_access_done(&out);
}

static void a_prefix_ends_at_a_path_boundary(void **state)
{
	(void)state;
	const struct config config = {0};
	struct credentials *credentials = credentials_new(&config);
	seen(credentials, "t", "repo-creds", "https://git.example.org/team", "p1");
	assert_password(credentials, "https://git.example.org/team/db.git", "p1");
	assert_password(credentials, "https://git.example.org/team", "p1");
	assert_password(credentials, "https://git.example.org/team-evil/db.git", NULL);
	assert_password(credentials, "https://git.example.org.evil.example/team/db.git", NULL);
	credentials_free(credentials);
}

static void a_template_is_matched_as_argo_cd_does(void **state)
{
	static const struct {
		const char *template, *url;
		bool fits;
	} cases[] = {
		{"https://GitHub.com/Team", "https://github.com/team/DB.git", true},
		{"https://github.com/team/", "https://github.com/team/db", true},
		{"https://github.com/team/db.git", "https://github.com/team/db/", true},
		{"https://github.com", "https://github.com/team/db", true},
		{" https://github.com/team\n", "https://github.com/team/db", true},
		{"https://github.com:443/team", "https://github.com/team/db", true},
		{"git@github.com:team", "ssh://git@github.com/team/db.git", true},
		{"ssh://git@github.com/team", "git@github.com:team/db.git", true},
		{"git@github.com:", "git@github.com:team/db.git", true},
		{"ssh://git@github.com", "git@github.com:team/db.git", true},
		{"https://ci@github.com/team", "https://github.com/team/db", true},
		{"https://github.com/team-", "https://github.com/team-a/db", true},
		{"https://ci%40example.org@github.com/team", "https://ci@example.org@github.com/team/db", true},
		{"https://ci@github.com/team", "https://other@github.com/team/db", false},
		{"http://github.com/team", "https://github.com/team/db", false},
		{"https://github.com:8443/team", "https://github.com/team/db", false},
		{"https://github.com/team/db", "https://github.com/team", false},
		{"https://github.com/tea", "https://github.com/team/db", false},
		{"https://git", "https://github.com/team/db", false},
		{"https://git-", "https://git-evil.example/team/db", false},
		{"git@github.com:team", "https://github.com/team/db", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct config config = {0};
		struct credentials *credentials = credentials_new(&config);
		struct source_access out;
		struct error err;
		seen(credentials, "t", "repo-creds", cases[i].template, "p");
		assert_true(credentials_for(credentials, cases[i].url, mem, &out, &err));
		if (!out.password.bytes != !cases[i].fits)
			fail_msg("%s for %s", cases[i].template, cases[i].url);
		source_access_done(&out);
		credentials_free(credentials);
	}
}

static void of_two_users_each_has_his_own(void **state)
{
	(void)state;
	const struct config config = {0};
	struct credentials *credentials = credentials_new(&config);
	seen(credentials, "a", "repository", "https://ada@git.example.org/db.git", "ada's");
	seen(credentials, "b", "repository", "https://bob@git.example.org/db.git", "bob's");
	assert_password(credentials, "https://ada@git.example.org/db", "ada's");
	assert_password(credentials, "https://bob@git.example.org/db", "bob's");
	assert_password(credentials, "https://eve@git.example.org/db", NULL);
	credentials_free(credentials);
}

static void of_two_that_fit_alike_the_order_does_not_count(void **state)
{
	(void)state;
	const struct config config = {0};
	for (int turn = 0; turn < 2; turn++) {
		struct credentials *credentials = credentials_new(&config);
		seen(credentials, turn ? "a" : "b", "repo-creds", "https://h/team", turn ? "first" : "second");
		seen(credentials, turn ? "b" : "a", "repo-creds", "https://h/team", turn ? "second" : "first");
		assert_password(credentials, "https://h/team/db", "first");
		credentials_free(credentials);
	}
}

static void a_template_that_nearly_fits_is_named(void **state)
{
	(void)state;
	const struct config config = {.namespace = "argocd"};
	struct credentials *credentials = credentials_new(&config);
	struct source_access out;
	struct error err;
	seen(credentials, "t", "repo-creds", "https://h/tea", "p");
	assert_true(credentials_for(credentials, "https://h/team/db", mem, &out, &err));
	assert_null(out.origin);
	assert_non_null(strstr(out.hint, "argocd/t"));
	assert_true(credentials_for(credentials, "https://h/tea/db", mem, &out, &err));
	assert_string_equal(out.origin, "Secret argocd/t");
	assert_null(out.hint);
	source_access_done(&out);
	credentials_free(credentials);
}

static void set(json_t *data, const char *key, const char *value)
{
	char encoded[256];
	text_base64((const unsigned char *)value, strlen(value), encoded);
	json_object_set_new(data, key, json_string(encoded));
}

static void a_secret_says_all_that_argo_cd_reads(void **state)
{
	(void)state;
	const struct config config = {.namespace = "argocd"};
	struct credentials *credentials = credentials_new(&config);
	struct source_access out;
	struct error err = {0};
	json_t *secret = repository_secret("app", "repository", "https://github.com/team/db", "");
	json_t *data = json_object_get(secret, "data");
	set(data, "proxy", "http://proxy:3128");
	set(data, "noProxy", ".internal");
	set(data, "githubAppPrivateKey", "key");
	credentials_seen(credentials, secret, false);
	assert_false(credentials_for(credentials, "https://github.com/team/db", mem, &out, &err));
	assert_non_null(strstr(err.text, "Secret argocd/app asks for githubAppPrivateKey without"));
	set(data, "githubAppID", "7");
	set(data, "githubAppInstallationID", "42");
	set(data, "githubAppEnterpriseBaseUrl", "https://ghe/api/v3");
	credentials_seen(credentials, secret, false);
	assert_true(credentials_for(credentials, "https://github.com/team/db", mem, &out, &err));
	assert_string_equal(out.app_id, "7");
	assert_string_equal(out.app_installation, "42");
	assert_string_equal(out.app_api, "https://ghe/api/v3");
	assert_string_equal(out.app_key.bytes, "key");
	assert_string_equal(out.no_proxy, ".internal");
	source_access_done(&out);
	set(data, "gcpServiceAccountKey", "{}");
	credentials_seen(credentials, secret, false);
	assert_false(credentials_for(credentials, "https://github.com/team/db", mem, &out, &err));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.text, "gcpServiceAccountKey"));
	json_decref(secret);
	credentials_free(credentials);
}

static void the_longest_prefix_and_the_exact_url_win(void **state)
{
	(void)state;
	const struct config config = {0};
	struct credentials *credentials = credentials_new(&config);
	seen(credentials, "wide", "repo-creds", "https://git.example.org/", "wide");
	seen(credentials, "narrow", "repo-creds", "https://git.example.org/team/", "narrow");
	seen(credentials, "exact", "repository", "https://git.example.org/team/db.git", "exact");
	assert_password(credentials, "https://git.example.org/else/x.git", "wide");
	assert_password(credentials, "https://git.example.org/team/y.git", "narrow");
	assert_password(credentials, "https://git.example.org/team/db.git", "exact");
	credentials_free(credentials);
}

static void a_repository_without_credentials_borrows_the_template(void **state)
{
	(void)state;
	const struct config config = {0};
	struct credentials *credentials = credentials_new(&config);
	seen(credentials, "named", "repository", "https://git.example.org/team/db.git", "");
	seen(credentials, "template", "repo-creds", "https://git.example.org/team/", "borrowed");
	assert_password(credentials, "https://git.example.org/team/db.git", "borrowed");
	credentials_free(credentials);
}

static void a_deleted_or_changed_secret_counts_at_once(void **state)
{
	(void)state;
	const struct config config = {0};
	struct credentials *credentials = credentials_new(&config);
	seen(credentials, "s", "repository", "https://git.example.org/db.git", "old");
	seen(credentials, "s", "repository", "https://git.example.org/db.git", "new");
	assert_password(credentials, "https://git.example.org/db.git", "new");
	json_t *secret = repository_secret("s", "repository", "https://git.example.org/db.git", "new");
	credentials_seen(credentials, secret, true);
	json_decref(secret);
	assert_password(credentials, "https://git.example.org/db.git", NULL);
	credentials_free(credentials);
}

static void the_agent_file_wins_and_its_files_are_read_each_time(void **state)
{
	(void)state;
	char path[] = "/tmp/test_credentials.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "first\n", 6), 6);
	struct repository_config repository = {
		.url = "https://git.example.org/", .username = "ci", .password_file = path};
	const struct config config = {.repositories = &repository, .repository_count = 1};
	struct credentials *credentials = credentials_new(&config);
	seen(credentials, "s", "repository", "https://git.example.org/db.git", "cluster");

	assert_password(credentials, "https://git.example.org/db.git", "first");
	assert_int_equal(pwrite(fd, "later\n", 6, 0), 6);
	assert_password(credentials, "https://git.example.org/db.git", "later");
	close(fd);
	unlink(path);

	struct source_access out;
	struct error err;
	assert_false(credentials_for(credentials, "https://git.example.org/db.git", mem, &out, &err));
	assert_non_null(strstr(err.text, path));
	credentials_free(credentials);
}

static void signatures_are_required_of_every_spelling_of_a_url(void **state)
{
	static const char *const covered[] = {"https://git.example.org/team/db",
		"https://git.example.org/team/db.git", "https://GIT.example.org/Team/DB",
		"https://ci@git.example.org/team/db", "http://git.example.org/team/db",
		"ssh://git@git.example.org/team/db.git", "git@git.example.org:team/db.git",
		"https://git.example.org//team//db", "https://git.example.org/%74eam/db",
		"https://git.example.org/./team/db", "https://git.example.org/team/%64B%2egit"};
	static const char *const others[] = {"https://git.example.org/team-evil/db",
		"https://git.example.org/tea", "https://example.org/team/db",
		"https://git.example.org.evil/team/db", "https://git.example.org/other/team/db"};
	struct repository_config repositories[] = {
		{.url = "https://git.example.org/team/",
			.signatures = true,
			.signed_commits = true,
			.ssh_keys = "/signers"},
		{.url = "https://git.example.org/team/db", .username = "ci"},
		{.url = "https://git.example.org/team/free", .signatures = true},
		{.url = "https://git.example.org/team/free/not",
			.signatures = true,
			.signed_commits = true,
			.gpg_keys = "/k"},
	};
	const struct config config = {.repositories = repositories, .repository_count = COUNT_OF(repositories)};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(covered); i++) {
		struct source_signers signers = credentials_signers(&config, covered[i], mem);
		if (!signers.required || strcmp(signers.ssh_keys, "/signers") != 0)
			fail_msg("%s", covered[i]);
	}
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (credentials_signers(&config, others[i], mem).required)
			fail_msg("%s", others[i]);
	assert_false(credentials_signers(&config, "https://git.example.org/team/free", mem).required);
	assert_string_equal(
		credentials_signers(&config, "https://git.example.org/team/free/not", mem).gpg_keys, "/k");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			signatures_are_required_of_every_spelling_of_a_url, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_prefix_ends_at_a_path_boundary, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_template_is_matched_as_argo_cd_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_secret_says_all_that_argo_cd_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_two_users_each_has_his_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			of_two_that_fit_alike_the_order_does_not_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_template_that_nearly_fits_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_longest_prefix_and_the_exact_url_win, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_repository_without_credentials_borrows_the_template, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_deleted_or_changed_secret_counts_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_agent_file_wins_and_its_files_are_read_each_time, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
