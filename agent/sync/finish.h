/*
 * finish.h - preparing and ending an operation: intent before the first write, outcome after the last (internal to sync)
 */
#pragma once

#include "agent/events/outcome.h"
#include "agent/sync/steps.h"

/* Everything was asked of the server: refusals end the operation before the first write; then the intent goes into the store. */
enum verdict steps_prepare(struct pass *pass, struct sync_operation *operation);

/* Another attempt later, or outcome, history, answers; then the operation is freed. */
void operation_finish(struct pass *pass, struct sync_operation *operation);

/* What log, metrics and Events are told of it. Strings are borrowed. */
struct outcome operation_outcome(const struct app *app, const struct sync_operation *operation,
	const char *phase, const char *message);

/* syncResult.resources; a new reference. */
json_t *operation_results(const struct sync_operation *operation);

/* status.operationState of one that has ended; a new reference. */
json_t *operation_ended(const struct pass *pass, const struct sync_operation *operation, const char *phase,
	const char *message);
