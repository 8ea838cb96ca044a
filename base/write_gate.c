#include "base/write_gate.h"

#include <stdatomic.h>

#include "base/clock.h"

static atomic_bool leased;
static atomic_int_fast64_t open_until; /* clock_boot() */
static atomic_int_fast64_t tail_of_lease;

void write_gate_lease(int64_t tail)
{
	atomic_store(&open_until, 0);
	atomic_store(&tail_of_lease, tail);
	atomic_store(&leased, true);
}

void write_gate_open(int64_t until)
{
	atomic_store(&open_until, until);
}

bool write_gate_pass(struct error *err)
{
	if (!atomic_load(&leased) || clock_boot() < atomic_load(&open_until))
		return true;
	return error_set(err, ERROR_STOPPED, "this agent does not hold its lease: it writes nothing");
}

bool write_gate_leased(void)
{
	return atomic_load(&leased);
}

int64_t write_gate_tail(int64_t otherwise)
{
	int64_t tail = atomic_load(&leased) ? atomic_load(&tail_of_lease) : otherwise;
	return tail < otherwise ? tail : otherwise;
}

void write_gate_remove(void)
{
	atomic_store(&leased, false);
}
