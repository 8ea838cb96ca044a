#include "agent/events/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/say.h"
#include "base/text.h"

static _Atomic uint64_t values[METRIC_COUNT];
static atomic_bool known[METRIC_COUNT]; /* was set */

/* In the order of the exposition: rows of one name follow each other, the first one carries HELP and TYPE. */
static const struct metric_row {
	enum metric metric;
	const char *name, *labels, *help;
	bool gauge;
	bool milliseconds; /* kept in milliseconds, shown in seconds as Prometheus wants it */
} rows[] = {
	{METRIC_KUBE_REQUESTS, "argocd_app_k8s_request_total", "",
		"Requests sent to the Kubernetes API server.", false, false},
	{METRIC_CLUSTER_UP, "pgitops_cluster_up", "", "Whether the API server answers.", true, false},
	{METRIC_CLUSTER_SILENT, "pgitops_cluster_last_answer_seconds", "",
		"How long ago the API server gave its last answer.", true, true},
	{METRIC_TRACKED, "pgitops_tracked_objects", "", "Objects that Applications name.", true, false},
	{METRIC_COLLECTIONS, "pgitops_watched_collections", "", "Kinds in namespaces that are watched.", true,
		false},
	{METRIC_EVENTS_DROPPED, "pgitops_kubernetes_events_dropped_total", "",
		"Kubernetes Events that were not written: too many, or refused.", false, false},
	{METRIC_PASSES, "pgitops_passes_total", "", "Passes over an Application.", false, false},
	{METRIC_PASS_MILLISECONDS, "pgitops_pass_duration_seconds_total", "",
		"Time spent in passes over Applications.", false, true},
	{METRIC_SQL_STATEMENTS, "pgitops_sql_statements_total", "", "SQL statements sent.", false, false},
	{METRIC_SQL_WRITES, "pgitops_sql_writes_total", "", "SQL statements sent that change something.",
		false, false},
	{METRIC_USER_PASSES, "pgitops_user_passes_total", "", "Passes over the users of a database.", false,
		false},
	{METRIC_DRIFT_FOUND, "pgitops_drift_found_total", "", "Changes found that somebody made by hand.",
		false, false},
	{METRIC_DRIFT_HEALED, "pgitops_drift_healed_total", "", "Manual changes set back.", false, false},
	{METRIC_WEBHOOK_ACCEPTED, "pgitops_webhook_requests_total", "{result=\"accepted\"}",
		"Webhook deliveries, by result.", false, false},
	{METRIC_WEBHOOK_REFUSED, "pgitops_webhook_requests_total", "{result=\"refused\"}", NULL, false, false},
	{METRIC_CLUSTER_READINGS, "pgitops_cluster_readings_total", "",
		"Readings of database clusters, made while somebody looks at the page.", false, false},
};
_Static_assert(COUNT_OF(rows) == METRIC_COUNT, "each metric has its row");

void metric_add(enum metric metric, uint64_t amount)
{
	atomic_fetch_add_explicit(&values[metric], amount, memory_order_relaxed);
}

void metric_set(enum metric metric, uint64_t value)
{
	atomic_store_explicit(&known[metric], true, memory_order_relaxed);
	atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

uint64_t metric_get(enum metric metric)
{
	return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

void metrics_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_label(struct buf *out, const char *name, const char *value)
{
	char last = out->length ? out->data[out->length - 1] : '\n';
	buf_printf(out, "%s%s=\"", last == '"' ? "," : "{", name);
	/* One label that is no UTF-8, or ends within a character, makes Prometheus refuse the whole answer. And people look at it with curl. */
	CLEANUP(buf_done) struct buf visible = BUF(8 * METRICS_LABEL_BYTES);
	char cut[METRICS_LABEL_BYTES + 1];
	snprintf(cut, sizeof(cut), "%.*s", (int)text_fit(value, METRICS_LABEL_BYTES), value);
	say_visible(cut, true, &visible);
	for (const char *c = buf_string(&visible); *c; c++) {
		if (*c == '\\' || *c == '"')
			buf_char(out, '\\');
		if (*c == '\n')
			buf_text(out, "\\n");
		else
			buf_char(out, *c);
	}
	buf_char(out, '"');
}

void metrics_print(struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct metric_row *row = &rows[i];
		uint64_t value = metric_get(row->metric);
		if (row->gauge && !atomic_load_explicit(&known[row->metric], memory_order_relaxed))
			continue;
		if (row->help)
			metrics_head(out, row->name, row->gauge ? "gauge" : "counter", row->help);
		buf_printf(out, "%s%s ", row->name, row->labels);
		if (row->milliseconds)
			buf_printf(out, "%" PRIu64 ".%03u\n", value / 1000, (unsigned)(value % 1000));
		else
			buf_printf(out, "%" PRIu64 "\n", value);
	}
}
