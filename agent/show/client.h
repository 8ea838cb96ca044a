/*
 * client.h - a command's way to the running agent: the API over STATE/agent.sock or --server URL
 */
#pragma once

#include "agent/command.h"
#include "base/json.h"

/* "GET" or "POST" of an API path; `body` NULL = none. ERROR_RETRY when no agent answers. A problem document (RFC 9457) of
   the agent becomes the error. `answer` is a new reference. */
bool client_call(const struct command_context *context, const char *method, const char *path,
	const json_t *body, json_t **answer, struct error *err) MUST_CHECK;

/* A reading command's document: from --server when given, else from the store itself (agent/view.h). */
bool client_view(const struct command_context *context, const char *path, json_t **answer,
	struct error *err) MUST_CHECK;

/* Does an agent answer? Says so also when it refuses us. */
bool client_running(const struct command_context *context);

/* Waits for an operation that an action returned; prints progress on stderr when it is a terminal. */
bool client_wait(const struct command_context *context, int64_t operation, int64_t milliseconds,
	json_t **answer, struct error *err) MUST_CHECK;
