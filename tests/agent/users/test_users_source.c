/*
 * The users of a database, out of an Application's desired state.
 */
#include "agent/users/users_source.h"

#include "tests/agent/json_fixture.h"

static const struct database_config database = {.config_map = "users", .key = "users.yaml", .database = "app"};

static struct object object_of(const char *kind, const char *name, const char *json)
{
	return (struct object){.key = {"", kind, "team", name},
		.file = "p/a.yaml",
		.line = 3,
		.json = json,
		.json_length = strlen(json)};
}

static bool read_users(struct object *objects, size_t count, struct arena *mem, struct users *users,
	struct mistakes *mistakes)
{
	const struct desired desired = {.objects = {objects, count}};
	*mistakes = (struct mistakes){.mem = mem};
	return users_source_read(&desired, &database, mem, users, mistakes);
}

static void users_of_the_key_are_read_with_their_lines(void **state)
{
	struct users users;
	struct mistakes mistakes;
	struct object objects[] = {object_of("ConfigMap", "other", "{\"data\":{\"users.yaml\":\"no\"}}"),
		object_of("Secret", "users", "{\"data\":{\"users.yaml\":\"no\"}}"),
		object_of("ConfigMap", "users",
			"{\"data\":{\"users.yaml\":\"users:\\n- username: ada\\n\",\"a\":\"b\"}}")};
	objects[2].text_line = 9;
	assert_true(read_users(objects, 3, *state, &users, &mistakes));
	assert_int_equal(mistakes.count, 0);
	assert_int_equal(users.count, 1);
	assert_string_equal(users.items[0].name, "ada");
	assert_string_equal(users.items[0].databases[0], "app");
	assert_int_equal(users.items[0].line, 10);
	objects[2].text_line = 0; /* not a block scalar: the object's line has to do */
	assert_true(read_users(objects, 3, *state, &users, &mistakes));
	assert_int_equal(users.items[0].line, 4);
}

/* The tree that they were read from is gone by then. */
static void databases_are_kept_with_all_their_texts(void **state)
{
	struct users users;
	struct mistakes mistakes;
	struct object object = object_of("ConfigMap", "users",
		"{\"data\":{\"users.yaml\":\"{version: 2, users: [], databases: [{name: shop, owner: keeper, comment: wares, "
		"revokePublicConnect: true, encoding: UTF8, locale: C, extensions: [citext, {name: hstore, schema: tools}]}, {name: b}]}\"}}");
	assert_true(read_users(&object, 1, *state, &users, &mistakes));
	assert_int_equal(mistakes.count, 0);
	assert_int_equal(users.database_count, 2);
	assert_null(users.databases[0].owner);
	const struct wanted_database *shop = &users.databases[1];
	assert_string_equal(shop->name, "shop");
	assert_string_equal(shop->owner, "keeper");
	assert_string_equal(shop->comment, "wares");
	assert_string_equal(shop->encoding, "UTF8");
	assert_string_equal(shop->locale, "C");
	assert_true(shop->closed);
	assert_int_equal(shop->extension_count, 2);
	assert_null(shop->extensions[0].schema);
	assert_string_equal(shop->extensions[1].name, "hstore");
	assert_string_equal(shop->extensions[1].schema, "tools");
}

static void what_is_wrong_with_them_is_told_in_the_file(void **state)
{
	struct users users;
	struct mistakes mistakes;
	struct object object =
		object_of("ConfigMap", "users", "{\"data\":{\"users.yaml\":\"nonsense: 1\\n\"}}");
	object.text_line = 9;
	assert_true(read_users(&object, 1, *state, &users, &mistakes));
	assert_int_equal(users.count, 0);
	assert_true(mistakes.count > 0);
	assert_string_equal(mistakes.items[0].file, "p/a.yaml");
	assert_int_equal(mistakes.items[0].line, 9);
}

static void without_the_key_there_are_no_users(void **state)
{
	static const char *const texts[] = {"{}", "{\"data\":null}", "{\"data\":{\"a\":\"b\"}}",
		"{\"data\":{\"users.yaml\":7}}", "{\"binaryData\":{\"users.yaml\":\"dXNlcnM=\"}}", "{"};
	struct users users;
	struct mistakes mistakes;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct object object = object_of("ConfigMap", "users", texts[i]);
		assert_false(read_users(&object, 1, *state, &users, &mistakes));
	}
	assert_false(read_users(NULL, 0, *state, &users, &mistakes));
}

static void a_kind_of_another_group_is_no_config_map(void **state)
{
	struct users users;
	struct mistakes mistakes;
	struct object object = object_of("ConfigMap", "users", "{\"data\":{\"users.yaml\":\"x\"}}");
	object.key.group = "example.org";
	assert_false(read_users(&object, 1, *state, &users, &mistakes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			users_of_the_key_are_read_with_their_lines, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
			databases_are_kept_with_all_their_texts, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
			what_is_wrong_with_them_is_told_in_the_file, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(without_the_key_there_are_no_users, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
			a_kind_of_another_group_is_no_config_map, open_arena, close_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
