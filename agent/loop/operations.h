/*
 * operations.h - what people ask of the running agent: from the HTTP thread into the store and the queue, and out of it
 */
#pragma once

#include "agent/agent.h"
#include "agent/http/http.h"

/* A wish on its way to the reconciler: EVENT_OPERATION's payload. */
struct operation {
	char *kind, *target; /* as store_operation */
	const char *by;      /* "cli" or "api" */
	char *confirm;       /* NULL = none */
	bool hard, prune, dry_run;
	int64_t id; /* in the store */
};

/* The calls of the HTTP thread. */
struct http_agent operations_http(struct agent *agent);

/* Hands a wish to its Application or database. Frees it. Reconciler thread. */
void operations_take(struct agent *agent, struct operation *operation);

/* At start: what an agent that died was asked for, or had begun, is ended: nobody will. */
void operations_sweep(struct agent *agent);
