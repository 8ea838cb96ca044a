/*
 * Which list is in force, and what is said of a newer one. (Through the whole agent: tests/end/test_users_in_force.py.)
 */
#include "tests/agent/users/in_force_fixture.h"

static bool full;

bool __real_store_users_text_set(struct store *store, const struct store_users_text *text, struct error *err);

bool __wrap_store_users_text_set(struct store *store, const struct store_users_text *text, struct error *err)
{
	return full ? error_set(err, ERROR_RETRY, "the disk is full")
		    : __real_store_users_text_set(store, text, err);
}

static void reads(struct team *team, const char *commit, const char *user)
{
	content_release(team->app.content);
	team->app.content = content_with(team, commit, user);
}

static void syncs(struct team *team)
{
	app_set_synced(&team->app, team->app.content);
}

static const char *reason(struct team *team, bool *newer)
{
	return users_in_force_reason(&team->agent, &team->database, team->store->mem, newer);
}

static void assert_says(struct team *team, bool newer, const char *text)
{
	bool is_newer;
	const char *said = reason(team, &is_newer);
	assert_non_null(said);
	assert_int_equal(is_newer, newer);
	if (!strstr(said, text))
		fail_msg("%s is not in %s", text, said);
}

static void a_list_is_in_force_once_its_commit_is_synced(void **state)
{
	struct team *team = *state;
	reads(team, COMMIT, "ada");
	assert_false(users_in_force_take(&team->agent, &team->database));
	assert_says(team, true, "no users are in force: application team has no synced commit with them");
	syncs(team);
	assert_null(reason(team, NULL));
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_string_equal(user_in_force(team), "ada");

	reads(team, NEXT_COMMIT, "eve");
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_string_equal(user_in_force(team), "ada");
	assert_says(team, true,
		"the users of commit 1a2b3c4 are in force; application team: commit 2b3c4d5 is not synced");
	syncs(team);
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_string_equal(user_in_force(team), "eve");
	assert_null(reason(team, NULL));
}

static void the_next_process_goes_on_with_it_whatever_is_known_of_the_application(void **state)
{
	struct team *team = *state;
	reads(team, COMMIT, "ada");
	syncs(team);
	assert_true(users_in_force_take(&team->agent, &team->database));
	end_process(team);
	team->database.app = NULL;
	team->agent.cluster_on = true;
	team->config.applications = NULL; /* they are in a cluster that was not reached yet */
	users_in_force_recall(&team->agent, &team->database);
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_string_equal(user_in_force(team), "ada");
	assert_true(team->database.recalled);
	assert_string_equal(team->database.namespace, "people");
	assert_says(team, false, "which applications there are is not known");

	team->agent.cluster_joined = true; /* and it is not among them */
	assert_false(users_in_force_take(&team->agent, &team->database));
	assert_says(team, false, "there is no application team");
}

static void what_the_store_said_is_confirmed_by_the_content(void **state)
{
	struct team *team = *state;
	char synced[TARGET_SIZE];
	reads(team, COMMIT, "ada");
	syncs(team);
	assert_true(users_in_force_take(&team->agent, &team->database));
	memcpy(synced, team->app.synced, sizeof(synced));
	end_process(team);
	memcpy(team->app.synced, synced, sizeof(synced));
	users_in_force_recall(&team->agent, &team->database);
	reads(team, NEXT_COMMIT, "eve"); /* waits for its sync */
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_true(team->database.recalled);
	reads(team, COMMIT, "ada");
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_false(team->database.recalled);
}

static void an_older_commit_that_is_synced_again_takes_its_users_along(void **state)
{
	struct team *team = *state;
	reads(team, COMMIT, "ada");
	struct content *older = content_hold(team->app.content);
	reads(team, NEXT_COMMIT, "eve");
	syncs(team);
	assert_true(users_in_force_take(&team->agent, &team->database));
	app_set_synced(&team->app, older);
	content_release(older);
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_string_equal(user_in_force(team), "ada");
}

static void another_path_at_the_same_commit_is_another_list(void **state)
{
	struct team *team = *state;
	reads(team, COMMIT, "ada");
	syncs(team);
	assert_true(users_in_force_take(&team->agent, &team->database));
	memcpy(team->app.source_hash, "two", sizeof("two"));
	reads(team, COMMIT, "eve");
	assert_says(team, true, "is not synced");
	syncs(team);
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_string_equal(user_in_force(team), "eve");
}

static void a_newer_commit_that_says_the_same_is_nothing_to_tell(void **state)
{
	struct team *team = *state;
	reads(team, COMMIT, "ada");
	syncs(team);
	assert_true(users_in_force_take(&team->agent, &team->database));
	reads(team, NEXT_COMMIT, "ada");
	assert_null(reason(team, NULL));
}

static void what_cannot_be_kept_does_not_come_into_force(void **state)
{
	struct team *team = *state;
	reads(team, COMMIT, "ada");
	syncs(team);
	assert_true(users_in_force_take(&team->agent, &team->database));
	reads(team, NEXT_COMMIT, "eve");
	syncs(team);
	full = true;
	assert_true(users_in_force_take(&team->agent, &team->database));
	full = false;
	assert_string_equal(user_in_force(team), "ada");
	assert_says(team, false, "newer ones cannot be kept in the store: the disk is full");
	assert_true(users_in_force_take(&team->agent, &team->database));
	assert_string_equal(user_in_force(team), "eve");
	assert_null(reason(team, NULL));
}

static void each_reason_is_named(void **state)
{
	struct team *team = *state;
	const char *errors[] = {"spec.source.repoURL is missing"};
	char broken[] = "commit 2b3c4d5e6f70 cannot be used: p/users.yaml:7: no";
	struct repository repository = {.error = {.kind = ERROR_RETRY, .text = "no route"}};
	struct app_source source = {.repository = &repository};

	assert_says(team, false, "has not answered yet");
	team->app.sources = &source;
	team->app.source_count = 1;
	assert_says(team, false, "its repository cannot be read: no route");
	team->app.broken = broken;
	assert_says(team, false, "p/users.yaml:7: no");
	team->app.spec.skip_reconcile = true;
	assert_says(team, false, "skip-reconcile holds it");
	team->app.spec.spec_errors = errors;
	team->app.spec.spec_error_count = 1;
	assert_says(team, false, "repoURL is missing");

	team->app = (struct app){.spec = {.name = "team"}, .source_hash = "one"};
	reads(team, COMMIT, "ada");
	assert_says(team, true, "it is synced by hand: `pgitops app sync team`");
	content_target(team->app.content, team->app.tried);
	team->app.last_phase = SYNC_FAILED;
	team->app.operation_state = json_pack("{s:s}", "message", "no such namespace");
	assert_says(team, true, "its sync failed: no such namespace");
	json_decref(team->app.operation_state);
	team->app.operation_state = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		team_test(a_list_is_in_force_once_its_commit_is_synced),
		team_test(the_next_process_goes_on_with_it_whatever_is_known_of_the_application),
		team_test(what_the_store_said_is_confirmed_by_the_content),
		team_test(an_older_commit_that_is_synced_again_takes_its_users_along),
		team_test(another_path_at_the_same_commit_is_another_list),
		team_test(a_newer_commit_that_says_the_same_is_nothing_to_tell),
		team_test(what_cannot_be_kept_does_not_come_into_force),
		team_test(each_reason_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
