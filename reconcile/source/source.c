#include "reconcile/source/source.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/source/answer.h"
#include "base/child.h"
#include "base/frame.h"
#include "reconcile/source/gpg.h"
#include "reconcile/source/rendering.h"
#include "reconcile/source/repository.h"
#include "reconcile/source/request.h"
#include "reconcile/source/url.h"

enum {
	WORKER_MARGIN =
		300, /* milliseconds that the Git process has less than we, to report its own end of time */
	STDERR_KEPT = 2048,
};

/* One run, from the start of the process to its end. */
struct run {
	const struct source_request *request;
	struct child child;
	struct frame_reader frame;
	struct answer answer;
	struct buf messages;
	int64_t deadline; /* on the steady clock */
	bool ended;       /* it closed its answer */
	bool crashed;     /* it did so on its own, without an answer */
};

void source_access_done(struct source_access *access)
{
	secret_done(&access->password);
	secret_done(&access->bearer);
	secret_done(&access->ssh_key);
	secret_done(&access->client_key);
	secret_done(&access->app_key);
}

static bool take_bytes(struct run *run, const char *bytes, size_t size, struct error *err)
{
	while (size) {
		size_t taken = frame_feed(&run->frame, bytes, size);
		bytes += taken;
		size -= taken;
		if (run->frame.failed)
			return error_set(err, ERROR_INVALID, "one object is larger than %ld MiB",
				LIMIT_FRAME_BYTES >> 20);
		if (!run->frame.ready)
			continue;
		if (!answer_take(&run->answer, buf_string(&run->frame.body), run->frame.body.length, err))
			return false;
		frame_next(&run->frame);
	}
	return true;
}

static bool take_answer(struct run *run, struct error *err)
{
	char bytes[65536];
	for (;;) {
		ssize_t got = read(run->child.answer, bytes, sizeof(bytes));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ||
				error_set(err, ERROR_RETRY, "cannot read from the Git process: %s",
					strerror(errno));
		if (got == 0) {
			run->ended = true;
			return true;
		}
		if (!take_bytes(run, bytes, (size_t)got, err))
			return false;
	}
}

/* What the libraries say when they crash; read to the end so that nobody waits, kept up to a maximum. */
static void take_messages(struct run *run)
{
	char bytes[1024];
	ssize_t got = read(run->child.messages, bytes, sizeof(bytes));
	if (got == 0) {
		close(run->child.messages);
		run->child.messages = -1;
	}
	size_t room = STDERR_KEPT - run->messages.length;
	if (got > 0)
		buf_append(&run->messages, bytes, (size_t)got < room ? (size_t)got : room);
}

static bool out_of_time(const struct run *run, struct error *err)
{
	const char *step = run->answer.step;
	return error_set(err, ERROR_RETRY,
		"no end within %lld s%s%s: the Git process was stopped, the last good state stays",
		(long long)(run->request->deadline / 1000), *step ? " while " : "", step);
}

/* Until the answer is complete, or its end, or ours. */
static bool listen_to(struct run *run, struct error *err)
{
	while (!run->ended && !run->answer.complete) {
		struct pollfd fds[] = {
			{.fd = run->child.answer, .events = POLLIN},
			{.fd = run->child.messages, .events = POLLIN},
			{.fd = run->request->stop, .events = POLLIN},
		};
		int64_t left = run->deadline - clock_steady();
		if (left <= 0)
			return out_of_time(run, err);
		int ready = poll(fds, COUNT_OF(fds), (int)left);
		if (ready < 0 && errno != EINTR)
			return error_set(
				err, ERROR_BUG, "cannot wait for the Git process: %s", strerror(errno));
		if (ready <= 0)
			continue;
		if (fds[2].revents)
			return error_set(err, ERROR_STOPPED, "the agent is ending");
		if (fds[1].revents)
			take_messages(run);
		if (fds[0].revents && !take_answer(run, err))
			return false;
	}
	return true;
}

/* It ended without an answer: give it the moment to be gone by itself, so that its own status tells why. */
static bool died(struct run *run, struct error *err)
{
	struct pollfd gone = {.fd = run->child.ended, .events = POLLIN};
	int64_t left = run->deadline - clock_steady();
	if (gone.fd >= 0)
		(void)poll(&gone, 1, left > 0 ? (int)left : 0);
	if (run->child.messages >= 0)
		take_messages(run);
	int status = child_end(&run->child);
	const char *said = buf_string(&run->messages);
	int length = (int)strcspn(said, "\n");
	const char *step = *run->answer.step ? run->answer.step : "starting";
	/* Not SIGABRT, which is memory at its limit, nor SIGKILL, which is somebody else's will. */
	run->crashed = WIFEXITED(status) || WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS ||
		WTERMSIG(status) == SIGFPE || WTERMSIG(status) == SIGILL;
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_RETRY, "the Git process died of signal %d (%s) while %s%s%.*s",
			WTERMSIG(status), sigabbrev_np(WTERMSIG(status)), step, length ? ": " : "", length,
			said);
	return error_set(err, ERROR_RETRY, "the Git process ended with %d while %s%s%.*s",
		WEXITSTATUS(status), step, length ? ": " : "", length, said);
}

static bool run_child(struct run *run, struct error *err)
{
	int request;
	if (!request_write(run->request, run->request->deadline - WORKER_MARGIN, &request, err))
		return false;
	bool started = child_start("git-worker", "Git", request, &run->child, err);
	close(request);
	if (!started || !listen_to(run, err))
		return false;
	if (!run->answer.complete)
		return died(run, err);
	if (run->answer.error.kind == ERROR_NONE)
		return true;
	*err = run->answer.error;
	return false;
}

/* An answer without changes is about a commit that was judged when it was read. */
static bool judge_signature(struct run *run, struct arena *mem, struct error *err)
{
	struct source_result *result = &run->answer.result;
	const struct signature *signature = &run->answer.signature;
	if (!run->request->signers.required || result->unchanged || *result->signer)
		return true;
	if (!signature->text)
		return error_set(err, ERROR_BUG,
			"the Git process says nothing about the signature of commit %s", result->commit);
	const struct gpg_question question = {
		.keys = run->request->signers.gpg_keys,
		.signature = signature->text,
		.signature_length = signature->text_length,
		.payload = signature->payload,
		.payload_length = signature->payload_length,
		.deadline = run->deadline,
	};
	struct error why = {0};
	return gpg_verify(&question, mem, &result->signer, &why) ||
		error_set(err, why.kind, "commit %s %s", result->commit, why.text);
}

static void run_done(struct run *run)
{
	child_end(&run->child);
	frame_done(&run->frame);
	buf_done(&run->messages);
}

static bool run_once(const struct source_request *request, int64_t deadline, struct arena *mem,
	struct source_result *result, bool *crashed, struct error *err)
{
	CLEANUP(run_done)
	struct run run = {
		.request = request,
		.child = {.pid = -1, .ended = -1, .answer = -1, .messages = -1},
		.frame = FRAME_READER(LIMIT_FRAME_BYTES),
		.messages = BUF(STDERR_KEPT),
		.deadline = deadline,
	};
	answer_start(&run.answer, request, mem);
	if (run_child(&run, err) && judge_signature(&run, mem, err)) {
		*result = run.answer.result;
		return true;
	}
	*crashed = run.crashed;
	return false;
}

static bool read_signers(struct source_signers *signers, struct arena *mem, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	if (!signers->required || !signers->ssh_keys)
		return true;
	if (!file_read(signers->ssh_keys, &text, err))
		return error_prefix(err, "the keys that may sign cannot be read");
	signers->allowed = arena_copy(mem, buf_string(&text));
	return true;
}

/* Once more where it crashed: libgit2 may do so on a damaged file, and the repository is made anew. */
static bool read_or_renew(struct source_request *request, const struct url *url, struct arena *mem,
	struct source_result *result, struct error *err)
{
	struct error ignored = {0};
	bool crashed = false;
	int64_t deadline = clock_steady() + request->deadline;
	if (run_once(request, deadline, mem, result, &crashed, err))
		return true;
	if (!crashed || request->offline || !repository_remove(request->folder, url, mem, &ignored))
		return false;
	request->deadline = deadline - clock_steady();
	crashed = false;
	return request->deadline > WORKER_MARGIN && run_once(request, deadline, mem, result, &crashed, err);
}

/* From the disk, so no crash is a reason to throw it away. */
static bool read_rendered(const struct source_request *request, struct arena *mem,
	struct source_result *result, struct error *err)
{
	bool crashed = false;
	return run_once(request, clock_steady() + request->deadline, mem, result, &crashed, err);
}

bool source_read(const struct source_request *request, struct arena *mem, struct source_result *result,
	struct error *err)
{
	struct url url;
	struct source_request bounded = *request;

	if (!url_parse(request->url, mem, &url, err))
		return error_prefix(err, "repository %s", source_url_shown(request->url, mem));
	if (!read_signers(&bounded.signers, mem, err))
		return false;
	if (bounded.deadline <= WORKER_MARGIN || bounded.deadline > LIMIT_GIT_SECONDS * 1000)
		bounded.deadline = LIMIT_GIT_SECONDS * 1000;
	int64_t allowed = bounded.deadline;
	rendering_prepare(&bounded, mem);
	bool read = read_or_renew(&bounded, &url, mem, result, err);
	bounded.deadline = allowed;
	read = read && rendering_complete(&bounded, &url, read_rendered, mem, result, err);
	rendering_end(&bounded, &url, mem);
	return read || error_prefix(err, "%s", url.shown);
}

bool source_sweep(const char *folder, struct error *err)
{
	return repository_sweep_all(folder, err);
}
