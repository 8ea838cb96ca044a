/* drills.c - what a failover drill left in a cluster that was killed, and nobody else would tell of: its database stays until it is dropped */
#include "agent/doctor/doctor.h"
#include "base/text.h"
#include "reconcile/patroni/drill.h"

/* As the cluster commands call it. */
static const char *name_of(struct doctor *doctor, const struct database_config *database, const char *cluster)
{
	if (database->cluster.name)
		return arena_printf(doctor->mem, "%s/%s", database->cluster.namespace, database->cluster.name);
	return *cluster ? doctor_quoted(doctor, cluster) : "NAME";
}

void doctor_check_drill(
	struct doctor *doctor, const struct database_config *database, const struct session_target *target)
{
	enum drill_trace trace;
	const char *cluster;
	struct error err;
	if (!drill_look(target, doctor->mem, &trace, &cluster, &err))
		doctor_warn(doctor, "database", "ask again",
			"%s: whether a failover drill left its database is not known: %s", database->name,
			err.text);
	else if (trace == DRILL_RUNS)
		doctor_ok(doctor, "database",
			"%s: a failover drill runs, or somebody is in the database of one", database->name);
	else if (trace == DRILL_LEFT)
		doctor_warn(doctor, "database",
			arena_printf(doctor->mem, "pgitops cluster failover-drill %s --clean",
				name_of(doctor, database, cluster)),
			"%s: a failover drill that was killed left its database " DRILL_DATABASE,
			database->name);
}
