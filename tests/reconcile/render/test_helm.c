#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/memory.h"
#include "reconcile/render/helm.h"

static char folder[64];
static struct arena *mem;

static void put(const char *name, const char *text)
{
	struct error err;
	CLEANUP(memory_freep) char *path = memory_printf("%s/%s", folder, name);
	CLEANUP(memory_freep) char *parent = memory_copy(path);
	*strrchr(parent, '/') = '\0';
	assert_true(file_make_folder(parent, &err));
	assert_true(file_replace(path, text, strlen(text), 0600, &err));
}

static int set_up(void **state)
{
	(void)state;
	mem = arena_new((size_t)1 << 20);
	strcpy(folder, "/tmp/helm.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	put("tree/team/chart/prod.yaml", "a: 1\n");
	put("tree/team/shared.yaml", "a: 1\n");
	put("tree/root.yaml", "a: 1\n");
	put("secret.yaml", "a: 1\n");
	put("temporary/nothing", "");
	return 0;
}

static int tear_down(void **state)
{
	struct error err;
	(void)state;
	arena_free(mem);
	return file_remove_folder(folder, &err) ? 0 : -1;
}

/* The arguments behind "template .", one a line, with FOLDER for the folder; or "error: ...". */
static const char *arguments_of(const char *options)
{
	const struct render_job job = {.tool = RENDER_HELM,
		.folder = folder,
		.path = "team/chart",
		.name = "app",
		.namespace = "ns",
		.options = options};
	struct arguments arguments = {.mem = mem};
	struct error err;
	const char *text = "";
	if (!helm_arguments(&job, &arguments, &err))
		return arena_printf(mem, "error: %s", err.text);
	assert_string_equal(arguments.items[0], "template");
	assert_string_equal(arguments.items[1], ".");
	for (size_t i = 2; i < arguments.count; i++) {
		const char *item = arguments.items[i], *at = strstr(item, folder);
		if (at)
			item = arena_printf(mem, "%.*sFOLDER%s", (int)(at - item), item, at + strlen(folder));
		text = arena_printf(mem, "%s%s\n", text, item);
	}
	return text;
}

#define RELEASE "--name-template\napp\n--namespace\nns\n"

static void without_options_release_and_namespace_are_the_applications(void **state)
{
	(void)state;
	assert_string_equal(arguments_of(NULL), RELEASE "--include-crds\n");
}

static void every_switch_has_its_argument(void **state)
{
	(void)state;
	assert_string_equal(
		arguments_of(
			"{\"releaseName\":\"r\",\"namespace\":\"m\",\"skipCrds\":true,\"skipTests\":true,"
			"\"skipSchemaValidation\":true,\"kubeVersion\":\"1.30\",\"apiVersions\":[\"a/v1\",\"b/v2\"]}"),
		"--name-template\nr\n--namespace\nm\n--skip-tests\n--skip-schema-validation\n--kube-version\n1.30\n"
		"--api-versions\na/v1\n--api-versions\nb/v2\n");
}

static void value_files_are_found_from_the_chart_and_from_the_root(void **state)
{
	(void)state;
	assert_string_equal(
		arguments_of(
			"{\"valueFiles\":[\"prod.yaml\",\"../shared.yaml\",\"/root.yaml\",\"./../../root.yaml\"]}"),
		RELEASE
		"--include-crds\n--values\nFOLDER/tree/team/chart/prod.yaml\n--values\nFOLDER/tree/team/shared.yaml\n"
		"--values\nFOLDER/tree/root.yaml\n--values\nFOLDER/tree/root.yaml\n");
}

static void a_file_outside_of_the_repository_is_refused(void **state)
{
	static const char *const texts[] = {"../../../secret.yaml", "/../secret.yaml",
		"../../../tree/root.yaml", "a/../../../../secret.yaml"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		const char *files = arena_printf(mem, "{\"valueFiles\":[\"%s\"]}", texts[i]);
		const char *parameters =
			arena_printf(mem, "{\"fileParameters\":[{\"name\":\"a\",\"path\":\"%s\"}]}", texts[i]);
		assert_non_null(strstr(arguments_of(files), "source.helm.valueFiles"));
		assert_non_null(strstr(arguments_of(files), "leads out of the repository"));
		assert_non_null(strstr(arguments_of(parameters), "leads out of the repository"));
	}
	assert_non_null(strstr(
		arguments_of("{\"valueFiles\":[\"https://example.org/x.yaml\"]}"), "nothing is fetched"));
}

static void a_missing_file_is_named_unless_it_may_be_missing(void **state)
{
	(void)state;
	assert_string_equal(arguments_of("{\"valueFiles\":[\"no.yaml\"]}"),
		"error: source.helm.valueFiles: no.yaml is not in the repository");
	assert_string_equal(
		arguments_of("{\"valueFiles\":[\"no.yaml\",\"prod.yaml\"],\"ignoreMissingValueFiles\":true}"),
		RELEASE "--include-crds\n--values\nFOLDER/tree/team/chart/prod.yaml\n");
	assert_non_null(strstr(arguments_of("{\"fileParameters\":[{\"name\":\"a\",\"path\":\"no\"}],"
					    "\"ignoreMissingValueFiles\":true}"),
		"source.helm.fileParameters: no is not in the repository"));
}

static void values_come_behind_the_files_and_the_object_before_the_text(void **state)
{
	struct error err;
	CLEANUP(buf_done) struct buf text = BUF(1000);
	CLEANUP(memory_freep) char *path = memory_printf("%s/temporary/values.yaml", folder);
	(void)state;
	assert_string_equal(
		arguments_of("{\"values\":\"a: 1\",\"valuesObject\":{\"b\":2},\"valueFiles\":[\"prod.yaml\"]}"),
		RELEASE
		"--include-crds\n--values\nFOLDER/tree/team/chart/prod.yaml\n--values\nFOLDER/temporary/values.yaml\n");
	assert_true(file_read(path, &text, &err));
	assert_string_equal(buf_string(&text), "{\"b\":2}");
}

static void parameters_are_one_value_each(void **state)
{
	(void)state;
	assert_string_equal(
		arguments_of(
			"{\"parameters\":[{\"name\":\"a\",\"value\":\"1,b=2\"},{\"name\":\"c\",\"value\":\"x\\\\,y\"},"
			"{\"name\":\"d\",\"value\":\"{1,2}\"},{\"name\":\"e\",\"value\":\"07\",\"forceString\":true},"
			"{\"name\":\"f\",\"value\":\"--post-renderer=x\"}]}"),
		RELEASE "--include-crds\n--set\na=1\\,b=2\n--set\nc=x\\,y\n--set\nd={1,2}\n--set-string\ne=07\n"
			"--set\nf=--post-renderer=x\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_release_and_namespace_are_the_applications),
		cmocka_unit_test(every_switch_has_its_argument),
		cmocka_unit_test(value_files_are_found_from_the_chart_and_from_the_root),
		cmocka_unit_test(a_file_outside_of_the_repository_is_refused),
		cmocka_unit_test(a_missing_file_is_named_unless_it_may_be_missing),
		cmocka_unit_test(values_come_behind_the_files_and_the_object_before_the_text),
		cmocka_unit_test(parameters_are_one_value_each),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
