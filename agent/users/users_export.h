/*
 * users_export.h - a users.yaml that says what is in a database, for whoever asked (reconcile/roles/export.h)
 */
#pragma once

#include "agent/users/users_pass.h"

/* In the pass's thread, instead of a pass: its wish has the answer. Nothing is written in the database. */
bool users_export(struct users_pass *pass, struct session *session);
