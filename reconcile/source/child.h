/*
 * child.h - the Git process as the agent sees it: started, listened to, ended
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

/* Starts this very program again as `pgitops git-worker` with no environment of ours and nothing open but `request` as
   descriptor 0 and two pipes. Does not close `request`. */
bool child_start(int request, struct child *child, struct error *err) MUST_CHECK;

/* Kills it if it still runs, reaps it, closes everything. Returns the wait status. */
int child_end(struct child *child);
