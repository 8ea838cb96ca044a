#include "agent/http/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/events/metrics.h"
#include "agent/events/series.h"
#include "agent/show/view.h"
#include "base/clock.h"
#include "base/write_gate.h"

enum { METRICS_BYTES = 4 * 1024 * 1024 };

static const char *text_of(const json_t *value, const char *path)
{
	return json_text_at(value, path, "");
}

/* ---- applications: Argo CD's argocd_app_info, so that dashboards made for it go on working ---- */

static const char *operation_of(const json_t *application)
{
	const char *phase = text_of(application, "status.operationState.phase");
	return json_object_get(application, "operation") || strcmp(phase, "Running") == 0 ? "sync" : "";
}

static void print_application(struct buf *out, const json_t *application)
{
	static const char *const labels[][2] = {
		{"namespace", "metadata.namespace"},
		{"name", "metadata.name"},
		{"project", "spec.project"},
		{"dest_server", "spec.destination.server"},
		{"dest_namespace", "spec.destination.namespace"},
		{"sync_status", "status.sync.status"},
		{"health_status", "status.health.status"},
	};
	const json_t *policy = json_at(application, "spec.syncPolicy.automated");
	bool automated = json_is_object(policy) && json_bool_at(policy, "enabled", true);
	buf_text(out, "argocd_app_info");
	for (size_t i = 0; i < COUNT_OF(labels); i++)
		metrics_label(out, labels[i][0], text_of(application, labels[i][1]));
	/* Of several sources the first, as in Argo CD. */
	metrics_label(out, "repo", text_of(view_source(application, 0), "repoURL"));
	metrics_label(out, "autosync_enabled", automated ? "true" : "false");
	metrics_label(out, "operation", operation_of(application));
	buf_text(out, "} 1\n");
}

/* How many conditions of each type, as Argo CD counts them. */
static void print_conditions(struct buf *out, const json_t *application)
{
	CLEANUP(json_done) json_t *counts = json_object();
	const json_t *condition;
	const char *type;
	json_t *number;
	size_t i;
	json_array_foreach (json_at(application, "status.conditions"), i, condition) {
		type = text_of(condition, "type");
		json_object_set_new(
			counts, type, json_integer(json_integer_value(json_object_get(counts, type)) + 1));
	}
	json_object_foreach (counts, type, number) {
		buf_text(out, "argocd_app_condition");
		metrics_label(out, "namespace", text_of(application, "metadata.namespace"));
		metrics_label(out, "name", text_of(application, "metadata.name"));
		metrics_label(out, "project", text_of(application, "spec.project"));
		metrics_label(out, "condition", type);
		buf_printf(out, "} %lld\n", (long long)json_integer_value(number));
	}
}

static bool print_applications(struct buf *out, struct store *store, struct error *err)
{
	CLEANUP(json_done) json_t *list = view_application_heads(store, err);
	size_t i;
	json_t *application;
	if (!list)
		return false;
	metrics_head(out, "argocd_app_info", "gauge", "Each Application with its state.");
	json_array_foreach (json_object_get(list, "items"), i, application)
		print_application(out, application);
	metrics_head(out, "argocd_app_condition", "gauge", "Conditions of each Application, by type.");
	json_array_foreach (json_object_get(list, "items"), i, application)
		print_conditions(out, application);
	return true;
}

/* ---- users: counted by database and status ---- */

/* Locked out, and not removed before the hold is over. */
static void print_held(struct buf *out, const struct store_user_count *counts, size_t used)
{
	metrics_head(out, "pgitops_users_held", "gauge",
		"Users that have left and are only locked out: until the hold of the agent file is over, or for good.");
	for (size_t i = 0; i < used; i++)
		if (counts[i].held) {
			buf_text(out, "pgitops_users_held");
			metrics_label(out, "database", counts[i].database);
			buf_printf(out, "} %" PRId64 "\n", counts[i].held);
		}
}

static bool print_users(struct buf *out, struct store *store, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(METRICS_BYTES);
	struct store_user_count *counts;
	size_t count;
	if (!store_user_counts(store, mem, &counts, &count, err))
		return false;
	metrics_head(out, "pgitops_users", "gauge",
		"Users, listed groups and listed databases by database and status.");
	for (size_t i = 0; i < count; i++) {
		buf_text(out, "pgitops_users");
		metrics_label(out, "database", counts[i].database);
		metrics_label(out, "status", counts[i].status);
		buf_printf(out, "} %" PRId64 "\n", counts[i].count);
	}
	print_held(out, counts, count);
	return true;
}

/* "Connected", "Waiting", "Failed": why stands in `pgitops status`, as the warnings do. */
static bool print_databases(struct buf *out, struct store *store, struct error *err)
{
	CLEANUP(json_done) json_t *list = view_databases(store, err);
	const json_t *items = json_object_get(list, "items"), *database;
	size_t i;
	if (!list)
		return false;
	metrics_head(out, "pgitops_database_status", "gauge", "Each database with its state.");
	json_array_foreach (items, i, database) {
		buf_text(out, "pgitops_database_status");
		metrics_label(out, "database", text_of(database, "name"));
		metrics_label(out, "status", text_of(database, "status"));
		buf_text(out, "} 1\n");
	}
	metrics_head(out, "pgitops_user_warnings", "gauge",
		"What people should know of a database and the agent does not mend, as PUBLIC that may connect.");
	json_array_foreach (items, i, database) {
		buf_text(out, "pgitops_user_warnings");
		metrics_label(out, "database", text_of(database, "name"));
		buf_printf(out, "} %zu\n", json_array_size(json_object_get(database, "warnings")));
	}
	return true;
}

static bool print_drift(struct buf *out, struct store *store, struct error *err)
{
	size_t open;
	if (!store_drift_count_open(store, &open, err))
		return false;
	metrics_head(out, "pgitops_drift_open", "gauge", "Manual changes that are not set back yet.");
	buf_printf(out, "pgitops_drift_open %zu\n", open);
	return true;
}

/* ---- the process ---- */

static uint64_t resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void print_process(struct buf *out, const struct http *http)
{
	metrics_head(out, "pgitops_build_info", "gauge", "The running version.");
	buf_text(out, "pgitops_build_info");
	metrics_label(out, "version", PGITOPS_VERSION);
	buf_text(out, "} 1\n");
	metrics_head(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
	buf_printf(out, "process_resident_memory_bytes %" PRIu64 "\n", resident_bytes());
	metrics_head(out, "process_start_time_seconds", "gauge",
		"Start time of the process since unix epoch in seconds.");
	buf_printf(out, "process_start_time_seconds %" PRId64 ".%03d\n", http->started / 1000000,
		(int)(http->started / 1000 % 1000));
	metrics_head(out, "pgitops_http_connections", "gauge", "Open connections to the HTTP server.");
	buf_printf(out, "pgitops_http_connections %zu\n", http->connections.count);
}

/* Asked of what every write asks, not kept beside it: a lease ends by itself, while nobody here is at work to say so. */
static void print_lease(struct buf *out)
{
	struct error closed;
	if (!write_gate_leased())
		return;
	metrics_head(out, "pgitops_leader", "gauge", "Whether this agent holds its lease, and so may write.");
	buf_printf(out, "pgitops_leader %d\n", write_gate_pass(&closed));
}

/* The counters do not need the store: without it they are shown alone, and pgitops_store_readable says why. */
void http_metrics(struct http_call *call)
{
	CLEANUP(buf_done) struct buf out = BUF(METRICS_BYTES);
	struct error err = {0};
	struct store *store = http_store(call->http, &err);
	metrics_print(&out);
	series_print(&out);
	print_process(&out, call->http);
	print_lease(&out);
	bool readable = store && print_applications(&out, store, &err) && print_users(&out, store, &err) &&
		print_databases(&out, store, &err) && print_drift(&out, store, &err);
	if (store && !readable)
		http_store_suspect(call->http, &err);
	metrics_head(&out, "pgitops_store_readable", "gauge", "Whether the gauges from the store are shown.");
	buf_printf(&out, "pgitops_store_readable %d\n", readable);
	if (buf_failed(&out))
		http_problem(call, 500, "the metrics are larger than %d bytes", METRICS_BYTES);
	else
		http_reply(call, 200, "text/plain; version=0.0.4; charset=utf-8", out.data, out.length);
}
