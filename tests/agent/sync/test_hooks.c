/*
 * Hooks before anything is sent: the rules of the agent file speak of what they hold as of every other object.
 */
#include "agent/config/project_set.h"
#include "tests/agent/sync/fixture.h"

static struct rule_config rule;

static int open_ruled(void **state)
{
	const char *why;
	open_world(state);
	struct world *world = *state;
	rule = (struct rule_config){.application = "shop", .line = 3};
	world->config.rules = &rule;
	world->config.rule_count = 1;
	world->agent.projects = project_set_new();
	if (!project_set_known(world->agent.projects, NULL))
		return -1;
	world->pass.project = project_set_find(world->agent.projects, "default", world->mem, &why);
	return world->pass.project ? 0 : -1;
}

static int close_ruled(void **state)
{
	struct world *world = *state;
	project_set_free(world->agent.projects);
	return close_world(state);
}

/* A cluster that is made for the time of a migration. */
static struct task hook_of(struct world *world)
{
	static const char json[] = "{\"spec\":{\"env\":[{}],\"sidecars\":[{}]}}";
	struct object *object = wants(world, key_of("acid.zalan.do", "postgresql", "migrate"),
		(struct object_options){.hooks = HOOK_PRE_SYNC});
	object->json = json;
	object->json_length = strlen(json);
	return (struct task){
		.phase = PHASE_PRE_SYNC, .key = object->key, .object = object, .hook_type = HOOK_PRE_SYNC};
}

static void what_a_rule_warns_of_in_a_hook_is_said(void **state)
{
	struct world *world = *state;
	const struct task task = hook_of(world);
	rule.postgresql.answers[POWER_SIDECARS] = RULE_WARN;
	assert_false(hook_is_forbidden(&world->pass, &world->operation, &task));
	assert_int_equal(world->pass.condition_count, 1);
	assert_string_equal(world->pass.conditions[0].type, "PowerWarning");
	assert_non_null(strstr(world->pass.conditions[0].message, "a.yaml:1: "));
	assert_non_null(strstr(world->pass.conditions[0].message, "spec.sidecars"));
}

static void all_that_rules_refuse_in_a_hook_is_named(void **state)
{
	struct world *world = *state;
	const struct task task = hook_of(world);
	rule.postgresql.answers[POWER_SIDECARS] = rule.postgresql.answers[POWER_ENV] = RULE_REFUSE;
	assert_true(hook_is_forbidden(&world->pass, &world->operation, &task));
	const struct task_result *result = result_find(&world->operation, &task);
	assert_int_equal(result->state, TASK_FAILED);
	assert_non_null(strstr(result->message, "spec.sidecars"));
	assert_non_null(strstr(result->message, "spec.env"));
}

#define ruled_test(function) cmocka_unit_test_setup_teardown(function, open_ruled, close_ruled)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ruled_test(what_a_rule_warns_of_in_a_hook_is_said),
		ruled_test(all_that_rules_refuse_in_a_hook_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
