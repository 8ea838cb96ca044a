#include "reconcile/ignore/ignore.h"
#include "reconcile/ignore/jq_worker.h"
#include "tests/reconcile/ignore/fixture.h"

static const struct object_key deployment = {"apps", "Deployment", "team", "web"};

struct fixture {
	struct arena *mem;
	struct ignore_rules rules;
	struct jq *jq;
};

static int open_fixture(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.mem = arena_new(1 << 20)};
	*state = &fixture;
	return 0;
}

static int close_fixture(void **state)
{
	struct fixture *fixture = *state;
	jq_close(&fixture->jq);
	arena_free(fixture->mem);
	return 0;
}

static void rules(struct fixture *fixture, const char *text)
{
	struct mistakes mistakes = {.mem = fixture->mem};
	CLEANUP(json_done) json_t *list = from_text(text);
	ignore_read(list, "spec.ignoreDifferences", fixture->mem, &fixture->rules, &mistakes);
	if (mistakes.count)
		fail_msg("%s", mistakes.items[0].text);
}

static void rule(struct fixture *fixture, const char *fields)
{
	rules(fixture, arena_printf(fixture->mem, "[{'group':'*','kind':'*',%s}]", fields));
}

static struct ignore input(struct fixture *fixture, const json_t *live)
{
	return (struct ignore){.rules = &fixture->rules,
		.key = &deployment,
		.jq = &fixture->jq,
		.managed = json_at(live, "metadata.managedFields"),
		.ours = "pgitops"};
}

static void expect_removed(struct fixture *fixture, const char *wanted, const char *live,
	const char *wanted_left, const char *live_left)
{
	CLEANUP(json_done) json_t *a = from_text(wanted);
	CLEANUP(json_done) json_t *b = from_text(live);
	struct error err;
	const struct ignore ignore = input(fixture, b);
	if (!ignore_remove(&ignore, a, b, &err))
		fail_msg("%s", err.text);
	json_object_del(json_object_get(b, "metadata"), "managedFields");
	assert_json(a, wanted_left);
	assert_json(b, live_left);
}

static void expect_kept(
	struct fixture *fixture, bool whole, const char *wanted, const char *live, const char *kept)
{
	CLEANUP(json_done) json_t *a = from_text(wanted);
	CLEANUP(json_done) json_t *b = from_text(live);
	struct error err;
	struct ignore ignore = input(fixture, b);
	ignore.whole = whole;
	if (!ignore_keep_live(&ignore, a, b, &err))
		fail_msg("%s", err.text);
	assert_json(a, kept);
}

static void rules_match_group_and_kind_by_glob_name_and_namespace_exactly(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *rule;
		bool matches;
	} cases[] = {
		{"{'group':'apps','kind':'Deployment'}", true},
		{"{'group':'*','kind':'*'}", true},
		{"{'group':'a*s','kind':'{Deployment,StatefulSet}'}", true},
		{"{'group':'apps','kind':'Deploy'}", false},
		{"{'kind':'Deployment'}", false},
		{"{'group':'apps','kind':'Deployment','name':'web','namespace':'team'}", true},
		{"{'group':'apps','kind':'Deployment','name':'we*'}", false},
		{"{'group':'apps','kind':'Deployment','namespace':'other'}", false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		rules(fixture, arena_printf(fixture->mem, "[%s]", cases[i].rule));
		assert_int_equal(ignore_matches(&fixture->rules, &deployment), cases[i].matches);
	}
	assert_false(ignore_matches(NULL, &deployment));
}

static void ignored_places_go_from_both_sides(void **state)
{
	struct fixture *fixture = *state;
	rule(fixture, "'jsonPointers':['/spec/replicas','/metadata/annotations/a~1b']");
	expect_removed(fixture, "{'metadata':{'name':'web'},'spec':{'replicas':1,'x':2}}",
		"{'metadata':{'annotations':{'a/b':'1'},'name':'web'},'spec':{'replicas':5,'x':3}}",
		"{'metadata':{'name':'web'},'spec':{'x':2}}", "{'metadata':{'name':'web'},'spec':{'x':3}}");
}

static void elements_are_chosen_by_jq_wherever_they_stand(void **state)
{
	struct fixture *fixture = *state;
	rule(fixture, "'jqPathExpressions':['.c[] | select(.name == \\'proxy\\')', '.c[].image']");
	expect_removed(fixture, "{'c':[{'name':'web','image':1}]}",
		"{'c':[{'name':'proxy','image':9},{'name':'web','image':2}]}", "{'c':[{'name':'web'}]}",
		"{'c':[{'name':'web'}]}");
}

json_t *__real_jq_paths(struct jq **jq, const struct jq_question *question, struct error *err);
json_t *__wrap_jq_paths(struct jq **jq, const struct jq_question *question, struct error *err);

static int questions;

json_t *__wrap_jq_paths(struct jq **jq, const struct jq_question *question, struct error *err)
{
	questions++;
	return __real_jq_paths(jq, question, err);
}

static void all_rules_about_an_object_are_one_question(void **state)
{
	struct fixture *fixture = *state;
	rules(fixture,
		"[{'group':'apps','kind':'Deployment','jqPathExpressions':['.spec.a','.spec.b']},"
		"{'group':'*','kind':'Secret','jqPathExpressions':['.spec.d']},"
		"{'group':'*','kind':'*','jqPathExpressions':['.spec.c'],'jsonPointers':['/spec/e']}]");
	questions = 0;
	expect_removed(fixture, "{'spec':{'a':1,'b':2,'c':3,'d':4,'e':5}}", "{'spec':{'c':9,'d':4}}",
		"{'spec':{'d':4}}", "{'spec':{'d':4}}");
	assert_int_equal(questions, 1);
	rule(fixture, "'jsonPointers':['/spec/a']");
	expect_removed(fixture, "{'spec':{'a':1,'b':2}}", "{'spec':{'b':2}}", "{'spec':{'b':2}}",
		"{'spec':{'b':2}}");
	assert_int_equal(questions, 1);
}

static void fields_of_a_manager_are_ignored(void **state)
{
	struct fixture *fixture = *state;
	rule(fixture, "'managedFieldsManagers':['hpa']");
	expect_removed(fixture, "{'metadata':{},'spec':{'replicas':1,'x':1}}",
		"{'metadata':{'managedFields':[{'manager':'hpa','fieldsV1':{'f:spec':{'f:replicas':{}}}}]},"
		"'spec':{'replicas':5,'x':1}}",
		"{'metadata':{},'spec':{'x':1}}", "{'metadata':{},'spec':{'x':1}}");
}

static void a_rule_about_others_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	rules(fixture, "[{'group':'','kind':'Service','jsonPointers':['/spec']}]");
	expect_removed(fixture, "{'spec':1}", "{'spec':2}", "{'spec':1}", "{'spec':2}");
}

static void an_expression_for_the_whole_object_fails(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_done) json_t *a = from_text("{'x':1}");
	CLEANUP(json_done) json_t *b = from_text("{'x':2}");
	struct error err;
	rule(fixture, "'jqPathExpressions':['.']");
	const struct ignore ignore = input(fixture, b);
	assert_false(ignore_remove(&ignore, a, b, &err));
	assert_non_null(strstr(err.text, "whole object"));
}

static void the_live_value_replaces_the_wanted_one(void **state)
{
	struct fixture *fixture = *state;
	rule(fixture, "'jsonPointers':['/spec/replicas','/spec/gone','/spec/only-live']");
	expect_kept(fixture, false, "{'spec':{'gone':1,'replicas':1,'x':1}}",
		"{'spec':{'only-live':7,'replicas':5,'x':2}}", "{'spec':{'replicas':5,'x':1}}");
}

static void elements_keep_their_own_live_values(void **state)
{
	struct fixture *fixture = *state;
	rule(fixture, "'jqPathExpressions':['.c[].image']");
	expect_kept(fixture, false, "{'c':[{'image':'a1','name':'a'},{'image':'b1','name':'b'}]}",
		"{'c':[{'image':'b2','name':'b'},{'image':'a2','name':'a'}]}",
		"{'c':[{'image':'a2','name':'a'},{'image':'b2','name':'b'}]}");
}

static void what_an_apply_would_take_away_is_added(void **state)
{
	struct fixture *fixture = *state;
	static const char wanted[] = "{'spec':{'x':1}}";
	static const char live[] =
		"{'metadata':{'managedFields':[{'manager':'pgitops','fieldsV1':{'f:spec':{'f:replicas':{}}}}]},"
		"'spec':{'replicas':5,'theirs':{'y':1}}}";
	rule(fixture, "'jsonPointers':['/spec/replicas','/spec/theirs']");
	expect_kept(fixture, false, wanted, live, "{'spec':{'replicas':5,'x':1}}");
	expect_kept(fixture, true, wanted, live, "{'spec':{'replicas':5,'theirs':{'y':1},'x':1}}");
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
	const struct CMUnitTest tests[] = {
		TEST(rules_match_group_and_kind_by_glob_name_and_namespace_exactly),
		TEST(ignored_places_go_from_both_sides),
		TEST(elements_are_chosen_by_jq_wherever_they_stand),
		TEST(all_rules_about_an_object_are_one_question),
		TEST(fields_of_a_manager_are_ignored),
		TEST(a_rule_about_others_changes_nothing),
		TEST(an_expression_for_the_whole_object_fails),
		TEST(the_live_value_replaces_the_wanted_one),
		TEST(elements_keep_their_own_live_values),
		TEST(what_an_apply_would_take_away_is_added),
	};
	if (argc > 1 && strcmp(argv[1], "jq-worker") == 0)
		return jq_worker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
