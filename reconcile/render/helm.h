/*
 * helm.h - source.helm as arguments of `helm template` (internal to this room)
 */
#pragma once

#include "base/json.h"
#include "reconcile/render/job.h"

/* Writes the values that stand in the Application into "values.yaml" of the job's temporary folder. ERROR_INVALID where a file of
   values is not there or outside of the tree. */
bool helm_arguments(const struct render_job *job, struct arguments *arguments, struct error *err) MUST_CHECK;
