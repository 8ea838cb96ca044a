/*
 * health.h - is an object well? Pure rules for each kind (argocd.md 2.11, gitops-peers.md 3, zalando-operator.md 1.5)
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* Best to worst: an Application is as well as its worst object. HEALTH_NONE = the kind has no rule and counts for nothing. */
enum health {
	HEALTH_NONE,
	HEALTH_HEALTHY,
	HEALTH_SUSPENDED,
	HEALTH_PROGRESSING,
	HEALTH_MISSING,
	HEALTH_DEGRADED,
	HEALTH_UNKNOWN
};

struct health_state {
	enum health health;
	const char *message; /* "" = nothing to add; in `mem` */
};

/* "Healthy", "Progressing", ...; "" for HEALTH_NONE. */
const char *health_name(enum health health);

struct health_state health_of(const json_t *object, struct arena *mem);

enum health health_worst(enum health a, enum health b);

/* The kind has a rule: its objects must be seen whole. Of all others the metadata are enough. */
bool health_has_rule(const char *group, const char *kind);
