#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "reconcile/source/known_hosts.h"

#define ED25519 "AAAAC3NzaC1lZDI1NTE5AAAAIJoScdDCA3Yk/oilQHBqLxUWPjo0UiSEDWrKI0Yaz/nm"
#define OTHER "AAAAC3NzaC1lZDI1NTE5AAAAIJoScdDCA3Yk/oilQHBqLxUWPjo0UiSEDWrKI0Yaz/nn"
#define ECDSA                                                                                                          \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIbvrgXEDbw6xily7jHM2F8EM6/ZvSVQGKgpZ+vrStocXGYCt4mWfpzC" \
	"oZ/yE4Ajrjsp47Qi9+KKdUzTBo0qPUk="
#define HASHED                                                                                               \
	"|1|f+a00Lpgluu/MPr6lfHUqx9qIYk=|C1hH6N3rwzUn7G9PuEdoce8pk9o= ssh-ed25519 " /* git.example.org */

static unsigned char key[256];
static size_t key_length;

static enum known_host check(const char *text, const char *host, int port)
{
	assert_true(text_base64_decode(ED25519, strlen(ED25519), key, &key_length));
	return known_hosts_check(text, host, port, key, key_length);
}

static void a_line_with_the_key_lets_the_host_in(void **state)
{
	static const struct {
		const char *text, *host;
		int port;
		enum known_host answer;
	} cases[] = {
		{"h ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_SAME},
		{"h ssh-ed25519 " ED25519 " comment\n", "h", 22, KNOWN_HOST_SAME},
		{"# c\n\n  \ta,h,b ssh-ed25519 " ED25519 "\r\n", "h", 22, KNOWN_HOST_SAME},
		{"h  \t ssh-ed25519   " ED25519 "  a comment", "h", 22, KNOWN_HOST_SAME},
		{"@revoked   h  ssh-ed25519  " ED25519, "h", 22, KNOWN_HOST_REVOKED},
		{"\xef\xbb\xbfh ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_SAME},
		{"h ssh-ed25519  ", "h", 22, KNOWN_HOST_UNKNOWN},
		{"H.Example ssh-ed25519 " ED25519, "h.example", 22, KNOWN_HOST_SAME},
		{"[h]:2222 ssh-ed25519 " ED25519, "h", 2222, KNOWN_HOST_SAME},
		{"*.example.org ssh-ed25519 " ED25519, "git.example.org", 22, KNOWN_HOST_SAME},
		{"*.org,!git.* ssh-ed25519 " ED25519, "git.example.org", 22, KNOWN_HOST_UNKNOWN},
		{HASHED ED25519, "git.example.org", 22, KNOWN_HOST_SAME},
		{HASHED ED25519, "git.example.com", 22, KNOWN_HOST_UNKNOWN},
		{HASHED OTHER, "git.example.org", 22, KNOWN_HOST_CHANGED},
		{"h ssh-ed25519 " ED25519, "h", 2222, KNOWN_HOST_SAME},
		{"h ssh-ed25519 " OTHER, "h", 2222, KNOWN_HOST_UNKNOWN},
		{"h ecdsa-sha2-nistp256 " ECDSA, "h", 2222, KNOWN_HOST_UNKNOWN},
		{"[h]:2222 ssh-ed25519 " OTHER "\nh ssh-ed25519 " ED25519, "h", 2222, KNOWN_HOST_CHANGED},
		{"[h]:2222 ecdsa-sha2-nistp256 " ECDSA "\nh ssh-ed25519 " ED25519, "h", 2222, KNOWN_HOST_SAME},
		{"@revoked h ssh-ed25519 " ED25519, "h", 2222, KNOWN_HOST_REVOKED},
		{"[h]:2222 ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_UNKNOWN},
		{"[h]:2222 ssh-ed25519 " ED25519, "[", 2222, KNOWN_HOST_UNKNOWN},
		{"x ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_UNKNOWN},
		{"h ssh-ed25519 " OTHER, "h", 22, KNOWN_HOST_CHANGED},
		{"h ssh-ed25519 " OTHER "\nh ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_SAME},
		{"h ecdsa-sha2-nistp256 " ECDSA, "h", 22, KNOWN_HOST_OTHER_TYPE},
		{"h ecdsa-sha2-nistp256 " ECDSA "\nh ssh-ed25519 " OTHER, "h", 22, KNOWN_HOST_CHANGED},
		{"@revoked h ssh-ed25519 " ED25519 "\nh ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_REVOKED},
		{"@revoked h ssh-ed25519 " OTHER "\nh ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_SAME},
		{"@cert-authority h ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_UNKNOWN},
		{"h ssh-ed25519", "h", 22, KNOWN_HOST_UNKNOWN},
		{"h", "h", 22, KNOWN_HOST_UNKNOWN},
		{"h ssh-ed25519 !!!", "h", 22, KNOWN_HOST_CHANGED},
		{"|1|x|y ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_UNKNOWN},
		{"|1| ssh-ed25519 " ED25519, "h", 22, KNOWN_HOST_UNKNOWN},
		{"", "h", 22, KNOWN_HOST_UNKNOWN},
		{NULL, "h", 22, KNOWN_HOST_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum known_host answer = check(cases[i].text, cases[i].host, cases[i].port);
		if (answer != cases[i].answer)
			fail_msg("case %zu (%s): %d", i, cases[i].text ? cases[i].text : "NULL", (int)answer);
	}
}

static void fingerprints_are_those_of_ssh_keygen(void **state)
{
	char text[FINGERPRINT_SIZE], type[64];
	(void)state;
	check("", "h", 22);
	known_hosts_fingerprint(key, key_length, text);
	assert_string_equal(text, "SHA256:3OxEEZhnM32PjA2oAEns0kbLAVgJdgQrFy53YN5gYso");
	known_hosts_type(key, key_length, type);
	assert_string_equal(type, "ssh-ed25519");
	known_hosts_type(key, 7, type);
	assert_string_equal(type, "unknown");
	known_hosts_type(key, 0, type);
	assert_string_equal(type, "unknown");
}

static void what_is_known_is_asked_for_first(void **state)
{
	static const char all[] =
		"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
		"rsa-sha2-256";
	static const struct {
		const char *text;
		int port;
		const char *begins;
	} cases[] = {
		{NULL, 22, all},
		{"h ssh-dss AAAA", 22, all},
		{"h ssh-rsa AAAA", 22, "rsa-sha2-512,rsa-sha2-256,ssh-ed25519,"},
		{"h ssh-rsa AAAA\nh ecdsa-sha2-nistp256 AAAA", 22,
			"ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256,ssh-ed25519,"},
		{"@revoked h ssh-rsa AAAA", 22, all},
		{"x ssh-rsa AAAA", 22, all},
		{"h ssh-rsa AAAA", 2222, "rsa-sha2-512,"},
		{"[h]:2222 ssh-rsa AAAA", 2222, "rsa-sha2-512,"},
		{"[h]:2222 ssh-rsa AAAA", 22, all},
	};
	char list[KNOWN_HOSTS_ALGORITHMS];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		known_hosts_algorithms(cases[i].text, "h", cases[i].port, list);
		assert_int_equal(strlen(list), strlen(all));
		if (!text_starts(list, cases[i].begins))
			fail_msg("case %zu: %s", i, list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_with_the_key_lets_the_host_in),
		cmocka_unit_test(what_is_known_is_asked_for_first),
		cmocka_unit_test(fingerprints_are_those_of_ssh_keygen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
