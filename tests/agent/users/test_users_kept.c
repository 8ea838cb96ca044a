/*
 * The users in force outlive the process, as the agent file of then and of now names them.
 */
#include "tests/agent/users/in_force_fixture.h"

static struct content *kept(struct team *team, char **namespace)
{
	CLEANUP(memory_freep) char *none = NULL;
	return users_kept_load(&team->agent, &team->database_config, namespace ? namespace : &none);
}

static void keep(struct team *team, const char *user)
{
	struct content *content = content_with(team, COMMIT, user);
	struct error err;
	bool ok = users_kept_save(&team->agent, &team->database, content, &err);
	content_release(content);
	assert_true(ok);
}

static void what_was_kept_says_the_same_as_before(void **state)
{
	struct team *team = *state;
	struct content *before = content_with(team, COMMIT, "ada");
	CLEANUP(memory_freep) char *namespace = NULL;

	keep(team, "ada");
	struct content *after = kept(team, &namespace);
	const struct content_users *users = content_users(after, &team->database_config);
	assert_string_equal(namespace, "people");
	assert_string_equal(users->commit, COMMIT);
	assert_string_equal(users->hash, before->users->hash);
	assert_int_equal(users->users.count, 1);
	assert_string_equal(users->users.items[0].name, "ada");
	assert_int_equal(users->users.items[0].line, before->users->users.items[0].line);
	content_release(before);
	content_release(after);
}

static void sealed_values_are_kept_only_where_the_agent_opens_them(void **state)
{
	struct team *team = *state;
	const char *keys[] = {"keys"};
	const struct object_key key = {"bitnami.com", "SealedSecret", "people", "user-ada-secret"};

	keep(team, "ada");
	struct content *without = kept(team, NULL);
	assert_null(objects_find(&without->desired->objects, &key));
	content_release(without);

	team->config.sealing_keys = keys;
	team->config.sealing_key_count = 1;
	keep(team, "ada");
	struct content *with = kept(team, NULL);
	const struct object *sealed = objects_find(&with->desired->objects, &key);
	assert_non_null(sealed);
	assert_string_equal(sealed->json, "{\"spec\":{\"encryptedData\":{\"password\":\"AgA=\"}}}");
	assert_string_equal(sealed->file, "p/users.yaml");
	content_release(with);
}

static void another_list_in_the_agent_file_is_not_this_one(void **state)
{
	struct team *team = *state;
	keep(team, "ada");
	team->database_config.key = "others.yaml";
	assert_null(kept(team, NULL));
	team->database_config.key = "users.yaml";
	team->database_config.application = "another";
	assert_null(kept(team, NULL));
}

static void it_is_read_by_the_rules_of_now(void **state)
{
	struct team *team = *state;
	const char *protected[] = {"ada"};
	keep(team, "ada");
	team->database_config.policy.protected_roles = protected;
	team->database_config.policy.protected_count = 1;
	assert_null(kept(team, NULL));
}

static void what_cannot_be_read_is_nothing(void **state)
{
	struct team *team = *state;
	struct store_users_text text = {
		.database = "main", .application = "team", .document = "{", .objects = ""};
	assert_null(kept(team, NULL));
	check_ok(store_users_text_set(team->agent.store, &text, &team->store->err), &team->store->err);
	assert_null(kept(team, NULL));
	text.document = "{\"application\":\"team\",\"configMap\":\"users\",\"key\":\"users.yaml\"}";
	static const char *const cut[] = {"", "{}", "{}\n", "{}\n{}", "{}\n{}\n", "nonsense\n{}\n"};
	for (size_t i = 0; i < COUNT_OF(cut); i++) {
		text.objects = cut[i];
		check_ok(store_users_text_set(team->agent.store, &text, &team->store->err), &team->store->err);
		assert_null(kept(team, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		team_test(what_was_kept_says_the_same_as_before),
		team_test(sealed_values_are_kept_only_where_the_agent_opens_them),
		team_test(another_list_in_the_agent_file_is_not_this_one),
		team_test(it_is_read_by_the_rules_of_now),
		team_test(what_cannot_be_read_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
