/*
 * controller.h - what the Sealed Secrets controller would do with a SealedSecret, where none runs
 *
 * Pure: the SealedSecret and the Secret as the API server has them go in, the Secret to be sent comes out. The rules are the
 * controller's: a Secret of somebody else is never overwritten unless its annotations say so, a patched one keeps what is not
 * ours, an immutable one is left alone. A Secret that is as it should be is not written again.
 */
#pragma once

#include "reconcile/sealed/sealed_secret.h"

#define SEALED_ANNOTATION_MANAGED "sealedsecrets.bitnami.com/managed"
#define SEALED_ANNOTATION_PATCH "sealedsecrets.bitnami.com/patch"

enum sealed_action { SEALED_NOTHING, SEALED_CREATE, SEALED_UPDATE };

/* `sealed` carries its uid; `existing` NULL = there is no such Secret. `secret` is a new reference to create or to put (with the
   resourceVersion of `existing`), NULL for SEALED_NOTHING; it must end with secret_json_done() (wipe.h). ERROR_INVALID: it does
   not open, nothing is to be written; ERROR_CONFLICT: the Secret is somebody else's or immutable. */
bool sealed_reconcile(const json_t *sealed, const json_t *existing, const struct sealing_keys *keys,
	const struct sealed_place *places, size_t place_count, enum sealed_action *action, json_t **secret,
	struct error *err) MUST_CHECK;

/* status of the SealedSecret after that, a new reference: condition Synced and observedGeneration. `failure` NULL = synced. The
   times of `sealed`'s own status are kept while nothing changed, so a quiet pass has nothing to write. */
json_t *sealed_status(const json_t *sealed, const struct error *failure, const char *now);
