#include "agent/loop/cluster_state.h"

#include <stdio.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

void cluster_state_record(struct agent *agent)
{
	struct error err;
	CLEANUP(memory_freep)
	char *text = *agent->cluster_trouble ? memory_printf("waiting: %s", agent->cluster_trouble)
		: *agent->cluster_stale
		? memory_copy(agent->cluster_stale)
		: memory_printf("%s %s", agent->kube.server, cluster_version(agent->cluster));
	if (!store_fact_set(agent->store, "cluster", text, &err))
		log_warning("the cluster's state could not be recorded", "error", err.text, NULL);
}

/* Not well, but not asked yet either: nothing is known against it. */
static bool is_silent(const struct cluster_health *health)
{
	return !health->well && *health->why;
}

static void measure(const struct cluster_health *health)
{
	int64_t silent = health->since ? clock_now() - health->since : 0;
	metric_set(METRIC_CLUSTER_UP, !is_silent(health));
	metric_set(METRIC_CLUSTER_SILENT, silent < 0 ? 0 : (uint64_t)silent / 1000);
}

/* With the time instead of an age: a text that stays the same is told once. */
static void set_stale(struct agent *agent, const struct cluster_health *health)
{
	char since[CLOCK_TEXT_SIZE];
	clock_text_seconds(health->since, since);
	snprintf(agent->cluster_stale, sizeof(agent->cluster_stale),
		"the API server has not answered since %s: %s", since, health->why);
	log_error("the cluster cannot be seen", "reason", agent->cluster_stale, NULL);
}

void cluster_state_take(struct agent *agent, const struct cluster_health *health)
{
	measure(health);
	/* The same silence, told with other words, is no news. */
	if (is_silent(health) == (*agent->cluster_stale != '\0'))
		return;
	if (is_silent(health)) {
		set_stale(agent, health);
	} else {
		agent->cluster_stale[0] = '\0';
		log_info("the API server answers again", NULL);
	}
	cluster_state_record(agent);
	agent_wake(agent, "");
}

void cluster_state_look(struct agent *agent)
{
	struct cluster_health health;

	if (!agent->cluster_on)
		return;
	if (!agent->cluster || *agent->cluster_trouble) {
		metric_set(METRIC_CLUSTER_UP, 0);
		return;
	}
	cluster_health(agent->cluster, &health);
	cluster_state_take(agent, &health);
}
