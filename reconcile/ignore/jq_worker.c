/*
 * The process gives its rights away before it reads anything: no new descriptor can be opened, system calls are an allow list, memory
 * and processor time have limits. What is left is arithmetic between two pipes.
 */
#include "reconcile/ignore/jq_worker.h"

#include <errno.h>
#include <jq.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/limits.h"
#include "base/memory.h"

/* ---- rights ---- */

static const int allowed[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(getrandom),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(setitimer),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(sched_yield),
	SCMP_SYS(restart_syscall),
};

/* As far as the kernel has it, as with the Git process: the other limits hold without it. */
static void filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool complete = filter != NULL;
	for (size_t i = 0; complete && i < COUNT_OF(allowed); i++)
		complete = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
	/* abort() signals itself, and nobody else. */
	complete = complete &&
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)) == 0;
	if (complete)
		(void)seccomp_load(filter);
	seccomp_release(filter);
}

static bool limit(__rlimit_resource_t resource, rlim_t maximum)
{
	const struct rlimit value = {maximum, maximum};
	return setrlimit(resource, &value) == 0;
}

static bool enter_sandbox(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
		prctl(PR_SET_PDEATHSIG, SIGKILL))
		return false;
	filter_calls();
	return true;
}

/* Before the filter, which has no room for it. */
static bool limit_resources(void)
{
	bool limited = limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, 0) && limit(RLIMIT_FSIZE, 0);
#ifndef PGITOPS_SANITIZED /* a sanitizer's shadow memory alone needs terabytes of address space */
	limited = limited && limit(RLIMIT_AS, (rlim_t)LIMIT_JQ_MEMORY);
#endif
	return limited;
}

/* The kernel ends the process with SIGPROF when an expression has used its time: processor time, so that a busy machine does not
   fail what is fine. 0 = no limit. */
static void allow_time(long milliseconds)
{
	const struct itimerval timer = {
		.it_value = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000}};
	(void)setitimer(ITIMER_PROF, &timer, NULL);
}

/* ---- programs ---- */

/* Compiled once: jq 1.6 takes 15 ms for it. */
struct program {
	char *expression;
	jq_state *jq;
	jv objection; /* jq's words when it did not compile */
};

struct programs {
	struct program items[LIMIT_JQ_EXPRESSIONS];
	size_t count;
};

/* The first line is the reason, what follows repeats the program. */
static void take_objection(void *context, jv message)
{
	struct program *program = context;
	jv text = jq_format_error(message);
	if (jv_get_kind(program->objection) == JV_KIND_STRING || jv_get_kind(text) != JV_KIND_STRING) {
		jv_free(text);
		return;
	}
	const char *words = jv_string_value(text);
	static const char prefix[] = "jq: error: ";
	if (strncmp(words, prefix, strlen(prefix)) == 0)
		words += strlen(prefix);
	size_t length = strcspn(words, "\n");
	static const char *const ends[] = {" at <top-level>", " (Unix shell quoting issues?)"};
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		const char *end = strstr(words, ends[i]);
		if (end && (size_t)(end - words) < length)
			length = (size_t)(end - words);
	}
	program->objection = jv_string_sized(words, (int)length);
	jv_free(text);
}

/* `input` calls it without a look whether there is one. */
static jv no_input(jq_state *jq, void *context)
{
	(void)jq;
	(void)context;
	return jv_invalid_with_msg(jv_string("there is no other input"));
}

static void compile(struct program *program)
{
	/* A line of its own: the expression may end with a comment. */
	char *text = memory_printf("[path((%s\n))]", program->expression);
	program->jq = jq_init();
	jq_set_error_cb(program->jq, take_objection, program);
	jq_set_input_cb(program->jq, no_input, NULL);
	bool compiled = jq_compile(program->jq, text);
	if (!compiled && jv_get_kind(program->objection) != JV_KIND_STRING)
		program->objection = jv_string("it does not compile");
	if (compiled && jv_get_kind(program->objection) == JV_KIND_STRING) {
		jv_free(program->objection);
		program->objection = jv_null();
	}
	free(text);
}

static struct program *find_program(struct programs *programs, const char *expression)
{
	for (size_t i = 0; i < programs->count; i++)
		if (strcmp(programs->items[i].expression, expression) == 0)
			return &programs->items[i];
	if (programs->count == COUNT_OF(programs->items))
		return NULL;
	struct program *program = &programs->items[programs->count++];
	*program = (struct program){.expression = memory_copy(expression), .objection = jv_null()};
	compile(program);
	return program;
}

/* What jq says when it looks into something that is not there. */
static bool met_null(const char *words)
{
	static const char *const beginnings[] = {
		"Cannot iterate over null", "Cannot index null", "null (null)"};
	for (size_t i = 0; i < COUNT_OF(beginnings); i++)
		if (strncmp(words, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* In jq's words; the empty list of paths where it is none. */
static jv failure_of(struct program *program, jv result)
{
	if (jq_halted(program->jq)) {
		jv_free(result);
		return jv_string("it halts");
	}
	jv message = jv_invalid_get_msg(result);
	if (jv_get_kind(message) != JV_KIND_STRING)
		message = jv_dump_string(message, 0);
	if (!met_null(jv_string_value(message)))
		return message;
	jv_free(message);
	return jv_array();
}

/* The list of paths; a string is a failure. */
static jv run_program(struct program *program, jv document)
{
	jq_start(program->jq, document, 0);
	jv result = jq_next(program->jq);
	return jv_is_valid(result) ? result : failure_of(program, result);
}

/* ---- answers ---- */

static jv error_answer(jv words)
{
	return jv_object_set(jv_object(), jv_string("error"), words);
}

static jv answer_of(struct programs *programs, const char *expression, jv documents)
{
	struct program *program = find_program(programs, expression);
	if (!program)
		return error_answer(jv_string("there are too many expressions"));
	if (jv_get_kind(program->objection) == JV_KIND_STRING)
		return jv_object_set(
			error_answer(jv_copy(program->objection)), jv_string("compile"), jv_true());
	jv all = jv_array();
	for (int i = 0; i < jv_array_length(jv_copy(documents)); i++) {
		jv paths = run_program(program, jv_array_get(jv_copy(documents), i));
		if (jv_get_kind(paths) != JV_KIND_ARRAY) {
			jv_free(all);
			return error_answer(paths);
		}
		all = jv_array_append(all, paths);
	}
	return jv_object_set(jv_object(), jv_string("paths"), all);
}

static bool send_answer(jv answer, struct error *err)
{
	jv text = jv_dump_string(answer, 0);
	const char *bytes = jv_string_value(text);
	size_t length = (size_t)jv_string_length_bytes(jv_copy(text));
	static const char large[] = "{\"error\":\"it names too many places\"}";
	bool sent = length <= LIMIT_FRAME_BYTES ? frame_write(STDOUT_FILENO, bytes, length, err)
						: frame_write(STDOUT_FILENO, large, strlen(large), err);
	jv_free(text);
	return sent;
}

static bool answer_question(struct programs *programs, const struct buf *body, struct error *err)
{
	jv question = jv_parse_sized(buf_string(body), (int)body->length);
	bool sent = jv_get_kind(question) == JV_KIND_OBJECT;
	jv expressions = sent ? jv_object_get(jv_copy(question), jv_string("expressions")) : jv_array();
	jv documents = sent ? jv_object_get(question, jv_string("documents")) : question;
	for (int i = 0; sent && i < jv_array_length(jv_copy(expressions)); i++) {
		jv expression = jv_array_get(jv_copy(expressions), i);
		allow_time(LIMIT_JQ_MILLISECONDS);
		jv answer = answer_of(programs, jv_string_value(expression), documents);
		allow_time(0);
		sent = send_answer(answer, err);
		jv_free(expression);
	}
	jv_free(expressions);
	jv_free(documents);
	return sent;
}

int jq_worker_main(void)
{
	static struct programs programs; /* ends with the process */
	struct error err;
	struct frame_reader frame = FRAME_READER(LIMIT_FRAME_BYTES);
	signal(SIGPIPE, SIG_IGN);
	if (!limit_resources() || !enter_sandbox())
		_exit(2);
	/* _exit(): nothing that runs at the end may meet the filter of system calls. */
	for (;; frame_next(&frame))
		if (!frame_read(STDIN_FILENO, &frame, &err) || !answer_question(&programs, &frame.body, &err))
			_exit(0);
}
