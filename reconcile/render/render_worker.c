#include "reconcile/render/render_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/sandbox/sandbox.h"
#include "reconcile/render/helm.h"
#include "reconcile/render/kustomize.h"
#include "reconcile/render/program.h"

/* The agent may have died before this was set. */
static bool follow_parent(pid_t parent, struct error *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return error_set(err, ERROR_STOPPED, "the agent is gone");
	return true;
}

/* Held until the end of this process. */
static bool take_turn(const struct render_job *job, struct error *err)
{
	if (!job->lock)
		return true;
	int fd = open(job->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	while (fd >= 0 && flock(fd, LOCK_EX))
		if (errno != EINTR)
			fd = -1;
	return fd >= 0 || error_set(err, ERROR_RETRY, "cannot lock %s: %s", job->lock, strerror(errno));
}

/* What the run before left goes: it may have been another Application's. */
static bool make_temporary(const struct render_job *job, struct arena *mem, struct error *err)
{
	const char *path = job_file(job, "temporary", mem);
	if (!file_remove_folder(path, err))
		return false;
	return mkdir(path, 0700) == 0 ||
		error_set(err, ERROR_RETRY, "cannot make %s: %s", path, strerror(errno));
}

static bool make_arguments(const struct render_job *job, struct arguments *arguments, struct error *err)
{
	if (job->tool == RENDER_HELM)
		return helm_arguments(job, arguments, err);
	kustomize_arguments(arguments);
	return true;
}

/* The rights of this process itself: it reads what strangers wrote, too, and has a process below it. */
static bool enter_sandbox(const struct render_job *job, struct error *err)
{
	const char *writable[] = {job->folder, NULL};
	const struct sandbox sandbox = {
		.what = "rendering",
		.writable = writable,
		.calls_filtered = true,
		.seconds = LIMIT_RENDER_SECONDS,
		.file_bytes = LIMIT_RENDER_OUTPUT,
		.address_space = LIMIT_RENDER_ADDRESSES,
	};
	return sandbox_enter(&sandbox, err);
}

static bool run(struct arena *mem, struct error *err)
{
	struct render_job job;
	struct arguments arguments = {.mem = mem};
	struct program program = PROGRAM_NONE;
	pid_t parent;
	return job_read(STDIN_FILENO, mem, &job, &parent, err) && follow_parent(parent, err) &&
		take_turn(&job, err) && make_temporary(&job, mem, err) &&
		make_arguments(&job, &arguments, err) && program_make(&job, &arguments, &program, err) &&
		enter_sandbox(&job, err) &&
		(job.tool != RENDER_KUSTOMIZE || kustomize_prepare(&job, mem, err)) &&
		program_run(&program, &job, mem, err);
}

int render_worker_main(void)
{
	struct error err = {0}, unsent;
	CLEANUP(json_done) json_t *answer = json_object();
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (!run(arena_new((size_t)LIMIT_RENDER_MEMORY), &err)) {
		json_object_set_new(answer, "kind", json_integer(err.kind));
		json_object_set_new(answer, "text", json_text(err.text));
	}
	CLEANUP(memory_freep) char *text = json_canonical(answer);
	bool sent = frame_write(STDOUT_FILENO, text, strlen(text), &unsent);
	/* Not exit(): nothing that runs at the end may meet the filter of system calls. What still runs below dies with us. */
	_exit(sent ? 0 : 1);
}
