/*
 * one_primary.h - which server of a Patroni cluster is the one to write to: asked of its members before each pass
 *
 * libpq's target_session_attrs takes the first server that is open for writes, and for as long as an old primary is cut off or its Patroni is
 * dead there are two of them: what is written to the wrong one is lost, and was acknowledged. So with databases[].patroni the leader's record
 * says the address, all members are asked whether they agree, and while they do not, nothing is written.
 */
#pragma once

#include "agent/config/config.h"
#include "reconcile/postgres/connect.h"

/*
 * Sets the target's connection: that of the file with the leader's host and port over those that are in it. ERROR_RETRY says why there is not
 * exactly one primary that takes writes, or that nobody could be asked. Sets its witness, too: the record is read again before each COMMIT, by
 * one request to a member that is not the leader, for one that is cut off goes on telling that it leads. All in `mem`; `config` outlives it.
 */
bool one_primary(const struct database_config *config, struct arena *mem, struct session_target *target,
	struct error *err) MUST_CHECK;

/* A value of a connection string, quoted as libpq takes it. In `mem`. */
const char *connection_value(const char *text, struct arena *mem);
