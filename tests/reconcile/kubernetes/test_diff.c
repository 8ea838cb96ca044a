#include "reconcile/kubernetes/diff.h"
#include "reconcile/kubernetes/manager.h"

#include "tests/reconcile/kubernetes/json_fixture.h"

struct fixture {
	struct arena *mem;
	json_t *wanted, *found;
	struct difference *items;
	size_t count;
};

static struct fixture compare(const char *wanted, const char *found, bool secret, bool loose)
{
	struct fixture fixture = {
		.mem = arena_new(1 << 20), .wanted = read_json(wanted), .found = read_json(found)};
	struct diff_input input = {
		.wanted = fixture.wanted, .found = fixture.found, .secret = secret, .loose = loose};
	fixture.items = diff_objects(&input, fixture.mem, &fixture.count);
	return fixture;
}

static void done(struct fixture *fixture)
{
	json_decref(fixture->wanted);
	json_decref(fixture->found);
	arena_free(fixture->mem);
}

static void expect(const char *wanted, const char *found, const char *paths)
{
	struct fixture f = compare(wanted, found, false, false);
	char text[1024] = "";
	for (size_t i = 0; i < f.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			f.items[i].path);
	assert_string_equal(text, paths);
	done(&f);
}

static void what_the_server_keeps_does_not_count(void **state)
{
	(void)state;
	expect("{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\",\"generation\":1,\"managedFields\":[],\"uid\":\"x\"},\"status\":{\"a\":1}}",
		"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"2\",\"generation\":2,\"managedFields\":[{}],\"creationTimestamp\":\"x\"},\"status\":{}}",
		"");
	expect("{\"spec\":{\"status\":1,\"metadata\":{\"uid\":1}}}",
		"{\"spec\":{\"status\":2,\"metadata\":{\"uid\":2}}}", "spec.metadata.uid spec.status");
}

static void fields_are_named_by_their_paths(void **state)
{
	(void)state;
	expect("{\"data\":{\"users.yaml\":\"a\",\"x\":\"1\"}}",
		"{\"data\":{\"users.yaml\":\"b\",\"y\":\"1\"}}", "data.users.yaml data.x data.y");
	expect("{\"metadata\":{\"labels\":{\"a\":\"1\"}}}", "{\"metadata\":{}}", "metadata.labels.a");
	expect("{\"spec\":{\"c\":[{\"name\":\"web\",\"image\":\"1\"}]}}",
		"{\"spec\":{\"c\":[{\"name\":\"web\",\"image\":\"2\"}]}}", "spec.c[web].image");
	expect("{\"spec\":{\"c\":[1,2]}}", "{\"spec\":{\"c\":[1,3]}}", "spec.c[1]");
	expect("{\"spec\":{\"c\":[1]}}", "{\"spec\":{\"c\":[1,3]}}", "spec.c");
	expect("{\"data\":{\"a\":\"1\",\"b\":\"2\"}}", "{}", "data.a data.b");
	expect("{}", "{\"data\":{\"a\":\"1\",\"b\":\"2\"}}", "data.a data.b");
	expect("{\"spec\":1}", "{\"spec\":1.0}", "spec");
}

static void long_values_are_cut_between_characters(void **state)
{
	(void)state;
	char wanted[800] = "{\"data\":\"";
	while (strlen(wanted) < 600)
		strcat(wanted, "\xC3\xBC");
	strcat(wanted, "\"}");
	struct fixture f = compare(wanted, "{\"data\":\"x\"}", false, false);
	assert_int_equal(f.count, 1);
	assert_true(strlen(f.items[0].wanted) <= 200);
	assert_string_equal(f.items[0].wanted + strlen(f.items[0].wanted) - 3, "...");
	assert_int_equal((unsigned char)f.items[0].wanted[strlen(f.items[0].wanted) - 4], 0xBC);
	done(&f);
}

static void values_of_secrets_are_hidden(void **state)
{
	(void)state;
	struct fixture f = compare(
		"{\"data\":{\"p\":\"aaa\"},\"stringData\":{\"q\":\"bbb\"},\"type\":\"Opaque\",\"metadata\":{\"labels\":{\"l\":\"seen\"},\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"ccc\",\"note\":\"seen\"}}}",
		"{\"data\":{\"p\":\"ddd\"},\"type\":\"x\",\"metadata\":{\"labels\":{\"l\":\"old\"},\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"eee\"}}}",
		true, false);
	bool seen = false;
	for (size_t i = 0; i < f.count; i++) {
		const struct difference *at = &f.items[i];
		assert_null(strstr(at->wanted, "aaa"));
		assert_null(strstr(at->wanted, "bbb"));
		assert_null(strstr(at->wanted, "ccc"));
		assert_null(strstr(at->found, "ddd"));
		assert_null(strstr(at->found, "eee"));
		seen = seen || strstr(at->wanted, "seen");
	}
	assert_int_equal(f.count, 6);
	assert_true(seen);
	done(&f);
}

static void expect_masked(const char *wanted, const char *found, const char *paths)
{
	struct fixture f = compare(wanted, found, true, false);
	char text[1024] = "";
	for (size_t i = 0; i < f.count; i++) {
		const struct difference *at = &f.items[i];
		assert_null(strstr(at->wanted, "hunter2"));
		assert_null(strstr(at->found, "hunter2"));
		assert_null(strstr(at->wanted, "aHVudGVyMg"));
		assert_null(strstr(at->found, "aHVudGVyMg"));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", at->path);
	}
	assert_string_equal(text, paths);
	done(&f);
}

/* "hunter2" is aHVudGVyMg== */
static void copies_of_a_secret_in_its_annotations_are_hidden(void **state)
{
	(void)state;
	expect_masked(
		"{\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"hunter2\"}}}",
		"{\"metadata\":{}}", "metadata.annotations.kubectl.kubernetes.io/last-applied-configuration");
	expect_masked("{}", "{\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/x\":\"hunter2\"}}}",
		"metadata.annotations.kubectl.kubernetes.io/x");
	expect_masked("{\"data\":{\"k\":\"aHVudGVyMg==\"}}",
		"{\"data\":{\"k\":\"aHVudGVyMg==\"},\"metadata\":{\"annotations\":{\"a\":\"is hunter2!\",\"b\":\"aHVudGVyMg==\"},"
		"\"labels\":{\"l\":\"hunter2\"}}}",
		"metadata.annotations.a metadata.annotations.b metadata.labels.l");
	expect_masked("{\"stringData\":{\"k\":\"hunter2\"},\"type\":\"hunter2\"}", "{}", "stringData.k type");
}

/* {"k": "hunter2\nsays \"x\"\n"}: JSON writes such a value otherwise than it is */
static void copies_of_a_secret_with_quotes_and_line_ends_are_hidden(void **state)
{
	(void)state;
	expect_masked("{\"data\":{\"k\":\"aHVudGVyMgpzYXlzICJ4Igo=\"}}",
		"{\"data\":{\"k\":\"aHVudGVyMgpzYXlzICJ4Igo=\"},\"metadata\":{\"annotations\":{"
		"\"a\":\"hunter2\\nsays \\\"x\\\"\\n\","
		"\"b\":\"{\\\"k\\\":\\\"hunter2\\\\nsays \\\\\\\"x\\\\\\\"\\\\n\\\"}\"}}}",
		"metadata.annotations.a metadata.annotations.b");
}

static void other_annotations_of_a_secret_are_seen(void **state)
{
	(void)state;
	struct fixture f = compare(
		"{\"data\":{\"k\":\"\",\"l\":\"YQ==\"},\"metadata\":{\"annotations\":{\"a\":\"a value\"}}}",
		"{\"data\":{\"k\":\"\",\"l\":\"YQ==\"}}", true, false);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.items[0].path, "metadata.annotations.a");
	assert_string_equal(f.items[0].wanted, "\"a value\"");
	done(&f);
}

static void the_operator_takes_null_empty_and_absent_alike(void **state)
{
	(void)state;
	struct fixture f =
		compare("{\"spec\":{\"a\":null,\"b\":{},\"c\":[]}}", "{\"spec\":{\"d\":{}}}", false, true);
	assert_int_equal(f.count, 0);
	done(&f);
	f = compare("{\"spec\":{\"a\":{}}}", "{\"spec\":{}}", false, false);
	assert_int_equal(f.count, 1);
	done(&f);
}

#define FOUND                                                                                                                                                                                  \
	"{\"metadata\":{\"managedFields\":["                                                                                                                                                   \
	"{\"manager\":\"pgitops\",\"time\":\"2026-01-01T00:00:00Z\",\"fieldsV1\":{\"f:data\":{\"f:x\":{}},\"f:spec\":{\"f:l\":{\"k:{\\\"name\\\":\\\"a\\\"}\":{\"f:v\":{}}}}}},"               \
	"{\"manager\":\"kubectl-edit\",\"time\":\"2026-01-02T00:00:00Z\",\"fieldsV1\":{\"f:data\":{\"f:x\":{}}}},"                                                                             \
	"{\"manager\":\"other\",\"time\":\"2026-01-01T00:00:00Z\",\"fieldsV1\":{\"f:data\":{\"f:x\":{}},\"f:spec\":{\"f:atom\":{},\"f:l\":{\"k:{\\\"name\\\":\\\"b\\\"}\":{\"f:v\":{}}}}}}]}," \
	"\"data\":{\"x\":\"2\",\"z\":\"2\"},\"spec\":{\"atom\":{\"in\":2},\"l\":[{\"name\":\"a\",\"v\":1},{\"name\":\"b\",\"v\":1}]}}"

static void the_last_other_manager_is_the_author(void **state)
{
	(void)state;
	struct fixture f = compare(
		"{\"metadata\":{},\"data\":{\"x\":\"1\",\"z\":\"1\"},\"spec\":{\"atom\":{\"in\":1},\"l\":[{\"name\":\"a\",\"v\":2},{\"name\":\"b\",\"v\":2}]}}",
		FOUND, false, false);
	assert_int_equal(f.count, 5);
	assert_string_equal(f.items[0].path, "data.x");
	assert_string_equal(f.items[0].by, "kubectl-edit");
	assert_int_equal(f.items[0].when, INT64_C(1767312000000000));
	assert_string_equal(f.items[1].path, "data.z");
	assert_string_equal(f.items[1].by, "");
	assert_string_equal(f.items[2].path, "spec.atom.in");
	assert_string_equal(f.items[2].by, "other");
	assert_string_equal(f.items[3].path, "spec.l[a].v");
	assert_string_equal(f.items[3].by, "pgitops");
	assert_string_equal(f.items[4].by, "other");
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_server_keeps_does_not_count),
		cmocka_unit_test(fields_are_named_by_their_paths),
		cmocka_unit_test(long_values_are_cut_between_characters),
		cmocka_unit_test(values_of_secrets_are_hidden),
		cmocka_unit_test(copies_of_a_secret_in_its_annotations_are_hidden),
		cmocka_unit_test(copies_of_a_secret_with_quotes_and_line_ends_are_hidden),
		cmocka_unit_test(other_annotations_of_a_secret_are_seen),
		cmocka_unit_test(the_operator_takes_null_empty_and_absent_alike),
		cmocka_unit_test(the_last_other_manager_is_the_author),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
