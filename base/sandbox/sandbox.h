/*
 * sandbox.h - takes from a child process every right that its work does not need
 *
 * Landlock for files, seccomp for system calls, resource limits for the rest. Each is used as far as the kernel has
 * it; none is undone later. Meant for a process that has no threads yet.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum { SANDBOX_FILES = 256 }; /* open descriptors: their numbers are below */

struct sandbox {
	const char *what;            /* in messages: "Git" */
	const char *const *writable; /* folders, ends with NULL; never NULL itself */
	const char *const *readable; /* further files and folders, ends with NULL; missing ones are passed over */
	bool network;                /* connections to the outside, with what resolves names */
	bool connected; /* without `network`: sockets that somebody hands to it work; it makes none, and a connect() does
			   nothing and succeeds, as libcurl needs it. By seccomp alone */
	bool apart; /* in namespaces of its own, where they may be had (apart.h); then only files of its own user are there for it */
	/* Where connections by TCP may go, as far as the kernel can tell (Landlock since Linux 6.7): to these ports, and to the name server's.
	   NULL = everywhere. */
	const uint16_t *ports;
	size_t port_count;
	bool certificates;   /* the system's CA certificates are needed */
	const char *program; /* the one file that may be executed, or NULL = none */
	/* Of `program`, for execveat() with AT_EMPTY_PATH, the only way that is open. Closed by it, and at least SANDBOX_FILES: no
	   descriptor can have this number ever after. */
	int program_fd;
	bool calls_filtered; /* a kernel without seccomp is refused */
	int64_t seconds;     /* of CPU */
	int64_t file_bytes;  /* of one file it writes */
	/* Of memory, 0 = no limit. Not in a sanitizer's own process, whose shadow memory alone needs terabytes. */
	int64_t address_space;
	int64_t data_bytes;
};

bool sandbox_enter(const struct sandbox *sandbox, struct error *err) MUST_CHECK;
