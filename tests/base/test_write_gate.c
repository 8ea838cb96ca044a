#include "base/write_gate.h"

#include "base/clock.h"

#include "fixture.h"

static void without_a_lease_it_is_open(void **state)
{
	struct error err = {0};
	(void)state;
	assert_true(write_gate_pass(&err));
	assert_int_equal(write_gate_tail(30000), 30000);
}

static void with_one_it_is_open_until_its_end(void **state)
{
	struct error err = {0};
	(void)state;
	assert_false(write_gate_leased());
	write_gate_lease(4000);
	assert_true(write_gate_leased());
	assert_false(write_gate_pass(&err));
	assert_int_equal(err.kind, ERROR_STOPPED);
	write_gate_open(clock_boot() + 3600000);
	assert_true(write_gate_pass(&err));
	write_gate_open(clock_boot());
	assert_false(write_gate_pass(&err));
	write_gate_open(clock_boot() + 3600000);
	write_gate_open(0);
	assert_false(write_gate_pass(&err));
	write_gate_remove();
	assert_true(write_gate_pass(&err));
}

static void what_is_on_its_way_ends_with_the_lease(void **state)
{
	(void)state;
	write_gate_lease(4000);
	assert_int_equal(write_gate_tail(30000), 4000);
	assert_int_equal(write_gate_tail(1000), 1000);
	write_gate_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_lease_it_is_open),
		cmocka_unit_test(with_one_it_is_open_until_its_end),
		cmocka_unit_test(what_is_on_its_way_ends_with_the_lease),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
