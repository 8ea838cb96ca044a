#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "reconcile/render/kustomize.h"

/* `expected` NULL = the change is refused with `words`. */
static void expect_change(const char *before, const char *options, const char *expected, const char *words)
{
	struct error err = {0};
	CLEANUP(json_done) json_t *kustomization = json_loads(before, 0, NULL);
	CLEANUP(json_done) json_t *wanted = json_loads(options, 0, NULL);
	assert_non_null(kustomization);
	assert_non_null(wanted);
	bool changed = kustomize_change(kustomization, wanted, &err);
	CLEANUP(memory_freep) char *after = json_canonical(kustomization);
	if (expected)
		assert_string_equal(after, expected);
	assert_int_equal(changed, expected != NULL);
	if (!expected && !strstr(err.text, words))
		fail_msg("%s", err.text);
}

static void names_and_namespace_replace_those_of_the_file(void **state)
{
	(void)state;
	expect_change("{\"namePrefix\":\"a-\",\"resources\":[\"x\"]}",
		"{\"namePrefix\":\"b-\",\"nameSuffix\":\"-c\",\"namespace\":\"n\"}",
		"{\"namePrefix\":\"b-\",\"nameSuffix\":\"-c\",\"namespace\":\"n\",\"resources\":[\"x\"]}",
		NULL);
}

static void images_are_split_as_kustomize_splits_them(void **state)
{
	static const struct {
		const char *image, *expected;
	} images[] = {
		{"nginx:1.2", "{\"name\":\"nginx\",\"newTag\":\"1.2\"}"},
		{"nginx@sha256:ab", "{\"digest\":\"sha256:ab\",\"name\":\"nginx\"}"},
		{"nginx=other", "{\"name\":\"nginx\",\"newName\":\"other\"}"},
		{"a=h:5000/b:2@sha256:ab",
			"{\"digest\":\"sha256:ab\",\"name\":\"a\",\"newName\":\"h:5000/b\",\"newTag\":\"2\"}"},
		{"h:5000/b:2", "{\"name\":\"h:5000/b\",\"newTag\":\"2\"}"},
		{"a=*:3", "{\"name\":\"a\",\"newTag\":\"3\"}"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(images); i++) {
		CLEANUP(memory_freep) char *options = memory_printf("{\"images\":[\"%s\"]}", images[i].image);
		CLEANUP(memory_freep) char *expected = memory_printf("{\"images\":[%s]}", images[i].expected);
		expect_change("{}", options, expected, NULL);
	}
	expect_change("{}", "{\"images\":[\"nginx\"]}", NULL, "must be [OLD=]NAME[:TAG][@DIGEST]");
	expect_change("{}", "{\"images\":[\":1\"]}", NULL, "must be");
}

static void an_image_of_the_file_is_replaced_and_a_star_keeps_its_part(void **state)
{
	(void)state;
	expect_change("{\"images\":[{\"name\":\"a\",\"newName\":\"b\",\"newTag\":\"1\"},{\"name\":\"c\"}]}",
		"{\"images\":[\"a=*:2\"]}",
		"{\"images\":[{\"name\":\"a\",\"newName\":\"b\",\"newTag\":\"2\"},{\"name\":\"c\"}]}", NULL);
	expect_change("{\"images\":[{\"name\":\"a\",\"newName\":\"b\",\"newTag\":\"1\"}]}",
		"{\"images\":[\"a:2\"]}", "{\"images\":[{\"name\":\"a\",\"newTag\":\"2\"}]}", NULL);
}

static void replicas_are_found_by_name(void **state)
{
	(void)state;
	expect_change("{\"replicas\":[{\"name\":\"a\",\"count\":1}]}",
		"{\"replicas\":[{\"name\":\"a\",\"count\":3},{\"name\":\"b\",\"count\":2}]}",
		"{\"replicas\":[{\"count\":3,\"name\":\"a\"},{\"count\":2,\"name\":\"b\"}]}", NULL);
}

static void labels_and_annotations_are_added_and_changed_only_by_force(void **state)
{
	(void)state;
	expect_change("{\"commonLabels\":{\"a\":\"1\"}}",
		"{\"commonLabels\":{\"b\":\"2\"},\"commonAnnotations\":{\"c\":\"3\"}}",
		"{\"commonAnnotations\":{\"c\":\"3\"},\"commonLabels\":{\"a\":\"1\",\"b\":\"2\"}}", NULL);
	expect_change("{\"commonLabels\":{\"a\":\"1\"}}", "{\"commonLabels\":{\"a\":\"2\"}}", NULL,
		"source.kustomize.forceCommonLabels");
	expect_change("{\"commonAnnotations\":{\"a\":\"1\"}}", "{\"commonAnnotations\":{\"a\":\"2\"}}", NULL,
		"source.kustomize.forceCommonAnnotations");
	expect_change("{\"commonLabels\":{\"a\":\"1\"}}",
		"{\"commonLabels\":{\"a\":\"2\"},\"forceCommonLabels\":true}",
		"{\"commonLabels\":{\"a\":\"2\"}}", NULL);
}

static void labels_without_selector_go_to_labels(void **state)
{
	(void)state;
	expect_change("{}", "{\"commonLabels\":{\"a\":\"1\"},\"labelWithoutSelector\":true}",
		"{\"labels\":[{\"includeSelectors\":false,\"includeTemplates\":false,\"pairs\":{\"a\":\"1\"}}]}",
		NULL);
	expect_change("{\"labels\":[{\"pairs\":{\"b\":\"2\"}},{\"pairs\":{},\"includeTemplates\":true}]}",
		"{\"commonLabels\":{\"a\":\"1\"},\"labelWithoutSelector\":true,\"labelIncludeTemplates\":true}",
		"{\"labels\":[{\"pairs\":{\"b\":\"2\"}},{\"includeTemplates\":true,\"pairs\":{\"a\":\"1\"}}]}",
		NULL);
}

static void patches_and_components_come_behind_those_of_the_file(void **state)
{
	(void)state;
	expect_change("{\"patches\":[{\"path\":\"a\"}],\"components\":[\"x\"]}",
		"{\"patches\":[{\"patch\":\"b\"}],\"components\":[\"x\",\"y\"]}",
		"{\"components\":[\"x\",\"y\"],\"patches\":[{\"path\":\"a\"},{\"patch\":\"b\"}]}", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_namespace_replace_those_of_the_file),
		cmocka_unit_test(images_are_split_as_kustomize_splits_them),
		cmocka_unit_test(an_image_of_the_file_is_replaced_and_a_star_keeps_its_part),
		cmocka_unit_test(replicas_are_found_by_name),
		cmocka_unit_test(labels_and_annotations_are_added_and_changed_only_by_force),
		cmocka_unit_test(labels_without_selector_go_to_labels),
		cmocka_unit_test(patches_and_components_come_behind_those_of_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
