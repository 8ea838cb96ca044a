/*
 * child.h - a process of this same program as its parent sees it: started, listened to, ended
 *
 * What must not happen in a process with threads and rights (libraries that hang or crash, programs of strangers) happens in
 * one of these: it has no environment of ours, and nothing open but what it is handed.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"

struct child {
	pid_t pid;
	int ended;    /* pidfd: readable once it has ended */
	int answer;   /* its descriptor 1 */
	int messages; /* its descriptor 2 */
};

/* Starts this very program again as `pgitops COMMAND` ("git-worker") with nothing open but `request` as descriptor 0 and two
   pipes. Does not close `request`. `what` is its name in messages: "Git". */
bool child_start(const char *command, const char *what, int request, struct child *child,
	struct error *err) MUST_CHECK;

/* Kills it if it still runs, reaps it, closes everything. Returns the wait status. */
int child_end(struct child *child);
