/*
 * cluster_event.h - the Events of a cluster's postgresql object, StatefulSet, Pods (those that are gone, too) and volume claims
 */
#pragma once

#include "agent/commands/cluster_place.h"

bool cluster_event_is_ours(const struct patroni_cluster *cluster, const json_t *event);

/* {time, type, reason, object: {kind, namespace, name}, count, message, source} of an Event. A new reference. */
json_t *cluster_event_document(const json_t *event);
enum cell_style cluster_event_style(const json_t *item);
const char *cluster_event_object(const struct command_context *context, const json_t *item); /* "Pod/NAME-0" */

/* The documents by time, the newest last. A new reference. */
json_t *cluster_events_sorted(const json_t *items, struct arena *mem);
void cluster_events_table(const struct command_context *context, const json_t *items);

/* The last few, those that say the same as one; a new reference. NULL where they cannot be read, which `why` tells, or the cluster is not
   of Kubernetes. */
json_t *cluster_recent_events(const struct command_context *context, const struct cluster_source *source,
	struct patroni_cluster *cluster, const char **why);
