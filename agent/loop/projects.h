/*
 * projects.h - where the AppProjects come from: they stand where the Applications stand
 *
 * As objects of the cluster they are followed as soon as the server has the kind; a server that has not has no projects. In the folder
 * of Applications they are read with them. Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"

/* The name of the followed collection, for the listener (join.c). */
#define PROJECTS "appprojects"

/* Follows them when it is time to try, and takes over what was seen: Applications whose project changed are dirty. To be called before
   the passes of each turn. */
void projects_look(struct agent *agent);

/* Reads the folder's. Mistakes keep them as they were; false with all of them in `err`. */
bool projects_load(struct agent *agent, struct error *err) MUST_CHECK;
