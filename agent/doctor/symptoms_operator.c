/* symptoms_operator.c - the postgres-operator: silent, busy, failed, or passing over what it was asked for (zalando-operator.md) */
#include <string.h>

#include "agent/doctor/symptoms.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"
#include "reconcile/patroni/patroni.h"

static const int64_t patience = INT64_C(3) * 1000000; /* an idle operator takes an object up within a second */

/* Is its Deployment there, and does it run? What cannot be read is no answer. */
static void look_for_operator(struct look *look)
{
	size_t i, seen = 0;
	const json_t *item;
	json_array_foreach (look_list(look, LOOK_DEPLOYMENTS), i, item) {
		if (!strstr(json_text_at(item, "metadata.name", ""), "postgres-operator"))
			continue;
		seen++;
		if (json_number_at(item, "status.availableReplicas", 0) < 1)
			look_found(look,
				"kubectl logs and describe of its Pod say why; without its CRD its first start ends",
				"%s has no Pod that is available", look_object(look, "Deployment", item));
	}
	if (!seen && !look->unknown)
		look_found(look, "install the operator (manifests/operator.md)",
			"no Deployment postgres-operator is in the cluster");
}

/* Since when nothing came of it: the object is newer than its status, or has none, or its status says for too long that it is at work. */
static bool is_silent(struct look *look, const json_t *cluster)
{
	const struct health_state health = postgresql_health(cluster, 0, true, clock_now(), look->doctor->mem);
	int64_t written = 0;
	if (!clock_parse(json_text_at(cluster, "metadata.creationTimestamp", ""), &written))
		written = 0;
	return health.health == HEALTH_PROGRESSING && written && clock_now() - written > patience &&
		(!*postgresql_status(cluster) || strstr(health.message, "has not reported") ||
			strstr(health.message, "is busy, blocked"));
}

void look_silence(struct look *look)
{
	size_t i;
	const json_t *cluster, *busy = NULL;
	bool silent = false;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster)
		if (text_equal(postgresql_status(cluster), "Creating") ||
			text_equal(postgresql_status(cluster), "Updating"))
			busy = cluster;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster) {
		if (!is_silent(look, cluster))
			continue;
		silent = true;
		look_found(look,
			busy && busy != cluster
				? arena_printf(look->doctor->mem,
					  "%s keeps it busy: one that hangs blocks all others for ten minutes and more",
					  look_object(look, "postgresql", busy))
				: "does the operator watch this namespace (WATCHED_NAMESPACE), and is the annotation acid.zalan.do/controller its own? "
				  "A new value in any annotation of the object makes it look again",
			"%s: no report of the operator about this spec (status \"%s\")",
			look_object(look, "postgresql", cluster), postgresql_status(cluster));
	}
	if (silent)
		look_for_operator(look);
}

void look_failures(struct look *look)
{
	size_t i;
	const json_t *cluster;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster) {
		const char *status = postgresql_status(cluster), *remedy = postgresql_remedy(status);
		if (!*remedy)
			continue;
		const char *why = look_warning(look, "postgresql", cluster);
		look_found(look, remedy, "%s is %s%s%.300s", look_object(look, "postgresql", cluster), status,
			*why ? ": " : "", why);
	}
}

/* What is in the object as it is, and comes to nothing. */
void look_passed_over(struct look *look)
{
	size_t i, count;
	const json_t *cluster;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster) {
		const char **reasons = postgresql_refusals(cluster, NULL, NULL, look->doctor->mem, &count);
		for (size_t j = 0; j < count; j++)
			look_found(look, "correct it in Git", "%s: %s",
				look_object(look, "postgresql", cluster), reasons[j]);
		if (json_at(cluster, "spec.standby"))
			look_found(look, "users and databases come from its primary",
				"%s is a standby: the operator makes no role or database in it",
				look_object(look, "postgresql", cluster));
		if (json_number_at(cluster, "spec.numberOfInstances", 1) == 0)
			look_found(look, "set spec.numberOfInstances",
				"%s has no instances: no role or database is made",
				look_object(look, "postgresql", cluster));
	}
}

/* ---- pods of a cluster ---- */

static bool is_member(const json_t *cluster, const json_t *pod)
{
	const json_t *labels = json_at(pod, "metadata.labels");
	const char *application = json_string_value(json_object_get(labels, "application"));
	return text_equal(json_string_value(json_object_get(labels, "cluster-name")),
		       json_text_at(cluster, "metadata.name", "-")) &&
		text_equal(json_text_at(pod, "metadata.namespace", ""),
			json_text_at(cluster, "metadata.namespace", "-")) &&
		!text_equal(application, "db-connection-pooler") &&
		!text_equal(application, "spilo-logical-backup");
}

void look_primary(struct look *look)
{
	size_t i, j;
	const json_t *cluster, *pod;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster) {
		size_t primaries = 0, members = 0;
		json_array_foreach (look_list(look, LOOK_PODS), j, pod) {
			if (!is_member(cluster, pod))
				continue;
			members++;
			primaries += patroni_labelled_primary(pod);
		}
		const char *name = json_text_at(cluster, "metadata.name", "");
		if (look->unknown || json_number_at(cluster, "spec.numberOfInstances", 0) == 0)
			continue;
		if (!members)
			look_found(look, "pgitops doctor operator-silent, then quota", "%s has no Pod",
				look_object(look, "postgresql", cluster));
		else if (primaries != 1)
			look_found(look,
				arena_printf(look->doctor->mem,
					"pgitops cluster get %s says what the members themselves say", name),
				"%s: %zu of %zu Pods are labelled as primary",
				look_object(look, "postgresql", cluster), primaries, members);
	}
}

void look_rolling(struct look *look)
{
	size_t i;
	const json_t *pod;
	json_array_foreach (look_list(look, LOOK_PODS), i, pod) {
		const json_t *annotations = json_at(pod, "metadata.annotations");
		if (text_equal(json_string_value(json_object_get(
				       annotations, "zalando-postgres-operator-rolling-update-required")),
			    "true"))
			look_found(look,
				"wait: the operator starts replicas anew first, then switches over; it goes on at its next sync, within 30 minutes",
				"%s is of an older template and is to be started anew",
				look_object(look, "Pod", pod));
	}
}

void look_upgrade(struct look *look)
{
	size_t i;
	const json_t *cluster;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster) {
		const json_t *annotations = json_at(cluster, "metadata.annotations");
		const char *failed =
			json_string_value(json_object_get(annotations, "last-major-upgrade-failure"));
		if (failed)
			look_found(look,
				"set spec.postgresql.version back to the one the data have, wait until it is Running, then raise it again",
				"%s: the last major upgrade failed (%.60s), and none is tried until the version is set back",
				look_object(look, "postgresql", cluster), failed);
	}
}

/* ---- its configuration ---- */

static const struct {
	const char *setting, *value, *remedy;
} unwanted[] = {
	{"enable_teams_api", "true",
		"set it to \"false\": without a token service every cluster ends as CreateFailed"},
	{"enable_master_load_balancer", "true",
		"set it to \"false\" where nothing makes load balancers: the Service stays pending"},
	{"enable_finalizers", "true", "set it to \"false\": deletion protection by annotations is bypassed"},
	{"enable_owner_references", "true",
		"set it to \"false\": the garbage collector bypasses deletion protection"},
};

void look_operator_config(struct look *look)
{
	size_t i;
	const json_t *map;
	json_array_foreach (look_list(look, LOOK_OPERATOR_CONFIG), i, map)
		for (size_t j = 0; j < COUNT_OF(unwanted); j++) {
			const char *value = json_string_value(
				json_object_get(json_object_get(map, "data"), unwanted[j].setting));
			if (text_equal(value, unwanted[j].value))
				look_found(look, unwanted[j].remedy, "%s: %s is \"%s\"",
					look_object(look, "ConfigMap", map), unwanted[j].setting, value);
		}
}
