/*
 * kustomize.h - what an Application changes in a kustomization, as `kustomize edit` would (internal to this room)
 *
 * Argo CD edits the kustomization of the path itself, it lays none over it: an image that the file replaces is found by its old name.
 */
#pragma once

#include "base/json.h"
#include "reconcile/render/job.h"

void kustomize_arguments(struct arguments *arguments);

/* Writes the options into the kustomization of the tree; the file as it was goes to "kept" in the job's folder. Without options
   nothing is touched. */
bool kustomize_prepare(const struct render_job *job, struct arena *mem, struct error *err) MUST_CHECK;

/* Pure: `kustomization` as `options` (source.kustomize) want it. */
bool kustomize_change(json_t *kustomization, const json_t *options, struct error *err) MUST_CHECK;
