#include "reconcile/kubernetes/kube.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/write_gate.h"
#include "reconcile/kubernetes/access.h"
#include "reconcile/kubernetes/answer.h"

enum {
	BACKOFF_MILLISECONDS = 100,      /* before the second try; doubled for each further one */
	RETRY_AFTER_MAXIMUM = 10 * 1000, /* milliseconds we obey of a Retry-After */
	POLL_MILLISECONDS = 1000,
	TRY_MINIMUM_SECONDS = 2, /* for the last try of a request whose time is nearly up */
	SILENCE_MILLISECONDS = 2000, /* without any answer before it is asked whether the server is there at all */
};

/* One connection's work. */
struct flight {
	struct transfer *transfer;
	struct buf body;
	size_t index; /* of the request */
	bool busy;
	struct error refused; /* by the write gate */
};

struct kube {
	struct access *access;
	struct transfers *transfers;
	struct flight flights[LIMIT_REQUESTS_IN_FLIGHT];
	struct kube_guard guard;
	atomic_uint_fast64_t requests;
	atomic_bool stopped;
	bool gave_up; /* the last run */
	struct error why;
};

/* What is known of one request while kube_run() is at it. */
struct attempt {
	int tries;
	bool renewed; /* the token was read anew for it */
	bool waits;
	int64_t not_before; /* steady clock; while it waits */
	int64_t begun;      /* steady clock: the first try */
};

struct run {
	struct kube *kube;
	struct kube_request *requests;
	struct attempt *attempts;
	size_t count;
	size_t next;    /* the first that was never sent */
	size_t waiting; /* to be sent again */
	size_t flying;
	size_t unanswered; /* given up since the last answer */
	int64_t heard;     /* steady clock: the last answer, or the beginning */
	bool suspected;    /* the guard was told of this silence */
	bool cut_off;      /* the last that ended had no answer: nothing new is sent until one gets one */
	bool unreachable;  /* as many as fly at once were given up in a row: the rest is not even tried */
	struct error why;
};

struct kube *kube_open(const struct kube_config *config)
{
	struct kube *kube = memory_alloc(sizeof(*kube));
	kube->access = access_new(config);
	kube->transfers = transfers_new(LIMIT_REQUESTS_IN_FLIGHT);
	for (size_t i = 0; i < COUNT_OF(kube->flights); i++)
		kube->flights[i].body = (struct buf)BUF(LIMIT_ANSWER_BYTES);
	return kube;
}

void kube_close(struct kube *kube)
{
	if (!kube)
		return;
	for (size_t i = 0; i < COUNT_OF(kube->flights); i++) {
		buf_wipe(&kube->flights[i].body);
		transfer_free(kube->flights[i].transfer);
	}
	transfers_free(kube->transfers);
	access_free(kube->access);
	memory_freep(&kube);
}

void kube_guard(struct kube *kube, const struct kube_guard *guard)
{
	kube->guard = *guard;
}

void kube_stop(struct kube *kube)
{
	atomic_store(&kube->stopped, true);
	transfers_wake(kube->transfers);
}

uint64_t kube_requests(const struct kube *kube)
{
	return atomic_load(&kube->requests);
}

static bool take_body(void *context, const char *bytes, size_t length)
{
	struct flight *flight = context;
	buf_append(&flight->body, bytes, length);
	return !buf_failed(&flight->body);
}

static bool may_send(void *context)
{
	struct flight *flight = context;
	return write_gate_pass(&flight->refused);
}

static bool reads(const struct kube_request *request)
{
	return text_equal(request->method, "GET");
}

/* May be sent again even if the server did it: reading, and server-side apply, which says what shall be. */
static bool repeatable(const struct kube_request *request)
{
	return reads(request) ||
		(text_equal(request->method, "PATCH") &&
			text_equal(request->content_type, "application/apply-patch+yaml"));
}

static int64_t seconds_of(const struct kube_request *request)
{
	return request->seconds ? request->seconds : LIMIT_KUBE_SECONDS;
}

/* Tries of one request share its time. */
static long seconds_left(const struct kube_request *request, const struct attempt *attempt)
{
	int64_t left = seconds_of(request) - (clock_steady() - attempt->begun) / 1000;
	return left > TRY_MINIMUM_SECONDS ? (long)left : TRY_MINIMUM_SECONDS;
}

static void start(struct run *run, struct flight *flight, size_t index)
{
	const struct kube_request *request = &run->requests[index];
	if (!run->attempts[index].tries)
		run->attempts[index].begun = clock_steady();
	if (!flight->transfer)
		flight->transfer = transfer_new();
	const struct access_transfer wanted = {
		.method = request->method,
		.path = request->path,
		.accept = request->accept,
		.content_type = request->content_type,
		.body = request->body,
		.body_length = request->body_length,
		.seconds = seconds_left(request, &run->attempts[index]),
		.fresh = !repeatable(request),
		.on_body = take_body,
		.may_send = reads(request) || request->election ? NULL : may_send,
		.context = flight,
	};
	access_prepare(run->kube->access, flight->transfer, &wanted);
	flight->index = index;
	flight->busy = true;
	flight->refused.kind = ERROR_NONE;
	buf_clear(&flight->body);
	transfers_add(run->kube->transfers, flight->transfer);
	atomic_fetch_add(&run->kube->requests, 1);
	run->attempts[index].tries++;
	run->flying++;
}

/* Gives the connection back to the pool. */
static void land(struct run *run, struct flight *flight)
{
	transfers_remove(run->kube->transfers, flight->transfer);
	flight->busy = false;
	run->flying--;
	if (flight->body.capacity > 1024 * 1024)
		buf_wipe(&flight->body);
}

/* Puts it back; false when its tries or its time are over. */
static bool wait_and_repeat(struct run *run, size_t index, int64_t milliseconds)
{
	struct attempt *attempt = &run->attempts[index];
	int64_t at = clock_steady() + milliseconds;
	if (attempt->tries >= LIMIT_REQUEST_TRIES ||
		at - attempt->begun > seconds_of(&run->requests[index]) * 1000)
		return false;
	attempt->not_before = at;
	attempt->waits = true;
	run->waiting++;
	return true;
}

static int64_t backoff(const struct attempt *attempt)
{
	return (int64_t)BACKOFF_MILLISECONDS << (attempt->tries - 1);
}

/* Worth another try at once: overload, and an etcd that changes its leader. Any other 500 says what is wrong with the
   request or with a webhook, and would say it again. */
static bool passing(const struct flight *flight, int status)
{
	static const char etcd[] = "etcdserver";
	if (status != 500)
		return status == 429 || status > 500;
	return flight->body.length && memmem(flight->body.data, flight->body.length, etcd, strlen(etcd));
}

/* True when the answer means "not now", and the request was put back. */
static bool repeat_answered(struct run *run, const struct flight *flight, int status)
{
	const struct kube_request *request = &run->requests[flight->index];
	struct attempt *attempt = &run->attempts[flight->index];
	if (status == 401 && !attempt->renewed && access_renewable(run->kube->access)) {
		attempt->renewed = true;
		access_renew(run->kube->access, true);
		return wait_and_repeat(run, flight->index, 0);
	}
	if (!passing(flight, status))
		return false;
	int64_t after = transfer_retry_after(flight->transfer);
	/* With Retry-After the server says that it did nothing. */
	if (!after && status != 429 && !repeatable(request))
		return false;
	int64_t wait = after ? after * 1000 : backoff(attempt);
	return wait_and_repeat(run, flight->index, wait < RETRY_AFTER_MAXIMUM ? wait : RETRY_AFTER_MAXIMUM);
}

static void take_answer(struct run *run, const struct flight *flight, int status)
{
	struct kube_request *request = &run->requests[flight->index];
	struct error bad = {0};
	request->status = status;
	request->received = flight->body.length;
	request->error = (struct error){0};
	bool good = status >= 200 && status <= 299;
	if (request->text && good)
		request->answer =
			json_stringn(buf_string(&flight->body), flight->body.length); /* NULL: no UTF-8 */
	bool parsed = (request->text && good) || !flight->body.length ||
		answer_read(flight->body.data, flight->body.length, &request->answer, &bad);
	snprintf(request->reason, sizeof(request->reason), "%s", json_text_at(request->answer, "reason", ""));
	struct answer answer = {.method = request->method,
		.path = request->path,
		.secret = request->secret,
		.status = status,
		.body = request->answer};
	if (!good)
		answer_failure(&answer, &request->error);
	else if (!parsed)
		error_set(&request->error, ERROR_RETRY, "%s %.*s: the API server's answer is %s",
			request->method, (int)strcspn(request->path, "?"), request->path, bad.text);
}

static void take_failure(struct run *run, const struct flight *flight, enum transfer_end end)
{
	struct kube_request *request = &run->requests[flight->index];
	struct attempt *attempt = &run->attempts[flight->index];
	bool silent = !buf_failed(&flight->body);
	if (flight->refused.kind != ERROR_NONE) {
		request->error = flight->refused;
		return;
	}
	bool again = end == TRANSFER_UNCONNECTED || (end == TRANSFER_CUT && repeatable(request));
	run->cut_off = run->cut_off || silent;
	if (again && !atomic_load(&run->kube->stopped) && wait_and_repeat(run, flight->index, backoff(attempt)))
		return;
	const char *server = access_server(run->kube->access);
	int length = (int)strcspn(request->path, "?");
	bool tls = end == TRANSFER_UNTRUSTED;
	request->received = buf_failed(&flight->body) ? LIMIT_ANSWER_BYTES : 0;
	if (buf_failed(&flight->body))
		error_set(&request->error, ERROR_RETRY, "%s %.*s: the API server's answer is over %ld MiB",
			request->method, length, request->path, LIMIT_ANSWER_BYTES / 1024 / 1024);
	else
		error_set(&request->error, tls ? ERROR_DENIED : ERROR_RETRY, "%s: %s %.*s: %s%s", server,
			request->method, length, request->path, transfer_reason(flight->transfer),
			tls ? "; check certificate-authority and client-certificate" : "");
	run->unanswered += silent;
	run->unreachable = run->unanswered >= LIMIT_REQUESTS_IN_FLIGHT;
	run->why = request->error;
}

static void finish(struct run *run, struct flight *flight)
{
	enum transfer_end end = transfer_end(flight->transfer);
	int status = (int)transfer_status(flight->transfer);
	if (end == TRANSFER_ANSWERED) {
		run->cut_off = run->suspected = false;
		run->unanswered = 0;
		run->heard = clock_steady();
	}
	if (end != TRANSFER_ANSWERED)
		take_failure(run, flight, end);
	else if (!repeat_answered(run, flight, status))
		take_answer(run, flight, status);
	if (run->requests[flight->index].secret && flight->body.length)
		explicit_bzero(flight->body.data, flight->body.length);
	land(run, flight);
}

/* The index of the next request to send, or `count` when there is none now. */
static size_t pick(struct run *run)
{
	int64_t now = run->waiting ? clock_steady() : 0;
	for (size_t i = 0; run->waiting && i < run->next; i++) {
		struct attempt *attempt = &run->attempts[i];
		if (!attempt->waits || attempt->not_before > now)
			continue;
		attempt->waits = false;
		run->waiting--;
		return i;
	}
	return run->next < run->count && !(run->cut_off && run->waiting + run->flying) ? run->next++
										       : run->count;
}

static void fill(struct run *run)
{
	for (size_t i = 0; i < COUNT_OF(run->kube->flights); i++) {
		if (run->kube->flights[i].busy)
			continue;
		size_t index = pick(run);
		if (index == run->count)
			return;
		start(run, &run->kube->flights[i], index);
	}
}

static int wait_time(const struct run *run)
{
	int64_t wait = POLL_MILLISECONDS;
	int64_t now = clock_steady();
	for (size_t i = 0; run->waiting && i < run->next; i++)
		if (run->attempts[i].waits && run->attempts[i].not_before - now < wait)
			wait = run->attempts[i].not_before - now;
	return wait > 0 ? (int)wait : 0;
}

/* What was never sent or still waits gets the reason of the one that failed. */
static void give_up(struct run *run, const struct error *why)
{
	for (size_t i = 0; i < run->count; i++) {
		struct attempt *attempt = &run->attempts[i];
		if (i >= run->next || attempt->waits)
			run->requests[i].error = *why;
		attempt->waits = false;
	}
	run->next = run->count;
	run->waiting = 0;
}

static void abandon(struct run *run, const struct error *why)
{
	give_up(run, why);
	for (size_t i = 0; i < COUNT_OF(run->kube->flights); i++) {
		struct flight *flight = &run->kube->flights[i];
		if (!flight->busy)
			continue;
		run->requests[flight->index].error = *why;
		land(run, flight);
	}
}

/* No answer came for a while, and the guard says that none will. */
static bool is_away(struct run *run, struct error *why)
{
	const struct kube_guard *guard = &run->kube->guard;
	if (!guard->reachable || clock_steady() < run->heard + SILENCE_MILLISECONDS)
		return false;
	if (!run->suspected)
		guard->suspect(guard->context);
	run->suspected = true;
	return !guard->reachable(guard->context, why);
}

/* What has to be given up is. */
static void look_around(struct run *run)
{
	struct error why;
	if (atomic_load(&run->kube->stopped)) {
		error_set(&why, ERROR_STOPPED, "stopped");
		abandon(run, &why);
	} else if (run->unreachable) {
		give_up(run, &run->why);
	} else if (is_away(run, &why)) {
		abandon(run, &why);
	}
}

/* Every request as if it had never been sent; false when none can be. */
static bool begin(struct run *run)
{
	const struct kube_guard *guard = &run->kube->guard;
	struct error why = {.kind = ERROR_NONE};
	bool reachable = !guard->reachable || guard->reachable(guard->context, &why);
	for (size_t i = 0; i < run->count; i++) {
		struct kube_request *request = &run->requests[i];
		request->status = 0;
		request->received = 0;
		request->answer = NULL;
		request->error = why;
		request->reason[0] = '\0';
	}
	return reachable;
}

void kube_run(struct kube *kube, struct kube_request *requests, size_t count)
{
	struct run run = {.kube = kube, .requests = requests, .count = count, .heard = clock_steady()};
	if (!count || !begin(&run))
		return;
	run.attempts = memory_alloc(count * sizeof(*run.attempts));
	for (;;) {
		look_around(&run);
		fill(&run);
		transfers_work(kube->transfers);
		for (struct transfer *transfer; (transfer = transfers_next(kube->transfers));)
			finish(&run, transfer_context(transfer));
		if (!run.flying && !run.waiting && run.next == count)
			break;
		if (run.flying == LIMIT_REQUESTS_IN_FLIGHT || run.next == count || run.waiting || run.cut_off)
			transfers_wait(kube->transfers, wait_time(&run));
	}
	memory_freep(&run.attempts);
	kube->gave_up = run.unreachable;
	kube->why = run.why;
}

bool kube_gave_up(const struct kube *kube, struct error *why)
{
	if (kube->gave_up)
		*why = kube->why;
	return kube->gave_up;
}

bool kube_one(struct kube *kube, struct kube_request *request, json_t **answer, struct error *err)
{
	kube_run(kube, request, 1);
	if (request->error.kind != ERROR_NONE) {
		json_decref(request->answer);
		request->answer = NULL;
		*err = request->error;
		return false;
	}
	if (answer)
		*answer = request->answer;
	else
		json_decref(request->answer);
	request->answer = NULL;
	return true;
}
