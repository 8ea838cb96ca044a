/*
 * repositories.h - the repositories that the Applications name: when each is asked, and what its answer means
 *
 * One repository at one revision is asked once, however many Applications share it. Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"
#include "agent/loop/credentials.h"
#include "agent/loop/fetch.h"

/* Gives the app its repository (none while its spec is unusable), to be asked at once. */
void repositories_attach(struct agent *agent, struct app *app);
void repositories_free(struct agent *agent);

/* Asks the repositories that are due, in threads; at most REPOSITORIES_AT_ONCE. */
void repositories_ask(struct agent *agent, struct credentials *credentials);

/* Takes the answers of the threads that are done. */
void repositories_collect(struct agent *agent);

/* Forgets those that no Application names any more, but not while a thread is at work for one. */
void repositories_drop_unused(struct agent *agent);

/* A push was announced to this plain URL ("" = to any): its repositories are asked. */
void repositories_announced(struct agent *agent, const char *plain);

/* Ask this Application's repository now; `hard` also reads the paths anew. */
void repositories_refresh(struct app *app, bool hard);
