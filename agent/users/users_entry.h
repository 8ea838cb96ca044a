/*
 * users_entry.h - what users.yaml says of a user or group, for whoever looks at one (`user get`): where its line is, and what is wanted
 *
 * Part of the user's document in the store, so that it answers with the agent down, too. Of a password it is where it comes from, never what
 * it is; of settings, which may be an application's secrets, nothing.
 */
#pragma once

#include "agent/users/users_pass.h"

/* The list of a pass, for asking after many users. */
struct users_entries {
	const struct users *users;   /* NULL = none is in force */
	const char *file;            /* "" = not known */
	const char *namespace;       /* of the users' Secrets */
	const struct grant **grants; /* by role, then as grant_compare() has them */
	size_t count;
};
void users_entries_read(const struct users_pass *pass, struct users_entries *entries);

/* {file, line, ...}; a new reference, NULL where the list does not name it. */
json_t *users_entry(const struct users_entries *entries, const struct role_report *report, struct arena *mem);
