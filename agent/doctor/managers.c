/*
 * managers.c - the agents' table in a database (reconcile/roles/managed.h): is it good, and is it ours?
 *
 * What a pass would refuse is told before the first one. Our name is read and not made: where there is none yet, every row of our database is of
 * another agent, or of this one with a state folder that is gone.
 */
#include <string.h>

#include "agent/config/manager.h"
#include "agent/doctor/doctor.h"
#include "base/file.h"
#include "base/text.h"
#include "reconcile/roles/examine.h"

/* The name in the state folder; "" = none was made yet. */
static const char *kept_name(struct doctor *doctor)
{
	CLEANUP(buf_done) struct buf text = BUF(MANAGER_SIZE);
	struct error none;
	if (!file_read(arena_printf(doctor->mem, "%s/manager", doctor->config->state), &text, &none))
		return "";
	return arena_printf(doctor->mem, "%.*s", (int)strcspn(buf_string(&text), "\n"), buf_string(&text));
}

static bool is_ours(struct doctor *doctor, const char *manager)
{
	return text_equal(manager, doctor->config->installation) || text_equal(manager, kept_name(doctor));
}

static void say_manager(
	struct doctor *doctor, const struct database_config *database, const struct roles_manager *row)
{
	const char *roles =
		arena_printf(doctor->mem, "%s %s", row->roles, text_equal(row->roles, "1") ? "role" : "roles");
	if (is_ours(doctor, row->manager)) {
		doctor_ok(doctor, "database", "%s: %s are this agent's, \"%s\"", database->name, roles,
			row->manager);
		return;
	}
	doctor_fail(doctor, "database",
		arena_printf(doctor->mem,
			"give the database another name in one of the agent files; or, where that agent is gone or was this one with "
			"another state folder, start this one and take its roles over: pgitops user adopt --database %s --from %s",
			database->name, doctor_quoted(doctor, row->manager)),
		"%s: another agent, \"%s\", manages %s there under this name, since %s: no pass is made",
		database->name, row->manager, roles, row->since ? row->since : "a time that is none");
}

void doctor_check_managers(
	struct doctor *doctor, const struct database_config *database, const struct roles_server *server)
{
	if (server->table_refused)
		doctor_fail(doctor, "database", "do as that says, then ask again", "%s: no pass is made: %s",
			database->name, server->table_refused);
	for (size_t i = 0; i < server->manager_count; i++)
		if (strcmp(server->managers[i].target, database->name) == 0)
			say_manager(doctor, database, &server->managers[i]);
}
