/*
 * What an ssh server is told to run: the path must be the one that git asks for, and nothing that a shell takes for more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/source/ssh_transport.h"

static void the_path_is_the_one_that_git_asks_for(void **state)
{
	static const char *const cases[][2] = {
		{"git@host:team/db.git", "git-upload-pack 'team/db.git'"},
		{"git@host:/srv/db.git", "git-upload-pack '/srv/db.git'"},
		{"git@host:~/db.git", "git-upload-pack '~/db.git'"},
		{"git@host:my%20db", "git-upload-pack 'my%20db'"},
		{"git@host:/my%20db", "git-upload-pack '/my%20db'"},
		{"git@host:/~/db", "git-upload-pack '~/db'"},
		{"[git@host:2222]:team/db.git", "git-upload-pack 'team/db.git'"},
		{"git@[::1]:/srv/db.git", "git-upload-pack '/srv/db.git'"},
		{"git@host:2222/team/db.git", "git-upload-pack '2222/team/db.git'"},
		{"ssh://git@host/srv/db.git", "git-upload-pack '/srv/db.git'"},
		{"ssh://git@host/~/db.git", "git-upload-pack '~/db.git'"},
		{"ssh://git@host/~ada/db.git", "git-upload-pack '~ada/db.git'"},
		{"ssh://git@host/my%20db", "git-upload-pack '/my db'"},
		{"ssh://git@host/a%27%3Bid%3B%27b!", NULL},
		{"ssh://git@host/a%27%3Bid%3B%27b", "git-upload-pack '/a'\\'';id;'\\''b'"},
		{"ssh://git@host/a%0Ab", NULL},
		{"ssh://git@host/~%00", NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *mem = arena_new(65536);
		struct url url;
		struct error err;
		char *command = NULL;
		if (url_parse(cases[i][0], mem, &url, &err))
			command = ssh_transport_command(&url);
		if (!command != !cases[i][1] || (command && strcmp(command, cases[i][1]) != 0))
			fail_msg("%s: %s", cases[i][0], command ? command : "refused");
		free(command);
		arena_free(mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_path_is_the_one_that_git_asks_for)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
