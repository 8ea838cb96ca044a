/*
 * nudge.h - a `postgresql` whose operator has missed the last change is made to look again (zalando-operator.md 1.5)
 *
 * The operator has no observedGeneration, loses an event where it is written to while it works, and syncs by itself every 30 minutes. A new value
 * in an annotation is an event to it that changes nothing: pgitops.dev/nudge, with the time, once in 30 minutes at most, and never while it is
 * at work. Only of objects that an automated Application has, and that are as Git says. In Git any other value of the annotation ("off") turns
 * it off for the object.
 */
#pragma once

#include "agent/sync/pass.h"

void nudge_run(struct pass *pass);
