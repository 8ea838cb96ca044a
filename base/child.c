#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE_BYTES = 1024 * 1024 };

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_pair(int pair[2])
{
	close_fd(&pair[0]);
	close_fd(&pair[1]);
}

/* Signals as a fresh program has them: the agent blocks some in its threads and ignores SIGPIPE. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	int failed = posix_spawnattr_setsigmask(attributes, &none);
	failed = failed ? failed : posix_spawnattr_setsigdefault(attributes, &all);
	return failed ? failed
		      : posix_spawnattr_setflags(attributes,
				POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

/* posix_spawn, since the agent has threads: between fork and exec it does nothing that needs a lock. */
static int spawn(const char *command, int request, int answer, int messages, pid_t *pid)
{
	static char name[] = "pgitops";
	char *argv[] = {name, (char *)(uintptr_t)command, NULL};
	/* Nothing of ours; but without any home libgit2's ssh gives up before it asks us about the host key. */
	static char home[] = "HOME=/nonexistent";
	char *environment[] = {home, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;

	int failed = posix_spawn_file_actions_init(&files);
	if (failed)
		return failed;
	failed = posix_spawnattr_init(&attributes);
	if (failed) {
		posix_spawn_file_actions_destroy(&files);
		return failed;
	}
	failed = posix_spawn_file_actions_adddup2(&files, request, STDIN_FILENO);
	failed = failed ? failed : posix_spawn_file_actions_adddup2(&files, answer, STDOUT_FILENO);
	failed = failed ? failed : posix_spawn_file_actions_adddup2(&files, messages, STDERR_FILENO);
	failed = failed ? failed : posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	failed = failed ? failed : set_signals(&attributes);
	failed = failed ? failed : posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return failed;
}

/* A descriptor below 3 (the agent was started with stdin closed) would be overwritten by the dup2 of another. */
static bool above_standard(int *fd)
{
	if (*fd > STDERR_FILENO)
		return true;
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (moved < 0)
		return false;
	close(*fd);
	*fd = moved;
	return true;
}

static bool make_pipe(int pair[2])
{
	return pipe2(pair, O_CLOEXEC) == 0 && above_standard(&pair[0]) && above_standard(&pair[1]) &&
		fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0;
}

bool child_start(const char *command, const char *what, int request, struct child *child, struct error *err)
{
	int answer[2] = {-1, -1}, messages[2] = {-1, -1}, input = -1;
	int failed = 0;
	struct child started = {.pid = -1, .ended = -1, .answer = -1, .messages = -1};

	input = fcntl(request, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (input < 0 || !make_pipe(answer) || !make_pipe(messages))
		failed = errno;
	(void)fcntl(answer[0], F_SETPIPE_SZ, PIPE_BYTES); /* fewer turns; refused above the user's share */
	failed = failed ? failed : spawn(command, input, answer[1], messages[1], &started.pid);
	close_fd(&input);
	close_fd(&answer[1]);
	close_fd(&messages[1]);
	if (failed) {
		close_pair(answer);
		close_pair(messages);
		return error_set(err, ERROR_RETRY, "cannot start the %s process: %s", what, strerror(failed));
	}
	started.answer = answer[0];
	started.messages = messages[0];
	started.ended = (int)syscall(SYS_pidfd_open, started.pid, 0);
	*child = started;
	return true;
}

int child_end(struct child *child)
{
	int status = 0;
	if (child->pid > 0) {
		/* Not yet reaped, so the number is still this process's own. */
		kill(child->pid, SIGKILL);
		while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	child->pid = -1;
	close_fd(&child->ended);
	close_fd(&child->answer);
	close_fd(&child->messages);
	return status;
}
