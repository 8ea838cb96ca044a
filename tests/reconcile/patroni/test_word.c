/* A member's word: addresses, positions, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cluster_fixture.h"

static int begin(void **state)
{
	struct fixture *fixture = begin_cluster(state);
	patroni_member_of(&fixture->set, fixture->cluster, "acid-0");
	return 0;
}

static void an_address_is_taken_apart(void **state)
{
	static const struct {
		const char *url, *host;
		int64_t port;
	} cases[] = {{"postgres://10.2.0.7:5432/postgres", "10.2.0.7", 5432},
		{"postgres://[fd00::1]:5433/postgres", "fd00::1", 5433},
		{"postgres://[fd00::1]/", "fd00::1", 0}, {"postgres://host/x?y=z:1", "host", 0},
		{"postgres://h:99999/", "h", 0}, {"h:5?x", "h", 5}, {"postgres://:5432/x", NULL, 5432},
		{"", NULL, 0}};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		fixture->cluster->members[0].host = NULL;
		fixture->cluster->members[0].port = 0;
		patroni_take_address(&fixture->set, &fixture->cluster->members[0], cases[i].url);
		if (cases[i].host)
			assert_string_equal(fixture->cluster->members[0].host, cases[i].host);
		else
			assert_null(fixture->cluster->members[0].host);
		assert_int_equal(fixture->cluster->members[0].port, cases[i].port);
	}
}

static void positions_are_read_as_they_are_written(void **state)
{
	struct fixture *fixture = *state;
	static const char *const wrong[] = {
		"", "0", "/0", "0/", "G/0", "0/100000000", "FFFFFFFF/0", "0/0 ", "1/2/3"};
	assert_int_equal(patroni_position_read("0/4000000"), 0x4000000);
	assert_int_equal(patroni_position_read("1A/FFFFFFFF"), 0x1AFFFFFFFF);
	assert_string_equal(patroni_position(0x1AFFFFFFFF, fixture->set.mem), "1A/FFFFFFFF");
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(patroni_position_read(wrong[i]), PATRONI_UNKNOWN);
}

static void an_older_word_has_one_position(void **state)
{
	struct fixture *fixture = *state;
	patroni_take_word(&fixture->set, &fixture->cluster->members[0],
		"{\"state\":\"running\",\"role\":\"replica\",\"xlog_location\":100,\"timeline\":2,\"tags\":{\"nofailover\":true}}");
	assert_null(fixture->cluster->members[0].unreadable);
	assert_int_equal(fixture->cluster->members[0].received, 100);
	assert_int_equal(fixture->cluster->members[0].replayed, PATRONI_UNKNOWN);
	assert_int_equal(fixture->cluster->members[0].timeline, 2);
	assert_non_null(fixture->cluster->members[0].tags);
}

static void what_is_no_word_is_told(void **state)
{
	static const char *const words[] = {"", "{", "[]", "7", "{}", "{\"state\":[]}", "{\"state\":\"\"}",
		"{\"state\":\"running\",\"state\":\"stopped\"}"};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		fixture->cluster->members[0].unreadable = NULL;
		patroni_take_word(&fixture->set, &fixture->cluster->members[0], words[i]);
		assert_non_null(fixture->cluster->members[0].unreadable);
	}
}

static void two_letters_of_one_leader_are_one_role(void **state)
{
	struct fixture *fixture = *state;
	fixture->cluster->leader = "acid-1";
	fixture->cluster->sync_standby = "acid-7,ACID-0";
	json_t *config = json_pack("{s:b}", "synchronous_mode", 1);
	fixture->cluster->config = config;
	patroni_judge(&fixture->set, 0);
	assert_int_equal(fixture->cluster->members[0].role, PATRONI_SYNC_STANDBY);
	assert_string_equal(patroni_role_title(fixture->cluster->members[0].role), "Sync Standby");
	json_object_set_new(config, "synchronous_mode", json_string("quorum"));
	patroni_judge(&fixture->set, 0);
	assert_string_equal(patroni_role_word(fixture->set.items[0].members[0].role), "quorum_standby");
	json_decref(config);
}

/* Our own clock decides nothing: a minute apart is a word, and no reason to write to nobody. */
static void a_leader_cut_off_from_its_store_is_known_by_the_others(void **state)
{
	struct fixture *fixture = *state;
	const int64_t second = 1000000, then = 1000 * second;
	struct patroni_member *other = patroni_member_of(&fixture->set, fixture->cluster, "acid-1");
	fixture->cluster->leader = "acid-0";
	fixture->cluster->ttl = 30;
	struct patroni_member *members[] = {&fixture->cluster->members[0], other};
	for (size_t i = 0; i < 2; i++) {
		members[i]->contact = PATRONI_ANSWERED;
		members[i]->state = "running";
		members[i]->replication_state = i ? "streaming" : NULL;
		members[i]->in_recovery = i;
		members[i]->store_seen = then;
	}
	patroni_judge(&fixture->set, then + 60 * second);
	assert_false(fixture->set.items[0].bad);
	assert_int_equal(fixture->set.items[0].problem_count, 2);
	fixture->set.items[0].problem_count = 0;
	members[1]->store_seen = then + 31 * second;
	patroni_judge(&fixture->set, then + 31 * second);
	assert_true(fixture->set.items[0].bad);
	assert_string_equal(fixture->set.items[0].problems[0].text,
		"acid-0 has heard nothing from its store for 31s, and others have");
}

/* Bytes of whoever answers at that address: what is no history is not one without a failover. */
static void what_is_no_history_is_not_an_empty_one(void **state)
{
	static const struct {
		const char *text;
		bool known, failed_over;
		const char *to;
	} cases[] = {{"[]", true, false, NULL},
		{"[[1,50331808,\"no recovery target specified\",\"2026-01-02T03:04:05.123456+00:00\",\"acid-1\"]]",
			true, true, "acid-1"},
		{"[[1,2,\"x\",\"2026-01-02T03:04:05Z\",\"a\"],[2,3,\"x\",\"2026-01-03T03:04:05Z\"]]", true,
			true, NULL},
		{"[[1,2,\"x\",\"2026-01-02T03:04:05Z\",7]]", true, true, NULL},
		{"[[1,2,\"older than its Patroni\"]]", true, false, NULL}, {"{}", false, false, NULL},
		{"[7]", false, false, NULL}, {"[{\"3\":\"2026-01-02T03:04:05Z\"}]", false, false, NULL},
		{"[[1,2,\"x\",7,\"a\"]]", false, false, NULL},
		{"[[1,2,\"x\",\"yesterday\",\"a\"]]", false, false, NULL},
		{"[[1,2,\"x\",\"2026-13-02T03:04:05Z\",\"a\"]]", false, false, NULL}};
	struct fixture *fixture = *state;
	struct patroni_cluster *cluster = fixture->cluster;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		cluster->failed_over = 1;
		cluster->failed_over_to = "left over";
		patroni_take_history(&fixture->set, cluster, patroni_parse(&fixture->set, cases[i].text));
		assert_int_equal(!cluster->history_unknown, cases[i].known);
		assert_int_equal(cluster->failed_over > 1, cases[i].failed_over);
		if (cases[i].to)
			assert_string_equal(cluster->failed_over_to, cases[i].to);
		else
			assert_null(cluster->failed_over_to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_address_is_taken_apart, begin, end),
		cmocka_unit_test_setup_teardown(positions_are_read_as_they_are_written, begin, end),
		cmocka_unit_test_setup_teardown(an_older_word_has_one_position, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_word_is_told, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_history_is_not_an_empty_one, begin, end),
		cmocka_unit_test_setup_teardown(
			a_leader_cut_off_from_its_store_is_known_by_the_others, begin, end),
		cmocka_unit_test_setup_teardown(two_letters_of_one_leader_are_one_role, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
