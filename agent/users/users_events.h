/*
 * users_events.h - what a pass did and found, as Kubernetes Events on the ConfigMap that lists the users
 *
 * `kubectl describe configmap postgres-users-config` says who was made, locked out, removed, healed, refused, and what failed. What is found
 * again unchanged is told no second time; what is tried again and fails again raises the count of its Event (kubernetes_events.h). Of a
 * thousand new users there is one Event, with the first of their names. Texts are those of log and status: no secret is in them.
 *
 * Noted by the pass in its own thread, told by the reconciler, which alone may write Events.
 */
#pragma once

#include "agent/users/users_pass.h"

/* Somebody was changed by hand: before the steps. */
void users_events_drift(struct users_pass *pass, const struct role_report *report);

/* What became of the steps, and of those who were changed by hand. */
void users_events_outcomes(struct users_pass *pass, const struct roles_plan *plan);

/* One whose document is another now; `before` is that, NULL = it was not known. After the outcomes. */
void users_events_status(struct users_pass *pass, const struct role_report *report, const json_t *before);

/* The pass as a whole; reconciler thread. */
void users_events_tell(const struct users_pass *pass);
