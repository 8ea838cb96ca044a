/* Secret to SealedSecret and back: layout, scopes, templates, and why something does not open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/sealed/sealed_secret.h"
#include "reconcile/sealed/wipe.h"

struct fixture {
	struct certificate certificate;
	struct sealing_keys keys;
	struct arena *mem;
	struct mistakes warnings;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *f = memory_alloc(sizeof(*f));
	assert_true(certificate_read_file(TEST_DATA "/vectors/cert-a.pem", &f->certificate, &f->err));
	assert_true(sealing_keys_add_file(&f->keys, TEST_DATA "/vectors/key-b.pem", &f->err));
	assert_true(sealing_keys_add_file(&f->keys, TEST_DATA "/vectors/key-a.pem", &f->err));
	f->mem = arena_new(1 << 20);
	f->warnings.mem = f->mem;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	certificate_done(&f->certificate);
	sealing_keys_done(&f->keys);
	arena_free(f->mem);
	free(f);
	return 0;
}

static bool seal(struct fixture *f, const char *yaml, const struct seal_options *options, json_t **sealed)
{
	static const struct seal_options none;
	CLEANUP(secret_tree_done) struct secret_tree tree = {0};
	assert_true(secret_tree_read("secret.yaml", yaml, strlen(yaml), &tree, &f->err));
	assert_int_equal(tree.documents.count, 1);
	f->warnings.count = 0;
	return sealed_secret_seal(tree.documents.items[0], options ? options : &none, &f->certificate,
		&f->warnings, sealed, &f->err);
}

static void assert_item(const json_t *secret, const char *item, const char *base64)
{
	const char *found = json_string_value(json_object_get(json_object_get(secret, "data"), item));
	assert_non_null(found);
	assert_string_equal(found, base64);
}

static const char whole[] =
	"apiVersion: v1\nkind: Secret\ntype: kubernetes.io/basic-auth\nimmutable: true\n"
	"metadata:\n  name: login\n  namespace: team\n  uid: 123\n  resourceVersion: '7'\n  creationTimestamp: null\n"
	"  ownerReferences: [{name: x}]\n  labels: {app: web}\n"
	"  annotations:\n    note: hello\n    kubectl.kubernetes.io/last-applied-configuration: '{\"plain\":\"hunter2\"}'\n"
	"data: {username: Ym9i}\nstringData: {password: hunter2}\n";

static void a_secret_keeps_its_metadata_type_and_immutable_in_the_template(void **state)
{
	struct fixture *f = *state;
	json_t *sealed = NULL;
	assert_true(seal(f, whole, NULL, &sealed));
	json_t *values = json_at(sealed, "spec.encryptedData");
	assert_int_equal(json_object_size(values), 2);
	json_object_set_new(values, "password", json_string("AgX"));
	json_object_set_new(values, "username", json_string("AgY"));
	struct buf yaml = BUF(1 << 16);
	yaml_write(sealed, YAML_SORTED, &yaml);
	assert_string_equal(buf_string(&yaml),
		"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: login\n  namespace: team\n"
		"spec:\n  encryptedData:\n    password: AgX\n    username: AgY\n  template:\n    immutable: true\n"
		"    metadata:\n      annotations:\n        note: hello\n      labels:\n        app: web\n      name: login\n"
		"      namespace: team\n    type: kubernetes.io/basic-auth\n");
	buf_done(&yaml);
	json_decref(sealed);
}

static void what_was_sealed_opens_to_the_same_secret(void **state)
{
	struct fixture *f = *state;
	CLEANUP(json_done) json_t *sealed = NULL;
	CLEANUP(secret_json_done) json_t *secret = NULL;
	assert_true(seal(f, whole, NULL, &sealed));
	assert_true(sealed_secret_open(sealed, &f->keys, false, NULL, 0, &secret, &f->err));
	assert_item(secret, "password", "aHVudGVyMg==");
	assert_item(secret, "username", "Ym9i");
	assert_string_equal(json_text_at(secret, "type", ""), "kubernetes.io/basic-auth");
	assert_true(json_bool_at(secret, "immutable", false));
	assert_string_equal(json_text_at(secret, "metadata.annotations.note", ""), "hello");
	assert_null(json_at(secret, "metadata.ownerReferences"));
}

static void the_scope_stands_in_both_annotations_and_decides_what_may_change(void **state)
{
	static const struct {
		enum sealed_scope scope;
		const char *annotation;
		bool other_name, other_namespace;
	} cases[] = {
		{SCOPE_STRICT, NULL, false, false},
		{SCOPE_NAMESPACE, SEALED_ANNOTATION_NAMESPACE, true, false},
		{SCOPE_CLUSTER, SEALED_ANNOTATION_CLUSTER, true, true},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct seal_options options = {.scope_given = true, .scope = cases[i].scope};
		for (int change = 0; change < 3; change++) {
			CLEANUP(json_done) json_t *sealed = NULL;
			CLEANUP(secret_json_done) json_t *secret = NULL;
			assert_true(seal(f, whole, &options, &sealed));
			json_t *metadata = json_object_get(sealed, "metadata");
			if (cases[i].annotation) {
				assert_string_equal(
					json_string_value(json_object_get(
						json_object_get(metadata, "annotations"), cases[i].annotation)),
					"true");
				assert_string_equal(
					json_string_value(json_object_get(
						json_at(sealed, "spec.template.metadata.annotations"),
						cases[i].annotation)),
					"true");
			} else {
				assert_null(json_object_get(metadata, "annotations"));
			}
			if (change == 1)
				json_object_set_new(metadata, "name", json_string("other"));
			if (change == 2)
				json_object_set_new(metadata, "namespace", json_string("other"));
			bool expected =
				change == 0 || (change == 1 ? cases[i].other_name : cases[i].other_namespace);
			assert_int_equal(sealed_secret_open(sealed, &f->keys, false, NULL, 0, &secret, &f->err),
				expected);
			if (!expected)
				assert_non_null(strstr(f->err.text, "no key could decrypt secret (password)"));
		}
	}
}

static void a_scope_annotation_that_was_lost_or_flipped_is_named(void **state)
{
	struct fixture *f = *state;
	struct seal_options options = {.scope_given = true, .scope = SCOPE_CLUSTER};
	CLEANUP(json_done) json_t *sealed = NULL;
	json_t *secret = NULL;
	assert_true(seal(f, whole, &options, &sealed));
	json_object_set_new(
		json_at(sealed, "metadata.annotations"), SEALED_ANNOTATION_CLUSTER, json_string("false"));
	assert_false(sealed_secret_open(sealed, &f->keys, false, NULL, 0, &secret, &f->err));
	assert_non_null(strstr(f->err.text, "sealed cluster-wide, but the annotation"));
	assert_null(secret);
}

static void a_value_sealed_for_another_place_says_for_which(void **state)
{
	struct fixture *f = *state;
	CLEANUP(json_done) json_t *sealed = NULL;
	json_t *secret = NULL;
	const struct sealed_place places[] = {
		{"postgres", "user-alice-secret"}, {"postgres", "user-bob-secret"}};
	assert_true(seal(f,
		"apiVersion: v1\nkind: Secret\nmetadata: {name: user-bob-secret, namespace: postgres}\n"
		"stringData: {password: x}\n",
		NULL, &sealed));
	json_object_set_new(json_object_get(sealed, "metadata"), "name", json_string("user-alice-secret"));
	assert_false(sealed_secret_open(sealed, &f->keys, false, places, 2, &secret, &f->err));
	assert_non_null(strstr(f->err.text, "sealed for postgres/user-bob-secret"));
	json_object_set_new(json_object_get(sealed, "metadata"), "namespace", json_string("elsewhere"));
	assert_false(sealed_secret_open(sealed, &f->keys, false, places, 2, &secret, &f->err));
	assert_non_null(strstr(f->err.text, "sealed for postgres/user-bob-secret"));
	struct sealing_keys other = {0};
	assert_true(sealing_keys_add_file(&other, TEST_DATA "/vectors/key-b.pem", &f->err));
	assert_false(sealed_secret_open(sealed, &other, false, places, 2, &secret, &f->err));
	assert_non_null(strstr(f->err.text, "sealed with a key that is not here"));
	sealing_keys_done(&other);
}

static void bad_secrets_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{"a: 1\n", "expected a Secret"},
		{"[1]\n", "found a list"},
		{"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: ns}\ndata: {a: b}\n",
			"found kind \"ConfigMap\""},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: ns}\n", "secret.data is empty"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: ns}\ndata: {a: 'hunter2!'}\n",
			"not base64"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: ns}\nstringData: {a: 123}\n",
			"not a string"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: ns}\nstringData: [a]\n",
			"not a map"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: ns}\nstringData: {'a b': c}\n",
			"letters, digits"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {namespace: ns}\nstringData: {a: b}\n",
			"missing metadata.name"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n",
			"must declare a namespace"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: user_a, namespace: ns}\nstringData: {a: b}\n",
			"cannot be the name"},
		{"apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: yes}\nstringData: {a: b}\n",
			"namespace is not a string"},
		{"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n", "SealedSecret already"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		json_t *sealed = NULL;
		assert_false(seal(f, cases[i].yaml, NULL, &sealed));
		if (!strstr(f->err.text, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", f->err.text, cases[i].says);
		assert_null(strstr(f->err.text, "hunter2"));
	}
}

static void options_fill_in_and_contradict_as_kubeseal_has_them(void **state)
{
	static const char nameless[] = "apiVersion: v1\nkind: Secret\nmetadata: {}\nstringData: {a: b}\n";
	struct fixture *f = *state;
	struct seal_options options = {.namespace = "other"};
	json_t *sealed = NULL;
	assert_false(seal(f, whole, &options, &sealed));
	assert_non_null(strstr(
		f->err.text, "namespace mismatch: input secret is in namespace \"team\" but \"other\""));
	options = (struct seal_options){.name = "n", .default_namespace = "d"};
	assert_true(seal(f, nameless, &options, &sealed));
	assert_string_equal(json_text_at(sealed, "metadata.name", ""), "n");
	assert_string_equal(json_text_at(sealed, "metadata.namespace", ""), "d");
	json_decref(sealed);
	options = (struct seal_options){
		.name = "n", .scope_given = true, .scope = SCOPE_CLUSTER, .default_namespace = "d"};
	assert_true(seal(f, nameless, &options, &sealed));
	assert_string_equal(json_text_at(sealed, "metadata.namespace", "none"), "none");
	json_decref(sealed);
	options = (struct seal_options){.allow_empty = true};
	assert_true(seal(
		f, "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: ns}\n", &options, &sealed));
	json_decref(sealed);
}

static void string_data_wins_over_data_and_says_so(void **state)
{
	struct fixture *f = *state;
	CLEANUP(json_done) json_t *sealed = NULL;
	CLEANUP(secret_json_done) json_t *secret = NULL;
	assert_true(seal(f,
		"apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: ns}\ndata: {a: Ym9i}\n"
		"stringData: {a: hunter2}\n",
		NULL, &sealed));
	assert_int_equal(f->warnings.count, 1);
	assert_true(sealed_secret_open(sealed, &f->keys, false, NULL, 0, &secret, &f->err));
	assert_item(secret, "a", "aHVudGVyMg==");
}

static void a_secret_beyond_the_servers_limit_is_refused(void **state)
{
	struct fixture *f = *state;
	json_t *sealed = NULL;
	char *big = memory_alloc(SEALED_VALUE_MAX + 2);
	memset(big, 'a', SEALED_VALUE_MAX + 1);
	char *yaml = memory_printf(
		"apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: ns}\nstringData:\n  a: %s\n",
		big);
	assert_false(seal(f, yaml, NULL, &sealed));
	assert_non_null(strstr(f->err.text, "larger than 1048576 bytes"));
	yaml[strlen(yaml) - 2] = '\n'; /* one byte less is the limit itself */
	yaml[strlen(yaml) - 1] = '\0';
	assert_true(seal(f, yaml, NULL, &sealed));
	json_decref(sealed);
	free(big);
	free(yaml);
}

static void literal_template_data_is_kept_and_templates_are_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(json_done) json_t *sealed = NULL;
	CLEANUP(secret_json_done) json_t *secret = NULL;
	assert_true(seal(f, whole, NULL, &sealed));
	json_t *data = json_make_object(json_at(sealed, "spec.template"), "data");
	json_object_set_new(data, "host", json_string("db"));
	json_object_set_new(data, "password", json_string("never"));
	assert_true(sealed_secret_open(sealed, &f->keys, false, NULL, 0, &secret, &f->err));
	assert_item(secret, "host", "ZGI=");
	assert_item(secret, "password", "aHVudGVyMg==");
	json_object_set_new(data, "url", json_string("{{ .password }}"));
	json_t *none = NULL;
	assert_false(sealed_secret_open(sealed, &f->keys, false, NULL, 0, &none, &f->err));
	assert_non_null(strstr(f->err.text, "is a template"));
}

static void the_agent_as_controller_owns_what_it_creates(void **state)
{
	struct fixture *f = *state;
	CLEANUP(json_done) json_t *sealed = NULL;
	CLEANUP(secret_json_done) json_t *secret = NULL, *other = NULL;
	assert_true(seal(f, whole, NULL, &sealed));
	json_object_set_new(json_object_get(sealed, "metadata"), "uid", json_string("u-1"));
	assert_true(sealed_secret_open(sealed, &f->keys, true, NULL, 0, &secret, &f->err));
	const json_t *owner = json_array_get(json_at(secret, "metadata.ownerReferences"), 0);
	assert_string_equal(json_text_at(owner, "uid", ""), "u-1");
	assert_string_equal(json_text_at(owner, "apiVersion", ""), "bitnami.com/v1alpha1");
	assert_true(json_bool_at(owner, "controller", false));
	json_object_set_new(json_make_object(json_at(sealed, "spec.template.metadata"), "annotations"),
		SEALED_ANNOTATION_NO_OWNER, json_string("true"));
	assert_true(sealed_secret_open(sealed, &f->keys, true, NULL, 0, &other, &f->err));
	assert_null(json_at(other, "metadata.ownerReferences"));
}

static void a_damaged_sealed_secret_is_refused(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
		{"{\"kind\":\"Secret\",\"apiVersion\":\"v1\"}", "not a SealedSecret"},
		{"{\"kind\":\"SealedSecret\",\"apiVersion\":\"bitnami.com/v1alpha1\"}", "without metadata.name"},
		{"{\"kind\":\"SealedSecret\",\"apiVersion\":\"bitnami.com/v1alpha1\",\"metadata\":{\"name\":\"x\"}}",
			"no spec.encryptedData"},
		{"{\"kind\":\"SealedSecret\",\"apiVersion\":\"bitnami.com/v1alpha1\",\"metadata\":{\"name\":\"x\"},"
		 "\"spec\":{\"encryptedData\":{\"a\":null}}}",
			"is not a string"},
		{"{\"kind\":\"SealedSecret\",\"apiVersion\":\"bitnami.com/v1alpha1\",\"metadata\":{\"name\":\"x\"},"
		 "\"spec\":{\"data\":\"abc\"}}",
			"uses spec.data"},
		{"{\"kind\":\"SealedSecret\",\"apiVersion\":\"bitnami.com/v1alpha1\",\"metadata\":{\"name\":\"x\",\"namespace\":\"ns\"},"
		 "\"spec\":{\"encryptedData\":{\"foo\":\"NOTVALIDBASE64\"}}}",
			"illegal base64 data"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(json_done) json_t *object = NULL;
		json_t *secret = NULL;
		assert_true(json_read(cases[i].json, strlen(cases[i].json), &object, &f->err));
		assert_false(sealed_secret_open(object, &f->keys, false, NULL, 0, &secret, &f->err));
		if (!strstr(f->err.text, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", f->err.text, cases[i].says);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_secret_keeps_its_metadata_type_and_immutable_in_the_template),
		TEST(what_was_sealed_opens_to_the_same_secret),
		TEST(the_scope_stands_in_both_annotations_and_decides_what_may_change),
		TEST(a_scope_annotation_that_was_lost_or_flipped_is_named),
		TEST(a_value_sealed_for_another_place_says_for_which),
		TEST(bad_secrets_are_refused_with_a_reason),
		TEST(options_fill_in_and_contradict_as_kubeseal_has_them),
		TEST(string_data_wins_over_data_and_says_so),
		TEST(a_secret_beyond_the_servers_limit_is_refused),
		TEST(literal_template_data_is_kept_and_templates_are_refused),
		TEST(the_agent_as_controller_owns_what_it_creates),
		TEST(a_damaged_sealed_secret_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
