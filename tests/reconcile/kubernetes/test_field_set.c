#include "reconcile/kubernetes/field_set.h"

#include "tests/reconcile/kubernetes/json_fixture.h"

static void check_removal(const char *object, const char *set, const char *kept, const char *left)
{
	json_t *from = read_json(object);
	json_t *declared = read_json(set);
	json_t *others = read_json(kept);
	struct field_index index = {0};
	bool removed = field_set_remove(&index, from, declared, others);
	field_index_done(&index);
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
	/* A key field that the server has filled in is absent in what was written; the name is written in another way than ours. */
	check_removal("{\"l\":[{\"p\":1},{\"p\":2,\"t\":\"U\"}]}",
		"{\"f:l\":{\"k:{\\\"t\\\": \\\"T\\\", \\\"p\\\":1}\":{}}}", "{}",
		"{\"l\":[{\"p\":2,\"t\":\"U\"}]}");
	/* Elements by their place; one without any of the key's fields is nobody's. */
	check_removal("{\"l\":[1,2,3]}", "{\"f:l\":{\"i:0\":{},\"i:2\":{}}}", "{\"f:l\":{\"i:2\":{}}}",
		"{\"l\":[2,3]}");
	check_removal("{\"l\":[{\"v\":1}]}", "{\"f:l\":{\"k:{\\\"name\\\":\\\"x\\\"}\":{}}}", "{}",
		"{\"l\":[{\"v\":1}]}");
}

static void check_union(
	void (*add)(json_t *into, const json_t *from), const char *one, const char *other, const char *both)
{
	for (int turn = 0; turn < 2; turn++) {
		json_t *into = read_json(turn ? other : one);
		json_t *from = read_json(turn ? one : other);
		add(into, from);
		char *text = json_canonical(into);
		assert_string_equal(text, both);
		free(text);
		json_decref(from);
		json_decref(into);
	}
}

/* An empty node beside fields in it is the map itself, and has to go with its last field. */
static void a_union_holds_what_either_holds(void **state)
{
	(void)state;
	check_union(field_set_unite, "{\"f:a\":{}}", "{\"f:b\":{}}", "{\"f:a\":{},\"f:b\":{}}");
	check_union(
		field_set_unite, "{\"f:m\":{}}", "{\"f:m\":{\"f:a\":{}}}", "{\"f:m\":{\".\":{},\"f:a\":{}}}");
	check_union(field_set_unite, "{\"f:m\":{}}", "{\"f:m\":{}}", "{\"f:m\":{}}");
	check_union(field_set_unite, "{\"f:m\":{\".\":{},\"f:a\":{}}}", "{\"f:m\":{\"f:b\":{}}}",
		"{\"f:m\":{\".\":{},\"f:a\":{},\"f:b\":{}}}");
}

/* One manager keeps it as a whole: a field in it that another one keeps, too, makes that no less. */
static void what_is_kept_as_a_whole_stays_whole(void **state)
{
	(void)state;
	check_union(field_set_cover, "{\"f:m\":{}}", "{\"f:m\":{\"f:a\":{}}}", "{\"f:m\":{}}");
	check_union(field_set_cover, "{\"f:m\":{\"f:a\":{}}}", "{\"f:m\":{\"f:b\":{}}}",
		"{\"f:m\":{\"f:a\":{},\"f:b\":{}}}");
}

enum { MANY = 2000 };

/* A list of many elements and the set that holds each of them. */
static void make_many(json_t **object, json_t **set)
{
	json_t *list = json_array(), *names = json_object();
	for (int i = 0; i < MANY; i++) {
		char name[64];
		snprintf(name, sizeof(name), "k:{\"name\":\"n%d\"}", i);
		json_array_append_new(list, json_pack("{s:o, s:i}", "name", json_sprintf("n%d", i), "v", i));
		json_object_set_new(names, name, json_pack("{s:{}}", i % 2 ? "f:v" : "."));
	}
	*object = json_pack("{s:o}", "l", list);
	*set = json_pack("{s:o}", "f:l", names);
}

static void each_name_is_parsed_once_however_many_elements_there_are(void **state)
{
	(void)state;
	json_t *object, *set;
	struct field_index index = {0};
	make_many(&object, &set);
	for (size_t i = 0; i < MANY; i++) {
		json_t *element = json_array_get(json_object_get(object, "l"), i);
		const struct field_step steps[] = {
			{.key = "l"}, {.element = element, .index = i}, {.key = "v"}};
		assert_int_equal(field_set_holds(&index, set, steps, COUNT_OF(steps)), i % 2);
	}
	assert_int_equal(index.parsed, MANY);
	assert_true(field_set_remove(&index, object, set, NULL));
	assert_int_equal(index.parsed, MANY);
	field_index_done(&index);
	json_decref(object);
	json_decref(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_keeps_goes),
		cmocka_unit_test(a_union_holds_what_either_holds),
		cmocka_unit_test(what_is_kept_as_a_whole_stays_whole),
		cmocka_unit_test(each_name_is_parsed_once_however_many_elements_there_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
