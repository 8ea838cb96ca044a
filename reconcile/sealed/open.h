/*
 * open.h - the agent's side: passwords out of the SealedSecrets of a users path, where no controller unseals them
 *
 * The values are opened in memory when they are asked for and are never written anywhere. Pure but for the keys.
 */
#pragma once

#include "reconcile/object.h"
#include "reconcile/sealed/sealed_secret.h"

bool sealed_is(const struct object_key *key);

/* The SealedSecret of this name among the objects of a path, sorted by key; NULL when there is none. */
const struct object *sealed_find(const struct objects *objects, const char *namespace, const char *name);

/* One item of it. ERROR_MISSING: no such SealedSecret or item; ERROR_INVALID: it does not open, with the reason and, where one of
   those around it tells it, the place it was sealed for. */
bool sealed_open_value(const struct objects *objects, const struct sealing_keys *keys, const char *namespace,
	const char *name, const char *item, struct secret *value, struct error *err) MUST_CHECK;

/* All folders of `sealing.keys`. What cannot be read stands in `problems`; false when a folder is not there or no key was
   found in any. */
bool sealed_open_keys(const char *const *folders, size_t count, struct sealing_keys *keys,
	struct mistakes *problems, struct error *err) MUST_CHECK;
