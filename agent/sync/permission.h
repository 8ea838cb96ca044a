/*
 * permission.h - what an Application may do: its AppProject, the sync windows of that, and the rules of the agent file
 *
 * Asked by the pass. Each answer that is no has one sentence that says which of the three stands in the way. Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"
#include "agent/config/project_set.h"
#include "agent/config/rules.h"

/*
 * The Application's project, or NULL with `why` (in `mem`), the message of an InvalidSpecError: it does not exist, it cannot be
 * used, or it or a rule does not allow the source or the destination. Then sync and health are Unknown and nothing is synced.
 * Valid for this pass.
 */
const struct project *permission_project(
	const struct agent *agent, const struct app *app, struct arena *mem, const char **why);

/*
 * May an object of this key be written, or deleted? If not: a wanted one is a row Unknown with `why`, and one that is not wanted any
 * more is as if it were not there; neither is deleted with the Application (argocd.md 2.6, 2.12).
 */
bool permission_object(const struct agent *agent, const struct app *app, const struct project *project,
	const struct object_key *key, struct arena *mem, const char **why) MUST_CHECK;

/* The same by the agent file alone, for the wishes of another Application than the pass's. */
bool permission_by_rules(const struct agent *agent, const struct app *app, const struct object_key *key,
	struct arena *mem, const char **why) MUST_CHECK;

/* The same for what is there under this name: a label of the agent's own counts, whoever wants the object (rules_allow_live()). */
bool permission_live(const struct agent *agent, const struct app *app, const struct live *live,
	struct arena *mem, const char **why) MUST_CHECK;

/* What a wanted object holds, by the rules: see rules_judge_object(). */
void permission_content(const struct agent *agent, const struct app *app, const struct object *object,
	struct mistakes *refused, struct mistakes *warned);

/*
 * Is a sync window open, for a sync of the policy or of a person (`manual`)? If not, `why` says which is closed and until when. When
 * that may be another answer is in `look_again`, on the steady clock in milliseconds; 0 = never.
 */
bool permission_to_sync(const struct agent *agent, const struct app *app, bool manual, struct error *why,
	int64_t *look_again) MUST_CHECK;

/* The same for a sync that was begun at `started` (microseconds) and is not done: syncOverrun may let it go on. */
bool permission_to_continue(const struct agent *agent, const struct app *app, bool manual, int64_t started,
	struct error *why, int64_t *look_again) MUST_CHECK;
