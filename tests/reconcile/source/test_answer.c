#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "reconcile/source/answer.h"

#define COMMIT "0123456789012345678901234567890123456789"
#define HEAD "{\"type\":\"head\",\"commit\":\"" COMMIT "\"}"
#define UNCHANGED "{\"type\":\"head\",\"commit\":\"" COMMIT "\",\"unchanged\":true}"
#define PATH "{\"type\":\"path\",\"index\":0,\"found\":true}"
#define PATH_1 "{\"type\":\"path\",\"index\":1,\"found\":true}"
#define OBJECT                                                                                               \
	"{\"type\":\"object\",\"kind\":\"ConfigMap\",\"version\":\"v1\",\"name\":\"a\",\"json\":\"{}\",\"line\":3}"
#define PATH_END "{\"type\":\"path-end\",\"files\":2}"
#define BASED "{\"type\":\"path\",\"index\":0,\"found\":true,\"based\":true}"
#define CHANGED "{\"type\":\"changed\",\"name\":\"u/a.yaml\"}"
#define END "{\"type\":\"end\"}"

static const struct source_path paths[] = {{"users", {.path = "u"}, 0, COMMIT}};
static const struct source_request request = {.paths = paths, .path_count = 1};

/* Ends with NULL. True when all was taken. */
static bool take_all(struct answer *answer, struct arena *mem, struct error *err, const char *const *messages)
{
	answer_start(answer, &request, mem);
	for (; *messages; messages++)
		if (!answer_take(answer, *messages, strlen(*messages), err))
			return false;
	return true;
}

static void a_whole_answer_becomes_a_result(void **state)
{
	static const char *const messages[] = {"{\"type\":\"step\",\"text\":\"reading\"}", HEAD, PATH,
		"{\"type\":\"warning\",\"file\":\"f\",\"line\":2,\"text\":\"t\"}", OBJECT, PATH_END, END, NULL};
	struct arena *mem = arena_new((size_t)1 << 20);
	struct answer answer;
	struct error err = {0};
	(void)state;
	assert_true(take_all(&answer, mem, &err, messages));
	assert_true(answer.complete);
	assert_string_equal(answer.step, "reading");
	assert_string_equal(answer.result.commit, COMMIT);
	assert_string_equal(answer.result.author, "");
	const struct desired *desired = &answer.result.contents[0].desired;
	assert_int_equal(desired->objects.count, 1);
	assert_string_equal(desired->objects.items[0].key.namespace, "");
	assert_string_equal(desired->objects.items[0].hash,
		"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
	assert_int_equal(desired->warnings.count, 1);
	assert_int_equal(desired->files, 2);
	arena_free(mem);
}

static void what_changed_is_told_of_a_base_that_was_named(void **state)
{
	static const char *const messages[] = {HEAD, BASED, CHANGED, OBJECT, PATH_END, END, NULL};
	static const struct source_path whole[] = {{"users", {.path = "u"}, 0, NULL}};
	const struct source_request baseless = {.paths = whole, .path_count = 1};
	struct arena *mem = arena_new((size_t)1 << 20);
	struct answer answer;
	struct error err = {0};
	(void)state;
	assert_true(take_all(&answer, mem, &err, messages));
	assert_true(answer.result.contents[0].based);
	assert_int_equal(answer.result.contents[0].changed_count, 1);
	assert_string_equal(answer.result.contents[0].changed[0], "u/a.yaml");
	answer_start(&answer, &baseless, mem);
	assert_true(answer_take(&answer, HEAD, strlen(HEAD), &err));
	assert_false(answer_take(&answer, BASED, strlen(BASED), &err));
	arena_free(mem);
}

static void what_may_not_come_now_is_refused(void **state)
{
	static const char *const cases[][6] = {
		{END, NULL},
		{OBJECT, NULL},
		{PATH, NULL},
		{HEAD, HEAD, NULL},
		{HEAD, END, NULL},
		{HEAD, PATH_1, NULL},
		{HEAD, PATH, PATH, NULL},
		{HEAD, PATH, END, NULL},
		{HEAD, PATH, PATH_END, PATH, NULL},
		{HEAD, PATH, PATH_END, OBJECT, NULL},
		{UNCHANGED, PATH, NULL},
		{HEAD, PATH_END, NULL},
		{HEAD, CHANGED, NULL},
		{HEAD, PATH, CHANGED, NULL},
		{HEAD, BASED, PATH_END, CHANGED, NULL},
		{HEAD, "{\"type\":\"path\",\"index\":0,\"found\":true,\"renderFile\":\"../x\"}", NULL},
		{HEAD, "{\"type\":\"path\",\"index\":0,\"found\":true,\"renderFile\":\"Chart.yaml\"}", NULL},
		{HEAD, PATH, "{\"type\":\"path-end\",\"rendered\":3}", NULL},
		{"{\"type\":\"head\",\"commit\":\"" COMMIT "\",\"tree\":\"../x\"}", NULL},
		{UNCHANGED, END, END, NULL},
		{"{}", NULL},
		{"[]", NULL},
		{"{\"type\":\"x\"}", NULL},
		{"{", NULL},
		{"", NULL},
		{"{\"type\":\"head\",\"commit\":\"zz\"}", NULL},
		{"{\"type\":\"error\",\"kind\":0}", NULL},
		{"{\"type\":\"error\",\"kind\":99}", NULL},
		{HEAD, PATH, "{\"type\":\"object\",\"json\":\"{}\"}", NULL},
		{"{\"type\":\"mistake\"}", NULL},
		{"{\"type\":\"warning\"}", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *mem = arena_new((size_t)1 << 20);
		struct answer answer;
		struct error err = {0};
		if (take_all(&answer, mem, &err, cases[i]))
			fail_msg("case %zu was taken", i);
		assert_int_equal(err.kind, ERROR_BUG);
		arena_free(mem);
	}
}

/* Asked for with a place for the commit: then a path may have to be rendered first. */
static void a_path_that_is_to_be_rendered_has_its_file_and_the_tree(void **state)
{
	static const char head[] = "{\"type\":\"head\",\"commit\":\"" COMMIT "\",\"tree\":\"" COMMIT
				   "\",\"leftOut\":\"a (submodule)\"}";
	static const char path[] =
		"{\"type\":\"path\",\"index\":0,\"found\":true,\"renderFile\":\"Kustomization\"}";
	static const char end[] = "{\"type\":\"path-end\",\"rendered\":1}";
	struct source_request with_layout = request;
	struct arena *mem = arena_new((size_t)1 << 20);
	struct answer answer;
	struct error err = {0};
	(void)state;
	with_layout.layout = "render-1";
	answer_start(&answer, &with_layout, mem);
	assert_true(answer_take(&answer, head, strlen(head), &err));
	assert_true(answer_take(&answer, path, strlen(path), &err));
	assert_true(answer_take(&answer, end, strlen(end), &err));
	assert_string_equal(answer.result.tree, COMMIT);
	assert_string_equal(answer.result.left_out, "a (submodule)");
	assert_string_equal(answer.result.contents[0].render_file, "Kustomization");
	assert_int_equal(answer.result.contents[0].desired.rendered, RENDER_KUSTOMIZE);
	/* Nothing is said of a tree. */
	answer_start(&answer, &with_layout, mem);
	assert_true(answer_take(&answer, HEAD, strlen(HEAD), &err));
	assert_false(answer_take(&answer, path, strlen(path), &err));
	arena_free(mem);
}

static void an_error_is_the_end(void **state)
{
	static const char *const messages[] = {"{\"type\":\"error\",\"kind\":3,\"text\":\"gone\"}", NULL};
	struct arena *mem = arena_new((size_t)1 << 20);
	struct answer answer;
	struct error err = {0};
	(void)state;
	assert_true(take_all(&answer, mem, &err, messages));
	assert_true(answer.complete);
	assert_int_equal(answer.error.kind, ERROR_MISSING);
	assert_string_equal(answer.error.text, "gone");
	assert_false(answer_take(&answer, END, strlen(END), &err));
	arena_free(mem);
}

static void an_endless_answer_meets_its_maximum(void **state)
{
	static const char step[] = "{\"type\":\"step\",\"text\":\"x\"}";
	struct arena *mem = arena_new((size_t)1 << 20);
	struct answer answer;
	struct error err = {0};
	int frames = 0;
	(void)state;
	answer_start(&answer, &request, mem);
	while (answer_take(&answer, step, strlen(step), &err))
		frames++;
	assert_int_equal(frames, LIMIT_FRAMES);
	assert_int_equal(err.kind, ERROR_INVALID);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_becomes_a_result),
		cmocka_unit_test(what_changed_is_told_of_a_base_that_was_named),
		cmocka_unit_test(what_may_not_come_now_is_refused),
		cmocka_unit_test(a_path_that_is_to_be_rendered_has_its_file_and_the_tree),
		cmocka_unit_test(an_error_is_the_end),
		cmocka_unit_test(an_endless_answer_meets_its_maximum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
