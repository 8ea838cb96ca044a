/*
 * cluster_drill_guard.c - who drops the database of a drill that is killed: a process that waits for the drill's end, and does nothing else
 *
 * kill -9, or the system's want of memory, leaves nobody to clean up. The end of a pipe tells the guard of it, in whatever way the drill ended; it
 * has a session of its own, so that what ends all of a terminal's programs does not end it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/commands/cluster_drill.h"
#include "base/clock.h"

enum { TOLD = 3, PAUSE = 500, ROUNDS = 2 };

/* At each member that takes writes; an old leader may still do so. True: at one at least none is there any more. */
static bool clear_anywhere(const struct drilling *drilling)
{
	struct error ignored;
	bool found, cleared = false;
	for (size_t i = 0; i < drilling->count; i++)
		cleared = drill_clear(&drilling->ways[i], &found, &ignored) || cleared;
	return cleared;
}

/* The second look is at whoever leads a moment later. */
static void clear(const struct drilling *drilling, int64_t patience)
{
	int64_t end = clock_steady() + patience;
	for (int rounds = 0; rounds < ROUNDS && clock_steady() < end; clock_pause(PAUSE))
		rounds += clear_anywhere(drilling);
}

/* Nothing of the drill's is held: not its output, for whose end somebody waits, nor its connections. */
static bool stand_apart(int told)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok = nothing >= 0 && setsid() >= 0;
	for (int fd = 0; ok && fd < TOLD; fd++)
		ok = dup2(nothing, fd) == fd;
	ok = ok && (told == TOLD || dup2(told, TOLD) == TOLD);
	return ok && close_range(TOLD + 1, ~0U, 0) == 0;
}

static void stand_guard(const struct drilling *drilling, int told, int64_t patience)
{
	char byte;
	ssize_t length = -1;
	if (!stand_apart(told))
		_exit(1);
	while (length < 0) {
		length = read(TOLD, &byte, 1);
		if (length < 0 && errno != EINTR)
			_exit(1);
	}
	if (length == 0)
		clear(drilling, patience);
	_exit(0);
}

struct drill_guard cluster_drill_guard(const struct drilling *drilling, int64_t patience)
{
	struct drill_guard guard = {.pid = -1, .tell = -1};
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) != 0)
		return guard;
	guard.pid = fork();
	if (guard.pid == 0) {
		close(pair[1]);
		stand_guard(drilling, pair[0], patience);
	}
	close(pair[0]);
	if (guard.pid > 0)
		guard.tell = pair[1];
	else
		close(pair[1]);
	return guard;
}

void cluster_drill_guard_end(struct drill_guard *guard)
{
	if (guard->pid <= 0)
		return;
	/* One that is gone already was killed, too. */
	while (write(guard->tell, "", 1) < 0 && errno == EINTR)
		;
	close(guard->tell);
	while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
		;
	guard->pid = -1;
}
