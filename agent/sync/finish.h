/*
 * finish.h - ending an operation: its outcome, after the last write (internal to sync)
 */
#pragma once

#include "agent/events/outcome.h"
#include "agent/sync/steps.h"

/* Another attempt later, or its outcome and history into the status and what is to be recorded into pass->ended; then the operation is
   freed. */
void operation_finish(struct pass *pass, struct sync_operation *operation);

/* What ended in this pass, into the store: its row in the history, the status that tells of it, the answer, and that it runs no more. All
   as one: who has the answer sees what came of it, and one that a kill kept from being recorded is gone through again. A status that
   the store does not take keeps no answer back. */
void operation_record(struct pass *pass, bool with_status);

/* What log, metrics and Events are told of it. Strings are borrowed. */
struct outcome operation_outcome(const struct app *app, const struct sync_operation *operation,
	const char *phase, const char *message);

/* syncResult.resources; a new reference. */
json_t *operation_results(const struct sync_operation *operation);

/* status.operationState of one that has ended; a new reference. */
json_t *operation_ended(const struct pass *pass, const struct sync_operation *operation, const char *phase,
	const char *message);
