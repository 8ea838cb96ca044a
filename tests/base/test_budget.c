#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/budget.h"
#include "base/file.h"
#include "base/limits.h"

static char root[64], self[96];

static int set_up(void **state)
{
	(void)state;
	strcpy(root, "/tmp/pgitops-budget-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(self, sizeof(self), "%s/self", root);
	return 0;
}

static int tear_down(void **state)
{
	struct error err;
	(void)state;
	return file_remove_folder(root, &err) ? 0 : -1;
}

static void put(const char *path, const char *text)
{
	char full[512];
	struct error err;
	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		(void)mkdir(full, 0700);
	}
	assert_true(file_replace(full, text, strlen(text), 0600, &err));
}

static void a_container_of_version_2_sees_its_group_as_the_root(void **state)
{
	(void)state;
	put("self", "0::/\n");
	put("memory.max", "134217728\n");
	assert_int_equal(budget_of(root, self), 134217728);
	put("memory.max", "max\n");
	assert_true(budget_of(root, self) == SIZE_MAX);
}

static void the_narrowest_of_the_group_and_those_above_it_counts(void **state)
{
	(void)state;
	put("self", "0::/kubepods/pod/container\n");
	put("kubepods/pod/container/memory.max", "max\n");
	put("kubepods/pod/memory.max", "1000000\n");
	put("kubepods/memory.max", "9000000\n");
	assert_int_equal(budget_of(root, self), 1000000);
}

static void version_1_is_found_where_its_path_leads_nowhere(void **state)
{
	(void)state;
	put("self", "5:cpu,cpuacct:/x\n4:memory:/kubepods/burstable/pod1/abc\n0::/\n");
	put("memory/memory.limit_in_bytes", "268435456\n");
	assert_int_equal(budget_of(root, self), 268435456);
	put("memory/kubepods/burstable/pod1/abc/memory.limit_in_bytes", "134217728\n");
	assert_int_equal(budget_of(root, self), 134217728);
}

static void without_a_group_the_limits_count_alone(void **state)
{
	(void)state;
	put("self", "garbage\n1:\n::\n");
	assert_true(budget_of(root, self) == SIZE_MAX);
	assert_true(budget_of(root, "/nowhere") == SIZE_MAX);
	assert_int_equal(budget_group(), 0); /* nobody has read it in this process */
	assert_int_equal(budget_git_memory(), 0);
	assert_true(budget_fits(LIMIT_OBJECTS, LIMIT_PATH_BYTES));
	assert_int_equal(budget_git_object(), LIMIT_GIT_OBJECT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_container_of_version_2_sees_its_group_as_the_root),
		TEST(the_narrowest_of_the_group_and_those_above_it_counts),
		TEST(version_1_is_found_where_its_path_leads_nowhere),
		TEST(without_a_group_the_limits_count_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
