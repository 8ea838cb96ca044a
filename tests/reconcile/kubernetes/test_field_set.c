#include "reconcile/kubernetes/field_set.h"

#include "tests/reconcile/kubernetes/json_fixture.h"

static void check_removal(const char *object, const char *set, const char *kept, const char *left)
{
	json_t *from = read_json(object);
	json_t *declared = read_json(set);
	json_t *others = read_json(kept);
	bool removed = field_set_remove(from, declared, others);
	char *text = json_canonical(from);
	assert_string_equal(text, left);
	assert_int_equal(removed, strcmp(object, left) != 0);
	free(text);
	json_decref(others);
	json_decref(declared);
	json_decref(from);
}

static void what_nobody_keeps_goes(void **state)
{
	(void)state;
	check_removal(
		"{\"a\":1,\"b\":2,\"c\":3}", "{\"f:a\":{},\"f:b\":{}}", "{\"f:b\":{}}", "{\"b\":2,\"c\":3}");
	/* A map goes with its last field when it was owned, and stays otherwise. */
	check_removal("{\"m\":{\"a\":1}}", "{\"f:m\":{\".\":{},\"f:a\":{}}}", "{}", "{}");
	check_removal("{\"m\":{\"a\":1}}", "{\"f:m\":{\"f:a\":{}}}", "{}", "{\"m\":{}}");
	check_removal(
		"{\"m\":{\"a\":1}}", "{\"f:m\":{\".\":{},\"f:a\":{}}}", "{\"f:m\":{}}", "{\"m\":{\"a\":1}}");
	/* Elements by key and by value. */
	check_removal("{\"l\":[{\"name\":\"x\",\"v\":1},{\"name\":\"y\",\"v\":2}]}",
		"{\"f:l\":{\"k:{\\\"name\\\":\\\"x\\\"}\":{\".\":{},\"f:name\":{},\"f:v\":{}},\"k:{\\\"name\\\":\\\"y\\\"}\":{\".\":{},\"f:name\":{},\"f:v\":{}}}}",
		"{\"f:l\":{\"k:{\\\"name\\\":\\\"y\\\"}\":{\".\":{},\"f:name\":{}}}}",
		"{\"l\":[{\"name\":\"y\"}]}");
	check_removal("{\"l\":[\"x\",\"y\"]}", "{\"f:l\":{\"v:\\\"x\\\"\":{},\"v:\\\"y\\\"\":{}}}",
		"{\"f:l\":{\"v:\\\"y\\\"\":{}}}", "{\"l\":[\"y\"]}");
	check_removal("{}", "{\"f:a\":{\"f:b\":{}}}", "{}", "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_keeps_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
