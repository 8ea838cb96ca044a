/*
 * users_source.h - where in an Application's desired state the users of a database stand
 */
#pragma once

#include "agent/config/config.h"
#include "reconcile/desired.h"

struct users_source {
	const char *file;
	int line;         /* of its first line in the file */
	const char *text; /* in `mem` */
	size_t length;
	const char *namespace; /* of the ConfigMap */
};

/* The text of the ConfigMap key that holds this database's users, from a complete desired state. False when there is none. */
bool users_source_find(const struct desired *desired, const struct database_config *database,
	struct arena *mem, struct users_source *users);
