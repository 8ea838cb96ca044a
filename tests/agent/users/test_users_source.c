/*
 * Where the users of a database stand in an Application's desired state.
 */
#include "agent/users/users_source.h"

#include "tests/agent/json_fixture.h"

static const struct database_config database = {.config_map = "users", .key = "users.yaml"};

static struct object object_of(const char *kind, const char *name, const char *json)
{
	return (struct object){.key = {"", kind, "team", name},
		.file = "p/a.yaml",
		.line = 3,
		.json = json,
		.json_length = strlen(json)};
}

static bool find(struct object *objects, size_t count, struct arena *mem, struct users_source *users)
{
	const struct desired desired = {.objects = {objects, count}};
	return users_source_find(&desired, &database, mem, users);
}

static void the_text_of_the_key_is_found_with_its_line(void **state)
{
	struct users_source users;
	struct object objects[] = {object_of("ConfigMap", "other", "{\"data\":{\"users.yaml\":\"no\"}}"),
		object_of("Secret", "users", "{\"data\":{\"users.yaml\":\"no\"}}"),
		object_of("ConfigMap", "users", "{\"data\":{\"users.yaml\":\"users: []\\n\",\"a\":\"b\"}}")};
	objects[2].text_line = 9;
	assert_true(find(objects, 3, *state, &users));
	assert_string_equal(users.text, "users: []\n");
	assert_int_equal(users.length, 10);
	assert_string_equal(users.file, "p/a.yaml");
	assert_string_equal(users.namespace, "team");
	assert_int_equal(users.line, 9);
	objects[2].text_line = 0; /* not a block scalar: the object's line has to do */
	assert_true(find(objects, 3, *state, &users));
	assert_int_equal(users.line, 3);
}

static void without_the_key_there_are_no_users(void **state)
{
	static const char *const texts[] = {"{}", "{\"data\":null}", "{\"data\":{\"a\":\"b\"}}",
		"{\"data\":{\"users.yaml\":7}}", "{\"binaryData\":{\"users.yaml\":\"dXNlcnM=\"}}", "{"};
	struct users_source users;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct object object = object_of("ConfigMap", "users", texts[i]);
		assert_false(find(&object, 1, *state, &users));
	}
	assert_false(find(NULL, 0, *state, &users));
}

static void a_kind_of_another_group_is_no_config_map(void **state)
{
	struct users_source users;
	struct object object = object_of("ConfigMap", "users", "{\"data\":{\"users.yaml\":\"x\"}}");
	object.key.group = "example.org";
	assert_false(find(&object, 1, *state, &users));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_text_of_the_key_is_found_with_its_line, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(without_the_key_there_are_no_users, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
			a_kind_of_another_group_is_no_config_map, open_arena, close_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
