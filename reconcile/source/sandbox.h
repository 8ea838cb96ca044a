/*
 * sandbox.h - takes from the Git process every right that reading a repository does not need
 *
 * Landlock for files, seccomp for system calls, resource limits for the rest. Each is used as far as the kernel has
 * it; none is undone later. Meant for a process that has no threads yet.
 */
#pragma once

#include "base/error.h"

struct sandbox {
	const char *writable;        /* folder of this repository */
	bool certificates;           /* the system's CA certificates are needed */
	const char *const *readable; /* further files and folders, ends with NULL; missing ones are passed over */
	int64_t seconds;             /* of CPU */
};

bool sandbox_enter(const struct sandbox *sandbox, struct error *err) MUST_CHECK;
