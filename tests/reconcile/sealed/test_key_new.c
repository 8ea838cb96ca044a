/* New sealing keys: what the certificate seals the key opens, and the certificate is what the controller would have made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "reconcile/sealed/format.h"
#include "reconcile/sealed/key_new.h"
#include "reconcile/sealed/wipe.h"

static struct sealing_key_wish wish(void)
{
	return (struct sealing_key_wish){.bits = 2048, .seconds = 86400, .now = clock_now()};
}

static void what_its_certificate_seals_the_key_opens(void **state)
{
	struct sealing_key_wish asked = wish();
	struct secret key = {0}, value = {0};
	struct buf pem = BUF(SEALING_KEY_PEM), sealed = BUF(SEALED_TEXT_MAX);
	struct certificate certificate = {0};
	struct sealing_keys keys = {0};
	struct error err;
	(void)state;
	assert_true(sealing_key_make(&asked, &key, &pem, &err));
	assert_true(certificate_read("made", pem.data, pem.length, &certificate, &err));
	assert_int_equal(certificate.bits, 2048);
	assert_int_equal(certificate_days_left(&certificate, asked.now), 0); /* a whole second is rounded down */
	assert_true(certificate_valid(&certificate, "made", asked.now, &err));
	assert_true(sealed_value_seal(&certificate, "ns/name", "hunter2", 7, &sealed, &err));

	json_t *secret = sealing_key_secret("ns", "one", &key, &pem);
	assert_string_equal(json_text_at(secret, "type", ""), "kubernetes.io/tls");
	assert_string_equal(
		json_string_value(json_object_get(json_at(secret, "metadata.labels"), SEALING_KEY_LABEL)),
		"active");
	assert_true(sealing_keys_add_object(&keys, "made", secret, &err));
	assert_int_equal(keys.count, 1);
	assert_false(keys.items[0].foreign_certificate);
	assert_string_equal(keys.items[0].fingerprint, certificate.fingerprint);
	assert_true(sealed_value_open(&keys, "ns/name", sealed.data, sealed.length, &value, NULL, NULL, &err));
	assert_string_equal(value.bytes, "hunter2");

	secret_json_done(&secret);
	sealing_keys_done(&keys);
	certificate_done(&certificate);
	secret_done(&value);
	secret_done(&key);
	buf_done(&sealed);
	buf_done(&pem);
}

static void each_key_is_another(void **state)
{
	struct sealing_key_wish asked = wish();
	struct secret first = {0}, second = {0};
	struct buf pem = BUF(2 * SEALING_KEY_PEM);
	struct error err;
	(void)state;
	assert_true(sealing_key_make(&asked, &first, &pem, &err));
	assert_true(sealing_key_make(&asked, &second, &pem, &err));
	assert_false(secret_equal(&first, &second));
	assert_memory_equal(first.bytes, "-----BEGIN RSA PRIVATE KEY-----\n", 32);
	secret_done(&first);
	secret_done(&second);
	buf_done(&pem);
}

static void a_wish_that_cannot_be_is_refused_by_name(void **state)
{
	char long_name[SEALING_KEY_CN + 2] = {0};
	memset(long_name, 'a', SEALING_KEY_CN + 1);
	const struct {
		struct sealing_key_wish wish;
		const char *word;
	} cases[] = {
		{{.bits = 1024, .seconds = 1}, "1024"},
		{{.bits = 32768, .seconds = 1}, "32768"},
		{{.bits = 2048, .seconds = 0}, "valid"},
		{{.bits = 2048, .seconds = 1, .cn = long_name}, "common name"},
		{{.bits = 2048, .seconds = 1, .cn = "\xff"}, "common name"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct secret key = {0};
		struct buf pem = BUF(SEALING_KEY_PEM);
		struct error err;
		assert_false(sealing_key_make(&cases[i].wish, &key, &pem, &err));
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_non_null(strstr(err.text, cases[i].word));
		assert_null(key.bytes);
		assert_int_equal(pem.length, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_its_certificate_seals_the_key_opens),
		cmocka_unit_test(each_key_is_another),
		cmocka_unit_test(a_wish_that_cannot_be_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
