#include "reconcile/kubernetes/kube.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/access.h"
#include "reconcile/kubernetes/answer.h"

enum {
	BACKOFF_MILLISECONDS = 100,      /* before the second try; doubled for each further one */
	RETRY_AFTER_MAXIMUM = 10 * 1000, /* milliseconds we obey of a Retry-After */
	POLL_MILLISECONDS = 1000,
	TRY_MINIMUM_SECONDS = 2, /* for the last try of a request whose time is nearly up */
	LIST_TRIES = 3,          /* of a whole list whose continue token ended */
};

/* One connection's work. */
struct flight {
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	size_t index; /* of the request */
	bool busy;
};

struct kube {
	struct access *access;
	CURLM *multi;
	struct flight flights[LIMIT_REQUESTS_IN_FLIGHT];
	atomic_uint_fast64_t requests;
	atomic_bool stopped;
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
	bool cut_off;      /* the last that ended had no answer: nothing new is sent until one gets one */
	bool unreachable;  /* as many as fly at once were given up in a row: the rest is not even tried */
	struct error why;
};

struct kube *kube_open(const struct kube_config *config)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	struct kube *kube = memory_alloc(sizeof(*kube));
	kube->access = access_new(config);
	kube->multi = curl_multi_init();
	if (!kube->multi)
		memory_fail("curl_multi_init", 0);
	curl_multi_setopt(kube->multi, CURLMOPT_MAXCONNECTS, (long)LIMIT_REQUESTS_IN_FLIGHT);
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
		curl_easy_cleanup(kube->flights[i].easy);
	}
	curl_multi_cleanup(kube->multi);
	access_free(kube->access);
	memory_freep(&kube);
}

void kube_stop(struct kube *kube)
{
	atomic_store(&kube->stopped, true);
	curl_multi_wakeup(kube->multi);
}

uint64_t kube_requests(const struct kube *kube)
{
	return atomic_load(&kube->requests);
}

static size_t receive(char *bytes, size_t size, size_t count, void *context)
{
	struct buf *body = context;
	buf_append(body, bytes, size * count);
	return buf_failed(body) ? 0 : size * count;
}

/* May be sent again even if the server did it: reading, and server-side apply, which says what shall be. */
static bool repeatable(const struct kube_request *request)
{
	return text_equal(request->method, "GET") ||
		(text_equal(request->method, "PATCH") &&
			text_equal(request->content_type, "application/apply-patch+yaml"));
}

/* Tries of one request share its time. */
static long seconds_left(const struct attempt *attempt)
{
	int64_t left = LIMIT_KUBE_SECONDS - (clock_steady() - attempt->begun) / 1000;
	return left > TRY_MINIMUM_SECONDS ? (long)left : TRY_MINIMUM_SECONDS;
}

static void start(struct run *run, struct flight *flight, size_t index)
{
	const struct kube_request *request = &run->requests[index];
	if (!run->attempts[index].tries)
		run->attempts[index].begun = clock_steady();
	if (!flight->easy)
		flight->easy = curl_easy_init();
	if (!flight->easy)
		memory_fail("curl_easy_init", 0);
	struct access_transfer transfer = {
		.method = request->method,
		.path = request->path,
		.accept = request->accept,
		.content_type = request->content_type,
		.body = request->body,
		.body_length = request->body_length,
		.seconds = seconds_left(&run->attempts[index]),
	};
	flight->headers = access_prepare(run->kube->access, flight->easy, &transfer);
	flight->index = index;
	flight->busy = true;
	buf_clear(&flight->body);
	curl_easy_setopt(flight->easy, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(flight->easy, CURLOPT_WRITEDATA, &flight->body);
	curl_easy_setopt(flight->easy, CURLOPT_PRIVATE, flight);
	/* curl itself repeats a request when a kept connection turns out to be dead: only what is repeatable may meet that. */
	curl_easy_setopt(flight->easy, CURLOPT_FRESH_CONNECT, repeatable(request) ? 0L : 1L);
	curl_multi_add_handle(run->kube->multi, flight->easy);
	atomic_fetch_add(&run->kube->requests, 1);
	run->attempts[index].tries++;
	run->flying++;
}

/* Gives the connection back to the pool. */
static void land(struct run *run, struct flight *flight)
{
	curl_multi_remove_handle(run->kube->multi, flight->easy);
	access_headers_free(flight->headers);
	flight->headers = NULL;
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
	if (attempt->tries >= LIMIT_REQUEST_TRIES || at - attempt->begun > LIMIT_KUBE_SECONDS * 1000)
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
	curl_off_t after = 0;
	curl_easy_getinfo(flight->easy, CURLINFO_RETRY_AFTER, &after);
	/* With Retry-After the server says that it did nothing. */
	if (!after && status != 429 && !repeatable(request))
		return false;
	int64_t wait = after ? (int64_t)after * 1000 : backoff(attempt);
	return wait_and_repeat(run, flight->index, wait < RETRY_AFTER_MAXIMUM ? wait : RETRY_AFTER_MAXIMUM);
}

static void take_answer(struct run *run, const struct flight *flight, int status)
{
	struct kube_request *request = &run->requests[flight->index];
	struct error bad = {0};
	request->status = status;
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

/* A connection that could not be made, or ended before the answer did. */
static bool cut(CURLcode code)
{
	return code == CURLE_COULDNT_CONNECT || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
		code == CURLE_GOT_NOTHING || code == CURLE_PARTIAL_FILE || code == CURLE_SSL_CONNECT_ERROR;
}

static void take_failure(struct run *run, const struct flight *flight, CURLcode code)
{
	struct kube_request *request = &run->requests[flight->index];
	struct attempt *attempt = &run->attempts[flight->index];
	bool silent = !buf_failed(&flight->body);
	bool again = cut(code) && (repeatable(request) || code == CURLE_COULDNT_CONNECT);
	run->cut_off = run->cut_off || silent;
	if (again && !atomic_load(&run->kube->stopped) && wait_and_repeat(run, flight->index, backoff(attempt)))
		return;
	const char *server = access_server(run->kube->access);
	int length = (int)strcspn(request->path, "?");
	bool tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM;
	if (buf_failed(&flight->body))
		error_set(&request->error, ERROR_RETRY, "%s %.*s: the API server's answer is over %ld MiB",
			request->method, length, request->path, LIMIT_ANSWER_BYTES / 1024 / 1024);
	else
		error_set(&request->error, tls ? ERROR_DENIED : ERROR_RETRY, "%s: %s %.*s: %s%s", server,
			request->method, length, request->path, curl_easy_strerror(code),
			tls ? "; check certificate-authority and client-certificate" : "");
	run->unanswered += silent;
	run->unreachable = run->unanswered >= LIMIT_REQUESTS_IN_FLIGHT;
	run->why = request->error;
}

static void finish(struct run *run, CURL *easy, CURLcode code)
{
	struct flight *flight = NULL;
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&flight);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK) {
		run->cut_off = false;
		run->unanswered = 0;
	}
	if (code != CURLE_OK)
		take_failure(run, flight, code);
	else if (!repeat_answered(run, flight, (int)status))
		take_answer(run, flight, (int)status);
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

static void stop_flights(struct run *run)
{
	struct error stopped;
	error_set(&stopped, ERROR_STOPPED, "stopped");
	give_up(run, &stopped);
	for (size_t i = 0; i < COUNT_OF(run->kube->flights); i++) {
		struct flight *flight = &run->kube->flights[i];
		if (!flight->busy)
			continue;
		run->requests[flight->index].error = stopped;
		land(run, flight);
	}
}

static void take_messages(struct run *run)
{
	int left;
	CURLMsg *message;
	while ((message = curl_multi_info_read(run->kube->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			finish(run, message->easy_handle, message->data.result);
}

void kube_run(struct kube *kube, struct kube_request *requests, size_t count)
{
	struct run run = {.kube = kube, .requests = requests, .count = count};
	if (!count)
		return;
	run.attempts = memory_alloc(count * sizeof(*run.attempts));
	for (size_t i = 0; i < count; i++) {
		requests[i].status = 0;
		requests[i].answer = NULL;
		requests[i].error = (struct error){0};
		requests[i].reason[0] = '\0';
	}
	for (;;) {
		if (atomic_load(&kube->stopped))
			stop_flights(&run);
		else if (run.unreachable)
			give_up(&run, &run.why);
		fill(&run);
		int running;
		curl_multi_perform(kube->multi, &running);
		take_messages(&run);
		if (!run.flying && !run.waiting && run.next == count)
			break;
		if (run.flying == LIMIT_REQUESTS_IN_FLIGHT || run.next == count || run.waiting || run.cut_off)
			curl_multi_poll(kube->multi, NULL, 0, wait_time(&run), NULL);
	}
	memory_freep(&run.attempts);
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

void kube_escape(struct buf *out, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			(*at >= '0' && *at <= '9') || strchr("-._~", *at);
		if (plain)
			buf_char(out, (char)*at);
		else
			buf_printf(out, "%%%02X", *at);
	}
}
