/*
 * fixture.h - what the tests of base/ begin with
 */
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/error.h"

/* Does the function end the process by abort()? It runs in a child whose stderr is closed. */
static inline bool fixture_aborts(void (*function)(void))
{
	int status;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		function();
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* A fresh folder below /tmp; the test removes it. */
static inline char *fixture_folder(void)
{
	char *path = strdup("/tmp/pgitops-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}
