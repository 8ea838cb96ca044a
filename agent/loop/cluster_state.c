#include "agent/loop/cluster_state.h"

#include <stdio.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

void cluster_state_heard(struct agent *agent, const struct error *err)
{
	struct connection *heard = &agent->heard;
	if (err && err->kind != ERROR_RETRY)
		return; /* it has answered, with a refusal */
	pthread_mutex_lock(&agent->lock);
	if (!err)
		*heard = (struct connection){.well = true, .since = clock_now()};
	else if (heard->well || !*heard->why) {
		*heard = (struct connection){.well = false, .since = clock_now()};
		snprintf(heard->why, sizeof(heard->why), "%.255s", err->text);
	}
	pthread_mutex_unlock(&agent->lock);
}

static struct connection read_connection(struct agent *agent)
{
	pthread_mutex_lock(&agent->lock);
	struct connection found = agent->heard;
	pthread_mutex_unlock(&agent->lock);
	found.well = found.well || !*found.why;
	if (found.well)
		found.since = clock_now();
	return found;
}

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

/* With the time instead of an age: a text that stays the same is told once. */
static void say(const struct connection *connection, char text[ERROR_TEXT_SIZE])
{
	char since[CLOCK_TEXT_SIZE];
	clock_text_seconds(connection->since, since);
	if (connection->well)
		*text = '\0';
	else
		snprintf(text, ERROR_TEXT_SIZE, "the API server has not answered since %s: %s", since,
			connection->why);
}

static void measure(const struct connection *connection)
{
	int64_t silent = clock_now() - connection->since;
	metric_set(METRIC_CLUSTER_UP, connection->well);
	metric_set(METRIC_CLUSTER_SILENT, connection->well || silent < 0 ? 0 : (uint64_t)silent / 1000);
}

void cluster_state_look(struct agent *agent)
{
	char text[ERROR_TEXT_SIZE];

	if (!agent->cluster_on)
		return;
	if (!agent->cluster || *agent->cluster_trouble) {
		metric_set(METRIC_CLUSTER_UP, 0);
		return;
	}
	const struct connection connection = read_connection(agent);
	measure(&connection);
	/* The same silence, told with other words, is no news. */
	if (connection.well == !*agent->cluster_stale)
		return;
	say(&connection, text);
	memcpy(agent->cluster_stale, text, sizeof(text));
	cluster_state_record(agent);
	if (connection.well)
		log_info("the API server answers again", NULL);
	else
		log_error("the cluster cannot be seen", "reason", text, NULL);
	for (size_t i = 0; i < agent->app_count; i++)
		agent->apps[i]->dirty = true;
}
