/*
 * job.h - a run on its way to the process that does it (internal to this room)
 */
#pragma once

#include <sys/types.h>

#include "reconcile/render/render.h"

/* Into a file that exists in memory only, positioned at its start; its descriptor is closed on exec. */
bool job_write(const struct render_job *job, int *fd, struct error *err) MUST_CHECK;

/* `parent` becomes the process that asks. */
bool job_read(int fd, struct arena *mem, struct render_job *job, pid_t *parent, struct error *err) MUST_CHECK;

/* A file of the job's folder. */
const char *job_file(const struct render_job *job, const char *name, struct arena *mem);

/* What `text` names from the job's path, or from the root of the tree when it begins with '/': as a name in the tree. False with
   ERROR_INVALID where it leads out of it. */
bool job_resolve(const struct render_job *job, const char *text, struct arena *mem, const char **name,
	struct error *err) MUST_CHECK;

/* The arguments of the tool. */
struct arguments {
	struct arena *mem;
	const char **items;
	size_t count;
};

void arguments_add(struct arguments *arguments, const char *text);
