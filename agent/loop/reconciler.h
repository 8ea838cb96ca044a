/*
 * reconciler.h - the thread that decides: takes events, asks repositories, runs passes, until it is told to stop
 */
#pragma once

#include "agent/loop/credentials.h"
#include "agent/agent.h"

/* Returns when the agent is stopped, or with `once` when everything has had its pass. True when all is as wanted; with `once`, the reasons
   why it is not have been told on stderr. */
bool reconciler_run(struct agent *agent, struct credentials *credentials);
