#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "reconcile/source/ssh_key.h"

/* The beginning of OpenSSH's format (PROTOCOL.key) as far as it matters here; no real key. */
static bool check_openssh(const char *cipher, const char *type, struct error *err)
{
	CLEANUP(buf_done) struct buf raw = BUF(1000);
	char encoded[2000];
	struct secret key = {0};
	buf_append(&raw, "openssh-key-v1\0\0\0\0", 18);
	buf_char(&raw, (char)strlen(cipher));
	buf_text(&raw, cipher);
	buf_text(&raw, type);
	text_base64((const unsigned char *)raw.data, raw.length, encoded);
	CLEANUP(buf_done) struct buf pem = BUF(4000);
	buf_printf(&pem, "-----BEGIN OPENSSH PRIVATE KEY-----\n%.10s\n%s\n-----END OPENSSH PRIVATE KEY-----\n",
		encoded, encoded + 10);
	secret_set(&key, pem.data, pem.length);
	bool ok = ssh_key_check(&key, err);
	secret_done(&key);
	return ok;
}

static bool check_text(const char *text, struct error *err)
{
	struct secret key = {0};
	secret_set(&key, text, strlen(text));
	bool ok = ssh_key_check(&key, err);
	secret_done(&key);
	return ok;
}

static void keys_that_work_are_let_through(void **state)
{
	struct error err = {0};
	(void)state;
	assert_true(check_openssh("none", "ssh-ed25519", &err));
	assert_true(check_openssh("none", "ecdsa-sha2-nistp256", &err));
	assert_true(check_openssh("none", "ssh-rsa", &err));
	assert_true(check_text("-----BEGIN "
			       "RSA PRIVATE KEY-----\nx\n",
		&err));
	assert_true(check_text("-----BEGIN "
			       "EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n",
		&err));
}

static void keys_that_cannot_work_are_told_why(void **state)
{
	struct error err = {0};
	(void)state;
	assert_false(check_openssh("aes256-ctr", "ssh-ed25519", &err));
	assert_non_null(strstr(err.text, "passphrase"));
	assert_false(check_text("-----BEGIN "
				"ENCRYPTED PRIVATE KEY-----\nx\n",
		&err));
	assert_non_null(strstr(err.text, "passphrase"));
	assert_false(check_text("ssh-ed25519 AAAA me@host", &err));
	assert_false(check_text("-----BEGIN OPENSSH "
				"PRIVATE KEY-----\n****\n",
		&err));
	assert_false(check_text("-----BEGIN OPENSSH "
				"PRIVATE KEY-----",
		&err));
	assert_false(check_text("", &err));
	assert_int_equal(err.kind, ERROR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_work_are_let_through),
		cmocka_unit_test(keys_that_cannot_work_are_told_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
