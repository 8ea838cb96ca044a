/*
 * series.h - counters and histograms with labels that are known only at run time: by Application, by repository
 *
 * Any thread. Names, labels and buckets are Argo CD's (argocd.md 2.14), so that dashboards made for it go on working. The number of
 * label sets is bounded: what comes after SERIES_MAXIMUM is counted in pgitops_series_dropped_total and nowhere else.
 */
#pragma once

#include "base/buf.h"

enum series {
	SERIES_SYNC,         /* argocd_app_sync_total{namespace,name,project,phase,dry_run} */
	SERIES_SYNC_SECONDS, /* argocd_app_sync_duration_seconds_total{namespace,name,project} */
	SERIES_RECONCILE,    /* argocd_app_reconcile{namespace,name}, a histogram */
	SERIES_GIT,          /* argocd_git_request_total{repo,request_type} */
	SERIES_GIT_SECONDS,  /* argocd_git_request_duration_seconds{repo,request_type}, a histogram */
	SERIES_GIT_FAILED,   /* argocd_git_fetch_fail_total{repo} */
	SERIES_COUNT
};

enum { SERIES_LABELS = 5, SERIES_MAXIMUM = 4096 };

/* A counter: `values` are those of its labels, in the order above. */
void series_add(enum series series, const char *const *values, double amount);

/* A histogram: one observation, in seconds. */
void series_observe(enum series series, const char *const *values, double seconds);

/* What is counted with this value of this label goes: an Application ("name") that is not there any more. */
void series_forget(const char *label, const char *value);

void series_print(struct buf *out);
