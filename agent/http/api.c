#include "agent/http/internal.h"

#include <errno.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "agent/show/view.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

struct store *http_store(struct http *http, struct error *err)
{
	if (!http->store && !store_open_reader(http->state, &http->store, err)) {
		http->store = NULL;
		if (err->kind == ERROR_MISSING) /* "not found" would be taken for the thing asked for */
			err->kind = ERROR_RETRY;
	}
	return http->store;
}

void http_store_suspect(struct http *http, const struct error *err)
{
	if (err->kind == ERROR_MISSING || err->kind == ERROR_INVALID)
		return;
	store_close(http->store);
	http->store = NULL;
}

static const char *query_of(const struct http_call *call)
{
	return evhttp_uri_get_query(evhttp_request_get_evhttp_uri(call->request));
}

void http_api_read(struct http_call *call)
{
	struct error err = {0};
	json_t *value = NULL;
	struct store *store = http_store(call->http, &err);
	if (store) {
		value = call->route->view(call, store, &err);
		if (!value)
			http_store_suspect(call->http, &err);
		/* Without a query the client could get nothing wrong: what is invalid stands in the store. */
		if (err.kind == ERROR_INVALID && !query_of(call))
			err.kind = ERROR_BUG;
	}
	if (value)
		http_reply_json(call, 200, value);
	else
		http_problem_error(call, &err);
}

/* ---- the query of a URL ---- */

/* A mistyped one must not silently widen an answer. The text of the query is never repeated in a message: a link must not be able to
   put words on our page. */
bool http_read_query(
	const struct http_call *call, struct evkeyvalq *query, const char *const *known, struct error *err)
{
	const char *text = query_of(call);
	const struct evkeyval *pair;
	if (evhttp_parse_query_str(text ? text : "", query) < 0)
		return error_set(err, ERROR_INVALID, "the query of the URL cannot be read");
	for (pair = TAILQ_FIRST(query); pair; pair = TAILQ_NEXT(pair, next)) {
		size_t i = 0;
		while (known[i] && strcmp(known[i], pair->key) != 0)
			i++;
		if (!known[i])
			return error_set(err, ERROR_INVALID,
				"the query of the URL has a parameter that is not known here");
		if (!text_is_utf8(pair->value, strlen(pair->value)))
			return error_set(err, ERROR_INVALID, "%s is not UTF-8", known[i]);
	}
	return true;
}

/* A time, or a duration before now. */
static bool read_since(const char *text, int64_t *since, struct error *err)
{
	int64_t milliseconds;
	if (clock_parse(text, since))
		return true;
	if (!duration_parse(text, &milliseconds))
		return error_set(
			err, ERROR_INVALID, "since takes a time (2026-01-02T03:04:05Z) or a duration (24h)");
	*since = clock_now() - milliseconds * 1000;
	return true;
}

static bool read_limit(const char *text, size_t *limit, struct error *err)
{
	char *end;
	errno = 0;
	long number = strtol(text, &end, 10);
	if (errno || *end || end == text || number < 1 || number > LIMIT_DRIFT_ROWS)
		return error_set(err, ERROR_INVALID, "limit takes a number from 1 to %d", LIMIT_DRIFT_ROWS);
	*limit = (size_t)number;
	return true;
}

static bool read_drift_filter(
	const struct evkeyvalq *query, struct store_drift_filter *filter, struct error *err)
{
	const char *since = evhttp_find_header(query, "since");
	const char *open = evhttp_find_header(query, "open");
	const char *limit = evhttp_find_header(query, "limit");
	filter->application = evhttp_find_header(query, "application");
	filter->user = evhttp_find_header(query, "user");
	if (open && !text_equal(open, "true") && !text_equal(open, "false"))
		return error_set(err, ERROR_INVALID, "open takes true or false");
	filter->open_only = text_equal(open, "true");
	return (!since || read_since(since, &filter->since, err)) &&
		(!limit || read_limit(limit, &filter->limit, err));
}

/* ---- views ---- */

json_t *http_view_status(struct http_call *call, struct store *store, struct error *err)
{
	(void)call;
	return view_status(store, err);
}

json_t *http_view_applications(struct http_call *call, struct store *store, struct error *err)
{
	(void)call;
	return view_applications(store, err);
}

json_t *http_view_application(struct http_call *call, struct store *store, struct error *err)
{
	return view_application(store, call->name, err);
}

json_t *http_view_diff(struct http_call *call, struct store *store, struct error *err)
{
	return view_application_diff(store, call->name, err);
}

json_t *http_view_resources(struct http_call *call, struct store *store, struct error *err)
{
	return view_application_resources(store, call->name, err);
}

json_t *http_view_history(struct http_call *call, struct store *store, struct error *err)
{
	return view_history(store, call->name, err);
}

json_t *http_view_users(struct http_call *call, struct store *store, struct error *err)
{
	(void)call;
	return view_users(store, err);
}

json_t *http_view_unmanaged(struct http_call *call, struct store *store, struct error *err)
{
	(void)call;
	return view_unmanaged(store, err);
}

json_t *http_view_databases(struct http_call *call, struct store *store, struct error *err)
{
	(void)call;
	return view_databases(store, err);
}

json_t *http_view_user_changes(struct http_call *call, struct store *store, struct error *err)
{
	static const char *const known[] = {"user", "database", "since", NULL};
	struct evkeyvalq query = {0};
	struct store_user_change_filter filter = {0};
	json_t *value = NULL;
	TAILQ_INIT(&query);
	if (http_read_query(call, &query, known, err)) {
		const char *since = evhttp_find_header(&query, "since");
		filter.user = evhttp_find_header(&query, "user");
		filter.database = evhttp_find_header(&query, "database");
		if (!since || read_since(since, &filter.since, err))
			value = view_user_changes(store, &filter, err);
	}
	evhttp_clear_headers(&query);
	return value;
}

json_t *http_view_drift(struct http_call *call, struct store *store, struct error *err)
{
	static const char *const known[] = {"application", "user", "since", "open", "limit", NULL};
	struct evkeyvalq query = {0};
	struct store_drift_filter filter = {0};
	json_t *value = NULL;
	TAILQ_INIT(&query);
	if (http_read_query(call, &query, known, err) && read_drift_filter(&query, &filter, err))
		value = view_drift(store, &filter, err);
	evhttp_clear_headers(&query);
	return value;
}

json_t *http_view_operation(struct http_call *call, struct store *store, struct error *err)
{
	char *end;
	errno = 0;
	long long id = strtoll(call->name, &end, 10);
	if (errno || *end || id < 1) {
		error_set(err, ERROR_MISSING, "an operation is named by its number");
		return NULL;
	}
	return view_operation(store, id, err);
}

/* ---- without the store ---- */

void http_api_access(struct http_call *call)
{
	http_reply_json(call, 200, http_access_describe(call));
}

static void reply_probe(struct http_call *call, bool (*ask)(void *context, struct error *err))
{
	struct error err = {0};
	if (ask(call->http->agent.context, &err))
		http_reply(call, 200, "text/plain; charset=utf-8", "ok\n", 3);
	else
		http_problem(call, 503, "%s", err.text);
}

void http_api_healthy(struct http_call *call)
{
	reply_probe(call, call->http->agent.healthy);
}

void http_api_ready(struct http_call *call)
{
	reply_probe(call, call->http->agent.ready);
}
