/*
 * rules.h - what Git may not do to the cluster: `rules` of the agent file, and the walls that stand without any
 *
 * The first rule whose `application` matches the name decides; without one, what the AppProject and the ServiceAccount allow. The
 * walls: no Application writes Applications or AppProjects in the agent's own namespace, nor anything of the agent's installation
 * (manifests/install.yaml, and what carries its label there), unless a rule names them: Applications in `applications`, the others
 * by their exact kind in `kinds`. Git cannot change the agent file, so Git cannot take these walls down. The same answers hold
 * for what is to be pruned.
 */
#pragma once

#include "agent/config/config.h"
#include "reconcile/object.h"

/* May an Application of this name have this destination namespace? `why` in `mem` when not. */
bool rules_allow_destination(const struct config *config, const char *application, const char *namespace,
	struct arena *mem, const char **why) MUST_CHECK;

/* May it write, or delete, an object of this name? `why` in `mem` when not. */
bool rules_allow_object(const struct config *config, const char *application, const struct object_key *key,
	struct arena *mem, const char **why) MUST_CHECK;

/* What a wanted object holds: the label of the installation, and the rule's `postgresql` part. Each mistake has the object's place in
   Git and names the line of the rule; what is in `warned` is written nevertheless. */
void rules_judge_object(const struct config *config, const char *application, const struct object *object,
	struct mistakes *refused, struct mistakes *warned);
