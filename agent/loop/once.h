/*
 * once.h - `pgitops agent --once`: has every part its answer, and is all as wanted?
 *
 * A part is settled when nothing more will come of waiting: its answer is there, be it an error. Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"

bool once_is_settled(const struct agent *agent);

/* Everything is as wanted; else the reasons go to stderr, a line for each part. */
bool once_is_good(const struct agent *agent);
