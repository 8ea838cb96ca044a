/*
 * parameters.h - settings of roles, as users.yaml lists them and as the server keeps them (internal to the room)
 */
#pragma once

#include "base/buf.h"
#include "reconcile/roles/users.h"

/* Items of this parameter are names, which the server keeps in quotes where they need them: search_path, ... */
bool parameter_has_names(const char *name);

/* "a", b -> "a", "b": each name in quotes. False where it is no list of names. */
bool parameter_quote_names(const char *text, struct buf *out);

enum { PARAMETER_VALUE_BYTES = 8192 };

/* Why users.yaml cannot set the parameter of this name, or NULL. In `mem`. */
const char *parameter_problem(const struct roles_policy *policy, const char *name, struct arena *mem);

/* Entries of one user, put together; sorted by database, name: one that stands there twice with different values, or NULL. */
void parameters_merge(struct user *user, const struct user *more, struct arena *mem);
const char *parameters_sort(struct user *user);
