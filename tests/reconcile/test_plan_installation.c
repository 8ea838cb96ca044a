/* Two installations of Argo CD may have an Application of one name: the id says whose an object is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "reconcile/plan.h"

static const struct object_key key = {"", "ConfigMap", "ns", "a"};

/* The one step for a live object that carries this id, in the inventory or not wanted any more. */
static enum plan_action action_of(
	const char *ours, const char *theirs, bool wanted, struct arena *mem, const char **reason)
{
	struct object object = {.key = key, .version = "v1", .json = "{}", .json_length = 2, .hash = "new"};
	const struct objects objects = {&object, wanted};
	const struct plan_live live = {.key = key,
		.uid = "u1",
		.resource_version = "7",
		.tracking_id = "team:/ConfigMap:ns/a",
		.installation_id = theirs};
	const struct plan_owned owned = {
		.key = key, .version = "v1", .uid = "u1", .wanted_hash = "old", .live_version = "7"};
	const struct plan_input input = {.application = "team",
		.namespace = "ns",
		.commit = "c1",
		.wanted = &objects,
		.live = &live,
		.live_count = 1,
		.owned = &owned,
		.owned_count = 1,
		.prune = true,
		.allow_empty = true,
		.installation = ours};
	struct plan plan;
	plan_make(&input, mem, &plan);
	assert_int_equal(plan.count, 1);
	*reason = plan.steps[0].reason ? plan.steps[0].reason : "";
	return plan.steps[0].action;
}

static void the_installation_id_says_whose_an_object_is(void **state)
{
	static const struct {
		const char *ours, *theirs;
		enum plan_action wanted, extra;
	} cases[] = {
		{NULL, NULL, PLAN_CHECK, PLAN_PRUNE},
		{NULL, "", PLAN_CHECK, PLAN_PRUNE},
		{NULL, "east", PLAN_SHARED, PLAN_LEAVE},
		{"west", "west", PLAN_CHECK, PLAN_PRUNE},
		{"west", "east", PLAN_SHARED, PLAN_LEAVE},
		{"west", "", PLAN_CHECK, PLAN_LEAVE},
		{"west", NULL, PLAN_CHECK, PLAN_LEAVE},
	};
	struct arena *mem = arena_new(1u << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *reason;
		assert_int_equal(
			action_of(cases[i].ours, cases[i].theirs, true, mem, &reason), cases[i].wanted);
		if (cases[i].wanted == PLAN_SHARED)
			assert_non_null(strstr(reason, "installationID: east"));
		assert_int_equal(
			action_of(cases[i].ours, cases[i].theirs, false, mem, &reason), cases[i].extra);
		if (cases[i].extra == PLAN_LEAVE)
			assert_non_null(strstr(reason, "installation id is not ours"));
	}
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_installation_id_says_whose_an_object_is)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
