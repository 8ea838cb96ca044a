#include "reconcile/source/semver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"

static struct arena *mem;

static int open_arena(void **state)
{
	(void)state;
	mem = arena_new(1u << 20);
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(mem);
	return 0;
}

static struct semver version_of(const char *text)
{
	struct semver version;
	if (!semver_parse(text, &version))
		fail_msg("\"%s\" is no version", text);
	return version;
}

static void versions_are_read_loosely(void **state)
{
	(void)state;
	static const char *const versions[] = {"1", "v1", "1.2", "v1.2.3", "1.2.3-rc.1", "1.2.3-0",
		"1.2.3+build.01", "1.2-beta+x", "2024.01.02", "20240102", "1.2.3-a-b",
		"18446744073709551615.0.0"};
	static const char *const others[] = {"", "v", "a", "V1", "vv1", "1.", "1.2.", "1.2.3.4", "1.2.3-",
		"1.2.3-01", "1.2.3-a..b", "1.2.3+", "1.2.3_a", " 1", "1 ", "1.x", "*", "18446744073709551616",
		"-1", "release-1"};
	struct semver version;
	for (size_t i = 0; i < COUNT_OF(versions); i++)
		if (!semver_parse(versions[i], &version))
			fail_msg("\"%s\" is no version", versions[i]);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (semver_parse(others[i], &version))
			fail_msg("\"%s\" is a version", others[i]);
}

/* The order of semver.org 11, and beyond. */
static void versions_have_an_order(void **state)
{
	(void)state;
	static const char *const rising[] = {"0.0.1", "0.9.0", "1.0.0-0", "1.0.0-9", "1.0.0-10",
		"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2"};
	for (size_t i = 0; i < COUNT_OF(rising); i++)
		for (size_t j = 0; j < COUNT_OF(rising); j++) {
			struct semver a = version_of(rising[i]), b = version_of(rising[j]);
			int order = semver_compare(&a, &b);
			if ((order > 0) - (order < 0) != (i > j) - (i < j))
				fail_msg("%s to %s: %d", rising[i], rising[j], order);
		}
	struct semver plain = version_of("1.2.3"), built = version_of("v1.2.3+7");
	assert_int_equal(semver_compare(&plain, &built), 0);
}

static const struct {
	const char *range, *version;
	bool has;
} cases[] = {
	{"*", "0.0.1", true},
	{"*", "7.8.9", true},
	{"*", "7.8.9-rc.1", false},
	{"x", "7.8.9", true},
	{"1.x", "1.9.9", true},
	{"1.x", "2.0.0", false},
	{"v1.x", "1.0.0", true},
	{"1.2.*", "1.2.0", true},
	{"1.2.*", "1.2.9", true},
	{"1.2.*", "1.3.0", false},
	{"1.2.X", "1.2.3", true},
	{"=1.2", "1.2.7", true},
	{"=1.2", "1.3.0", false},
	{"=1.2.3", "1.2.3", true},
	{"= v1.2.3", "1.2.3+build", true},
	{"=1.2.3", "1.2.4", false},
	{"!=1.2.3", "1.2.3", false},
	{"!=1.2.3", "1.2.4", true},
	{"!=1.2", "1.2.9", false},
	{"!=1.2", "1.3.0", true},
	{"!=1.x", "1.3.0", false},
	{"!=1.x", "2.0.0", true},
	{">1.2.3", "1.2.3", false},
	{">1.2.3", "1.2.4", true},
	{">1.2", "1.2.9", false},
	{">1.2", "1.3.0", true},
	{">1", "1.9.9", false},
	{">1", "2.0.0", true},
	{"<1.2", "1.1.9", true},
	{"<1.2", "1.2.0", false},
	{"<2", "2.0.0-rc.1", false},
	{">=1.2", "1.2.0", true},
	{"=>1.2", "1.1.9", false},
	{"<=1.2", "1.2.9", true},
	{"<=1.2", "1.3.0", false},
	{"=<1", "1.9.9", true},
	{"<=1", "2.0.0", false},
	{"<=1.2.3", "1.2.4", false},
	{"~1.2.3", "1.2.9", true},
	{"~1.2.3", "1.2.2", false},
	{"~1.2.3", "1.3.0", false},
	{"~1.2", "1.2.0", true},
	{"~1.2", "1.3.0", false},
	{"~1", "1.9.0", true},
	{"~1", "2.0.0", false},
	{"~>1.2", "1.2.5", true},
	{"^1.2.3", "1.9.0", true},
	{"^1.2.3", "1.2.2", false},
	{"^1.2.3", "2.0.0", false},
	{"^1.2", "1.2.0", true},
	{"^1", "1.0.0", true},
	{"^0.2.3", "0.2.9", true},
	{"^0.2.3", "0.3.0", false},
	{"^0.0.3", "0.0.3", true},
	{"^0.0.3", "0.0.4", false},
	{"^0.0", "0.0.9", true},
	{"^0.0", "0.1.0", false},
	{"^0", "0.9.0", true},
	{"^0", "1.0.0", false},
	{">=1.0 <2", "1.5.0", true},
	{">=1.0 <2", "2.0.0", false},
	{">= 1.0, < 2", "1.5.0", true},
	{">=1.0,<2", "0.9.0", false},
	{"1.2 - 2.3", "1.2.0", true},
	{"1.2 - 2.3", "2.3.9", true},
	{"1.2 - 2.3", "2.4.0", false},
	{"1.2.3 - 2.3.4", "2.3.5", false},
	{"<1 || >=2", "0.9.0", true},
	{"<1 || >=2", "1.5.0", false},
	{"~1.2||~1.4", "1.4.1", true},
	{">=1.0.0-0", "1.5.0-rc.1", true},
	{">=1.0.0-0 <2", "1.5.0-rc.1", true},
	{">=1.0.0", "1.5.0-rc.1", false},
	{"^1.2.0-0", "1.2.0-rc.1", true},
	{"^1.2.0-0", "2.0.0-rc.1", false},
	{"~1.2.0-beta.2", "1.2.0-beta.1", false},
	{"~1.2.0-beta.2", "1.2.0-beta.11", true},
	{"~1.2 || >=2.0.0-0", "1.2.3-rc.1", false},
	{"~1.2 || >=2.0.0-0", "2.0.0-rc.1", true},
};

static void constraints_match_as_in_argo_cd(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct semver_range *range = semver_range_parse(cases[i].range, mem);
		struct semver version = version_of(cases[i].version);
		if (!range)
			fail_msg("\"%s\" is no constraint", cases[i].range);
		if (semver_range_has(range, &version) != cases[i].has)
			fail_msg("\"%s\" and %s", cases[i].range, cases[i].version);
	}
}

/* They are names of branches, tags and commits, and nothing else. */
static void names_are_no_constraints(void **state)
{
	(void)state;
	static const char *const names[] = {"", "main", "HEAD", "1.2.3", "v1.2", "1", "20240102", "deadbee",
		"1234567", "release-1.2", "release/1.x", "xy", "1.x-", "=", ">=", "1.2 -2", "1.2 - ",
		"1.2 ||", "|| 1", ">=1,,<2", "^main", "~", "1.2.3.x", ">=1.0<2", "1.2.3 and 4"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (semver_range_parse(names[i], mem))
			fail_msg("\"%s\" is a constraint", names[i]);
}

static void a_constraint_says_whether_it_takes_pre_releases(void **state)
{
	(void)state;
	assert_true(semver_range_takes_pre(semver_range_parse(">=1.0.0-0", mem)));
	assert_true(semver_range_takes_pre(semver_range_parse("<1 || >=1.0.0-0", mem)));
	assert_false(semver_range_takes_pre(semver_range_parse("^1.2", mem)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_read_loosely),
		cmocka_unit_test(versions_have_an_order),
		cmocka_unit_test_setup_teardown(constraints_match_as_in_argo_cd, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(names_are_no_constraints, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
			a_constraint_says_whether_it_takes_pre_releases, open_arena, close_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
