/*
 * Git tells its pre-commit hook nothing of --amend, and what an amended commit adds is more than what the index adds to HEAD. The command
 * line of the git that waits for this hook says it. Where that cannot be seen the commit is judged as any other, and as a whole by pre-push.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hook/guard.h"
#include "base/file.h"
#include "base/text.h"

/* Shells and hook managers may stand in between. */
enum { PARENTS_MAX = 12 };
#define LINE_BYTES (128L * 1024)

static bool read_proc(long pid, const char *name, struct buf *out)
{
	char path[64];
	struct error ignored;
	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
	return file_read(path, out, &ignored);
}

/* "PID (NAME) STATE PPID ..." */
static long parent_of(long pid)
{
	CLEANUP(buf_done) struct buf text = BUF(4096);
	if (!read_proc(pid, "stat", &text))
		return 0;
	const char *behind = strrchr(buf_string(&text), ')');
	return behind && strlen(behind) > 4 ? strtol(behind + 4, NULL, 10) : 0;
}

/* 1 = `git commit --amend`, 0 = another `git commit`, -1 = something else. */
static int judge(long pid)
{
	CLEANUP(buf_done) struct buf line = BUF(LINE_BYTES);
	if (!read_proc(pid, "cmdline", &line) || !line.length)
		return -1;
	const char *end = line.data + line.length, *slash = strrchr(line.data, '/');
	const char *program = slash ? slash + 1 : line.data;
	bool commits = strcmp(program, "git-commit") == 0;
	if (!text_starts(program, "git"))
		return -1;
	for (const char *word = line.data + strlen(line.data) + 1; word < end && strcmp(word, "--") != 0;
		word += strlen(word) + 1) {
		commits = commits || strcmp(word, "commit") == 0;
		if (commits && text_starts(word, "--am") && text_starts("--amend", word))
			return 1;
	}
	return commits ? 0 : -1;
}

bool guard_is_amending(void)
{
	long pid = getppid();
	for (int i = 0; i < PARENTS_MAX && pid > 1; i++) {
		int answer = judge(pid);
		if (answer >= 0)
			return answer == 1;
		pid = parent_of(pid);
	}
	return false;
}
