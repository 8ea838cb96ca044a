/*
 * rules.h - what Git may not do to the cluster: `rules` of the agent file, and the walls that stand without any (walls.h)
 *
 * The first rule whose `application` matches the name decides; without one, what the AppProject and the ServiceAccount allow. Git
 * cannot change the agent file, so Git cannot take a wall down. The same answers hold for what is to be pruned.
 *
 * Of a `postgresql` object a rule says, part by part, whether it may be there at all (refuse, warn, allow). What no rule says a word of
 * is written with a warning where it gives power (powers.h).
 */
#pragma once

#include "agent/config/walls.h"

/* May an Application of this name have this destination namespace? `why` in `mem` when not. */
bool rules_allow_destination(const struct config *config, const char *application, const char *namespace,
	struct arena *mem, const char **why) MUST_CHECK;

/* May it write, or delete, an object of this name? `why` in `mem` when not. */
bool rules_allow_object(const struct rules *rules, const char *application, const struct object_key *key,
	struct arena *mem, const char **why) MUST_CHECK;

/* May it take over, replace or clear away what is there under this name? `why` in `mem` when not. */
bool rules_allow_live(const struct rules *rules, const char *application, const struct object_key *key,
	const struct wall_marks *marks, struct arena *mem, const char **why) MUST_CHECK;

/* What a wanted object holds. Each mistake has the object's place in Git and names the line of the rule, if there is one; what is in
   `warned` is written nevertheless. */
void rules_judge_object(const struct rules *rules, const char *application, const struct object *object,
	struct mistakes *refused, struct mistakes *warned);

/* Whether rules_judge_object() may have a warning about an object of this kind. */
bool rules_may_warn(const struct object_key *key);

/* What an Application may do, for people: "postgresql.acid.zalan.do in default; ... (rule at agent.yaml:30)". In `mem`. */
const char *rules_text(const struct config *config, const char *application, struct arena *mem);
