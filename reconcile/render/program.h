/*
 * program.h - the tool's own process: made before anything foreign is read, started when that is prepared (internal to this room)
 */
#pragma once

#include "base/buf.h"
#include "reconcile/render/job.h"

struct program {
	pid_t pid;
	int ended;    /* pidfd */
	int start;    /* one byte into it, and the tool starts */
	int messages; /* its descriptor 2 */
	int output;   /* its descriptor 1, a file */
};

#define PROGRAM_NONE                                                                                         \
	{                                                                                                    \
		.pid = -1, .ended = -1, .start = -1, .messages = -1, .output = -1                            \
	}

/* The process waits with nothing but the rights that the tool will have to take; it dies with this one. */
bool program_make(const struct render_job *job, const struct arguments *arguments, struct program *program,
	struct error *err) MUST_CHECK;

/* Starts the tool and waits for its end. ERROR_INVALID with its own words when it fails or meets a limit. */
bool program_run(struct program *program, const struct render_job *job, struct arena *mem,
	struct error *err) MUST_CHECK;
