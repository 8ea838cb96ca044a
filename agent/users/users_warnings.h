/*
 * users_warnings.h - what people should know of a database and no step of a pass mends
 */
#pragma once

#include "agent/users/users_pass.h"

/* For the database's document: a new reference. Those that the document before had not are logged, each once. */
json_t *users_warnings(const struct users_pass *pass, const struct roles_plan *plan);
