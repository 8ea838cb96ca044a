#include "agent/show/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/show/view.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/http/percent.h"
#include "base/http/transfer.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"

enum { CONNECT_MILLISECONDS = 5000, POLL_FIRST = 20, POLL_LAST = 500, PROGRESS_BYTES = 4096 };

/* ---- calls ---- */

struct call {
	struct transfer *transfer;
	char *url;
	char *socket; /* NULL = over the network */
	int folder;   /* the socket's, -1 = not opened */
	struct secret token;
	char *body;
	struct buf answer;
};

static void call_done(struct call *call)
{
	transfer_free(call->transfer);
	secret_done(&call->token);
	buf_done(&call->answer);
	if (call->folder >= 0)
		close(call->folder);
	free(call->url);
	free(call->socket);
	free(call->body);
}

static bool take_answer(void *context, const char *bytes, size_t length)
{
	struct call *call = context;
	buf_append(&call->answer, bytes, length);
	return !buf_failed(&call->answer);
}

static bool no_choice(struct error *err)
{
	return error_set(err, ERROR_INVALID,
		"which agent? Say --config FILE, --state DIR or --server URL (or set PGITOPS_CONFIG or PGITOPS_SERVER)");
}

/* The address of a socket is short: one in a deep folder is reached from there. */
static bool find_socket(const char *state, struct call *call, struct error *err)
{
	struct sockaddr_un address;
	call->socket = memory_printf("%s/agent.sock", state);
	if (strlen(call->socket) < sizeof(address.sun_path))
		return true;
	call->folder = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (call->folder < 0)
		return error_set(
			err, ERROR_MISSING, "cannot open the state folder %s: %s", state, strerror(errno));
	free(call->socket);
	call->socket = memory_printf("/proc/self/fd/%d/agent.sock", call->folder);
	return true;
}

static bool find_agent(
	const struct command_context *context, const char *path, struct call *call, struct error *err)
{
	if (!context->server && !context->state)
		return no_choice(err);
	if (!context->server) {
		call->url = memory_printf("http://localhost%s", path);
		return find_socket(context->state, call, err);
	}
	size_t length = strlen(context->server);
	while (length && context->server[length - 1] == '/')
		length--;
	call->url = memory_printf("%.*s%s", (int)length, context->server, path);
	return true;
}

static void prepare(struct call *call)
{
	const struct transfer_request request = {
		.url = call->url,
		.unix_socket = call->socket,
		.proxy = call->socket ? "" : NULL,
		.user_agent = "pgitops/" PGITOPS_VERSION,
		.body = call->body,
		.body_length = call->body ? strlen(call->body) : 0,
		.content_type = "application/json",
		.bearer = &call->token,
		.connect_milliseconds = CONNECT_MILLISECONDS,
		.milliseconds = LIMIT_REQUEST_SECONDS * 1000L,
		.on_body = take_answer,
		.context = call,
	};
	call->transfer = transfer_new();
	transfer_prepare(call->transfer, &request);
}

static enum error_kind kind_of_status(long status)
{
	switch (status) {
	case 401:
	case 403:
		return ERROR_DENIED;
	case 404:
		return ERROR_MISSING;
	case 409:
		return ERROR_CONFLICT;
	case 429:
	case 502:
	case 503:
	case 504:
		return ERROR_RETRY;
	default:
		return ERROR_INVALID;
	}
}

static bool problem(const struct command_context *context, long status, const json_t *answer, struct error *err)
{
	const char *detail = json_text_at(answer, "detail", json_text_at(answer, "title", ""));
	const char *remedy = "";
	if (status == 401 || (status == 403 && context->server))
		remedy = context->token_file ? " (check the token in the file)"
					     : " (name the token's file with --token-file)";
	if (*detail)
		return error_set(err, kind_of_status(status), "%s%s", detail, remedy);
	return error_set(
		err, kind_of_status(status), "the agent answered with HTTP status %ld%s", status, remedy);
}

static bool no_agent(const struct command_context *context, const struct call *call, enum transfer_end end,
	struct error *err)
{
	const char *text = transfer_detail(call->transfer);
	if (context->server)
		return error_set(err, ERROR_RETRY, "cannot reach the agent at %s: %s", context->server, text);
	if (end == TRANSFER_UNCONNECTED)
		return error_set(err, ERROR_RETRY,
			"no agent is running on %s: start one with `pgitops agent --config FILE`, or "
			"name another with --state or --server",
			context->state);
	return error_set(err, ERROR_RETRY, "the agent on %s: %s", context->state, text);
}

static bool perform(const struct command_context *context, struct call *call, json_t **answer, struct error *err)
{
	struct error unreadable;
	CLEANUP(json_done) json_t *value = NULL;

	enum transfer_end end = transfer_run(call->transfer);
	if (buf_failed(&call->answer))
		return error_set(err, ERROR_INVALID, "the agent's answer is larger than %ld bytes",
			LIMIT_ANSWER_BYTES);
	if (end != TRANSFER_ANSWERED)
		return no_agent(context, call, end, err);
	long status = transfer_status(call->transfer);
	bool readable = json_read(buf_string(&call->answer), call->answer.length, &value, &unreadable);
	if (status < 200 || status > 299)
		return problem(context, status, value, err);
	if (!readable)
		return error_set(err, ERROR_INVALID, "what answered is no pgitops agent: %s", unreadable.text);
	*answer = json_incref(value);
	return true;
}

bool client_call(const struct command_context *context, const char *method, const char *path,
	const json_t *body, json_t **answer, struct error *err)
{
	CLEANUP(call_done) struct call call = {.answer = BUF(LIMIT_ANSWER_BYTES), .folder = -1};
	if (!find_agent(context, path, &call, err))
		return false;
	if (context->token_file && !secret_read(&call.token, context->token_file, true, err))
		return false;
	if (text_equal(method, "POST"))
		call.body = body ? json_canonical(body) : memory_copy("");
	prepare(&call);
	return perform(context, &call, answer, err);
}

bool client_running(const struct command_context *context)
{
	CLEANUP(json_done) json_t *answer = NULL;
	struct error ignored;
	return client_call(context, "GET", "/healthz", NULL, &answer, &ignored) || ignored.kind != ERROR_RETRY;
}

/* ---- views ---- */

/* The value of a query's parameter, %-decoded, in `mem`; NULL = not there. */
static const char *parameter(const char *path, const char *name, struct arena *mem)
{
	size_t length = strlen(name);
	const char *at = strchr(path, '?');
	while (at) {
		at++;
		if (strncmp(at, name, length) == 0 && at[length] == '=')
			return percent_decode(at + length + 1, strcspn(at + length + 1, "&"), mem);
		at = strchr(at, '&');
	}
	return NULL;
}

static bool read_since(const char *path, struct arena *mem, int64_t *since, struct error *err)
{
	const char *text = parameter(path, "since", mem);
	return !text || clock_parse(text, since) ||
		error_set(err, ERROR_INVALID, "since=%s is no RFC 3339 time", text);
}

static json_t *changes_view(struct store *store, const char *path, struct arena *mem, struct error *err)
{
	struct store_user_change_filter filter = {
		.user = parameter(path, "user", mem),
		.database = parameter(path, "database", mem),
	};
	return read_since(path, mem, &filter.since, err) ? view_user_changes(store, &filter, err) : NULL;
}

static json_t *drift_view(struct store *store, const char *path, struct arena *mem, struct error *err)
{
	struct store_drift_filter filter = {
		.application = parameter(path, "application", mem),
		.user = parameter(path, "user", mem),
		.open_only = text_equal(parameter(path, "open", mem), "true"),
	};
	return read_since(path, mem, &filter.since, err) ? view_drift(store, &filter, err) : NULL;
}

/* "/api/v1/applications/NAME[/...]" */
static json_t *application_view(struct store *store, const char *path, struct arena *mem, struct error *err)
{
	const char *slash = strchr(path, '/');
	const char *rest = slash ? slash : "";
	const char *name = arena_copy_n(mem, path, slash ? (size_t)(slash - path) : strlen(path));
	if (text_equal(rest, "/diff"))
		return view_application_diff(store, name, err);
	if (text_equal(rest, "/resources"))
		return view_application_resources(store, name, err);
	if (text_equal(rest, "/history"))
		return view_history(store, name, err);
	return view_application(store, name, err);
}

/* The reading paths of the API, answered by the functions that answer them there. */
static json_t *local_view(struct store *store, const char *path, struct arena *mem, struct error *err)
{
	static const char one[] = "/api/v1/applications/";
	static const struct {
		const char *path;
		json_t *(*view)(struct store *store, struct error *err);
	} whole[] = {
		{"/api/v1/status", view_status},
		{"/api/v1/applications", view_applications},
		{"/api/v1/users", view_users},
		{"/api/v1/users/unmanaged", view_unmanaged},
		{"/api/v1/databases", view_databases},
	};
	for (size_t i = 0; i < COUNT_OF(whole); i++)
		if (text_equal(whole[i].path, path))
			return whole[i].view(store, err);
	if (text_starts(path, one))
		return application_view(store, path + strlen(one), mem, err);
	if (text_starts(path, "/api/v1/drift"))
		return drift_view(store, path, mem, err);
	if (text_starts(path, "/api/v1/users/history"))
		return changes_view(store, path, mem, err);
	error_set(err, ERROR_BUG, "no view answers %s", path);
	return NULL;
}

bool client_view(const struct command_context *context, const char *path, json_t **answer, struct error *err)
{
	struct store *store;
	if (context->server)
		return client_call(context, "GET", path, NULL, answer, err);
	if (!context->state)
		return no_choice(err);
	if (!store_open_reader(context->state, &store, err))
		return false;
	json_t *value = local_view(store, path, context->mem, err);
	store_close(store);
	if (!value)
		return false;
	*answer = value;
	return true;
}

/* ---- waiting ---- */

/* One line that is written over; people who see it know that it still goes on. */
static void show_progress(const json_t *operation, int64_t started, bool done)
{
	char waited[16];
	if (!isatty(STDERR_FILENO))
		return;
	if (done) {
		fputs("\r\033[K", stderr);
		return;
	}
	duration_text(clock_steady() - started, waited);
	CLEANUP(buf_done) struct buf line = BUF(PROGRESS_BYTES);
	CLEANUP(memory_freep)
	char *text = memory_printf("%s %s: %s (%s) %.60s", json_text_at(operation, "kind", "operation"),
		json_text_at(operation, "target", ""), json_text_at(operation, "phase", "Pending"), waited,
		json_text_at(operation, "message", ""));
	text_make_printable(text); /* the cut may be within a character */
	output_visible(text, false, &line);
	fprintf(stderr, "\r\033[K%s", buf_string(&line));
	fflush(stderr);
}

bool client_wait(const struct command_context *context, int64_t operation, int64_t milliseconds,
	json_t **answer, struct error *err)
{
	int64_t started = clock_steady();
	CLEANUP(memory_freep) char *path = memory_printf("/api/v1/operations/%lld", (long long)operation);

	for (int64_t pause = POLL_FIRST;; pause = pause * 2 < POLL_LAST ? pause * 2 : POLL_LAST) {
		CLEANUP(json_done) json_t *value = NULL;
		if (!client_call(context, "GET", path, NULL, &value, err))
			return false;
		bool done = json_is_string(json_at(value, "finished"));
		show_progress(value, started, done);
		if (done) {
			*answer = json_incref(value);
			return true;
		}
		if (clock_steady() - started >= milliseconds)
			return error_set(err, ERROR_RETRY,
				"operation %lld is not finished after %lld s; the agent goes on with it",
				(long long)operation, (long long)(milliseconds / 1000));
		clock_pause(pause);
	}
}
