/*
 * checks.h - what dry runs have answered, kept while neither the wanted nor the live object moves
 *
 * An object that differs and is not healed (no selfHeal, a sync that fails because of another one, a wave of which it is not the turn
 * yet) would otherwise be asked about at every pass. Only "it would be made" and "it would be changed" are kept: what failed is asked
 * again. Reconciler thread only.
 */
#pragma once

#include "agent/sync/pass.h"

void checks_free(struct checks *checks); /* accepts NULL */

/* The answer for this step, as if it had been asked now; strings live until checks_keep(). `checks` may be NULL. */
bool checks_find(const struct checks *checks, const struct plan_step *step, struct cluster_write *answer);

/* At the end of a pass: what it knows replaces what was kept for its Application. */
void checks_keep(struct pass *pass);
