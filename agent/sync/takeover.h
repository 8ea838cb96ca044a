/*
 * takeover.h - what the first syncs of an Application would do to objects that somebody else has applied until now
 *
 * Nothing is written but to the store, which has to be a fresh one of the caller's own: there the comparison leaves what this agent would
 * know after its first sync, for only then may anything be pruned.
 */
#pragma once

#include "agent/sync/pass.h"

/* Of the pass's agent, app and content, as preview_compare() has it: the steps are then those of the second sync, and what they would
   change those of the first. */
bool takeover_compare(struct pass *pass, struct error *err) MUST_CHECK;

/* The step would do no more than mark the object as this agent's: its tracking and installation ids. */
bool takeover_only_marks(const struct pass_step *step);
