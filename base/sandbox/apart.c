#include "base/sandbox/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return written;
}

/* Itself to itself, which everybody may map (user_namespaces(7)). */
static bool enter(void)
{
	char users[64], groups[64];
	snprintf(users, sizeof(users), "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	snprintf(groups, sizeof(groups), "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0 &&
		write_text("/proc/self/uid_map", users) && write_text("/proc/self/setgroups", "deny") &&
		write_text("/proc/self/gid_map", groups);
}

bool apart_is_possible(void)
{
	int status = 1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(enter() ? 0 : 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool apart_enter(struct error *err)
{
	return enter() || error_set(err, ERROR_BUG, "cannot enter namespaces of its own: %s", strerror(errno));
}
