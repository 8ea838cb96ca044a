#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/source/source.h"
#include "reconcile/source/url.h"

static struct arena *mem;

static int set_up(void **state)
{
	(void)state;
	mem = arena_new((size_t)1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(mem);
	return 0;
}

static struct url parse(const char *text)
{
	struct url url;
	struct error err = {0};
	if (!url_parse(text, mem, &url, &err))
		fail_msg("%s: %s", text, err.text);
	return url;
}

static void urls_of_every_kind_are_taken_apart(void **state)
{
	static const struct {
		const char *text;
		enum url_scheme scheme;
		const char *user, *host;
		int port;
		const char *path, *address;
	} cases[] = {
		{"https://git.example.org/team/db.git", URL_HTTPS, NULL, "git.example.org", 443,
			"/team/db.git", "https://git.example.org/team/db.git"},
		{"HTTPS://ci@Git.Example.ORG:8443/db", URL_HTTPS, "ci", "git.example.org", 8443, "/db",
			"https://git.example.org:8443/db"},
		{"http://[::1]:3000/a/b.git/", URL_HTTP, NULL, "::1", 3000, "/a/b.git/",
			"http://[::1]:3000/a/b.git/"},
		{"ssh://git@host:2222/srv/db.git", URL_SSH, "git", "host", 2222, "/srv/db.git",
			"ssh://host:2222/srv/db.git"},
		{"git@github.com:team/db.git", URL_SSH, "git", "github.com", 22, "/team/db.git",
			"ssh://github.com/team/db.git"},
		{"host:/srv/db.git", URL_SSH, NULL, "host", 22, "/srv/db.git", "ssh://host/srv/db.git"},
		/* As git's connect.c reads them. */
		{"[git@host:2222]:team/db.git", URL_SSH, "git", "host", 2222, "/team/db.git",
			"ssh://host:2222/team/db.git"},
		{"git@[host:2222]:team/db.git", URL_SSH, "git", "host", 2222, "/team/db.git",
			"ssh://host:2222/team/db.git"},
		{"[host:2222]:/srv/db.git", URL_SSH, NULL, "host", 2222, "/srv/db.git",
			"ssh://host:2222/srv/db.git"},
		{"[host]:db", URL_SSH, NULL, "host", 22, "/db", "ssh://host/db"},
		{"git@[::1]:team/db.git", URL_SSH, "git", "::1", 22, "/team/db.git", "ssh://[::1]/team/db.git"},
		{"[git@::1]:db", URL_SSH, "git", "::1", 22, "/db", "ssh://[::1]/db"},
		{"git@host:2222/team/db.git", URL_SSH, "git", "host", 22, "/2222/team/db.git",
			"ssh://host/2222/team/db.git"},
		{"ssh://git@host:/srv/db.git", URL_SSH, "git", "host", 22, "/srv/db.git",
			"ssh://host/srv/db.git"},
		{"ssh+git://git@[::1]:22/db", URL_SSH, "git", "::1", 22, "/db", "ssh://[::1]/db"},
		{"file:///srv/my db.git", URL_FILE, NULL, "", 0, "/srv/my db.git", "/srv/my db.git"},
		{"/srv/db", URL_FILE, NULL, "", 0, "/srv/db", "/srv/db"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url url = parse(cases[i].text);
		assert_int_equal(url.scheme, cases[i].scheme);
		assert_true(!url.user == !cases[i].user);
		if (url.user)
			assert_string_equal(url.user, cases[i].user);
		assert_string_equal(url.host, cases[i].host);
		assert_int_equal(url.port, cases[i].port);
		assert_string_equal(url.path, cases[i].path);
		assert_string_equal(url.address, cases[i].address);
	}
}

static void equal_repositories_have_equal_plain_urls(void **state)
{
	static const char *const same[][2] = {
		{"https://git.example.org/team/db.git", "https://ci@GIT.example.org:443/team/db/"},
		{"git@github.com:team/db.git", "ssh://git@github.com/team/db"},
		{"http://h:80/a", "http://h/a.git"},
		{"file:///srv/db.git/", "/srv/db"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(source_url_plain(same[i][0], mem), source_url_plain(same[i][1], mem));
	assert_string_not_equal(source_url_plain("http://h/a", mem), source_url_plain("https://h/a", mem));
	assert_string_not_equal(source_url_plain("http://h:81/a", mem), source_url_plain("http://h/a", mem));
	assert_string_equal(source_url_plain("https://h/.git", mem), "https://h/.git");
}

static void who_asks_for_what_is_an_identity(void **state)
{
	static const char *const same[][2] = {
		{"https://git.example.org/team/db.git", "https://GIT.example.org:443/team/db.git/"},
		{"https://ci%40example.org@h/db", "https://ci@example.org@h/db"},
		{"git@host:team/db.git", "ssh://git@host/~/team/db.git"},
		{"git@host:/srv/db.git", "ssh://git@host/srv/db.git"},
		{"[git@host:2222]:/srv/db.git", "ssh://git@host:2222/srv/db.git"},
		{"file:///srv/db.git", "/srv/db.git"},
	};
	static const char *const others[][2] = {
		{"https://h/db.git", "https://h/db"},
		{"https://h/db", "https://h/DB"},
		{"https://ada@h/db", "https://bob@h/db"},
		{"https://ada@h/db", "https://h/db"},
		{"git@host:team/db.git", "ssh://git@host/team/db.git"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(same); i++)
		assert_string_equal(source_url_identity(same[i][0], mem), source_url_identity(same[i][1], mem));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_string_not_equal(
			source_url_identity(others[i][0], mem), source_url_identity(others[i][1], mem));
	assert_null(strstr(source_url_identity("https://ci:hunter2@host/db.git", mem), "hunter2"));
}

static void a_user_is_decoded(void **state)
{
	(void)state;
	assert_string_equal(parse("https://ada%40example.org@host/db").user, "ada@example.org");
	assert_string_equal(parse("https://TEAM%5Cada@host/db").user, "TEAM\\ada");
	assert_string_equal(parse("ada@example.org@host:db").user, "ada@example.org");
	assert_true(parse("git@host:db").relative);
	assert_false(parse("git@host:/db").relative);
	assert_false(parse("ssh://git@host/db").relative);
}

static void what_could_do_harm_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"relative/path",
		"git://host/db",
		"ftp://host/db",
		"ext::sh -c id",
		"https://",
		"https:///db",
		"https://ho st/db",
		"https://host/d b",
		"https://host/db?x=1",
		"https://host/db#x",
		"https://host:0/db",
		"https://host:65536/db",
		"https://host:x/db",
		"https://host/a\nb",
		"ssh://-oProxyCommand=id/db",
		"ssh://host/--upload-pack=id",
		"ssh://host/db';id;'",
		"ssh://host/$(id)",
		"ssh://host/`id`",
		"git@host:--exec=id",
		"-oProxyCommand=id@host:db",
		"[-oProxyCommand=id]:db",
		"git@[-oProxyCommand=id]:db",
		"[git@host:team]:db",
		"[git@host:2222]",
		"[git@host:2222]db",
		"[]:db",
		"[[git@host]]:db",
		"git@ho[st]:db",
		"git@host:2222:db'",
		"https://[::1/db",
		"https://host/../db",
		"https://host/a/..",
		"file://relative",
		"https://-u@host/db",
		"https://%2Du@host/db",
		"https://a%0Ab@host/db",
		"https://a%00b@host/db",
		"https://a%3Ab@host/db",
		"/srv/a\tb",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct url url;
		struct error err = {0};
		if (url_parse(bad[i], mem, &url, &err))
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}

static void a_path_in_place_of_the_port_is_told_how_it_is_written(void **state)
{
	struct url url;
	struct error err = {0};
	(void)state;
	assert_false(url_parse("ssh://git@host:team/db.git", mem, &url, &err));
	assert_non_null(strstr(err.text, "git@host:PATH"));
	assert_non_null(strstr(err.text, "ssh://git@host/PATH"));
	/* Without "@host" behind it this is half a password. */
	assert_false(url_parse("ssh://ci:hunter2/db.git", mem, &url, &err));
	assert_null(strstr(err.text, "hunter2"));
}

static void a_password_is_seen_in_every_form(void **state)
{
	static const char *const bad[] = {"https://ci:hunter2@host/db", "ci:hunter2@host:team/db.git",
		"[ci:hunter2@host]:db", "ssh://ci:hunter2@host/db"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct url url;
		struct error err = {0};
		assert_false(url_parse(bad[i], mem, &url, &err));
		assert_non_null(strstr(err.text, "holds a password"));
		assert_null(strstr(err.text, "hunter2"));
		assert_null(strstr(source_url_shown(bad[i], mem), "hunter2"));
	}
}

static void a_message_names_the_url_as_it_was_written(void **state)
{
	static const char *const cases[][2] = {
		{"https://ci@GIT.example.org:443/team/db.git", "https://git.example.org/team/db.git"},
		{"git@github.com:team/db.git", "ssh://github.com/team/db.git"},
		{"file:///srv/remote.git", "file:///srv/remote.git"},
		{"/srv/remote.git/", "file:///srv/remote.git/"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(source_url_shown(cases[i][0], mem), cases[i][1]);
}

static void a_password_in_a_url_is_refused_and_never_shown(void **state)
{
	struct url url;
	struct error err = {0};
	(void)state;
	assert_false(url_parse("https://ci:hunter2@host/db.git", mem, &url, &err));
	assert_null(strstr(err.text, "hunter2"));
	assert_null(strstr(source_url_plain("https://ci:hunter2@host/db.git", mem), "hunter2"));
	assert_null(strstr(source_url_plain("hunter2@@", mem), "hunter2"));
	assert_null(strstr(source_url_shown("https://ci:hunter2@host/db.git", mem), "hunter2"));
	assert_null(strstr(source_url_shown("hunter2@@", mem), "hunter2"));
}

static void a_server_is_scheme_host_and_port(void **state)
{
	struct url a = parse("https://host/a"), b = parse("https://HOST:443/b"),
		   c = parse("https://host:444/a"), d = parse("http://host/a");
	(void)state;
	assert_true(url_same_server(&a, &b));
	assert_false(url_same_server(&a, &c));
	assert_false(url_same_server(&a, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(urls_of_every_kind_are_taken_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_path_in_place_of_the_port_is_told_how_it_is_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_password_is_seen_in_every_form, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_names_the_url_as_it_was_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(equal_repositories_have_equal_plain_urls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_asks_for_what_is_an_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_user_is_decoded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_could_do_harm_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_password_in_a_url_is_refused_and_never_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_server_is_scheme_host_and_port, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
