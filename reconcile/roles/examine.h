/*
 * examine.h - what a database server is like, for `pgitops doctor`: asked without the lock of a pass and without a change
 */
#pragma once

#include "reconcile/roles/roles.h"

struct roles_server {
	const char *version; /* "17.4" */
	const char *user;    /* whom we are there */
	const char *password_encryption;
	const char *log_statement;
	bool logs_durations; /* log_min_duration_statement or log_min_duration_sample: statements of others, with their texts */
	const char **databases; /* that take connections; sorted */
	size_t database_count;
};

/* Connects as a pass does, with its rules: primary, version, superuser. Errors as of session_connect(). */
bool roles_examine(const struct session_target *target, struct arena *mem, struct roles_server *server,
	struct error *err) MUST_CHECK;

/* The newest major version that this program was tested with. */
enum { ROLES_NEWEST_TESTED = 18 };

bool roles_server_has(const struct roles_server *server, const char *database);
