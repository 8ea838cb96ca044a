/*
 * tracking.h - Argo CD's tracking id, read: "application:group/Kind:namespace/name" (internal to the room)
 */
#pragma once

#include "reconcile/object.h"

#define TRACKING_ANNOTATION "argocd.argoproj.io/tracking-id"
#define INSTALLATION_ANNOTATION "argocd.argoproj.io/installation-id"

enum { TRACKING_APPLICATION_SIZE = 256 };

/* The application it names; "" when it is none. */
void tracking_application(const char *tracking_id, char application[TRACKING_APPLICATION_SIZE]);

/* It names exactly this key (object_tracking_id); an id copied to another object names that one not. */
bool tracking_names(const char *tracking_id, const struct object_key *key, const char *application,
	const char *namespace);
