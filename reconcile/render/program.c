#include "reconcile/render/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/sandbox/sandbox.h"
#include "base/text.h"

enum { MESSAGE_BYTES = 16384, SHOWN_BYTES = 600 };

/* ---- in the new process ---- */

/* What the new process needs, made before it is. */
struct plan {
	const struct render_job *job;
	const char **arguments;   /* ends with NULL */
	const char **environment; /* likewise */
	const char *place;        /* the folder it works in */
	const char **writable, **readable;
	int program, start, messages, output;
	pid_t parent;
};

/* Nothing may be said but through the pipe, and nothing is cleaned up: this is a copy of its parent. */
_Noreturn static void give_up(const char *what)
{
	const char *reason = strerror(errno);
	dprintf(STDERR_FILENO, "it cannot be started: %s: %s\n", what, reason);
	_exit(126);
}

static void set_descriptors(const struct plan *plan)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(plan->output, STDOUT_FILENO) < 0 ||
		dup2(plan->messages, STDERR_FILENO) < 0)
		_exit(126);
}

/* Until the parent has prepared the tree: the end of the pipe without a byte means that there is nothing to do. */
static void wait_for_start(const struct plan *plan)
{
	char byte;
	ssize_t got;
	do
		got = read(plan->start, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(0);
}

/* Every descriptor but the first three and the program's is closed by then: all are closed on exec. */
_Noreturn static void become(const struct plan *plan)
{
	struct error err = {0};
	const struct sandbox sandbox = {
		.what = render_tool_name(plan->job->tool),
		.writable = plan->writable,
		.readable = plan->readable,
		.program = plan->job->program,
		.program_fd = fcntl(plan->program, F_DUPFD_CLOEXEC, SANDBOX_FILES),
		.calls_filtered = true,
		.seconds = plan->job->seconds,
		.file_bytes = LIMIT_RENDER_OUTPUT,
		.address_space = LIMIT_RENDER_ADDRESSES,
		.data_bytes = LIMIT_RENDER_MEMORY,
	};
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != plan->parent)
		_exit(126);
	set_descriptors(plan);
	wait_for_start(plan);
	if (sandbox.program_fd < 0 || chdir(plan->place) != 0)
		give_up(plan->place);
	if (!sandbox_enter(&sandbox, &err)) {
		dprintf(STDERR_FILENO, "it cannot be started: %s\n", err.text);
		_exit(126);
	}
	syscall(SYS_execveat, sandbox.program_fd, "", plan->arguments, plan->environment, AT_EMPTY_PATH);
	give_up(plan->job->program);
}

/* ---- in ours ---- */

static const char **with_end(const char *first, const struct arguments *rest, struct arena *mem)
{
	const char **items = arena_array(mem, rest->count + 2, sizeof(*items));
	items[0] = first;
	for (size_t i = 0; i < rest->count; i++)
		items[i + 1] = rest->items[i];
	return items;
}

/* No PATH: neither tool is to find git, ssh or a plug-in. Go's runtime takes threads and memory by the machine unless told. */
static const char **environment_of(const char *temporary, struct arena *mem)
{
	struct arguments list = {.mem = mem};
	arguments_add(&list, arena_printf(mem, "HOME=%s", temporary));
	arguments_add(&list, arena_printf(mem, "TMPDIR=%s", temporary));
	arguments_add(&list, "LC_ALL=C");
	arguments_add(&list, "TZ=UTC");
	arguments_add(&list, "GOMAXPROCS=2");
	arguments_add(&list, arena_printf(mem, "GOMEMLIMIT=%ld", LIMIT_RENDER_MEMORY / 4 * 3));
	return with_end("PATH=/nonexistent", &list, mem);
}

static const char **one(const char *path, struct arena *mem)
{
	const char **items = arena_array(mem, 2, sizeof(*items));
	items[0] = path;
	return items;
}

/* Not the same file again: a process of the run before may not be quite dead. */
static int open_output(const struct render_job *job, struct arena *mem)
{
	const char *path = job_file(job, "output", mem);
	unlink(path);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

bool program_make(const struct render_job *job, const struct arguments *arguments, struct program *program,
	struct error *err)
{
	struct arena *mem = arguments->mem;
	const char *temporary = job_file(job, "temporary", mem);
	int start[2], messages[2];
	struct plan plan = {
		.job = job,
		.arguments = with_end(render_tool_name(job->tool), arguments, mem),
		.environment = environment_of(temporary, mem),
		.place = arena_printf(mem, "%s/tree/%s", job->folder, job->path),
		.writable = one(temporary, mem),
		.readable = one(job_file(job, "tree", mem), mem),
		.program = open(job->program, O_PATH | O_CLOEXEC),
		.output = open_output(job, mem),
		.parent = getpid(),
	};
	if (plan.program < 0)
		return error_set(err, ERROR_RETRY, "%s: %s", job->program, strerror(errno));
	if (plan.output < 0 || pipe2(start, O_CLOEXEC) != 0 || pipe2(messages, O_CLOEXEC) != 0)
		return error_set(err, ERROR_RETRY, "no room for the output: %s", strerror(errno));
	plan.start = start[0];
	plan.messages = messages[1];
	program->pid = fork();
	if (program->pid == 0) {
		close(start[1]);
		become(&plan);
	}
	if (program->pid < 0)
		return error_set(err, ERROR_RETRY, "cannot start a process: %s", strerror(errno));
	close(start[0]);
	close(messages[1]);
	close(plan.program);
	program->start = start[1];
	program->messages = messages[0];
	program->output = plan.output;
	program->ended = (int)syscall(SYS_pidfd_open, program->pid, 0);
	return program->ended >= 0 ||
		error_set(err, ERROR_RETRY, "cannot follow a process: %s", strerror(errno));
}

/* Kept up to a maximum, read to the end. False at the end. */
static bool take_messages(struct program *program, struct buf *said)
{
	char bytes[4096];
	ssize_t got = read(program->messages, bytes, sizeof(bytes));
	if (got < 0 && errno == EINTR)
		return true;
	size_t room = MESSAGE_BYTES - said->length;
	if (got > 0)
		buf_append(said, bytes, (size_t)got < room ? (size_t)got : room);
	return got > 0;
}

/* Until it has ended; false at the deadline. */
static bool listen_to(struct program *program, int64_t seconds, struct buf *said)
{
	int64_t deadline = clock_steady() + seconds * 1000;
	struct pollfd fds[] = {
		{.fd = program->messages, .events = POLLIN}, {.fd = program->ended, .events = POLLIN}};
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int64_t left = deadline - clock_steady();
		if (left <= 0)
			return false;
		if (poll(fds, COUNT_OF(fds), (int)left) <= 0)
			continue;
		if (fds[0].revents && !take_messages(program, said))
			fds[0].fd = -1;
		if (fds[1].revents)
			fds[1].fd = -1;
	}
	return true;
}

/* ---- what it said ---- */

/* Without the names that only this machine has. */
static char *without(const char *text, const char *place, struct arena *mem)
{
	size_t length = strlen(place);
	char *shown = arena_copy(mem, text), *at = shown;
	while ((at = strstr(at, place))) {
		size_t cut = length + (at[length] == '/');
		memmove(at, at + cut, strlen(at + cut) + 1);
	}
	return shown;
}

/* Go ends a crash with pages of stacks, and a first line that says it; the others end with a line or a few. */
static const char *words_of(const struct buf *said, const struct render_job *job, struct arena *mem)
{
	static const char *const beginnings[] = {"Error: ", "error: "};
	const char *text = without(buf_string(said), job_file(job, "tree", mem), mem);
	text = without(text, job_file(job, "temporary", mem), mem);
	for (size_t i = 0; i < COUNT_OF(beginnings); i++)
		if (text_starts(text, beginnings[i]))
			text += strlen(beginnings[i]);
	char *shown = arena_copy(mem, text);
	char *stacks = strstr(shown, "\n\n");
	if (stacks)
		*stacks = '\0';
	size_t end = strlen(shown);
	while (end && strchr(" \n\t", shown[end - 1]))
		shown[--end] = '\0';
	text_make_printable(shown);
	text_shorten(shown, SHOWN_BYTES);
	return shown;
}

/* What a tool says when it wants something that is not in the commit. */
static const char *hint(const char *said)
{
	static const struct {
		const char *words, *hint;
	} hints[] = {
		{"no 'git' program on path",
			": nothing is fetched from elsewhere: commit the base that it names"},
		{"socket: operation not permitted", ": nothing is fetched from elsewhere: commit what it names"},
		{"missing in charts/ directory",
			": nothing is fetched from elsewhere: run `helm dependency build` and commit charts/"},
		{"must specify --enable-helm",
			": charts are not inflated here: a chart is an Application of its own"},
		{"out of memory", ": it may use 256 MiB"},
		{"cannot allocate memory", ": it may use 256 MiB"},
	};
	for (size_t i = 0; i < COUNT_OF(hints); i++)
		if (strstr(said, hints[i].words))
			return hints[i].hint;
	return "";
}

static bool too_long(const struct program *program)
{
	struct stat status;
	return fstat(program->output, &status) == 0 && status.st_size >= LIMIT_RENDER_OUTPUT;
}

static bool judge(const struct program *program, const struct render_job *job, const struct buf *said,
	int status, struct arena *mem, struct error *err)
{
	if (too_long(program))
		return error_set(err, ERROR_INVALID, "it wrote %ld MiB and more", LIMIT_RENDER_OUTPUT >> 20);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	const char *words = words_of(said, job, mem);
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU))
		return error_set(err, ERROR_INVALID,
			"it was killed, having used %lld s of processor time or all memory that there is",
			(long long)job->seconds);
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_INVALID, "it died of signal %d (%s)%s%s", WTERMSIG(status),
			sigabbrev_np(WTERMSIG(status)), *words ? ": " : "", words);
	if (!*words)
		return error_set(err, ERROR_INVALID, "it ended with %d without a word", WEXITSTATUS(status));
	return error_set(err, ERROR_INVALID, "%s%s", words, hint(words));
}

bool program_run(struct program *program, const struct render_job *job, struct arena *mem, struct error *err)
{
	CLEANUP(buf_done) struct buf said = BUF(MESSAGE_BYTES);
	int status = 0;
	if (write(program->start, "", 1) != 1)
		return error_set(err, ERROR_RETRY, "its process is gone");
	close(program->start);
	program->start = -1;
	/* Ours ends next, and takes it along. */
	if (!listen_to(program, job->seconds, &said))
		return error_set(err, ERROR_INVALID, "it did not end within %lld s", (long long)job->seconds);
	while (waitpid(program->pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, ERROR_RETRY, "its end cannot be seen: %s", strerror(errno));
	return judge(program, job, &said, status, mem, err);
}
