/*
 * metrics.h - counters and gauges that any thread moves and /metrics shows (Argo CD's names where they fit)
 */
#pragma once

#include "base/buf.h"

enum metric {
	METRIC_KUBE_REQUESTS,  /* argocd_app_k8s_request_total */
	METRIC_CLUSTER_UP,     /* pgitops_cluster_up: the API server answers */
	METRIC_CLUSTER_SILENT, /* pgitops_cluster_last_answer_seconds: how long ago, in milliseconds */
	METRIC_TRACKED,        /* pgitops_tracked_objects: names whose objects are kept whoever made them */
	METRIC_COLLECTIONS,    /* pgitops_watched_collections: kinds in namespaces */
	METRIC_EVENTS_DROPPED, /* pgitops_kubernetes_events_dropped_total */
	METRIC_PASSES,         /* pgitops_passes_total */
	METRIC_PASS_MILLISECONDS, /* pgitops_pass_duration_seconds_total */
	METRIC_SQL_STATEMENTS,    /* pgitops_sql_statements_total */
	METRIC_SQL_WRITES,        /* pgitops_sql_writes_total */
	METRIC_USER_PASSES,       /* pgitops_user_passes_total */
	METRIC_DRIFT_FOUND,       /* pgitops_drift_found_total */
	METRIC_DRIFT_HEALED,      /* pgitops_drift_healed_total */
	METRIC_WEBHOOK_ACCEPTED,  /* pgitops_webhook_requests_total{result="accepted"} */
	METRIC_WEBHOOK_REFUSED,   /* pgitops_webhook_requests_total{result="refused"} */
	METRIC_CLUSTER_READINGS,  /* pgitops_cluster_readings_total */
	METRIC_COUNT
};

void metric_add(enum metric metric, uint64_t amount);
void metric_set(enum metric metric, uint64_t value);
uint64_t metric_get(enum metric metric);

/* Prometheus text format of all of them, with HELP and TYPE; a gauge that was never set is left out. Those of Applications and users
   are added by agent/http/metrics.c from the store, and there is what is asked at that moment. */
void metrics_print(struct buf *out);

/* For the gauges: the two lines before a metric's first sample, ... */
void metrics_head(struct buf *out, const char *name, const char *type, const char *help);

/* ... and one label, escaped and cut; the caller writes the name before the first and "} VALUE" after the last. */
enum { METRICS_LABEL_BYTES = 256 };
void metrics_label(struct buf *out, const char *name, const char *value);
