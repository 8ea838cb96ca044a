/*
 * syscall_filter.h - a seccomp filter that refuses what a child process never asks for
 *
 * A list of what is allowed (libseccomp). Anything else fails with EPERM, so a library that only tries goes on.
 */
#pragma once

#include "base/error.h"

struct syscall_filter {
	const char *what; /* in messages: "Git" */
	bool network;     /* connections that it makes */
	bool connected;   /* connections that it is handed; without both no socket at all */
	int program_fd;   /* what execveat() may start, -1 = nothing */
	bool required;    /* a kernel without seccomp is an error */
};

bool syscall_filter_enter(const struct syscall_filter *wanted, struct error *err) MUST_CHECK;
