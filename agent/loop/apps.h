/*
 * apps.h - the Applications the agent knows
 *
 * They come from a folder (agent file: applications) or as objects of the cluster. What is remembered of an Application outlives
 * the process in the store, and in its own status. Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"

/* Reads the folder anew. Mistakes keep the set as it was; false with all of them in `err`. */
bool apps_load_folder(struct agent *agent, struct error *err) MUST_CHECK;

/* A file of the folder was added, changed or removed since this was asked last. */
bool apps_folder_changed(struct agent *agent);

/* Takes the objects that appeared, changed or went out of the inbox. */
void apps_collect(struct agent *agent);

/* All there are have been taken: those that only the store knows are gone from the configuration, and are forgotten there. */
void apps_forget_others(struct agent *agent);

/* Writes status back to the objects of the cluster where it changed; consumes `refresh` and `operation`. */
void apps_write_status(struct agent *agent, struct app *app);

/* Takes over which phase the object shows, unless it is older than our last status. False when that is nothing new. */
bool apps_see_phase(struct app *app);

void apps_free(struct agent *agent);

/* `source` into the spec instead of its own: spec.source, or where it is a list spec.sources. */
void apps_set_source(json_t *spec, const json_t *source);

/* Over the parts of the spec that say what is wanted, and where: with `source` (apps_set_source) instead of its own, NULL = that. */
void apps_source_hash(const struct app *app, const json_t *source, char hash[17]);

/* metadata.resourceVersion as a number, 0 = none. */
uint64_t application_version(const json_t *document);
