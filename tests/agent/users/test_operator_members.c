/*
 * When the members of an operator's cluster say otherwise than its leader's record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/users/operator_members.h"
#include "base/text.h"

/* One letter for each member a, b, c: w takes writes, r is a replica, s is silent, - was not asked. */
static void expect(const char *members, const char *leader, const char *refusal)
{
	static const char *const names[] = {"a", "b", "c"};
	const struct operator_reference named = {.namespace = "pg", .name = "acid-main"};
	struct patroni_member three[3] = {0};
	struct patroni_cluster cluster = {.members = three, .member_count = strlen(members)};
	struct error err = {0};
	for (size_t i = 0; i < cluster.member_count; i++)
		three[i] = (struct patroni_member){.name = names[i],
			.state = "running",
			.said_role = members[i] == 'w' ? "primary" : "replica",
			.contact = members[i] == 's' ? PATRONI_SILENT
				: members[i] == '-'  ? PATRONI_NOT_ASKED
						     : PATRONI_ANSWERED,
			.silence = members[i] == 's' ? "Connection timed out" : NULL,
			.in_recovery = members[i] == 'r'};
	bool agreed = operator_members_judge(&named, &cluster, leader, &err);
	assert_int_equal(agreed, *refusal == 0);
	if (agreed)
		return;
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_true(text_starts(err.text, "postgresql pg/acid-main: "));
	assert_non_null(strstr(err.text, refusal));
}

static void only_the_leader_may_take_writes(void **state)
{
	(void)state;
	expect("wrr", "a", "");
	expect("rwr", "a", "b takes writes, and the leader's record names a");
	expect("wwr", "a", "b takes writes, and the leader's record names a");
	expect("wrr", "gone", "a takes writes, and the leader's record names gone");
}

static void without_a_name_two_that_take_writes_are_one_too_many(void **state)
{
	(void)state;
	expect("wrr", "", "");
	expect("rrr", "", "");
	expect("rww", "", "b and c take writes, and nothing says which of them leads");
	expect("wsw", "", "a and c take writes");
}

static void a_silent_leader_is_waited_for_while_others_answer(void **state)
{
	(void)state;
	expect("srr", "a", "the leader a does not answer (Connection timed out), and c does");
	expect("sss", "a", "");
	expect("s--", "a", "");
	expect("wss", "a", "");
	expect("", "a", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_leader_may_take_writes),
		cmocka_unit_test(without_a_name_two_that_take_writes_are_one_too_many),
		cmocka_unit_test(a_silent_leader_is_waited_for_while_others_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
