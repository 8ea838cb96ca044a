/*
 * lookups.h - content at another revision than the newest (struct lookup in agent.h): asked for, and handed over
 *
 * A commit is looked for on the disk first, so that an operation goes on after a restart while the server is away. Reconciler thread
 * only.
 */
#pragma once

#include "agent/agent.h"
#include "agent/loop/credentials.h"
#include "agent/loop/fetch.h"

/* Asks what was not asked yet, in threads, as far as there is room (REPOSITORIES_AT_ONCE). */
void lookups_ask(struct agent *agent, struct credentials *credentials);

/* A thread's answer. Frees the fetch. */
void lookups_answer(struct agent *agent, struct fetch *fetch);
