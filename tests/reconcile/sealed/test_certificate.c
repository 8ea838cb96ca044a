/* Certificates and private keys: what is taken, what is refused, and that a refusal shows nothing of a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/keys.h"

static char *content(const char *name)
{
	char path[512];
	struct buf text = BUF(1 << 20);
	struct error err;
	snprintf(path, sizeof(path), TEST_DATA "/%s", name);
	assert_true(file_read(path, &text, &err));
	return text.data;
}

static bool read_text(const char *text, struct certificate *certificate, struct error *err)
{
	return certificate_read("pub-cert.pem", text, strlen(text), certificate, err);
}

static void a_certificate_gives_key_dates_and_fingerprint(void **state)
{
	struct certificate a, b;
	struct error err;
	char *text = content("vectors/cert-a.pem");
	(void)state;
	assert_true(read_text(text, &a, &err));
	assert_int_equal(a.bits, 2048);
	assert_int_equal(a.count, 1);
	assert_true(certificate_valid(&a, "x", clock_now(), &err));
	assert_int_equal(strlen(a.fingerprint), 64);
	assert_true(certificate_read_file(TEST_DATA "/vectors/cert-b.pem", &b, &err));
	assert_string_not_equal(a.fingerprint, b.fingerprint);
	certificate_done(&a);
	certificate_done(&b);
	free(text);
}

static void of_a_chain_the_first_counts_and_line_ends_of_windows_do_not_matter(void **state)
{
	char *one = content("vectors/cert-a.pem"), *two = content("vectors/cert-b.pem");
	struct buf chain = BUF(1 << 20);
	struct certificate a, both;
	struct error err;
	(void)state;
	buf_text(&chain, "Bag Attributes\r\n");
	for (const char *at = one; *at; at++) {
		if (*at == '\n')
			buf_char(&chain, '\r');
		buf_char(&chain, *at);
	}
	buf_text(&chain, two);
	assert_true(read_text(one, &a, &err));
	assert_true(read_text(chain.data, &both, &err));
	assert_int_equal(both.count, 2);
	assert_string_equal(a.fingerprint, both.fingerprint);
	certificate_done(&a);
	certificate_done(&both);
	buf_done(&chain);
	free(one);
	free(two);
}

static void a_private_key_given_as_certificate_is_refused_without_showing_it(void **state)
{
	static const char *const files[] = {
		"vectors/key-a.pem", "data/key-a-pkcs1.pem", "data/key-encrypted.pem"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		char *text = content(files[i]), *first = content("vectors/cert-a.pem");
		char *mixed = memory_printf("%s%s", first, text);
		struct certificate certificate;
		struct error err;
		char *body = strchr(text, '\n') + 1;
		body[16] = '\0';
		assert_false(read_text(mixed, &certificate, &err));
		assert_non_null(strstr(err.text, "PRIVATE KEY"));
		assert_null(strstr(err.text, body));
		free(text);
		free(mixed);
		free(first);
	}
}

static void what_is_no_usable_certificate_says_what_it_is(void **state)
{
	static const struct {
		const char *file, *text, *says;
	} cases[] = {
		{"data/small.pem", NULL, "1024 bits is too weak"},
		{"data/ec.pem", NULL, "not an RSA key"},
		{NULL, "", "holds no certificate"},
		{NULL, "apiVersion: v1\n", "holds no certificate"},
		{NULL, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds \"PUBLIC KEY\""},
		{NULL, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
			"certificate 1 is damaged"},
		{NULL, "-----BEGIN CERTIFICATE-----\nAAAA\n", "holds no certificate"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *text = cases[i].file ? content(cases[i].file) : memory_copy(cases[i].text);
		struct certificate certificate;
		struct error err;
		assert_false(read_text(text, &certificate, &err));
		assert_int_equal(err.kind, ERROR_INVALID);
		if (!strstr(err.text, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
		free(text);
	}
}

static void dates_are_compared_with_the_given_clock(void **state)
{
	struct certificate certificate;
	struct error err;
	int64_t now;
	(void)state;
	assert_true(certificate_read_file(TEST_DATA "/data/expired.pem", &certificate, &err));
	assert_false(certificate_valid(&certificate, "old.pem", clock_now(), &err));
	assert_non_null(strstr(err.text, "failed to encrypt using an expired certificate"));
	assert_non_null(strstr(err.text, "2021-01-01"));
	assert_true(clock_parse("2020-12-12T00:00:00Z", &now));
	assert_true(certificate_valid(&certificate, "old.pem", now, &err));
	assert_int_equal(certificate_days_left(&certificate, now), 20);
	certificate_done(&certificate);
	assert_true(certificate_read_file(TEST_DATA "/data/future.pem", &certificate, &err));
	assert_true(clock_parse("2119-12-31T23:54:00Z", &now));
	assert_false(certificate_valid(&certificate, "new.pem", now, &err));
	assert_non_null(strstr(err.text, "valid only from"));
	assert_true(clock_parse("2119-12-31T23:56:00Z", &now)); /* clocks differ */
	assert_true(certificate_valid(&certificate, "new.pem", now, &err));
	certificate_done(&certificate);
}

static char *key_secret(const char *name, const char *key, const char *certificate)
{
	char encoded[8192], crt[8192];
	char *pem = content(key), *cert = content(certificate);
	text_base64((unsigned char *)pem, strlen(pem), encoded);
	text_base64((unsigned char *)cert, strlen(cert), crt);
	char *yaml =
		memory_printf("apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata:\n  name: %s\n"
			      "  namespace: kube-system\ndata:\n  tls.key: %s\n  tls.crt: %s\n",
			name, encoded, crt);
	free(pem);
	free(cert);
	return yaml;
}

static void key_secrets_give_their_key_and_the_dates_beside_it(void **state)
{
	struct sealing_keys keys = {0};
	struct error err;
	char *a = key_secret("sealed-secrets-key1", "vectors/key-a.pem", "vectors/cert-a.pem");
	char *b = key_secret("sealed-secrets-key2", "vectors/key-b.pem", "vectors/cert-a.pem");
	char *both = memory_printf("%s---\n%s", a, b);
	(void)state;
	assert_true(sealing_keys_add(&keys, "backup.yaml", both, strlen(both), &err));
	assert_int_equal(keys.count, 2);
	assert_string_equal(keys.items[0].source, "Secret kube-system/sealed-secrets-key1");
	assert_false(keys.items[0].foreign_certificate);
	assert_true(keys.items[0].not_after > keys.items[0].not_before);
	assert_true(keys.items[1].foreign_certificate);
	sealing_keys_done(&keys);
	free(a);
	free(b);
	free(both);
}

static void what_holds_no_key_is_named_and_a_pass_phrase_is_never_asked_for(void **state)
{
	static const struct {
		const char *file, *text, *says;
	} cases[] = {
		{"vectors/cert-a.pem", NULL, "only a certificate"},
		{"data/key-encrypted.pem", NULL, "pass phrase"},
		{NULL, "", "is empty"},
		{NULL, "kind: Secret\nmetadata: {name: x, namespace: y}\n", "no data.\"tls.key\""},
		{NULL, "kind: Secret\nmetadata: {name: x}\ndata: {tls.key: '***'}\n", "is not base64"},
		{NULL, "kind: List\nitems: []\n", "holds no Secret"},
		{NULL, "a: [", "key.pem"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *text = cases[i].file ? content(cases[i].file) : memory_copy(cases[i].text);
		struct sealing_keys keys = {0};
		struct error err;
		assert_false(sealing_keys_add(&keys, "key.pem", text, strlen(text), &err));
		if (!strstr(err.text, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
		sealing_keys_done(&keys);
		free(text);
	}
}

static void a_folder_gives_all_its_keys_and_names_what_it_could_not_read(void **state)
{
	struct sealing_keys keys = {0};
	struct arena *mem = arena_new(1 << 20);
	struct mistakes problems = {.mem = mem};
	struct error err;
	(void)state;
	assert_true(sealing_keys_add_folder(&keys, TEST_DATA "/vectors", &problems, &err));
	assert_int_equal(keys.count, 2);     /* the certificates beside them are no problem */
	assert_int_equal(problems.count, 1); /* vectors.json */
	assert_non_null(strstr(problems.items[0].file, "vectors.json"));
	assert_false(sealing_keys_add_folder(&keys, TEST_DATA "/nowhere", &problems, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	sealing_keys_done(&keys);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_gives_key_dates_and_fingerprint),
		cmocka_unit_test(of_a_chain_the_first_counts_and_line_ends_of_windows_do_not_matter),
		cmocka_unit_test(a_private_key_given_as_certificate_is_refused_without_showing_it),
		cmocka_unit_test(what_is_no_usable_certificate_says_what_it_is),
		cmocka_unit_test(dates_are_compared_with_the_given_clock),
		cmocka_unit_test(key_secrets_give_their_key_and_the_dates_beside_it),
		cmocka_unit_test(what_holds_no_key_is_named_and_a_pass_phrase_is_never_asked_for),
		cmocka_unit_test(a_folder_gives_all_its_keys_and_names_what_it_could_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
