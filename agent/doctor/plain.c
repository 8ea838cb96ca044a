/*
 * plain.c - an agent whose role is no superuser: which statements are missing, to copy and paste
 *
 * Each is what the reason of a user would say in a pass, told before the first one.
 */
#include <stdlib.h>

#include "agent/doctor/doctor.h"
#include "reconcile/roles/examine.h"

enum { FIRST_WITH_SET_PRIVILEGES = 15 };

static void warn_of_log(
	struct doctor *doctor, const struct database_config *database, const struct roles_server *server)
{
	bool grantable = strtol(server->version, NULL, 10) >= FIRST_WITH_SET_PRIVILEGES;
	const char *grant = !grantable ? ""
				       : arena_printf(doctor->mem, "; or GRANT SET ON PARAMETER %s TO \"%s\"",
						 server->loud, server->user);
	doctor_warn(doctor, "database",
		arena_printf(doctor->mem,
			"as a superuser ALTER ROLE \"%s\" SET log_statement = 'none', and the others likewise "
			"(log_min_error_statement = 'panic', the durations -1, log_transaction_sample_rate = 0)%s",
			server->user, grant),
		"%s: role %s is no superuser, and the server may write password verifiers into its log (%s)",
		database->name, server->user, server->loud);
}

void doctor_check_plain(
	struct doctor *doctor, const struct database_config *database, const struct roles_server *server)
{
	for (size_t i = 0; i < server->missing_count; i++)
		doctor_fail(doctor, "database", server->missing[i].statement,
			"%s: role %s is no superuser, and %s", database->name, server->user,
			server->missing[i].name);
	if (server->plain && server->loud)
		warn_of_log(doctor, database, server);
	if (server->plain)
		doctor_ok(doctor, "database",
			"%s: without superuser, a password that somebody changes by hand is not seen",
			database->name);
}

/* ---- what users.yaml needs ---- */

struct needs {
	struct doctor *doctor;
	const char *database;              /* in the agent file */
	const struct roles_missing **said; /* each once */
	size_t said_count;
};

static void need(struct needs *needs, const struct roles_missing *missing, const char *what, const char *user)
{
	if (!missing)
		return;
	for (size_t i = 0; i < needs->said_count; i++)
		if (needs->said[i] == missing)
			return;
	needs->said =
		arena_grow(needs->doctor->mem, needs->said, needs->said_count, sizeof(struct roles_missing *));
	needs->said[needs->said_count++] = missing;
	doctor_fail(needs->doctor, "users", missing->statement,
		"%s: the agent's role may not %s \"%s\", for user %s", needs->database, what, missing->name,
		user);
}

static void need_of_user(struct needs *needs, const struct roles_server *server, const struct user *user)
{
	need(needs, roles_missing_find(server->foreign, server->foreign_count, user->name), "alter role",
		user->name);
	for (size_t i = 0; user->ensure != USER_ABSENT && i < user->database_count; i++)
		need(needs, roles_missing_find(server->closed, server->closed_count, user->databases[i]),
			"let anybody connect to database", user->name);
	for (size_t i = 0; user->ensure != USER_ABSENT && i < user->role_count; i++)
		need(needs, roles_missing_find(server->foreign, server->foreign_count, user->roles[i]),
			"grant role", user->name);
}

void doctor_check_plain_users(struct doctor *doctor, const struct database_config *database,
	const struct roles_server *server, const struct users *users)
{
	struct needs needs = {.doctor = doctor, .database = database->name};
	for (size_t i = 0; server->plain && i < users->count; i++)
		need_of_user(&needs, server, &users->items[i]);
}
