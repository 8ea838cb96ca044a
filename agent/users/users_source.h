/*
 * users_source.h - the users of a database, out of an Application's desired state
 */
#pragma once

#include "agent/config/config.h"
#include "reconcile/desired.h"

/* Reads the text of the ConfigMap key that holds this database's users, from a complete desired state; what is wrong with it stands in
   `mistakes`, and then `users` is empty. False when there is none. */
bool users_source_read(const struct desired *desired, const struct database_config *database,
	struct arena *mem, struct users *users, struct mistakes *mistakes) MUST_CHECK;

/* The source of the Application where they stand; 0 when there are none. */
size_t users_source_of(const struct desired *desired, const struct database_config *database);
