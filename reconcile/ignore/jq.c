#include "reconcile/ignore/jq.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum { WALL_FACTOR = 20 }; /* the time of day may pass so much faster than the process gets the processor */

struct jq {
	struct child child;
	int questions; /* its descriptor 0 from our side */
	struct frame_reader frame;
	json_t *killed;  /* expression -> why the process had to be killed */
	int64_t forgets; /* steady clock: when `killed` is emptied */
};

/* ---- the process ---- */

static void end_process(struct jq *jq)
{
	child_end(&jq->child);
	if (jq->questions >= 0)
		close(jq->questions);
	jq->questions = -1;
	frame_next(&jq->frame);
	jq->frame.failed = false;
}

static bool start_process(struct jq *jq, struct error *err)
{
	int pair[2];
	if (jq->questions >= 0)
		return true;
	if (pipe2(pair, O_CLOEXEC))
		return error_set(err, ERROR_RETRY, "cannot make a pipe: %s", strerror(errno));
	bool started = child_start("jq-worker", "jq", pair[0], &jq->child, err);
	close(pair[0]);
	if (started && fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0) {
		jq->questions = pair[1];
		return true;
	}
	close(pair[1]);
	if (started)
		error_set(err, ERROR_RETRY, "cannot use a pipe: %s", strerror(errno));
	child_end(&jq->child);
	return false;
}

static struct jq *jq_new(void)
{
	struct jq *jq = memory_alloc(sizeof(*jq));
	*jq = (struct jq){
		.child = {.pid = -1, .ended = -1, .answer = -1, .messages = -1},
		.questions = -1,
		.frame = FRAME_READER(LIMIT_FRAME_BYTES),
		.killed = json_object(),
	};
	return jq;
}

void jq_rest(struct jq *jq)
{
	if (jq)
		end_process(jq);
}

void jq_close(struct jq **jq)
{
	if (!*jq)
		return;
	end_process(*jq);
	frame_done(&(*jq)->frame);
	json_decref((*jq)->killed);
	free(*jq);
	*jq = NULL;
}

/* ---- talking to it ---- */

/* What it writes as messages (jq's "stderr" and "debug") is read, so that it need not wait, and dropped. */
static void drop_messages(struct jq *jq)
{
	char bytes[1024];
	ssize_t got = read(jq->child.messages, bytes, sizeof(bytes));
	if (got == 0) {
		close(jq->child.messages);
		jq->child.messages = -1;
	}
}

/* Until `fd` is ready for `events`; false when the time is over. */
static bool wait_for(struct jq *jq, int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = fd, .events = events}, {.fd = jq->child.messages, .events = POLLIN}};
		int64_t left = deadline - clock_steady();
		if (left <= 0)
			return false;
		int ready = poll(fds, COUNT_OF(fds), (int)left);
		if (ready > 0 && fds[1].revents)
			drop_messages(jq);
		if (ready > 0 && fds[0].revents)
			return true;
	}
}

static bool send_bytes(struct jq *jq, const char *bytes, size_t length, int64_t deadline)
{
	while (length) {
		ssize_t written = write(jq->questions, bytes, length);
		if (written < 0 && errno == EAGAIN && wait_for(jq, jq->questions, POLLOUT, deadline))
			continue;
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

static bool send_question(struct jq *jq, const struct jq_question *question, struct error *err)
{
	json_t *expressions = json_array();
	for (size_t i = 0; i < question->count; i++)
		json_array_append_new(expressions, json_string(question->expressions[i]));
	CLEANUP(json_done)
	json_t *all = json_pack("{s:o, s:O}", "expressions", expressions, "documents", question->documents);
	char *text = json_canonical(all);
	size_t length = strlen(text);
	int64_t deadline = clock_steady() + WALL_FACTOR * LIMIT_JQ_MILLISECONDS;
	bool fits = length <= LIMIT_FRAME_BYTES;
	char head[4];
	frame_head(length, head);
	bool sent = fits && send_bytes(jq, head, sizeof(head), deadline) &&
		send_bytes(jq, text, length, deadline);
	if (question->secret)
		explicit_bzero(text, length);
	free(text);
	if (!fits)
		return error_set(err, ERROR_INVALID, "the object is too large for jq expressions");
	return sent || error_set(err, ERROR_RETRY, "the jq process does not take its question");
}

/* ---- answers ---- */

/* libjq aborts where it gets no memory; 1.6 has been seen to die of a bad access instead. */
static bool is_fault(int number)
{
	return number == SIGABRT || number == SIGSEGV || number == SIGBUS;
}

/* The process ended, or its time is over. */
static const char *reason_of_end(int status, char text[128])
{
	if (WIFSIGNALED(status) && is_fault(WTERMSIG(status)))
		snprintf(text, 128,
			"jq gave up: it needs more than %ld MiB of memory, or met a fault of its own",
			LIMIT_JQ_MEMORY >> 20);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF)
		snprintf(text, 128, "it takes more than %d ms of processor time", LIMIT_JQ_MILLISECONDS);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		snprintf(text, 128, "no answer within %d s, or killed from outside (for want of memory?)",
			WALL_FACTOR * LIMIT_JQ_MILLISECONDS / 1000);
	else if (WIFSIGNALED(status))
		snprintf(text, 128, "jq died of signal %d", WTERMSIG(status));
	else
		snprintf(text, 128, "jq ended with %d", WEXITSTATUS(status));
	return text;
}

/* Reaped by itself when it is about to go, so that its own status tells why. */
static bool died(struct jq *jq, const char *expression, struct error *err)
{
	char text[128];
	struct pollfd gone = {.fd = jq->child.ended, .events = POLLIN};
	if (jq->frame.failed)
		return error_set(err, ERROR_RETRY, "jq: \"%s\": its answer cannot be read", expression);
	if (gone.fd >= 0)
		(void)poll(&gone, 1, LIMIT_JQ_MILLISECONDS);
	reason_of_end(child_end(&jq->child), text);
	json_object_set_new(jq->killed, expression, json_string(text));
	jq->forgets = clock_steady() + LIMIT_JQ_PAUSE;
	return error_set(err, ERROR_INVALID, "jq: \"%s\": %s", expression, text);
}

static bool read_frame(struct jq *jq)
{
	int64_t deadline = clock_steady() + WALL_FACTOR * LIMIT_JQ_MILLISECONDS;
	char bytes[16384];
	frame_next(&jq->frame);
	while (!jq->frame.ready && !jq->frame.failed) {
		/* Not more than this message: the next one stays in the pipe. */
		size_t missing = frame_missing(&jq->frame);
		if (!wait_for(jq, jq->child.answer, POLLIN, deadline))
			return false;
		ssize_t got = read(jq->child.answer, bytes, missing < sizeof(bytes) ? missing : sizeof(bytes));
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return false;
		frame_feed(&jq->frame, bytes, (size_t)got);
	}
	return jq->frame.ready;
}

static bool read_answer(struct jq *jq, const char *expression, bool secret, json_t **answer, struct error *err)
{
	CLEANUP(json_done) json_t *read = NULL;
	if (!read_frame(jq) || !json_read(buf_string(&jq->frame.body), jq->frame.body.length, &read, err)) {
		died(jq, expression, err);
		end_process(jq);
		return false;
	}
	const char *failure = json_text_at(read, "error", NULL);
	if (failure)
		return error_set(err, ERROR_INVALID, "jq: \"%s\": %s", expression,
			secret && !json_bool_at(read, "compile", false) ? "it fails" : failure);
	*answer = json_incref(read);
	return true;
}

static void add_paths(json_t *all, const json_t *answer)
{
	size_t i;
	json_t *list;
	json_array_foreach (all, i, list)
		json_array_extend(list, json_array_get(json_object_get(answer, "paths"), i));
}

/* Some expression had to be killed, and not long ago. */
static bool was_killed(struct jq *jq, const struct jq_question *question, struct error *err)
{
	if (clock_steady() >= jq->forgets)
		json_object_clear(jq->killed);
	for (size_t i = 0; i < question->count; i++) {
		const char *why = json_string_value(json_object_get(jq->killed, question->expressions[i]));
		if (why)
			return !error_set(err, ERROR_INVALID, "jq: \"%s\": %s", question->expressions[i], why);
	}
	return false;
}

json_t *jq_paths(struct jq **jq, const struct jq_question *question, struct error *err)
{
	if (!*jq)
		*jq = jq_new();
	if (was_killed(*jq, question, err) || !start_process(*jq, err))
		return NULL;
	if (!send_question(*jq, question, err)) {
		end_process(*jq);
		return NULL;
	}
	CLEANUP(json_done) json_t *all = json_array();
	struct error first = {0};
	for (size_t i = 0; i < json_array_size(question->documents); i++)
		json_array_append_new(all, json_array());
	for (size_t i = 0; i < question->count; i++) {
		CLEANUP(json_done) json_t *answer = NULL;
		struct error failure;
		if (read_answer(*jq, question->expressions[i], question->secret, &answer, &failure)) {
			add_paths(all, answer);
			continue;
		}
		if (first.kind == ERROR_NONE)
			first = failure;
		if ((*jq)->questions < 0) /* it is gone: no more answers */
			break;
	}
	if (first.kind != ERROR_NONE) {
		*err = first;
		return NULL;
	}
	return json_incref(all);
}

const char *jq_objection(struct jq **jq, const char *expression, struct arena *mem)
{
	CLEANUP(json_done) json_t *none = json_array();
	struct error err;
	const struct jq_question question = {&expression, 1, none, false};
	CLEANUP(json_done) json_t *paths = jq_paths(jq, &question, &err);
	if (paths || err.kind != ERROR_INVALID)
		return NULL;
	const char *words = strstr(err.text, "\": ");
	return arena_copy(mem, words ? words + strlen("\": ") : err.text);
}
