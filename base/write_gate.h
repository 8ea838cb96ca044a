/*
 * write_gate.h - may this process write to the outside now: the API server, a database
 *
 * Where several agents share one task, one of them holds a lease (reconcile/kubernetes/lease.h), and only until it ends may it write. A
 * process that was stopped, or cut off from who keeps the lease, does not notice by itself: so whoever writes asks here, right before the
 * bytes go out. The clock is CLOCK_BOOTTIME, which runs on while the machine sleeps and is set by nobody.
 *
 * Without a lease the gate is open. One for the process; any thread.
 */
#pragma once

#include "base/error.h"

/* From now on the gate is closed until write_gate_open(). `tail`: milliseconds that what was sent before its end may be on its way, before
   anybody else could hold the lease. */
void write_gate_lease(int64_t tail);

/* Open until this moment on clock_boot(). 0 closes it. */
void write_gate_open(int64_t until);

/* Right before each write. ERROR_STOPPED: it is closed. */
bool write_gate_pass(struct error *err) MUST_CHECK;

/* The gate is a lease's: without one it is no news that it is open. */
bool write_gate_leased(void);

/* How long unacknowledged bytes may be sent again and again; `otherwise` where there is no lease, or less than its tail. */
int64_t write_gate_tail(int64_t otherwise);

/* Without a lease again, for tests. */
void write_gate_remove(void);
