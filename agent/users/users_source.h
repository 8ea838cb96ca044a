/*
 * users_source.h - the users of a database, out of an Application's desired state
 */
#pragma once

#include "agent/agent.h"

/* Reads the text of the ConfigMap key that holds this database's users, from a complete desired state; what is wrong with it stands in
   `mistakes`, and then `users` is empty. False when there is none. */
bool users_source_read(const struct desired *desired, const struct database_config *database,
	struct arena *mem, struct users *users, struct mistakes *mistakes) MUST_CHECK;

/* The ConfigMap that holds them, NULL = there is none; and the source of the Application where it stands, 0 when there is none. */
const struct object *users_source_object(const struct desired *desired, const struct database_config *database);
size_t users_source_of(const struct desired *desired, const struct database_config *database);

/* Where its text stands, for users_read(). */
struct users_place users_source_place(const struct object *object);

/*
 * What they say, for users->hash: the text, the database where it lets connect by default, and where the agent opens passwords itself the
 * SealedSecrets beside it. Two lists of one hash want the same, whatever their commits and paths are.
 */
void users_source_hash(const struct config *config, const struct desired *desired, struct content_users *users);
