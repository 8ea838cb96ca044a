#include "agent/events/series.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "base/memory.h"

enum { BUCKETS = 8 };

static const struct description {
	const char *name, *help;
	const char *labels[SERIES_LABELS];
	double buckets[BUCKETS]; /* upper bounds in seconds; 0 ends them, none = a counter */
} descriptions[SERIES_COUNT] = {
	[SERIES_SYNC] = {"argocd_app_sync_total", "Syncs ended, by outcome.",
		{"namespace", "name", "project", "phase", "dry_run"}, {0}},
	[SERIES_SYNC_SECONDS] = {"argocd_app_sync_duration_seconds_total", "Time that syncs took.",
		{"namespace", "name", "project"}, {0}},
	[SERIES_RECONCILE] = {"argocd_app_reconcile", "Passes over an Application, by duration.",
		{"namespace", "name"}, {.25, .5, 1, 2, 4, 8, 16}},
	[SERIES_GIT] = {"argocd_git_request_total", "Git requests sent, by kind.", {"repo", "request_type"},
		{0}},
	[SERIES_GIT_SECONDS] = {"argocd_git_request_duration_seconds", "Git requests, by duration.",
		{"repo", "request_type"}, {.1, .25, .5, 1, 2, 4, 10, 20}},
	[SERIES_GIT_FAILED] = {"argocd_git_fetch_fail_total", "Git requests that failed.", {"repo"}, {0}},
};

/* One set of labels. Those of a series follow each other in the order in which they came. */
struct sample {
	char *values[SERIES_LABELS];
	double sum;
	uint64_t counts[BUCKETS + 1]; /* of a histogram: not cumulated, the last above all bounds */
	struct sample *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sample *first[SERIES_COUNT];
static size_t sample_count;
static uint64_t dropped;

static bool has_values(
	const struct description *description, const struct sample *sample, const char *const *values)
{
	for (size_t i = 0; i < SERIES_LABELS && description->labels[i]; i++)
		if (strcmp(sample->values[i], values[i]) != 0)
			return false;
	return true;
}

/* NULL when there are too many. */
static struct sample *find(enum series series, const char *const *values)
{
	const struct description *description = &descriptions[series];
	struct sample **at = &first[series];
	while (*at && !has_values(description, *at, values))
		at = &(*at)->next;
	if (*at)
		return *at;
	if (sample_count >= SERIES_MAXIMUM) {
		dropped++;
		return NULL;
	}
	sample_count++;
	*at = memory_alloc(sizeof(**at));
	for (size_t i = 0; i < SERIES_LABELS && description->labels[i]; i++)
		(*at)->values[i] = memory_copy(values[i]);
	return *at;
}

void series_add(enum series series, const char *const *values, double amount)
{
	pthread_mutex_lock(&lock);
	struct sample *sample = find(series, values);
	if (sample)
		sample->sum += amount;
	pthread_mutex_unlock(&lock);
}

void series_observe(enum series series, const char *const *values, double seconds)
{
	const double *buckets = descriptions[series].buckets;
	size_t bucket = 0;
	while (bucket < BUCKETS && buckets[bucket] > 0 && seconds > buckets[bucket])
		bucket++;
	if (bucket < BUCKETS && buckets[bucket] <= 0)
		bucket = BUCKETS;
	pthread_mutex_lock(&lock);
	struct sample *sample = find(series, values);
	if (sample) {
		sample->sum += seconds;
		sample->counts[bucket]++;
	}
	pthread_mutex_unlock(&lock);
}

static void sample_free(struct sample *sample)
{
	for (size_t i = 0; i < SERIES_LABELS; i++)
		free(sample->values[i]);
	free(sample);
	sample_count--;
}

void series_forget(const char *label, const char *value)
{
	pthread_mutex_lock(&lock);
	for (size_t series = 0; series < SERIES_COUNT; series++) {
		const char *const *labels = descriptions[series].labels;
		size_t i = 0;
		while (i < SERIES_LABELS && labels[i] && strcmp(labels[i], label) != 0)
			i++;
		if (i == SERIES_LABELS || !labels[i])
			continue;
		for (struct sample **at = &first[series]; *at;) {
			struct sample *sample = *at;
			if (strcmp(sample->values[i], value) != 0) {
				at = &sample->next;
				continue;
			}
			*at = sample->next;
			sample_free(sample);
		}
	}
	pthread_mutex_unlock(&lock);
}

/* ---- the exposition ---- */

static void print_labels(const struct description *description, const struct sample *sample,
	const char *suffix, struct buf *out)
{
	buf_printf(out, "%s%s", description->name, suffix);
	for (size_t i = 0; i < SERIES_LABELS && description->labels[i]; i++)
		metrics_label(out, description->labels[i], sample->values[i]);
}

static void print_histogram(const struct description *description, const struct sample *sample, struct buf *out)
{
	uint64_t count = 0;
	char bound[24];
	for (size_t i = 0; i <= BUCKETS; i++) {
		bool last = i == BUCKETS;
		if (!last && description->buckets[i] <= 0)
			continue;
		count += sample->counts[i];
		snprintf(bound, sizeof(bound), "%g", last ? 0.0 : description->buckets[i]);
		print_labels(description, sample, "_bucket", out);
		metrics_label(out, "le", last ? "+Inf" : bound);
		buf_printf(out, "} %" PRIu64 "\n", count);
	}
	print_labels(description, sample, "_sum", out);
	buf_printf(out, "} %.6f\n", sample->sum);
	print_labels(description, sample, "_count", out);
	buf_printf(out, "} %" PRIu64 "\n", count);
}

static void print_series(enum series series, struct buf *out)
{
	const struct description *description = &descriptions[series];
	bool histogram = description->buckets[0] > 0;
	if (!first[series])
		return;
	metrics_head(out, description->name, histogram ? "histogram" : "counter", description->help);
	for (const struct sample *sample = first[series]; sample; sample = sample->next) {
		if (histogram) {
			print_histogram(description, sample, out);
			continue;
		}
		print_labels(description, sample, "", out);
		buf_printf(out, "} %.17g\n", sample->sum);
	}
}

void series_print(struct buf *out)
{
	pthread_mutex_lock(&lock);
	for (size_t series = 0; series < SERIES_COUNT; series++)
		print_series((enum series)series, out);
	metrics_head(out, "pgitops_series_dropped_total", "counter",
		"Observations without a place, for there are too many Applications or repositories.");
	buf_printf(out, "pgitops_series_dropped_total %" PRIu64 "\n", dropped);
	pthread_mutex_unlock(&lock);
}
