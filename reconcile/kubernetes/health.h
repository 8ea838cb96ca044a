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

/* Of status.conditions; NULL = none of this type. */
const json_t *health_condition(const json_t *object, const char *type);

/* Argo CD holds a hook by it until the hook has ended. */
#define HOOK_FINALIZER "argocd.argoproj.io/hook-finalizer"

/* It is being deleted, and nobody holds it to see how it ends: a hook that is held still has a health of its own. */
bool health_ending(const json_t *object);

bool health_held_as_hook(const json_t *object); /* by HOOK_FINALIZER */

enum health health_worst(enum health a, enum health b);

/* The kind has a rule, or may say how it is in the way that controllers have agreed on: its objects must be seen whole. Of all
   others the metadata are enough. */
bool health_has_rule(const char *group, const char *kind);
