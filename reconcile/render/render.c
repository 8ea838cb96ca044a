#include "reconcile/render/render.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/render/job.h"

const char *const render_files[] = {
	"Chart.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization", NULL};

enum render_tool render_tool_of(const char *file)
{
	for (size_t i = 0; render_files[i]; i++)
		if (strcmp(render_files[i], file) == 0)
			return i == 0 ? RENDER_HELM : RENDER_KUSTOMIZE;
	return RENDER_NONE;
}

const char *render_tool_name(enum render_tool tool)
{
	static const char *const names[] = {"nothing", "kustomize", "helm"};
	return names[tool];
}

const char *render_title(enum render_tool tool, const char *path, struct arena *mem)
{
	const char *verb = tool == RENDER_HELM ? "template" : "build";
	return arena_printf(mem, "%s %s %s", render_tool_name(tool), verb, *path ? path : ".");
}

/* ---- the binary ---- */

static const char *executable(const char *path, struct arena *mem)
{
	struct stat status;
	CLEANUP(memory_freep) char *real = realpath(path, NULL);
	if (!real || stat(real, &status) != 0 || !S_ISREG(status.st_mode) || access(real, X_OK) != 0)
		return NULL;
	return arena_copy(mem, real);
}

const char *render_find(enum render_tool tool, const char *configured, struct arena *mem)
{
	if (configured)
		return executable(configured, mem);
	const char *path = getenv("PATH"), *found = NULL;
	for (const char *part = path; part && !found; part = strchr(part, ':') ? strchr(part, ':') + 1 : NULL) {
		int length = (int)strcspn(part, ":");
		/* A relative part would be another folder in each place. */
		if (*part == '/')
			found = executable(
				arena_printf(mem, "%.*s/%s", length, part, render_tool_name(tool)), mem);
	}
	return found;
}

/* ---- one run ---- */

struct run {
	const struct render_job *job;
	struct child child;
	struct frame_reader frame;
};

static void run_done(struct run *run)
{
	child_end(&run->child);
	frame_done(&run->frame);
}

static bool take_answer(struct run *run, bool *ended, struct error *err)
{
	char bytes[4096];
	ssize_t got = read(run->child.answer, bytes, sizeof(bytes));
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ||
			error_set(err, ERROR_RETRY, "cannot read from the rendering process: %s",
				strerror(errno));
	*ended = got == 0;
	(void)frame_feed(&run->frame, bytes, (size_t)got);
	return true;
}

/* What libraries say when they crash is of no use to who wrote the manifests. */
static void drop_messages(struct run *run)
{
	char bytes[1024];
	if (read(run->child.messages, bytes, sizeof(bytes)) == 0) {
		close(run->child.messages);
		run->child.messages = -1;
	}
}

static bool listen_to(struct run *run, struct error *err)
{
	/* Waiting for its turn may take longer than its turn. */
	int64_t deadline = clock_steady() + LIMIT_RENDER_WAIT_SECONDS * 1000L;
	bool ended = false;
	while (!run->frame.ready && !run->frame.failed && !ended) {
		struct pollfd fds[] = {
			{.fd = run->child.answer, .events = POLLIN},
			{.fd = run->child.messages, .events = POLLIN},
			{.fd = run->job->stop, .events = POLLIN},
		};
		int64_t left = deadline - clock_steady();
		if (left <= 0)
			return error_set(err, ERROR_RETRY, "no end within %d s", LIMIT_RENDER_WAIT_SECONDS);
		if (poll(fds, COUNT_OF(fds), (int)left) <= 0)
			continue;
		if (fds[2].revents)
			return error_set(err, ERROR_STOPPED, "the agent is ending");
		if (fds[1].revents)
			drop_messages(run);
		if (fds[0].revents && !take_answer(run, &ended, err))
			return false;
	}
	return run->frame.ready || error_set(err, ERROR_RETRY, "the rendering process died without an answer");
}

static bool read_answer(const struct run *run, struct error *err)
{
	CLEANUP(json_done) json_t *answer = NULL;
	if (!json_read(buf_string(&run->frame.body), run->frame.body.length, &answer, err))
		return error_set(err, ERROR_RETRY, "the rendering process answered with something unexpected");
	int64_t kind = json_number_at(answer, "kind", ERROR_NONE);
	if (kind == ERROR_NONE)
		return true;
	return error_set(err, kind == ERROR_INVALID ? ERROR_INVALID : ERROR_RETRY, "%s",
		json_text_at(answer, "text", ""));
}

/* The kustomization that was changed for this run, whatever became of the run. */
static bool put_back(const struct render_job *job, struct error *err)
{
	CLEANUP(memory_freep) char *kept = memory_printf("%s/kept", job->folder);
	CLEANUP(memory_freep)
	char *path = memory_printf("%s/tree/%s%s%s", job->folder, job->path, *job->path ? "/" : "", job->file);
	if (rename(kept, path) == 0 || errno == ENOENT)
		return true;
	return error_set(err, ERROR_RETRY, "cannot put back %s: %s", path, strerror(errno));
}

static bool run_child(const struct render_job *job, struct error *err)
{
	CLEANUP(run_done)
	struct run run = {
		.job = job,
		.child = {.pid = -1, .ended = -1, .answer = -1, .messages = -1},
		.frame = FRAME_READER(LIMIT_FRAME_BYTES),
	};
	int request;
	if (!job_write(job, &request, err))
		return false;
	bool started = child_start("render-worker", "rendering", request, &run.child, err);
	close(request);
	return started && listen_to(&run, err) && read_answer(&run, err);
}

bool render_run(const struct render_job *job, struct error *err)
{
	struct error unrestored;
	bool ok = run_child(job, err);
	if (put_back(job, &unrestored))
		return ok;
	*err = unrestored;
	return false;
}
