/*
 * recall.h - what an Application was before this process: from the store, else from the status that the object itself carries
 */
#pragma once

#include "agent/agent.h"

/*
 * Its history, what was last synced and tried, and the operation that a killed process left, whose content is asked for. False = the
 * store could not be asked: nothing may be done to the Application until it can, for what is not known would be done once more (hooks
 * run again, a commit that failed tried again). Once true it is so at once. Reconciler thread only.
 */
bool recall(struct agent *agent, struct app *app) MUST_CHECK;
