/*
 * manifests.h - what an Application wants, as a document for people
 */
#pragma once

#include "agent/agent.h"

/* {"revision": COMMIT (or "revisions": [COMMIT...] for spec.sources), "items": [object...]} of the last good content, sorted as it is applied in Git's own words; values of
   Secrets are "<hidden>". ERROR_RETRY before any content was read, ERROR_INVALID when it is larger than
   LIMIT_MANIFESTS_BYTES. A new reference. Reconciler thread. */
bool manifests_document(const struct app *app, json_t **document, struct error *err) MUST_CHECK;
