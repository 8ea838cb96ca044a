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
static bool read_openssh(const char *cipher, const char *type, struct error *err)
{
	CLEANUP(buf_done) struct buf raw = BUF(1000);
	CLEANUP(buf_wipe) struct buf pem = BUF(200000);
	char encoded[2000];
	struct secret key = {0};
	buf_append(&raw, "openssh-key-v1\0\0\0\0", 18);
	buf_char(&raw, (char)strlen(cipher));
	buf_text(&raw, cipher);
	buf_append(&raw, "\0\0\0\4none\0\0\0\0\0\0\0\1\0\0\0", 19);
	buf_char(&raw, (char)(strlen(type) + 4));
	buf_append(&raw, "\0\0\0", 3);
	buf_char(&raw, (char)strlen(type));
	buf_text(&raw, type);
	text_base64((const unsigned char *)raw.data, raw.length, encoded);
	CLEANUP(buf_done) struct buf text = BUF(4000);
	buf_printf(&text, "-----BEGIN OPENSSH PRIVATE KEY-----\n%.10s\n%s\n-----END OPENSSH PRIVATE KEY-----\n",
		encoded, encoded + 10);
	secret_set(&key, text.data, text.length);
	bool ok = ssh_key_read(&key, &pem, err);
	secret_done(&key);
	return ok;
}

static bool read_text(const char *text, struct buf *pem, struct error *err)
{
	struct secret key = {0};
	secret_set(&key, text, strlen(text));
	bool ok = ssh_key_read(&key, pem, err);
	secret_done(&key);
	return ok;
}

#define BEGIN(label) "-----BEGIN " label "-----"
#define END(label) "-----END " label "-----"

static void keys_that_work_are_let_through(void **state)
{
	struct error err = {0};
	(void)state;
	assert_true(read_openssh("none", "ssh-ed25519", &err));
	assert_true(read_openssh("none", "ecdsa-sha2-nistp256", &err));
	assert_true(read_openssh("none", "ssh-rsa", &err));
}

static void ends_of_lines_are_put_right(void **state)
{
	static const char *const forms[] = {
		BEGIN("EC PRIVATE KEY") "\nAAAA\nBBBB\n" END("EC PRIVATE KEY") "\n",
		BEGIN("EC PRIVATE KEY") "\r\nAAAA\r\nBBBB\r\n" END("EC PRIVATE KEY"),
		BEGIN("EC PRIVATE KEY") " AAAA BBBB " END("EC PRIVATE KEY"),
		BEGIN("EC PRIVATE KEY") "\\nAAAA\\nBBBB\\n" END("EC PRIVATE KEY") "\\n",
		"  " BEGIN("EC PRIVATE KEY") "\n  AAAA\n  BBBB\n  " END("EC PRIVATE KEY") "\n",
		"\xef\xbb\xbf" BEGIN("EC PRIVATE KEY") "\nAAAABBBB",
		BEGIN("EC PARAMETERS") "\nCCCC\n" END("EC PARAMETERS") "\n" BEGIN(
			"EC PRIVATE KEY") "\nAAAABBBB\n" END("EC PRIVATE KEY") "\n",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		CLEANUP(buf_wipe) struct buf pem = BUF(200000);
		struct error err = {0};
		if (!read_text(forms[i], &pem, &err))
			fail_msg("%zu: %s", i, err.text);
		assert_string_equal(
			buf_string(&pem), BEGIN("EC PRIVATE KEY") "\nAAAABBBB\n" END("EC PRIVATE KEY") "\n");
	}
}

static void what_cannot_work_is_told_with_the_way_out(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{BEGIN("ENCRYPTED PRIVATE KEY") "\nAAAA\n" END("ENCRYPTED PRIVATE KEY"), "openssl pkey -in"},
		{BEGIN("RSA PRIVATE KEY") "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n" END(
			 "RSA PRIVATE KEY"),
			"ssh-keygen -p -N ''"},
		{BEGIN("DSA PRIVATE KEY") "\nAAAA\n" END("DSA PRIVATE KEY"), "ssh-keygen -t ed25519"},
		{"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen FILE"},
		{"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA\n", "ssh-keygen -i -f"},
		{"ssh-ed25519 AAAA me@host", "private half"},
		{BEGIN("PUBLIC KEY") "\nAAAA\n" END("PUBLIC KEY"), "private half"},
		{"LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ", "base64 -d"},
		{BEGIN("OPENSSH PRIVATE KEY") "\n****\n", "damaged"},
		{BEGIN("OPENSSH PRIVATE KEY"), "damaged"},
		{BEGIN("OPENSSH PRIVATE KEY") "\nAAAA\n", "damaged"},
		{BEGIN("CERTIFICATE") "\nAAAA\n", "that ssh-keygen made"},
		{"", "that ssh-keygen made"},
	};
	struct error err = {0};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(buf_wipe) struct buf pem = BUF(200000);
		err = (struct error){0};
		assert_false(read_text(cases[i].text, &pem, &err));
		assert_int_equal(err.kind, ERROR_DENIED);
		if (!strstr(err.text, cases[i].said))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
	assert_false(read_openssh("aes256-ctr", "ssh-ed25519", &err));
	assert_non_null(strstr(err.text, "passphrase"));
	assert_false(read_openssh("none", "sk-ssh-ed25519@openssh.com", &err));
	assert_non_null(strstr(err.text, "security key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_work_are_let_through),
		cmocka_unit_test(ends_of_lines_are_put_right),
		cmocka_unit_test(what_cannot_work_is_told_with_the_way_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
