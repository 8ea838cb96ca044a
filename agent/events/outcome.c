#include "agent/events/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/events/series.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

static bool is_good(const struct outcome *outcome)
{
	return strcmp(outcome->phase, "Succeeded") == 0;
}

static void count(const struct outcome *outcome)
{
	const struct event_subject *subject = &outcome->subject;
	const char *const values[] = {subject->namespace, subject->name, outcome->project, outcome->phase,
		outcome->dry_run ? "true" : "false"};
	series_add(SERIES_SYNC, values, 1);
	series_add(SERIES_SYNC_SECONDS, values, (double)(outcome->finished - outcome->started) / 1e6);
}

static void write_log(const struct outcome *outcome)
{
	char created[24], configured[24], pruned[24];
	snprintf(created, sizeof(created), "%" PRId64, outcome->created);
	snprintf(configured, sizeof(configured), "%" PRId64, outcome->configured);
	snprintf(pruned, sizeof(pruned), "%" PRId64, outcome->pruned);
	if (!is_good(outcome))
		log_error("sync failed", "by", outcome->by, "error", outcome->message, NULL);
	else if (!outcome->dry_run)
		log_info(outcome->heal ? "drift healed" : "synced", "by", outcome->by, "created", created,
			"configured", configured, "pruned", pruned, NULL);
}

static const char *user_of(const struct outcome *outcome)
{
	return outcome->automated ? "" : outcome->by;
}

void outcome_sync(struct kubernetes_events *events, const struct outcome *outcome)
{
	CLEANUP(memory_freep)
	char *text = memory_printf("%s to %s %s%s%s",
		outcome->partial ? "Partial sync operation" : "Sync operation", outcome->revision,
		is_good(outcome) ? "succeeded" : "failed", is_good(outcome) ? "" : ": ",
		is_good(outcome) ? "" : outcome->message);
	count(outcome);
	write_log(outcome);
	kubernetes_events_tell(
		events, &outcome->subject, "OperationCompleted", !is_good(outcome), user_of(outcome), text);
}

void outcome_started(struct kubernetes_events *events, const struct outcome *outcome)
{
	CLEANUP(memory_freep) char *text = NULL;
	if (outcome->automated)
		text = memory_printf("Initiated automated sync to '%s'", outcome->revision);
	else
		text = memory_printf("%s initiated %ssync to %s", outcome->by,
			outcome->partial ? "partial " : "",
			*outcome->revision ? outcome->revision : "the newest commit");
	kubernetes_events_tell(events, &outcome->subject, "OperationStarted", false, user_of(outcome), text);
}

void outcome_status(struct kubernetes_events *events, const struct event_subject *subject, const char *what,
	const char *before, const char *after)
{
	if (text_equal(before, after))
		return;
	CLEANUP(memory_freep) char *text = memory_printf("Updated %s: %s -> %s", what, before, after);
	kubernetes_events_tell(events, subject, "ResourceUpdated", false, "", text);
}
