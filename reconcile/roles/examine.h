/*
 * examine.h - what a database server is like, for `pgitops doctor`: asked without the lock of a pass and without a change
 */
#pragma once

#include "reconcile/roles/roles.h"

/* Something that an agent without superuser may not, and the statement that lets it. */
struct roles_missing {
	const char *name, *statement;
};

/* Whose roles stand in the agents' table, for which database of an agent file. */
struct roles_manager {
	const char *manager, *target;
	const char *since; /* the first of them; RFC 3339 */
	const char *roles; /* how many */
};

struct roles_server {
	const char *version; /* "17.4" */
	const char *user;    /* whom we are there */
	const char *password_encryption;
	const char *log_statement;
	bool logs_durations; /* log_min_duration_statement or log_min_duration_sample: statements of others, with their texts */
	bool plain;                    /* we are no superuser; then also: */
	struct roles_missing *missing; /* statements that `user` needs whatever users.yaml says */
	size_t missing_count;
	struct roles_missing *closed; /* databases where it cannot let others connect; sorted */
	size_t closed_count;
	struct roles_missing *foreign; /* roles that it can neither alter nor grant; sorted */
	size_t foreign_count;
	const char *loud; /* settings that let the server log verifiers, and that it cannot change; NULL = there are none */
	const char *table_refused; /* why no pass can be made with the table that is there; NULL = it is good, or not there yet */
	struct roles_manager *managers; /* in the table; sorted */
	size_t manager_count;
	const char **databases; /* that take connections; sorted */
	size_t database_count;
};

/* Connects as a pass does, with its rules: primary, version. Errors as of session_connect(). */
bool roles_examine(const struct session_target *target, struct arena *mem, struct roles_server *server,
	struct error *err) MUST_CHECK;

/* The newest major version that this program was tested with. */
enum { ROLES_NEWEST_TESTED = 18 };

/* Of a list of the above, by name; NULL = it is not missing. */
const struct roles_missing *roles_missing_find(
	const struct roles_missing *list, size_t count, const char *name);

bool roles_server_has(const struct roles_server *server, const char *database);
