/*
 * operations.h - what people ask of the running agent: from the HTTP thread into the store and the queue, and out of it
 */
#pragma once

#include "agent/agent.h"
#include "agent/http/http.h"

/* The calls of the HTTP thread. */
struct http_agent operations_http(struct agent *agent);

/* Hands what is Pending in the store to its Applications and databases. Reconciler thread. */
void operations_take(struct agent *agent);

/* At start: what an agent that died was asked for, or had begun, is ended: nobody will. */
void operations_sweep(struct agent *agent);
