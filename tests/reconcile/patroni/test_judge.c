/* What is said of a leader whose store is away: by its record's age, by its own word, and by nobody's picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "cluster_fixture.h"

enum { SECOND = 1000000, THEN = 1000 * SECOND, TTL = 30 };

/* A leader and a replica, asked by nobody, and a record that was renewed THEN. */
static int begin(void **state)
{
	struct fixture *fixture = begin_cluster(state);
	struct patroni_cluster *cluster = fixture->cluster;
	for (size_t i = 0; i < 2; i++)
		patroni_member_of(&fixture->set, cluster, i ? "acid-1" : "acid-0")->state = "running";
	cluster->leader = "acid-0";
	cluster->ttl = TTL;
	cluster->renewed = THEN;
	return 0;
}

static json_t *document(struct fixture *fixture, const char *text)
{
	json_t *value = patroni_parse(&fixture->set, text);
	assert_non_null(value);
	return value;
}

static void answers(struct fixture *fixture, size_t i, const char *text)
{
	patroni_take_answer(&fixture->set, &fixture->cluster->members[i], document(fixture, text));
}

#define LEADS "{\"state\":\"running\",\"role\":\"primary\",\"xlog\":{\"location\":100},\"timeline\":3"
#define FOLLOWS                                                                                              \
	"{\"state\":\"running\",\"role\":\"replica\",\"replication_state\":\"streaming\",\"timeline\":3,"    \
	"\"xlog\":{\"received_location\":100,\"replayed_location\":100}"

/* Each of these is all that is said; NULL = nothing. */
static void expect(struct fixture *fixture, int64_t seconds, bool bad, const char *first, const char *second)
{
	const char *const texts[] = {first, second};
	struct patroni_cluster *cluster = fixture->cluster;
	cluster->problem_count = 0;
	cluster->bad = false;
	patroni_judge(&fixture->set, THEN + seconds * SECOND);
	for (size_t i = 0; i < COUNT_OF(texts) && texts[i]; i++) {
		assert_true(i < cluster->problem_count);
		assert_string_equal(cluster->problems[i].text, texts[i]);
	}
	assert_int_equal(cluster->problem_count, !!first + !!second);
	assert_int_equal(cluster->bad, bad);
}

static void a_record_within_its_time_says_nothing(void **state)
{
	expect(*state, TTL, false, NULL, NULL);
}

static void a_record_that_nobody_renews_is_a_dead_leader(void **state)
{
	expect(*state, TTL + 1, true,
		"the leader acid-0 has not renewed its record for 31s (ttl 30s): it is dead, or cut off from the API server",
		NULL);
}

/* In failsafe mode it stands still under a good leader. */
static void in_failsafe_mode_that_is_no_proof(void **state)
{
	struct fixture *fixture = *state;
	fixture->cluster->config = document(fixture, "{\"failsafe_mode\":true}");
	expect(fixture, TTL + 1, false,
		"the leader acid-0 has not renewed its record for 31s (ttl 30s): in failsafe mode it may be good all the same",
		NULL);
	fixture->cluster->config = document(fixture, "{\"failsafe_mode\":false}");
	expect(fixture, TTL + 1, true,
		"the leader acid-0 has not renewed its record for 31s (ttl 30s): it is dead, or cut off from the API server",
		NULL);
}

static void a_leader_that_answers_is_not_dead(void **state)
{
	struct fixture *fixture = *state;
	answers(fixture, 0, LEADS "}");
	answers(fixture, 1, FOLLOWS "}");
	expect(fixture, TTL + 1, false,
		"the leader acid-0 answers, and has not renewed its record for 31s (ttl 30s): it may not reach the API "
		"server, or its clock is not ours",
		NULL);
}

/* Patroni says failsafe_mode_is_active of whoever was asked by such a leader, too: that one leads nobody. */
static void who_leads_in_failsafe_mode_and_who_only_answers_is_told_apart(void **state)
{
	struct fixture *fixture = *state;
	answers(fixture, 0, LEADS ",\"failsafe_mode_is_active\":true}");
	answers(fixture, 1, FOLLOWS "}");
	expect(fixture, 1, false,
		"acid-0 is in failsafe mode: it does not reach its store, and leads because all others answer it",
		NULL);
	answers(fixture, 1, FOLLOWS ",\"failsafe_mode_is_active\":true}");
	expect(fixture, 1, false,
		"acid-0 is in failsafe mode: it does not reach its store, and leads because all others answer it",
		"acid-1 answers a leader in failsafe mode, which does not reach its store");
}

/* ---- without Kubernetes, and no member has a picture ---- */

static struct patroni_cluster *alone(struct fixture *fixture, const char *const *answers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		json_t *answer = document(fixture, answers[i]);
		assert_int_equal(patroni_take_alone(&fixture->set, "main", "http://10.0.0.5:8008/patroni",
					 answer, "http://10.0.0.5:8008: it answers HTTP 503"),
			json_at(answer, "patroni.name") != NULL);
	}
	patroni_judge(&fixture->set, THEN);
	struct patroni_cluster *cluster = patroni_find(&fixture->set, "", "demo");
	assert_non_null(cluster);
	return cluster;
}

#define CALLED(name) ",\"patroni\":{\"scope\":\"demo\",\"name\":\"" name "\"}"
#define FAILSAFE ",\"failsafe_mode_is_active\":true}"

static void each_is_known_by_its_own_word(void **state)
{
	static const char *const words[] = {FOLLOWS CALLED("demo-1") FAILSAFE,
		LEADS CALLED("demo-0") FAILSAFE, "{\"state\":\"running\",\"patroni\":{\"scope\":\"demo\"}}"};
	const struct patroni_cluster *cluster = alone(*state, words, COUNT_OF(words));
	assert_string_equal(cluster->entry, "main");
	assert_string_equal(cluster->leader, "demo-0");
	assert_int_equal(cluster->member_count, 2);
	assert_int_equal(cluster->members[0].role, PATRONI_LEADER);
	assert_int_equal(cluster->members[1].role, PATRONI_REPLICA);
	assert_true(cluster->bad);
	assert_string_equal(cluster->problems[0].text,
		"no member has a picture of the cluster, shown is what each says of itself; its log says why: "
		"http://10.0.0.5:8008: it answers HTTP 503");
	assert_non_null(strstr(cluster->problems[1].text, "demo-0 is in failsafe mode"));
}

/* It is about to step down. */
static void a_primary_that_is_not_in_failsafe_mode_leads_nobody(void **state)
{
	static const char *const words[] = {LEADS CALLED("demo-0") "}", FOLLOWS CALLED("demo-1") "}"};
	const struct patroni_cluster *cluster = alone(*state, words, COUNT_OF(words));
	assert_null(cluster->leader);
	assert_int_equal(cluster->problem_count, 1);
	assert_true(cluster->bad);
}

static void of_two_nobody_knows_which_is_right(void **state)
{
	static const char *const words[] = {LEADS CALLED("demo-0") FAILSAFE, LEADS CALLED("demo-1") FAILSAFE};
	const struct patroni_cluster *cluster = alone(*state, words, COUNT_OF(words));
	assert_null(cluster->leader);
	assert_non_null(strstr(cluster->problems[0].text, "two primaries take writes: demo-0, demo-1"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_within_its_time_says_nothing),
		TEST(a_record_that_nobody_renews_is_a_dead_leader),
		TEST(in_failsafe_mode_that_is_no_proof),
		TEST(a_leader_that_answers_is_not_dead),
		TEST(who_leads_in_failsafe_mode_and_who_only_answers_is_told_apart),
		TEST(each_is_known_by_its_own_word),
		TEST(a_primary_that_is_not_in_failsafe_mode_leads_nobody),
		TEST(of_two_nobody_knows_which_is_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
