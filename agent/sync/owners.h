/*
 * owners.h - whose an object is: nothing that another Application has is taken by a push to this one
 *
 * An object has one owner, and the owner's Git alone gives it away, by not wanting it any more: then whoever wants it has it,
 * without a moment in which it is missing. Who the owner is says, in this order,
 *
 *   - the mark the object carries (tracking id). A mark that Git writes never reaches the cluster: each write puts the writer's own;
 *   - where it carries none, or is not there: the inventory of whoever wants it (store). An object that somebody deleted, or whose
 *     mark somebody took off, is not free for the first who wants it;
 *   - for a Secret: whoever wants the SealedSecret of that name, which is unsealed into it;
 *   - a mark of an Application that this agent does not have is another agent's, or an Argo CD's in another namespace. Only
 *     what this agent has seen deleted without its finalizer is given up (owners_given_up), so that an Application may be renamed.
 *
 * Wanting counts only where the rules of the agent file allow it (rules.h): else a push could keep an object from its owner.
 * Reconciler thread only.
 */
#pragma once

#include "agent/sync/pass.h"

/* Why this Application must not take a wanted object: the rest of a sentence, in pass->mem; NULL = it may. `live` NULL = it is not there. That another Application of this agent has marked it is not asked here (owners_wanted_by). */
const char *owners_refusal(struct pass *pass, const struct object_key *key, const struct live *live);

/* The same for a hook, whose place is cleared: what carries another's mark is in nobody's way to be deleted, wanted or not. */
const char *owners_refusal_of_hook(struct pass *pass, const struct object_key *key, const struct live *live);

/* The other Application to which a live object belongs, NULL = none: it is free, or ours. */
const char *owners_wanted_by(const struct pass *pass, const struct live *live);

/* The Application was deleted, and what it made stays without an owner. */
void owners_given_up(struct agent *agent, const char *application);
