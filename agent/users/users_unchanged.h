/*
 * users_unchanged.h - a pass that has nothing to do and finds what the last one has recorded (part of users_record.c)
 *
 * Then neither the documents of thousands of users are read nor made anew to be compared: they stand in the store as they are.
 */
#pragma once

#include "agent/users/users_pass.h"

/* Sets `unchanged` and `digest` of the pass. */
void users_unchanged_look(struct users_pass *pass, const struct roles_plan *plan);

/* The reports are in the store, or could not be recorded: then the next pass takes nothing as known. */
void users_unchanged_remember(struct users_pass *pass, const struct roles_plan *plan, bool recorded);

/* Of the user's Secret, as the plan has found it; it does not ask for those it leaves alone. */
const char *users_unchanged_version(struct users_pass *pass, const struct role_report *report);
