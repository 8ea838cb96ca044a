/*
 * prepare.h - what an operation does before its first write (internal to sync)
 */
#pragma once

#include "agent/sync/steps.h"

/* Everything was asked of the server: refusals end the operation before the first write; then the intent goes into the store. */
enum verdict steps_prepare(struct pass *pass, struct sync_operation *operation);
