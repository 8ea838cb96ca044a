/*
 * owners.h - databases whose owner changes before privileges are given and taken (internal to the room)
 */
#pragma once

#include "reconcile/grants/present.h"

/*
 * What was observed, as it is once each of `wanted->owners` owns his database: in its list of privileges PostgreSQL writes him wherever the
 * former owner stood (ALTER DATABASE; aclnewowner() in its acl.c). What he had comes with owning, what he gave is the owner's, and whoever
 * owned it has nothing of it any more. The lists are sorted before and after.
 */
void owners_change(struct grants_present *present, const struct grants_wanted *wanted, struct arena *mem);
