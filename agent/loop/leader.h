/*
 * leader.h - is this agent at work, or does it stand by: its part in the Lease that several agents share (`lease` of the agent file)
 *
 * A standby has its store and its HTTP server, and nothing else: it reads the lease a few times in each renewal's time. The one that gets
 * the lease starts as an agent does whose store is lost, unless nobody else has held it since: what its store says of the present may be
 * a month old. A holder that cannot renew writes nothing (base/write_gate.h) and begins nothing, until it can again; one whose place was taken ends,
 * and whoever started it starts a standby.
 */
#pragma once

#include <signal.h>

#include "agent/agent.h"

struct leader;

/* NULL where the agent file has no lease. From here on the write gate is closed. */
struct leader *leader_new(struct agent *agent);

/* Main thread, once the store is open. Returns when the lease is held, or false when SIGTERM or SIGINT of `signals` came first, or with
   `err` set (its kind is else ERROR_NONE) when the store could not be used. Accepts NULL. */
bool leader_wait(struct leader *leader, const sigset_t *signals, struct error *err) MUST_CHECK;

/* The thread that renews it. Accepts NULL. */
bool leader_start(struct leader *leader, struct error *err) MUST_CHECK;

/* Another one has it: the process was told by SIGUSR1 to end. Accepts NULL. */
bool leader_lost(const struct leader *leader);

/* Ends the thread and closes the write gate. `release`: every writer has ended, so that the next may begin at once. Accepts NULL. */
void leader_stop(struct leader *leader, bool release);
void leader_free(struct leader *leader); /* accepts NULL */
