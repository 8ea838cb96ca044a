#include "reconcile/ignore/ignore.h"
#include "reconcile/ignore/jq_worker.h"
#include "tests/reconcile/ignore/fixture.h"

/* The mistakes, one a line. */
static void expect(const char *text, const char *mistakes_text)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	CLEANUP(json_done) json_t *list = from_text(text);
	struct mistakes mistakes = {.mem = mem};
	struct ignore_rules rules;
	const char *all = "";
	ignore_read(list, "i", mem, &rules, &mistakes);
	for (size_t i = 0; i < mistakes.count; i++)
		all = arena_printf(mem, "%s%s\n", all, mistakes.items[i].text);
	assert_string_equal(all, mistakes_text);
}

static void a_rule_has_all_its_parts(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	struct mistakes mistakes = {.mem = mem};
	struct ignore_rules rules;
	CLEANUP(json_done)
	json_t *list = from_text(
		"[{'group':'apps','kind':'*','name':'n','namespace':'ns','jsonPointers':['/a','/b'],"
		"'jqPathExpressions':['.c'],'managedFieldsManagers':['hpa']},{'kind':'Secret'}]");
	(void)state;
	ignore_read(list, "i", mem, &rules, &mistakes);
	assert_int_equal(mistakes.count, 0);
	assert_int_equal(rules.count, 2);
	const struct ignore_rule *rule = &rules.items[0];
	assert_string_equal(rule->group, "apps");
	assert_string_equal(rule->name, "n");
	assert_string_equal(rule->namespace, "ns");
	assert_int_equal(rule->pointer_count, 2);
	assert_string_equal(rule->pointers[1], "/b");
	assert_string_equal(rule->expressions[0], ".c");
	assert_string_equal(rule->managers[0], "hpa");
	assert_string_equal(rules.items[1].group, "");
}

static void nothing_is_no_rule(void **state)
{
	(void)state;
	expect("null", "");
	expect("[]", "");
}

static void mistakes_name_their_field(void **state)
{
	(void)state;
	expect("{}", "i must be a list\n");
	expect("['x',{'kind':'A'}]", "i[0] must be an object\n");
	expect("[{}]", "i[0].kind is missing\n");
	expect("[{'kind':1}]", "i[0].kind must be a string\ni[0].kind is missing\n");
	expect("[{'kind':'A','jsonPointer':['/a']}]",
		"i[0].jsonPointer: there is no such field, did you mean \"jsonPointers\"?\n");
	expect("[{'kind':'A','jsonPointers':'/a'}]", "i[0].jsonPointers must be a list\n");
	expect("[{'kind':'A','jsonPointers':[1]}]", "i[0].jsonPointers[0] must be a string\n");
	expect("[{'kind':'A','managedFieldsManagers':['']}]",
		"i[0].managedFieldsManagers[0]: a field manager has a name\n");
}

static void pointers_are_checked(void **state)
{
	static const char format[] =
		"i[0].jsonPointers[0]: \"%s\" is no JSON pointer such as /spec/replicas (~1 stands for a "
		"slash in a name)\n";
	static const char *const wrong[] = {"spec/replicas", "", ".spec", "/a~b", "/a~"};
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		expect(arena_printf(mem, "[{'kind':'A','jsonPointers':['%s']}]", wrong[i]),
			arena_printf(mem, format, wrong[i]));
	expect("[{'kind':'A','jsonPointers':['/a~0~1b/0']}]", "");
}

static void an_expression_that_is_none_has_jqs_own_reason(void **state)
{
	(void)state;
	expect("[{'kind':'A','jqPathExpressions':['.a','foo']}]",
		"i[0].jqPathExpressions[1]: \"foo\" is no jq path expression: foo/0 is not defined\n");
}

static void there_is_a_limit_of_expressions(void **state)
{
	CLEANUP(json_done) json_t *list = from_text("[{'kind':'A'}]");
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	struct mistakes mistakes = {.mem = mem};
	struct ignore_rules rules;
	json_t *expressions = json_array();
	(void)state;
	for (int i = 0; i < 65; i++)
		json_array_append_new(expressions, json_string(arena_printf(mem, ".a%d", i % 3)));
	json_object_set_new(json_array_get(list, 0), "jqPathExpressions", expressions);
	ignore_read(list, "i", mem, &rules, &mistakes);
	assert_int_equal(mistakes.count, 1);
	assert_string_equal(mistakes.items[0].text,
		"i[0].jqPathExpressions[64]: an Application may have at most 64 jq expressions");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_all_its_parts),
		cmocka_unit_test(nothing_is_no_rule),
		cmocka_unit_test(mistakes_name_their_field),
		cmocka_unit_test(pointers_are_checked),
		cmocka_unit_test(an_expression_that_is_none_has_jqs_own_reason),
		cmocka_unit_test(there_is_a_limit_of_expressions),
	};
	if (argc > 1 && strcmp(argv[1], "jq-worker") == 0)
		return jq_worker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
