/*
 * operator_roles.h - the roles that a `postgresql` object has the operator make (zalando-operator.md 3), whatever stands in the database yet
 *
 *   users                  as they are named
 *   databases              their owners
 *   preparedDatabases      DB_owner, _reader, _writer; DB_SCHEMA_owner, ... of schemas (`data` where none is named) with defaultRoles, which is
 *                          true where nothing is said; with defaultUsers each of them with _user, too. `{}` = one named like the cluster
 *   connectionPooler.user
 *
 * Roles of its infrastructure and of its teams stand in no object of the cluster's: those are known by what is in the database
 * (reconcile/roles/operator.h). So is who was taken out of the object, whom the operator leaves as it is.
 */
#pragma once

#include "base/json.h"
#include "reconcile/roles/roles.h"

/* Of the object, in `mem`; by name, each once. */
struct role_claims operator_roles(const json_t *postgresql, struct arena *mem);
