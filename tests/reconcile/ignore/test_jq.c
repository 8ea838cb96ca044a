/* Started as `test_jq jq-worker` it is the jq process itself, as the program is. */
#include "reconcile/ignore/jq.h"
#include "base/limits.h"
#include "reconcile/ignore/jq_worker.h"
#include "tests/reconcile/ignore/fixture.h"

struct asked {
	json_t *paths;
	struct error err;
};

static struct asked ask(struct jq **jq, const char *expression, const char *document, bool secret)
{
	CLEANUP(json_done) json_t *documents = json_array();
	struct asked asked = {0};
	json_array_append_new(documents, from_text(document));
	const struct jq_question question = {&expression, 1, documents, secret};
	asked.paths = jq_paths(jq, &question, &asked.err);
	return asked;
}

static void expect(struct jq **jq, const char *expression, const char *document, const char *paths)
{
	struct asked asked = ask(jq, expression, document, false);
	if (!asked.paths)
		fail_msg("%s: %s", expression, asked.err.text);
	assert_json(asked.paths, paths);
	json_decref(asked.paths);
}

static void expect_failure(struct jq **jq, const char *expression, const char *document, const char *words)
{
	struct asked asked = ask(jq, expression, document, false);
	assert_null(asked.paths);
	assert_int_equal(asked.err.kind, ERROR_INVALID);
	assert_non_null(strstr(asked.err.text, expression));
	if (!strstr(asked.err.text, words))
		fail_msg("%s: %s", expression, asked.err.text);
}

static void expressions_that_people_write(void **state)
{
	static const char deployment[] =
		"{'metadata':{'annotations':{'a/b':'1'}},'spec':{'replicas':1,'template':{'spec':{'containers':["
		"{'name':'web','env':[{'name':'A'},{'name':'B'}]},{'name':'istio-proxy','image':'x'}]}}}}";
	CLEANUP(jq_close) struct jq *jq = NULL;
	(void)state;
	expect(&jq, ".spec.replicas", deployment, "[[['spec','replicas']]]");
	expect(&jq, ".spec.template.spec.containers[] | select(.name == \"istio-proxy\")", deployment,
		"[[['spec','template','spec','containers',1]]]");
	expect(&jq, ".spec.template.spec.containers[].env[]? | select(.name | test(\"^B\"))", deployment,
		"[[['spec','template','spec','containers',0,'env',1]]]");
	expect(&jq, ".metadata.annotations[\"a/b\"] # a comment", deployment,
		"[[['metadata','annotations','a/b']]]");
	expect(&jq, ".metadata.annotations, .spec.replicas", deployment,
		"[[['metadata','annotations'],['spec','replicas']]]");
}

static void what_is_not_there_is_nothing(void **state)
{
	CLEANUP(jq_close) struct jq *jq = NULL;
	(void)state;
	expect(&jq, ".spec.initContainers[] | select(.name == \"x\")", "{'spec':{}}", "[[]]");
	expect(&jq, ".webhooks[].clientConfig.caBundle", "{}", "[[]]");
	expect(&jq, ".l[] | select(.name | test(\"x\"))", "{'l':[{}]}", "[[]]");
}

static void all_expressions_are_asked_of_all_documents(void **state)
{
	CLEANUP(jq_close) struct jq *jq = NULL;
	CLEANUP(json_done) json_t *documents = from_text("[{'l':[{'n':1}]},{'l':[{'n':2},{'n':1}]}]");
	static const char *const expressions[] = {".l[] | select(.n == 1)", ".l[0].n"};
	const struct jq_question question = {expressions, 2, documents, false};
	struct error err;
	(void)state;
	CLEANUP(json_done) json_t *paths = jq_paths(&jq, &question, &err);
	assert_json(paths, "[[['l',0],['l',0,'n']],[['l',1],['l',0,'n']]]");
}

static void other_failures_name_the_expression(void **state)
{
	CLEANUP(jq_close) struct jq *jq = NULL;
	(void)state;
	expect_failure(&jq, ".a.b", "{'a':'text'}", "Cannot index string");
	expect_failure(&jq, "1 + 1", "{}", "Invalid path expression");
	expect_failure(&jq, "halt", "{}", "halts");
	expect_failure(&jq, "error({x: 1})", "{}", "{\"x\":1}");
	expect_failure(&jq, "input", "{}", "no other input");
	expect_failure(&jq, ".a[", "{}", "syntax error");
	expect(&jq, ".a", "{'a':'text'}", "[[['a']]]");
}

static void nothing_of_a_secret_is_in_a_message(void **state)
{
	CLEANUP(jq_close) struct jq *jq = NULL;
	(void)state;
	struct asked asked = ask(&jq, ".data.key | tonumber", "{'data':{'key':'hunter2'}}", true);
	assert_null(asked.paths);
	assert_null(strstr(asked.err.text, "hunter2"));
	assert_non_null(strstr(asked.err.text, ".data.key"));
}

static void a_program_without_end_is_ended_and_not_tried_again(void **state)
{
	CLEANUP(jq_close) struct jq *jq = NULL;
	static const char endless[] = "def f: f; f";
	char words[64];
	(void)state;
	snprintf(words, sizeof(words), "more than %d ms", LIMIT_JQ_MILLISECONDS);
	expect_failure(&jq, endless, "{}", words);
	expect_failure(&jq, endless, "{'other':1}", words);
	expect(&jq, ".a", "{'a':1}", "[[['a']]]");
}

static void a_program_that_eats_memory_is_ended(void **state)
{
	CLEANUP(jq_close) struct jq *jq = NULL;
	char words[64];
	(void)state;
#ifdef PGITOPS_SANITIZED /* without a limit of the address space, which ASan fills: it ends when its time is over */
	snprintf(words, sizeof(words), "more than %d ms", LIMIT_JQ_MILLISECONDS);
#else
	snprintf(words, sizeof(words), "more than %ld MiB of memory", LIMIT_JQ_MEMORY >> 20);
#endif
	expect_failure(&jq, "[limit(30; repeat(1))] as $x | reduce range(1e9) as $i (\"xxxxxxxx\"; . + .) | .",
		"{}", words);
	expect(&jq, ".a", "{'a':1}", "[[['a']]]");
}

static void a_program_reaches_nothing_outside(void **state)
{
	CLEANUP(jq_close) struct jq *jq = NULL;
	(void)state;
	expect_failure(&jq, "import \"/etc/passwd\" as $x; .", "{}", "syntax error");
	expect_failure(&jq, "error($ENV | tostring)", "{}", "{\"HOME\":\"/nonexistent\"}");
	/* Writes to the descriptor of messages, more than a pipe holds. */
	expect(&jq, "([range(20000)] | tostring | stderr) as $x | .a", "{'a':1}", "[[['a']]]");
}

static void an_expression_is_judged_before_it_is_used(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	CLEANUP(jq_close) struct jq *jq = NULL;
	(void)state;
	assert_null(jq_objection(&jq, ".spec.replicas", mem));
	assert_null(jq_objection(&jq, "def f: .a; f", mem));
	assert_non_null(strstr(jq_objection(&jq, ".spec[", mem), "syntax error"));
	assert_non_null(strstr(jq_objection(&jq, "foo", mem), "foo/0 is not defined"));
	assert_non_null(jq_objection(&jq, "", mem));
	assert_null(strchr(jq_objection(&jq, ".a[\n", mem), '\n'));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_that_people_write),
		cmocka_unit_test(what_is_not_there_is_nothing),
		cmocka_unit_test(all_expressions_are_asked_of_all_documents),
		cmocka_unit_test(other_failures_name_the_expression),
		cmocka_unit_test(nothing_of_a_secret_is_in_a_message),
		cmocka_unit_test(a_program_without_end_is_ended_and_not_tried_again),
		cmocka_unit_test(a_program_that_eats_memory_is_ended),
		cmocka_unit_test(a_program_reaches_nothing_outside),
		cmocka_unit_test(an_expression_is_judged_before_it_is_used),
	};
	if (argc > 1 && strcmp(argv[1], "jq-worker") == 0)
		return jq_worker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
