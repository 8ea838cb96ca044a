/*
 * parameters.h - settings of roles, as users.yaml lists them and as the server keeps them (internal to the room)
 */
#pragma once

#include "reconcile/roles/users.h"

/* Items of this parameter are names, which the server keeps in quotes where they need them: search_path, ... */
bool parameter_has_names(const char *name);

/* Entries of one user, put together; sorted by database, name: one that stands there twice with different values, or NULL. */
void parameters_merge(struct user *user, const struct user *more, struct arena *mem);
const char *parameters_sort(struct user *user);
