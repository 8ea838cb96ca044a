#include "agent/http/internal.h"

#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "base/text.h"

/*
 * GET /api/v1/users/access: the server is asked by the thread of its database, so the request waits for an operation as one for
 * manifests does.
 */

static bool read_question(const struct evkeyvalq *query, json_t *body, struct error *err)
{
	static const char *const texts[] = {"user", "database", "table"};
	const char *groups = evhttp_find_header(query, "groups");
	if (groups && !text_equal(groups, "true") && !text_equal(groups, "false"))
		return error_set(err, ERROR_INVALID, "groups takes true or false");
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		const char *value = evhttp_find_header(query, texts[i]);
		if (value && !*value)
			return error_set(err, ERROR_INVALID, "%s is empty", texts[i]);
		json_set_text(body, texts[i], value);
	}
	json_object_set_new(body, "groups", json_boolean(text_equal(groups, "true")));
	return true;
}

void http_user_access(struct http_call *call)
{
	static const char *const known[] = {"user", "database", "table", "groups", "entry", NULL};
	CLEANUP(json_done) json_t *body = json_object();
	struct evkeyvalq query = {0};
	struct error err = {0};
	TAILQ_INIT(&query);
	if (http_read_query(call, &query, known, &err) && read_question(&query, body, &err)) {
		const char *entry = evhttp_find_header(&query, "entry");
		const struct agent_request request = {.kind = "users-access",
			.target = entry ? entry : "",
			.by = call->local ? "cli" : "api",
			.body = body};
		http_wait_for(call, &request);
	} else {
		http_problem_error(call, &err);
	}
	evhttp_clear_headers(&query);
}
