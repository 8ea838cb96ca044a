#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/render/output.h"

#define OBJECT(name) "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " name "\n"

static struct arena *mem;

static int set_up(void **state)
{
	(void)state;
	mem = arena_new((size_t)1 << 24);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(mem);
	return 0;
}

static struct desired read_text(enum render_tool tool, const char *text)
{
	struct desired desired = {.mistakes = {.mem = mem}, .warnings = {.mem = mem}};
	output_read(tool, tool == RENDER_HELM ? "helm template team" : "kustomize build team", text,
		strlen(text), mem, &desired);
	return desired;
}

static void documents_are_counted(void **state)
{
	struct desired desired =
		read_text(RENDER_KUSTOMIZE, OBJECT("a") "---\n" OBJECT("b") "--- \n---\n\n---\n" OBJECT("c"));
	(void)state;
	assert_int_equal(desired.mistakes.count, 0);
	assert_int_equal(desired.objects.count, 3);
	assert_int_equal(desired.files, 1);
	assert_string_equal(desired.objects.items[0].file, "kustomize build team: document 1");
	assert_string_equal(desired.objects.items[2].key.name, "c");
	assert_string_equal(desired.objects.items[2].file, "kustomize build team: document 3");
}

static void helms_documents_have_the_name_of_their_template(void **state)
{
	struct desired desired = read_text(RENDER_HELM,
		"---\n# Source: c/templates/a.yaml\n" OBJECT(
			"a") "---\n# Source: c/charts/d/templates/b.yaml\n" OBJECT("b") "---\n" OBJECT("c"));
	(void)state;
	assert_int_equal(desired.objects.count, 3);
	assert_string_equal(desired.objects.items[0].file, "helm template team: templates/a.yaml");
	assert_string_equal(desired.objects.items[1].file, "helm template team: charts/d/templates/b.yaml");
	assert_string_equal(desired.objects.items[2].file, "helm template team: document 3");
}

static void a_mistake_has_the_place_in_its_document(void **state)
{
	struct desired desired = read_text(
		RENDER_KUSTOMIZE, OBJECT("a") "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {}\n");
	(void)state;
	assert_int_equal(desired.mistakes.count, 1);
	assert_non_null(
		strstr(mistake_text(&desired.mistakes.items[0], mem), "kustomize build team: document 2:"));
}

/* As the reader has it: an indented "---" is text. */
static void only_a_line_that_begins_so_ends_a_document(void **state)
{
	struct desired desired = read_text(RENDER_KUSTOMIZE,
		OBJECT("a") "data:\n  a: |\n    ---\n    x\n  b: a---\n---  # next\n" OBJECT(
			"b") "data: {c: \"---\"}\n");
	(void)state;
	assert_int_equal(desired.mistakes.count, 0);
	assert_int_equal(desired.objects.count, 2);
}

static void nothing_is_no_object(void **state)
{
	static const char *const texts[] = {"", "\n", "---\n", "---\n---\n\n"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct desired desired = read_text(RENDER_HELM, texts[i]);
		assert_int_equal(desired.objects.count + desired.mistakes.count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_counted),
		cmocka_unit_test(helms_documents_have_the_name_of_their_template),
		cmocka_unit_test(a_mistake_has_the_place_in_its_document),
		cmocka_unit_test(only_a_line_that_begins_so_ends_a_document),
		cmocka_unit_test(nothing_is_no_object),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
