/*
 * walls.h - what no Application writes unless a rule of the agent file names it, whatever Kubernetes would let the agent do
 *
 *   - Applications of the agent's namespace: named in `applications` of a rule (app of apps);
 *   - what else decides there what the agent does: AppProjects, ApplicationSets, the repositories' Secrets and whatever becomes one,
 *     the ConfigMaps with host keys and authorities: their kind stands letter by letter in `kinds`, for a glob takes no wall down;
 *   - the agent's own installation, the same way. It is known by what the agent runs as: the ServiceAccount of its token, the
 *     workload of its Pod, what runs as that ServiceAccount in its namespace, and what binds rights to it; by the names and the
 *     label of manifests/install.yaml; and by its two kinds.
 *
 * A label counts where Git writes it and where the cluster has it: who takes an object over, or clears its place, has the rest of it.
 *
 * Internal to rules.c, but for struct rules.
 */
#pragma once

#include "agent/config/config.h"
#include "reconcile/account.h"
#include "reconcile/object.h"

/* What the questions of rules.h are asked of. */
struct rules {
	const struct config *config;
	const struct kube_account *account; /* what the agent runs as; NULL or empty = not known, or nothing in the cluster */
};

/* The wall this object stands behind and this rule (NULL = none) leaves standing, as a sentence; NULL = none. */
const char *wall_of_name(const struct rules *rules, const struct rule_config *rule,
	const struct object_key *key, struct arena *mem);

/* The same for what the object holds. */
const char *wall_of_content(const struct rules *rules, const struct rule_config *rule,
	const struct object_key *key, const json_t *document, struct arena *mem);

/* What the labels of an object in the cluster say. */
struct wall_marks {
	bool credential;   /* it is what the agent logs in with */
	bool installation; /* it is a part of it */
};

/* The same for what is there already under this name. */
const char *wall_of_live(const struct rules *rules, const struct rule_config *rule,
	const struct object_key *key, const struct wall_marks *marks, struct arena *mem);

/* False = the canonical text holds nothing that wall_of_content() could stand on, and need not be read. */
bool wall_may_stand(const char *json);

/* "ConfigMap", "postgresql.acid.zalan.do": as `kinds` names them. */
const char *wall_kind(const struct object_key *key, struct arena *mem);
