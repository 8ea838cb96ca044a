/*
 * needs.h - what the agent has to be allowed in its cluster, right by right
 *
 * It follows from the agent file, the Applications, and what their paths want: the cluster is asked which resource a kind is. `doctor`
 * asks whether each is given (rights.c), `install --print` writes them down as Roles.
 */
#pragma once

#include "agent/doctor/doctor.h"

/* One kind of objects in one place, and what the agent does with them. */
struct need {
	const char *group, *resource, *namespace, *name; /* namespace "" = the whole cluster; name "" = all */
	const char *verbs;                               /* "get list watch" */
	const char *why;
	bool optional; /* without it less is done or told */
};

/* Each of them, some of one kind and place more than once. After the checks of cluster, applications and repositories, and with a cluster
   that has answered; what has no resource there, and a namespace that nobody makes, is said as a failure. */
void needs_each(struct doctor *doctor, void (*each)(struct doctor *doctor, const struct need *need));

/* ---- between needs.c and needs_databases.c ---- */

void need_tell(struct doctor *doctor, const struct need *need);
void needs_of_database(struct doctor *doctor, const struct database_config *database);
