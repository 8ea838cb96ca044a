/*
 * users_check.h - what entries of users.yaml may say, one by one and together (internal to the room)
 */
#pragma once

#include "reconcile/roles/users.h"

/* Why PostgreSQL would not take this as the name of a role or database, or would take it differently; NULL = it is fine. */
const char *name_problem(const char *name, size_t length);

/* Why this may not be the name of a user here; NULL = it may. In `mem`. */
const char *user_name_problem(const struct roles_policy *policy, const char *name, struct arena *mem);

/* As roles_policy_denies, without asking whether the role is listed as grantable: what holds for the roles behind a role too. */
const char *policy_endangers(const struct roles_policy *policy, const char *role);

/* Adds the roles of `more`; sorts them, each once: a role that stands there with different options, or NULL. */
void role_list_append(struct role_list *list, const struct role_list *more, struct arena *mem);
const char *role_list_sort(struct role_list *list, struct arena *mem);

/* Entries of one name become one user; sorted by name. `entries` is sorted in place. */
void users_merge(const char *file, struct user *entries, size_t count, struct arena *mem, struct users *users,
	struct mistakes *mistakes);

/* Secret names that two users share, members in a circle, members of a user that is to be absent. */
void users_check(const char *file, const struct users *users, struct arena *mem, struct mistakes *mistakes);

/* After users and groups are known: names before a renaming that mean somebody else, too; fills in `renamed`. */
void users_check_renamed(const char *file, struct users *users, struct arena *mem, struct mistakes *mistakes);

/* What stands beside `until` and says something else. */
void users_check_until(const char *file, const struct users *users, struct mistakes *mistakes);

/* Who had this name before, by renamedFrom, and is not to be absent; NULL = nobody. */
const struct user *users_former(const struct users *users, const char *name);

/* The user or the group of that name, or NULL. */
const struct user *users_find(const struct users *users, const char *name);

/* Is it listed under groups? */
bool users_lists_group(const struct users *users, const char *name);
const struct group_role *users_find_group(const struct users *users, const char *name);
