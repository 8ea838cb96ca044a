/*
 * What a users pass writes down: compared with what was known before, which is read once, and never with what could not be read.
 */
#include "agent/users/users_record.h"

#include "tests/store/fixture.h"

static size_t lists;
static bool unreadable;

bool __real_store_user_list(struct store *store, const char *database, struct arena *mem,
	struct store_user **items, size_t *count, struct error *err);

bool __wrap_store_user_list(struct store *store, const char *database, struct arena *mem,
	struct store_user **items, size_t *count, struct error *err)
{
	lists++;
	if (unreadable)
		return error_set(err, ERROR_BUG, "disk I/O error");
	return __real_store_user_list(store, database, mem, items, count, err);
}

static bool full;

bool __real_store_user_change_begin(
	struct store *store, const struct store_user_change *change, int64_t *id, struct error *err);

bool __wrap_store_user_change_begin(
	struct store *store, const struct store_user_change *change, int64_t *id, struct error *err)
{
	return full ? error_set(err, ERROR_RETRY, "the disk is full")
		    : __real_store_user_change_begin(store, change, id, err);
}

/* A pass over one database with one user, as far as its plan. */
struct passed {
	struct fixture *f;
	struct agent agent;
	struct database_config config;
	struct database database;
	struct users_pass pass;
	struct role_difference difference;
	struct role_report report;
	struct roles_plan plan;
	struct role_step step;
};

static int make(void **state)
{
	struct passed *p = calloc(1, sizeof(*p));
	void *fixture = NULL;
	if (!p || fixture_open(&fixture) != 0)
		return -1;
	p->f = fixture;
	p->agent.store = p->f->store;
	p->agent.secrets = secrets_new(NULL);
	p->config.name = "main";
	p->database.config = &p->config;
	p->report = (struct role_report){.name = "ada", .status = USER_SYNCED, .reason = ""};
	p->plan = (struct roles_plan){.reports = &p->report, .report_count = 1};
	*state = p;
	lists = 0;
	unreadable = full = false;
	return 0;
}

static int done(void **state)
{
	struct passed *p = *state;
	void *fixture = p->f;
	users_memory_done(&p->database.memory);
	secrets_free(p->agent.secrets);
	free(p);
	return fixture_done(&fixture);
}

static bool record(struct passed *p)
{
	p->pass = (struct users_pass){.agent = &p->agent,
		.database = &p->database,
		.mem = p->f->mem,
		.passwords = {.mem = p->f->mem,
			.secrets = p->agent.secrets,
			.namespace = "",
			.config = &(struct config){0}},
		.commit = "c1",
		.list = "l1",
		.application = "users",
		.namespace = ""};
	if (!users_record_known(&p->pass, &p->plan, &p->f->err))
		return false;
	users_record_drift(&p->pass, &p->plan);
	return users_record(&p->pass, &p->plan, 170000);
}

static void differ(struct passed *p)
{
	p->difference = (struct role_difference){.field = "login", .wanted = "true", .found = "false"};
	p->report.status = USER_DRIFTED;
	p->report.differences = &p->difference;
	p->report.difference_count = 1;
}

static size_t open_drift(struct passed *p)
{
	size_t count;
	check_ok(store_drift_count_open(p->f->store, &count, &p->f->err), &p->f->err);
	return count;
}

static const char *document(struct passed *p, const char *name)
{
	struct store_user *users;
	size_t count;
	check_ok(__real_store_user_list(p->f->store, "main", p->f->mem, &users, &count, &p->f->err),
		&p->f->err);
	for (size_t i = 0; i < count; i++)
		if (strcmp(users[i].name, name) == 0)
			return users[i].document;
	return NULL;
}

static void what_was_known_is_read_once_and_tells_drift(void **state)
{
	struct passed *p = *state;
	assert_true(record(p));
	assert_non_null(strstr(document(p, "ada"), "\"status\":\"Synced\""));
	assert_int_equal(lists, 1);
	differ(p);
	assert_false(record(p));
	assert_int_equal(lists, 2);
	assert_int_equal(open_drift(p), 1);
	assert_non_null(strstr(document(p, "ada"), "\"status\":\"Drifted\""));
}

static void what_stands_there_already_is_neither_read_nor_written(void **state)
{
	struct passed *p = *state;
	assert_true(record(p));
	assert_true(record(p));
	assert_int_equal(lists, 1);
	p->report.secret_version = "8"; /* a new Secret is something new to write down */
	assert_true(record(p));
	assert_int_equal(lists, 2);
	assert_non_null(strstr(document(p, "ada"), "\"secretVersion\":\"8\""));
	differ(p);
	assert_false(record(p));
	assert_int_equal(lists, 3);
}

static void users_that_are_not_reported_any_more_go_and_those_of_others_stay(void **state)
{
	struct passed *p = *state;
	const struct store_user other = {.database = "other", .name = "eve", .document = "{}"};
	const struct store_user gone = {.database = "main", .name = "bob", .document = "{}"};
	struct store_user *users;
	size_t count;
	check_ok(store_user_set(p->f->store, &other, &p->f->err), &p->f->err);
	check_ok(store_user_set(p->f->store, &gone, &p->f->err), &p->f->err);
	assert_true(record(p));
	check_ok(__real_store_user_list(p->f->store, NULL, p->f->mem, &users, &count, &p->f->err), &p->f->err);
	assert_int_equal(count, 2);
	assert_string_equal(users[0].name, "ada");
	assert_string_equal(users[1].name, "eve");
}

static void nothing_is_recorded_against_what_could_not_be_read(void **state)
{
	struct passed *p = *state;
	const struct store_user gone = {.database = "main", .name = "bob", .document = "{}"};
	check_ok(store_user_set(p->f->store, &gone, &p->f->err), &p->f->err);
	differ(p);
	unreadable = true;
	assert_false(record(p));
	assert_int_equal(open_drift(p), 0);
	assert_null(document(p, "ada"));
	assert_string_equal(document(p, "bob"), "{}");
}

static size_t open_changes(struct passed *p, size_t *all)
{
	struct store_user_change *changes;
	size_t count, open = 0;
	check_ok(store_user_change_list(p->f->store, &(struct store_user_change_filter){.user = "ada"},
			 p->f->mem, &changes, &count, &p->f->err),
		&p->f->err);
	for (size_t i = 0; i < count; i++)
		open += !changes[i].finished;
	*all = count;
	return open;
}

static void what_cannot_be_written_down_may_not_go_out(void **state)
{
	struct passed *p = *state;
	struct users_journal journal;
	size_t all;
	p->step = (struct role_step){
		.action = ROLE_ALTER, .user = "ada", .database = "", .redacted = "ALTER ROLE ada"};
	p->plan.steps = &p->step;
	p->plan.step_count = 1;
	assert_true(record(p));
	full = true;
	assert_false(users_record_intents(&p->pass, &p->plan, &journal, &p->f->err));
	assert_non_null(strstr(p->f->err.text,
		"nothing is changed, for it could not be written down before: the disk is full"));
	assert_int_equal(open_changes(p, &all), 0);
	assert_int_equal(all, 0);
}

/* The statement ran and the disk was full when its outcome was to be written. */
static void an_intent_without_an_outcome_is_ended_by_the_next(void **state)
{
	struct passed *p = *state;
	struct users_journal journal;
	size_t all;
	p->step = (struct role_step){
		.action = ROLE_ALTER, .user = "ada", .database = "", .redacted = "ALTER ROLE ada"};
	p->plan.steps = &p->step;
	p->plan.step_count = 1;
	assert_true(record(p));
	for (int i = 0; i < 2; i++)
		check_ok(users_record_intents(&p->pass, &p->plan, &journal, &p->f->err), &p->f->err);
	assert_int_equal(open_changes(p, &all), 1);
	assert_int_equal(all, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, done)
	const struct CMUnitTest tests[] = {
		TEST(what_was_known_is_read_once_and_tells_drift),
		TEST(what_stands_there_already_is_neither_read_nor_written),
		TEST(users_that_are_not_reported_any_more_go_and_those_of_others_stay),
		TEST(nothing_is_recorded_against_what_could_not_be_read),
		TEST(what_cannot_be_written_down_may_not_go_out),
		TEST(an_intent_without_an_outcome_is_ended_by_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
