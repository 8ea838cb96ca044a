/* Values: the vectors of an independent implementation in both directions, and everything malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/format.h"

static json_t *vectors;

static int load(void **state)
{
	struct buf text = BUF(1 << 20);
	struct error err;
	(void)state;
	assert_true(file_read(TEST_DATA "/vectors/vectors.json", &text, &err));
	assert_true(json_read(text.data, text.length, &vectors, &err));
	buf_done(&text);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(vectors);
	return 0;
}

static struct sealing_keys keys_of(const char *name)
{
	struct sealing_keys keys = {0};
	struct error err;
	char path[512];
	snprintf(path, sizeof(path), TEST_DATA "/vectors/%s", name);
	assert_true(sealing_keys_add_file(&keys, path, &err));
	return keys;
}

static struct certificate certificate_of(const char *path)
{
	struct certificate certificate;
	struct error err;
	assert_true(certificate_read_file(path, &certificate, &err));
	return certificate;
}

static void every_vector_opens_or_fails_as_it_says(void **state)
{
	size_t index, positive = 0, negative = 0;
	json_t *vector;
	(void)state;
	assert_int_equal(json_array_size(vectors), 31);
	json_array_foreach (vectors, index, vector) {
		struct sealing_keys keys = keys_of(json_text_at(vector, "key", ""));
		const char *sealed = json_text_at(vector, "sealed", ""),
			   *expect = json_text_at(vector, "expect", "");
		struct secret value = {0};
		struct error err = {0};
		enum sealed_failure why;
		bool ok = sealed_value_open(&keys, json_text_at(vector, "label", ""), sealed, strlen(sealed),
			&value, NULL, &why, &err);
		if (strcmp(expect, "ok") == 0) {
			const char *plain = json_text_at(vector, "plaintext_b64", "");
			char *encoded = memory_alloc(value.length * 2 + 8);
			assert_true(ok);
			text_base64((const unsigned char *)value.bytes, value.length, encoded);
			assert_string_equal(encoded, plain);
			free(encoded);
			positive++;
		} else {
			assert_false(ok);
			assert_null(value.bytes);
			assert_int_equal(err.kind, ERROR_INVALID);
			if (strcmp(expect, "base64") == 0)
				assert_int_equal(why, SEALED_NOT_BASE64);
			else if (strcmp(expect, "short") == 0)
				assert_int_equal(why, SEALED_TOO_SHORT);
			else if (strncmp(expect, "short-or", 8) != 0)
				assert_int_equal(why, SEALED_NO_KEY);
			negative++;
		}
		secret_done(&value);
		sealing_keys_done(&keys);
	}
	assert_int_equal(positive, 18);
	assert_int_equal(negative, 13);
}

/* The other direction: what we seal opens under the vector's own label, and under no other. */
static void every_vector_can_be_sealed_again_by_us(void **state)
{
	struct certificate certificate = certificate_of(TEST_DATA "/vectors/cert-a.pem");
	struct sealing_keys keys = keys_of("key-a.pem");
	size_t index;
	json_t *vector;
	(void)state;
	json_array_foreach (vectors, index, vector) {
		const char *plain = json_text_at(vector, "plaintext_b64", NULL),
			   *label = json_text_at(vector, "label", "");
		if (!plain)
			continue;
		size_t length;
		unsigned char *bytes = memory_alloc(strlen(plain) + 4);
		assert_true(text_base64_decode(plain, strlen(plain), bytes, &length));
		struct buf sealed = BUF(SEALED_TEXT_MAX), again = BUF(SEALED_TEXT_MAX);
		struct secret value = {0};
		struct error err;
		assert_true(sealed_value_seal(&certificate, label, bytes, length, &sealed, &err));
		assert_true(sealed_value_seal(&certificate, label, bytes, length, &again, &err));
		assert_string_not_equal(sealed.data, again.data); /* a new session key each time */
		assert_int_equal(sealed.length, strlen(json_text_at(vector, "sealed", "")));
		assert_true(
			sealed_value_open(&keys, label, sealed.data, sealed.length, &value, NULL, NULL, &err));
		assert_int_equal(value.length, length);
		assert_memory_equal(value.bytes, bytes, length);
		assert_false(sealed_value_open(
			&keys, "other/label", sealed.data, sealed.length, &value, NULL, NULL, &err));
		secret_done(&value);
		buf_done(&sealed);
		buf_done(&again);
		free(bytes);
	}
	certificate_done(&certificate);
	sealing_keys_done(&keys);
}

static void a_cut_value_never_opens_whatever_its_length(void **state)
{
	struct sealing_keys keys = keys_of("key-a.pem");
	const char *sealed = json_text_at(json_array_get(vectors, 0), "sealed", "");
	unsigned char raw[1024];
	size_t size;
	(void)state;
	assert_true(text_base64_decode(sealed, strlen(sealed), raw, &size));
	for (size_t cut = 0; cut < size; cut += cut < 4 || cut > 250 ? 1 : 13) {
		char text[2048];
		struct secret value = {0};
		struct error err;
		text_base64(raw, cut, text);
		assert_false(
			sealed_value_open(&keys, "myns/myname", text, strlen(text), &value, NULL, NULL, &err));
	}
	sealing_keys_done(&keys);
}

static void the_second_key_is_tried_and_named(void **state)
{
	struct sealing_keys keys = keys_of("key-b.pem");
	struct error err;
	struct secret value = {0};
	size_t which = 99;
	const char *sealed = json_text_at(json_array_get(vectors, 0), "sealed", "");
	(void)state;
	assert_true(sealing_keys_add_file(&keys, TEST_DATA "/vectors/key-a.pem", &err));
	assert_true(sealing_keys_add_file(&keys, TEST_DATA "/vectors/key-a.pem", &err));
	assert_int_equal(keys.count, 2);
	assert_true(
		sealed_value_open(&keys, "myns/myname", sealed, strlen(sealed), &value, &which, NULL, &err));
	assert_int_equal(which, 1);
	assert_string_equal(value.bytes, "hunter2");
	secret_done(&value);
	sealing_keys_done(&keys);
}

static void line_breaks_inside_are_passed_over_but_spaces_are_not(void **state)
{
	struct sealing_keys keys = keys_of("key-a.pem");
	const char *sealed = json_text_at(json_array_get(vectors, 0), "sealed", "");
	char text[2048];
	struct secret value = {0};
	struct error err;
	enum sealed_failure why;
	(void)state;
	snprintf(text, sizeof(text), "%.64s\r\n%s\n", sealed, sealed + 64);
	assert_true(sealed_value_open(&keys, "myns/myname", text, strlen(text), &value, NULL, NULL, &err));
	snprintf(text, sizeof(text), "%.64s %s", sealed, sealed + 64);
	assert_false(sealed_value_open(&keys, "myns/myname", text, strlen(text), &value, NULL, &why, &err));
	assert_int_equal(why, SEALED_NOT_BASE64);
	secret_done(&value);
	sealing_keys_done(&keys);
}

static void a_label_needs_what_its_scope_binds(void **state)
{
	char label[SEALED_LABEL_SIZE], longer[400];
	struct error err;
	(void)state;
	assert_true(sealed_label(SCOPE_STRICT, "myns", "myname", label, &err));
	assert_string_equal(label, "myns/myname");
	assert_true(sealed_label(SCOPE_NAMESPACE, "myns", NULL, label, &err));
	assert_string_equal(label, "myns");
	assert_true(sealed_label(SCOPE_CLUSTER, NULL, NULL, label, &err));
	assert_string_equal(label, "");
	assert_false(sealed_label(SCOPE_STRICT, "", "myname", label, &err));
	assert_non_null(strstr(err.text, "secret must declare a namespace"));
	assert_false(sealed_label(SCOPE_STRICT, "myns", "", label, &err));
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_false(sealed_label(SCOPE_STRICT, "myns", longer, label, &err));
}

static void a_value_tells_without_a_key_that_another_certificate_made_it(void **state)
{
	struct certificate a = certificate_of(TEST_DATA "/vectors/cert-a.pem");
	struct sealed_shape shape;
	struct error err;
	unsigned char raw[1024];
	char text[2048];
	size_t size;
	const char *sealed = json_text_at(json_array_get(vectors, 0), "sealed", "");
	(void)state;
	assert_true(sealed_value_inspect(sealed, strlen(sealed), &a, &shape, &err));
	assert_int_equal(shape.rsa_bytes, 256);
	assert_int_equal(shape.value_bytes, 7);
	assert_false(shape.other_certificate);
	assert_true(text_base64_decode(sealed, strlen(sealed), raw, &size));
	memset(raw + 2, 0xff, 256); /* larger than any modulus of this size */
	text_base64(raw, size, text);
	assert_true(sealed_value_inspect(text, strlen(text), &a, &shape, &err));
	assert_true(shape.other_certificate);
	certificate_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_opens_or_fails_as_it_says),
		cmocka_unit_test(every_vector_can_be_sealed_again_by_us),
		cmocka_unit_test(a_cut_value_never_opens_whatever_its_length),
		cmocka_unit_test(the_second_key_is_tried_and_named),
		cmocka_unit_test(line_breaks_inside_are_passed_over_but_spaces_are_not),
		cmocka_unit_test(a_label_needs_what_its_scope_binds),
		cmocka_unit_test(a_value_tells_without_a_key_that_another_certificate_made_it),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
