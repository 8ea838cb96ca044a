/* Who may take over: one sentence for each reason against it, and the one that loses the least. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "reconcile/patroni/fit.h"
#include "cluster_fixture.h"

enum { END = 1000000, LIMIT = 1000 };

/* A leader and two replicas that have everything. */
static int begin(void **state)
{
	static const char *const names[] = {"acid-0", "acid-1", "acid-2"};
	struct fixture *fixture = begin_cluster(state);
	fixture->cluster->leader = "acid-0";
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct patroni_member *member = patroni_member_of(&fixture->set, fixture->cluster, names[i]);
		member->contact = PATRONI_ANSWERED;
		member->state = "running";
		member->in_recovery = i;
		member->replication_state = i ? "streaming" : NULL;
		member->timeline = 3;
		member->location = member->received = member->replayed = END;
	}
	return 0;
}

static struct patroni_member *member(struct fixture *fixture, size_t i)
{
	return &fixture->cluster->members[i];
}

static json_t *keep(struct fixture *fixture, json_t *value)
{
	json_array_append_new(fixture->kept, value);
	return value;
}

static struct patroni_choice choice(struct fixture *fixture, const struct patroni_cluster *before)
{
	patroni_judge(&fixture->set, 0);
	return (struct patroni_choice){
		.cluster = fixture->cluster, .before = before, .lag = LIMIT, .mem = fixture->set.mem};
}

static void expect(struct fixture *fixture, size_t i, const char *text, bool lasting)
{
	bool found;
	const struct patroni_choice asked = choice(fixture, NULL);
	const char *why = patroni_unfit(&asked, member(fixture, i), &found);
	if (!text) {
		assert_null(why);
		return;
	}
	assert_non_null(why);
	assert_non_null(strstr(why, text));
	assert_int_equal(found, lasting);
}

static void nothing_speaks_against_a_replica_that_has_everything(void **state)
{
	expect(*state, 1, NULL, false);
	expect(*state, 0, "it is the leader", true);
}

static void a_tag_stays_as_it_is(void **state)
{
	struct fixture *fixture = *state;
	member(fixture, 1)->tags = keep(fixture, json_pack("{s:b}", "nofailover", 1));
	expect(fixture, 1, "nofailover", true);
	member(fixture, 1)->tags = keep(fixture, json_pack("{s:i}", "failover_priority", 0));
	expect(fixture, 1, "failover_priority: 0", true);
	member(fixture, 1)->tags =
		keep(fixture, json_pack("{s:b,s:i}", "nofailover", 0, "failover_priority", 0));
	expect(fixture, 1, NULL, false);
}

static void one_that_is_not_there_or_not_well_is_told_why(void **state)
{
	struct fixture *fixture = *state;
	struct patroni_member *asked = member(fixture, 1);
	asked->contact = PATRONI_SILENT;
	asked->silence = "connection refused";
	expect(fixture, 1, "it does not answer: connection refused", false);
	asked->pod_trouble = "Pending";
	expect(fixture, 1, "its pod does not run: Pending", false);
	asked->contact = PATRONI_ANSWERED;
	asked->leaving = true;
	expect(fixture, 1, "being deleted", false);
	asked->leaving = false;
	asked->state = "starting";
	expect(fixture, 1, "it is starting", false);
	asked->state = "running";
	asked->timeline = 2;
	expect(fixture, 1, "it is on timeline 2, the leader on 3", false);
	asked->timeline = 3;
	asked->replay_paused = true;
	expect(fixture, 1, "its replay is paused", false);
	asked->replay_paused = false;
	asked->replication_state = "in archive recovery";
	expect(fixture, 1, "it does not stream", false);
	asked->in_recovery = false;
	expect(fixture, 1, "it takes writes itself", false);
}

/* It is the leader who sends: what it says of one counts before what that one says itself. */
static void who_streams_the_leader_knows(void **state)
{
	struct fixture *fixture = *state;
	member(fixture, 0)->replication =
		keep(fixture, json_pack("[{s:s,s:s}]", "application_name", "acid-1", "state", "catchup"));
	expect(fixture, 1, "it does not stream", false);
	expect(fixture, 2, NULL, false); /* from another member */
}

static void a_lag_is_told_in_bytes(void **state)
{
	struct fixture *fixture = *state;
	member(fixture, 1)->replayed = END - LIMIT;
	expect(fixture, 1, NULL, false);
	member(fixture, 1)->replayed--;
	expect(fixture, 1, "1001 bytes behind in replay, more than 1000", false);
	member(fixture, 1)->received = END - 5000;
	expect(fixture, 1, "5000 bytes behind in receiving", false);
}

static void what_stands_still_is_seen_by_a_second_look(void **state)
{
	struct fixture *fixture = *state;
	struct patroni_member members[3];
	bool lasting;
	member(fixture, 1)->replayed = END - 10;
	struct patroni_choice asked = choice(fixture, NULL);
	assert_true(patroni_needs_second_look(&asked, member(fixture, 1)));
	assert_false(patroni_needs_second_look(&asked, member(fixture, 2)));
	memcpy(members, fixture->cluster->members, sizeof(members));
	struct patroni_cluster before = *fixture->cluster;
	before.members = members;
	asked.before = &before;
	assert_non_null(strstr(
		patroni_unfit(&asked, member(fixture, 1), &lasting), "its replay stands still at 0/F4236"));
	assert_false(patroni_needs_second_look(&asked, member(fixture, 1)));
	/* It goes on, however far behind a leader that goes on, too. */
	member(fixture, 0)->location = END + 20;
	member(fixture, 1)->replayed = END - 5;
	member(fixture, 1)->received = END + 5;
	asked = choice(fixture, &before);
	assert_null(patroni_unfit(&asked, member(fixture, 1), &lasting));
	/* It had all there was, and nothing has come since. */
	assert_null(patroni_unfit(&asked, member(fixture, 2), &lasting));
}

static void in_synchronous_mode_only_the_standby_may(void **state)
{
	struct fixture *fixture = *state;
	fixture->cluster->config = keep(fixture, json_pack("{s:b}", "synchronous_mode", 1));
	expect(fixture, 1, "there is no synchronous standby", false);
	fixture->cluster->sync_standby = "acid-2";
	expect(fixture, 1, "the synchronous standby is acid-2", false);
	expect(fixture, 2, NULL, false);
	/* In quorum mode Patroni decides by positions. */
	fixture->cluster->config = keep(fixture, json_pack("{s:s}", "synchronous_mode", "quorum"));
	expect(fixture, 1, NULL, false);
}

static void the_fittest_loses_the_least(void **state)
{
	struct fixture *fixture = *state;
	struct patroni_choice asked = choice(fixture, NULL);
	assert_string_equal(patroni_fittest(&asked)->name, "acid-1");
	member(fixture, 2)->tags = keep(fixture, json_pack("{s:i}", "failover_priority", 5));
	asked = choice(fixture, NULL);
	assert_string_equal(patroni_fittest(&asked)->name, "acid-2");
	member(fixture, 2)->replayed = END - 1;
	asked = choice(fixture, NULL);
	assert_string_equal(patroni_fittest(&asked)->name, "acid-1");
	member(fixture, 1)->received = END - 1;
	asked = choice(fixture, NULL);
	assert_string_equal(patroni_fittest(&asked)->name, "acid-2");
	member(fixture, 1)->state = member(fixture, 2)->state = "starting";
	asked = choice(fixture, NULL);
	assert_null(patroni_fittest(&asked));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_speaks_against_a_replica_that_has_everything),
		TEST(a_tag_stays_as_it_is),
		TEST(one_that_is_not_there_or_not_well_is_told_why),
		TEST(who_streams_the_leader_knows),
		TEST(a_lag_is_told_in_bytes),
		TEST(what_stands_still_is_seen_by_a_second_look),
		TEST(in_synchronous_mode_only_the_standby_may),
		TEST(the_fittest_loses_the_least),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
