/*
 * reasons.h - why the objects of an Application are not well, from the Events of those who know (warnings.h)
 *
 * Nothing is asked while all are well. Where one is not, the namespace is asked once, again when its health or spec has changed, and at
 * growing intervals up to a minute while nothing moves, since an Event may come later than the status it explains. One that is only
 * progressing gets two seconds first: most have become well by then. The answer has two seconds; where none comes, the next question
 * is a minute later. Reconciler thread only.
 */
#pragma once

#include "agent/sync/pass.h"

void reasons_free(struct reasons *reasons); /* accepts NULL */

/* Asks where it is time to, also of the hooks that are waited for, and adds the answers to the health messages of the steps. After
   the pass has observed, before the operation goes on. */
void reasons_find(struct pass *pass);

/* Its health message with what Events are known to say of this very object and spec; "" = nothing. In pass->mem. */
const char *reasons_of(const struct pass *pass, const struct live *live);
