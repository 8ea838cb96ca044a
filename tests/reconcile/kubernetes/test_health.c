#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "reconcile/kubernetes/health.h"
#include "reconcile/kubernetes/postgresql.h"

struct sample {
	const char *json;
	enum health health;
	const char *message; /* a part of it */
};

static void check(const struct sample *samples, size_t count)
{
	struct arena *mem = arena_new(1 << 20);
	for (size_t i = 0; i < count; i++) {
		struct error err;
		json_t *object = NULL;
		if (!json_read(samples[i].json, strlen(samples[i].json), &object, &err))
			fail_msg("%s: %s", err.text, samples[i].json);
		struct health_state found = health_of(object, mem);
		if (found.health != samples[i].health ||
			!strstr(found.message, samples[i].message ? samples[i].message : ""))
			fail_msg("%s: %s (%s)", samples[i].json, health_name(found.health), found.message);
		json_decref(object);
	}
	arena_free(mem);
}

#define CHECK(...)                                                                                           \
	do {                                                                                                 \
		const struct sample samples[] = {__VA_ARGS__};                                               \
		check(samples, COUNT_OF(samples));                                                           \
	} while (0)

#define DEPLOYMENT "\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\""
#define SET "\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\""
#define DAEMON "\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\""
#define POD "\"apiVersion\":\"v1\",\"kind\":\"Pod\""
#define JOB "\"apiVersion\":\"batch/v1\",\"kind\":\"Job\""
#define SEALED "\"apiVersion\":\"bitnami.com/v1alpha1\",\"kind\":\"SealedSecret\""
#define CRD "\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\""

static void kinds_without_a_rule_count_for_nothing(void **state)
{
	(void)state;
	CHECK({"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}", HEALTH_NONE, ""},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}", HEALTH_NONE, ""},
		{"{\"apiVersion\":\"example.org/v1\",\"kind\":\"Deployment\"}", HEALTH_NONE, ""},
		{"{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"Role\",\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}}",
			HEALTH_NONE, ""},
		{"{}", HEALTH_NONE, ""}, {"[]", HEALTH_NONE, ""});
	assert_false(health_has_rule("", "ConfigMap"));
	assert_true(health_has_rule("acid.zalan.do", "postgresql"));
}

#define CUSTOM "\"apiVersion\":\"example.org/v1\",\"kind\":\"X\",\"metadata\":{\"generation\":2}"
#define CONDITIONS(list) "\"conditions\":[" list "]"
#define CONDITION(type, status)                                                                              \
	"{\"type\":\"" type "\",\"status\":\"" status "\",\"message\":\"" type " says so\"}"

static void unknown_kinds_are_judged_by_what_controllers_agreed_on(void **state)
{
	(void)state;
	CHECK({"{" CUSTOM ",\"status\":{" CONDITIONS(CONDITION("Ready", "True")) "}}", HEALTH_HEALTHY, ""},
		{"{" CUSTOM ",\"status\":{\"observedGeneration\":1," CONDITIONS(CONDITION("Ready", "True")) "}}",
			HEALTH_PROGRESSING, "observed"},
		{"{" CUSTOM ",\"status\":{\"observedGeneration\":-1}}", HEALTH_PROGRESSING, "observed"},
		{"{" CUSTOM ",\"status\":{\"observedGeneration\":2}}", HEALTH_HEALTHY, ""},
		{"{" CUSTOM ",\"status\":{\"observedGeneration\":\"one\"}}", HEALTH_NONE, ""},
		{"{" CUSTOM ",\"status\":{" CONDITIONS(CONDITION("Ready", "False")) "}}", HEALTH_PROGRESSING,
			"Ready says so"},
		{"{" CUSTOM ",\"status\":{" CONDITIONS(CONDITION("Ready", "Unknown")) "}}",
			HEALTH_PROGRESSING, "Ready says so"},
		{"{" CUSTOM ",\"status\":{" CONDITIONS(
			 CONDITION("Ready", "True") "," CONDITION("Reconciling", "True")) "}}",
			HEALTH_PROGRESSING, "Reconciling says so"},
		{"{" CUSTOM
		 ",\"status\":{" CONDITIONS(CONDITION("Ready", "False") "," CONDITION("Stalled", "True")) "}}",
			HEALTH_DEGRADED, "Stalled says so"},
		{"{" CUSTOM ",\"status\":{" CONDITIONS(CONDITION("Synced", "False")) "}}", HEALTH_NONE, ""},
		{"{" CUSTOM "}", HEALTH_NONE, ""});
	assert_true(health_has_rule("example.org", "X"));
	assert_false(health_has_rule("rbac.authorization.k8s.io", "Role"));
}

static void a_hook_that_is_held_while_it_is_deleted_has_its_own_health(void **state)
{
	(void)state;
#define HELD                                                                                                 \
	"\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"finalizers\":[\"x\",\"argocd.argoproj.io/hook-finalizer\"]}"
	CHECK({"{" JOB "," HELD ",\"status\":{" CONDITIONS(CONDITION("Failed", "True")) "}}", HEALTH_DEGRADED,
		      "Failed says so"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"," HELD "}", HEALTH_NONE, ""});
}

#define CRON "\"apiVersion\":\"batch/v1\",\"kind\":\"CronJob\""
#define BUDGET "\"apiVersion\":\"policy/v1\",\"kind\":\"PodDisruptionBudget\""
#define CNPG "\"apiVersion\":\"postgresql.cnpg.io/v1\",\"kind\":\"Cluster\""

static void a_cron_job_is_as_well_as_its_last_run(void **state)
{
	(void)state;
	CHECK({"{" CRON "}", HEALTH_HEALTHY, ""},
		{"{" CRON ",\"spec\":{\"suspend\":true}}", HEALTH_SUSPENDED, ""},
		{"{" CRON ",\"status\":{\"lastScheduleTime\":\"2026-01-01T00:00:00Z\"}}", HEALTH_DEGRADED,
			"2026-01-01"},
		{"{" CRON ",\"status\":{\"active\":[{}],\"lastScheduleTime\":\"2026-01-01T00:00:00Z\"}}",
			HEALTH_HEALTHY, ""},
		{"{" CRON
		 ",\"status\":{\"lastScheduleTime\":\"2026-01-02T00:00:00Z\",\"lastSuccessfulTime\":\"2026-01-01T00:00:05Z\"}}",
			HEALTH_DEGRADED, "did not succeed"},
		{"{" CRON
		 ",\"status\":{\"lastScheduleTime\":\"2026-01-02T00:00:00Z\",\"lastSuccessfulTime\":\"2026-01-02T00:00:05Z\"}}",
			HEALTH_HEALTHY, ""});
}

static void a_disruption_budget_must_be_observed(void **state)
{
	(void)state;
	CHECK({"{" BUDGET ",\"metadata\":{\"generation\":1}}", HEALTH_PROGRESSING, "observed"},
		{"{" BUDGET
		 ",\"metadata\":{\"generation\":1},\"status\":{\"observedGeneration\":1,\"conditions\":[{\"type\":\"DisruptionAllowed\",\"status\":\"False\",\"reason\":\"InsufficientPods\"}]}}",
			HEALTH_HEALTHY, ""},
		{"{" BUDGET
		 ",\"metadata\":{\"generation\":1},\"status\":{\"observedGeneration\":1,\"conditions\":[{\"type\":\"DisruptionAllowed\",\"status\":\"False\",\"reason\":\"SyncFailed\",\"message\":\"no scale\"}]}}",
			HEALTH_DEGRADED, "no scale"});
}

static void a_cnpg_cluster_needs_all_its_instances(void **state)
{
	(void)state;
#define HEALTHY_PHASE "\"phase\":\"Cluster in healthy state\"," CONDITIONS(CONDITION("Ready", "True"))
	CHECK({"{" CNPG "}", HEALTH_PROGRESSING, ""},
		{"{" CNPG ",\"spec\":{\"instances\":3},\"status\":{\"readyInstances\":2," HEALTHY_PHASE "}}",
			HEALTH_PROGRESSING, "2 of 3"},
		{"{" CNPG ",\"spec\":{\"instances\":3},\"status\":{\"readyInstances\":3," HEALTHY_PHASE "}}",
			HEALTH_HEALTHY, ""},
		{"{" CNPG ",\"status\":{\"phase\":\"Waiting for user action\"}}", HEALTH_SUSPENDED, "user"},
		{"{" CNPG ",\"status\":{\"phase\":\"Not enough disk space\"}}", HEALTH_DEGRADED, "disk"},
		{"{" CNPG
		 ",\"metadata\":{\"annotations\":{\"cnpg.io/hibernation\":\"on\"}},\"status\":{" HEALTHY_PHASE
		 "}}",
			HEALTH_SUSPENDED, "hibernated"});
}

static void a_pod_says_which_container_failed_and_may_ignore_its_restart_policy(void **state)
{
	(void)state;
#define ENDED(more)                                                                                                \
	"\"status\":{\"phase\":\"Failed\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"terminated\":{" more \
	"}}}]}"
	CHECK({"{" POD "," ENDED("\"exitCode\":3") "}", HEALTH_DEGRADED, "c ended with exit code 3"},
		{"{" POD "," ENDED("\"exitCode\":137,\"reason\":\"OOMKilled\"") "}", HEALTH_DEGRADED,
			"OOMKilled"},
		{"{" POD "," ENDED("\"exitCode\":1,\"message\":\"no database\"") "}", HEALTH_DEGRADED,
			"c: no database"},
		{"{" POD
		 ",\"spec\":{\"restartPolicy\":\"Never\"},\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
			HEALTH_PROGRESSING, ""},
		{"{" POD
		 ",\"metadata\":{\"annotations\":{\"argocd.argoproj.io/ignore-restart-policy\":\"true\"}},\"spec\":{\"restartPolicy\":\"Never\"},\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
			HEALTH_HEALTHY, ""});
}

static void whatever_is_being_deleted_is_progressing(void **state)
{
	(void)state;
	CHECK({"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}",
		      HEALTH_PROGRESSING, "deletion"},
		{"{" POD
		 ",\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"status\":{\"phase\":\"Failed\"}}",
			HEALTH_PROGRESSING, "deletion"});
}

static void a_deployment_is_judged_by_what_is_observed(void **state)
{
	(void)state;
	CHECK({"{" DEPLOYMENT
	       ",\"metadata\":{\"generation\":2},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":1,\"updatedReplicas\":1,\"availableReplicas\":1,\"replicas\":1}}",
		      HEALTH_PROGRESSING, "observed"},
		{"{" DEPLOYMENT
		 ",\"metadata\":{\"generation\":2},\"spec\":{\"replicas\":2},\"status\":{\"observedGeneration\":2,\"updatedReplicas\":1}}",
			HEALTH_PROGRESSING, "1 of 2 new"},
		{"{" DEPLOYMENT
		 ",\"metadata\":{\"generation\":2},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":2,\"updatedReplicas\":1,\"replicas\":2}}",
			HEALTH_PROGRESSING, "1 old"},
		{"{" DEPLOYMENT
		 ",\"metadata\":{\"generation\":2},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":2,\"updatedReplicas\":1,\"replicas\":1}}",
			HEALTH_PROGRESSING, "0 of 1 replicas"},
		{"{" DEPLOYMENT
		 ",\"metadata\":{\"generation\":2},\"spec\":{},\"status\":{\"observedGeneration\":2,\"updatedReplicas\":1,\"replicas\":1,\"availableReplicas\":1}}",
			HEALTH_HEALTHY, ""},
		{"{" DEPLOYMENT
		 ",\"metadata\":{\"generation\":2},\"spec\":{\"replicas\":0},\"status\":{\"observedGeneration\":2}}",
			HEALTH_HEALTHY, ""},
		{"{" DEPLOYMENT ",\"spec\":{\"paused\":true}}", HEALTH_SUSPENDED, "paused"},
		{"{" DEPLOYMENT
		 ",\"status\":{\"conditions\":[{\"type\":\"Progressing\",\"status\":\"False\",\"reason\":\"ProgressDeadlineExceeded\",\"message\":\"too slow\"}]}}",
			HEALTH_DEGRADED, "too slow"});
}

static void a_stateful_set_waits_for_its_pods_and_revision(void **state)
{
	(void)state;
	CHECK({"{" SET ",\"metadata\":{\"generation\":1}}", HEALTH_PROGRESSING, "observed"},
		{"{" SET
		 ",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":3},\"status\":{\"observedGeneration\":1,\"readyReplicas\":2}}",
			HEALTH_PROGRESSING, "2 of 3"},
		{"{" SET
		 ",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":1,\"readyReplicas\":1,\"updateRevision\":\"b\",\"currentRevision\":\"a\"}}",
			HEALTH_PROGRESSING, "revision"},
		{"{" SET
		 ",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1,\"updateStrategy\":{\"type\":\"OnDelete\"}},\"status\":{\"observedGeneration\":1,\"readyReplicas\":1,\"updateRevision\":\"b\",\"currentRevision\":\"a\"}}",
			HEALTH_HEALTHY, ""},
		{"{" SET
		 ",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":3,\"updateStrategy\":{\"rollingUpdate\":{\"partition\":1}}},\"status\":{\"observedGeneration\":1,\"readyReplicas\":3,\"updatedReplicas\":1}}",
			HEALTH_PROGRESSING, "partition"},
		{"{" SET
		 ",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1},\"status\":{\"observedGeneration\":1,\"readyReplicas\":1,\"updateRevision\":\"a\",\"currentRevision\":\"a\"}}",
			HEALTH_HEALTHY, ""});
	CHECK({"{" DAEMON ",\"metadata\":{\"generation\":2},\"status\":{\"observedGeneration\":1}}",
		      HEALTH_PROGRESSING, "observed"},
		{"{" DAEMON ",\"status\":{\"desiredNumberScheduled\":2,\"updatedNumberScheduled\":1}}",
			HEALTH_PROGRESSING, "updated"},
		{"{" DAEMON
		 ",\"status\":{\"desiredNumberScheduled\":2,\"updatedNumberScheduled\":2,\"numberAvailable\":1}}",
			HEALTH_PROGRESSING, "available"},
		{"{" DAEMON
		 ",\"status\":{\"desiredNumberScheduled\":2,\"updatedNumberScheduled\":2,\"numberAvailable\":2}}",
			HEALTH_HEALTHY, ""});
}

static void a_pod_is_judged_by_phase_and_containers(void **state)
{
	(void)state;
	CHECK({"{" POD ",\"status\":{\"phase\":\"Pending\"}}", HEALTH_PROGRESSING, ""},
		{"{" POD
		 ",\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
			HEALTH_HEALTHY, ""},
		{"{" POD ",\"status\":{\"phase\":\"Running\"}}", HEALTH_PROGRESSING, ""},
		{"{" POD
		 ",\"status\":{\"phase\":\"Running\",\"containerStatuses\":[{\"lastState\":{\"terminated\":{}}}]}}",
			HEALTH_DEGRADED, ""},
		{"{" POD
		 ",\"status\":{\"phase\":\"Pending\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\",\"message\":\"m\"}}}]}}",
			HEALTH_DEGRADED, "c: ImagePullBackOff m"},
		{"{" POD ",\"spec\":{\"restartPolicy\":\"Never\"},\"status\":{\"phase\":\"Running\"}}",
			HEALTH_PROGRESSING, ""},
		{"{" POD ",\"status\":{\"phase\":\"Succeeded\"}}", HEALTH_HEALTHY, ""},
		{"{" POD ",\"status\":{\"phase\":\"Failed\"}}", HEALTH_DEGRADED, "failed"},
		{"{" POD "}", HEALTH_UNKNOWN, ""});
}

static void jobs_claims_services_and_definitions(void **state)
{
	(void)state;
	CHECK({"{" JOB "}", HEALTH_PROGRESSING, ""},
		{"{" JOB ",\"status\":{\"conditions\":[{\"type\":\"Complete\",\"status\":\"True\"}]}}",
			HEALTH_HEALTHY, ""},
		{"{" JOB
		 ",\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\",\"message\":\"no\"}]}}",
			HEALTH_DEGRADED, "no"},
		{"{" JOB ",\"spec\":{\"suspend\":true}}", HEALTH_SUSPENDED, ""},
		{"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"status\":{\"phase\":\"Bound\"}}",
			HEALTH_HEALTHY, ""},
		{"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"status\":{\"phase\":\"Lost\"}}",
			HEALTH_DEGRADED, ""},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"spec\":{\"type\":\"ClusterIP\"}}",
			HEALTH_HEALTHY, ""},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"spec\":{\"type\":\"LoadBalancer\"}}",
			HEALTH_PROGRESSING, "address"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"spec\":{\"type\":\"LoadBalancer\"},\"status\":{\"loadBalancer\":{\"ingress\":[{}]}}}",
			HEALTH_HEALTHY, ""},
		{"{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\"}", HEALTH_PROGRESSING, ""},
		{"{" CRD "}", HEALTH_PROGRESSING, "established"},
		{"{" CRD ",\"status\":{\"conditions\":[{\"type\":\"Established\",\"status\":\"True\"}]}}",
			HEALTH_HEALTHY, ""},
		{"{" CRD
		 ",\"status\":{\"conditions\":[{\"type\":\"NamesAccepted\",\"status\":\"False\",\"message\":\"taken\"}]}}",
			HEALTH_DEGRADED, "taken"});
}

static void a_sealed_secret_follows_its_controller(void **state)
{
	(void)state;
	CHECK({"{" SEALED "}", HEALTH_PROGRESSING, "unsealed"},
		{"{" SEALED ",\"status\":{\"conditions\":[{\"type\":\"Synced\",\"status\":\"True\"}]}}",
			HEALTH_HEALTHY, ""},
		{"{" SEALED
		 ",\"status\":{\"conditions\":[{\"type\":\"Synced\",\"status\":\"False\",\"message\":\"no key could decrypt secret\"}]}}",
			HEALTH_DEGRADED, "no key"},
		{"{" SEALED
		 ",\"metadata\":{\"generation\":2},\"status\":{\"observedGeneration\":1,\"conditions\":[{\"type\":\"Synced\",\"status\":\"True\"}]}}",
			HEALTH_PROGRESSING, "new version"});
}

/* postgresql: the operator's report counts for the spec that is there */

static json_t *postgres(const char *status, const char *reported, const char *written)
{
	return json_pack("{s:s, s:s, s:{s:s, s:[{s:s, s:s, s:s, s:{s:{}}}, {s:s, s:s, s:{s:{}}}]}, s:{s:s}}",
		"apiVersion", "acid.zalan.do/v1", "kind", "postgresql", "metadata", "name", "main",
		"managedFields", "manager", "postgres-operator", "subresource", "status", "time", reported,
		"fieldsV1", "f:status", "manager", "pgitops", "time", written, "fieldsV1", "f:spec", "status",
		"PostgresClusterStatus", status);
}

static void a_postgresql_is_judged_by_a_report_on_this_spec(void **state)
{
	(void)state;
	static const struct {
		const char *status, *reported, *written;
		int after; /* minutes from 12:00 to now */
		bool seen_busy;
		enum health health;
		const char *message;
	} samples[] = {
		{"Running", "2026-01-01T12:00:05Z", "2026-01-01T12:00:00Z", 1, false, HEALTH_HEALTHY, "Running"},
		{"Running", "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z", 1, false, HEALTH_PROGRESSING,
			"not reported"},
		{"SyncFailed", "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z", 1, false, HEALTH_PROGRESSING,
			"still SyncFailed"},
		/* the periodic sync has applied it by then, and a failure would have been reported */
		{"Running", "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z", 36, false, HEALTH_HEALTHY, ""},
		/* the same second: only if the operator was seen at work, or would have moved by now */
		{"Running", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", 0, false, HEALTH_PROGRESSING, ""},
		{"Running", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", 0, true, HEALTH_HEALTHY, ""},
		{"Running", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", 2, false, HEALTH_HEALTHY, ""},
		{"Updating", "2026-01-01T12:00:01Z", "2026-01-01T12:00:00Z", 1, true, HEALTH_PROGRESSING,
			"Updating"},
		{"Updating", "2026-01-01T12:00:01Z", "2026-01-01T12:00:00Z", 14, true, HEALTH_PROGRESSING,
			"blocked"},
		{"CreateFailed", "2026-01-01T12:00:01Z", "2026-01-01T12:00:00Z", 1, false, HEALTH_DEGRADED,
			"CreateFailed"},
		{"Invalid", "2026-01-01T12:00:01Z", "2026-01-01T12:00:00Z", 1, false, HEALTH_DEGRADED,
			"Invalid: the operator has enable_team_id_clustername_prefix"},
		{"UpdateFailed", "2026-01-01T12:00:01Z", "2026-01-01T12:00:00Z", 1, false, HEALTH_DEGRADED,
			"UpdateFailed: the operator writes no Event of a failed update"},
		{"", "2026-01-01T12:00:01Z", "2026-01-01T12:00:00Z", 1, false, HEALTH_PROGRESSING, "operator"},
	};
	struct arena *mem = arena_new(1 << 20);
	int64_t noon;
	assert_true(clock_parse("2026-01-01T12:00:00Z", &noon));
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		json_t *object = postgres(samples[i].status, samples[i].reported, samples[i].written);
		int64_t now = noon + samples[i].after * INT64_C(60000000);
		struct health_state found = postgresql_health(object, 0, samples[i].seen_busy, now, mem);
		if (found.health != samples[i].health || !strstr(found.message, samples[i].message))
			fail_msg("sample %zu: %s (%s)", i, health_name(found.health), found.message);
		json_decref(object);
	}
	arena_free(mem);
}

static void the_worst_object_counts(void **state)
{
	(void)state;
	assert_int_equal(health_worst(HEALTH_HEALTHY, HEALTH_NONE), HEALTH_HEALTHY);
	assert_int_equal(health_worst(HEALTH_PROGRESSING, HEALTH_DEGRADED), HEALTH_DEGRADED);
	assert_string_equal(health_name(HEALTH_SUSPENDED), "Suspended");
	assert_string_equal(health_name(HEALTH_NONE), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_without_a_rule_count_for_nothing),
		cmocka_unit_test(unknown_kinds_are_judged_by_what_controllers_agreed_on),
		cmocka_unit_test(a_hook_that_is_held_while_it_is_deleted_has_its_own_health),
		cmocka_unit_test(a_cron_job_is_as_well_as_its_last_run),
		cmocka_unit_test(a_disruption_budget_must_be_observed),
		cmocka_unit_test(a_cnpg_cluster_needs_all_its_instances),
		cmocka_unit_test(a_pod_says_which_container_failed_and_may_ignore_its_restart_policy),
		cmocka_unit_test(whatever_is_being_deleted_is_progressing),
		cmocka_unit_test(a_deployment_is_judged_by_what_is_observed),
		cmocka_unit_test(a_stateful_set_waits_for_its_pods_and_revision),
		cmocka_unit_test(a_pod_is_judged_by_phase_and_containers),
		cmocka_unit_test(jobs_claims_services_and_definitions),
		cmocka_unit_test(a_sealed_secret_follows_its_controller),
		cmocka_unit_test(a_postgresql_is_judged_by_a_report_on_this_spec),
		cmocka_unit_test(the_worst_object_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
