/*
 * standbys.h - do the synchronous standbys have what was written?
 *
 * A session commits with synchronous_commit = local (pins.c), so that a standby that stands still holds up no pass, while no COMMIT of anybody
 * else returns. What it wrote is then on this server alone, and gone when another one takes over: people should know for as long as that is so.
 */
#pragma once

#include "base/arena.h"
#include "reconcile/postgres/connect.h"

enum { STANDBYS_POSITION = 24 };

/*
 * `position` is that of the log behind what was written and not confirmed so far, "" = nothing is; kept from pass to pass by the caller, and set
 * anew where the session wrote something. A healthy standby confirms within milliseconds: for what was written just now that long is waited.
 * `why` is a sentence, in `mem`; NULL where all is confirmed, nobody is asked to confirm (synchronous_standby_names is empty), or our role may
 * not see it. A pass that has written nothing, with nothing open, asks nothing.
 */
bool standbys_confirm(struct session *session, char position[STANDBYS_POSITION], struct arena *mem,
	const char **why, struct error *err) MUST_CHECK;
