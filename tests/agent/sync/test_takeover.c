#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "agent/sync/takeover.h"

static bool only_marks(enum write_outcome outcome, const char *const *paths, size_t count)
{
	struct difference differences[4] = {{.path = ""}};
	struct pass_step step = {.checked = true};
	for (size_t i = 0; i < count; i++)
		differences[i].path = paths[i];
	step.check.outcome = outcome;
	step.check.differences = differences;
	step.check.difference_count = count;
	return takeover_only_marks(&step);
}

static void our_marks_alone_are_no_change_of_an_object(void **state)
{
	(void)state;
	static const char *const paths[] = {"metadata.annotations.argocd.argoproj.io/tracking-id",
		"metadata.annotations.argocd.argoproj.io/installation-id", "metadata.labels.team"};
	assert_true(only_marks(WRITE_CONFIGURED, paths, 1));
	assert_true(only_marks(WRITE_CONFIGURED, paths, 2));
	assert_false(only_marks(WRITE_CONFIGURED, paths, 3));
	assert_false(only_marks(WRITE_CONFIGURED, &paths[2], 1));
	assert_false(only_marks(WRITE_FAILED, paths, 1));
	assert_false(only_marks(WRITE_UNCHANGED, paths, 0));
}

static void what_was_not_compared_is_no_mark(void **state)
{
	(void)state;
	const struct pass_step step = {.check.outcome = WRITE_CONFIGURED};
	assert_false(takeover_only_marks(&step));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_marks_alone_are_no_change_of_an_object),
		cmocka_unit_test(what_was_not_compared_is_no_mark),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
