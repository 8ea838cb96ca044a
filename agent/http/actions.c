#include "agent/http/internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/events/metrics.h"
#include "agent/http/webhook_secrets.h"
#include "base/log.h"
#include "base/text.h"

/* ---- actions ---- */

enum field {
	FIELD_PRUNE,
	FIELD_DRY_RUN,
	FIELD_FORCE,
	FIELD_APPLY_ONLY,
	FIELD_REVISION,
	FIELD_REVISIONS,
	FIELD_POSITIONS,
	FIELD_RESOURCES,
	FIELD_OPTIONS,
	FIELD_INFO,
	FIELD_RETRY,
	FIELD_CONFIRM,
	FIELD_HARD,
	FIELD_ID,
	FIELD_DATABASE,
	FIELD_ADOPT,
	FIELD_TAKE_OVER,
	FIELD_NOW,
	FIELD_CHECK,
	FIELD_COUNT
};

static const struct {
	const char *name;
	json_type type; /* JSON_TRUE stands for both truth values */
} fields[FIELD_COUNT] = {
	[FIELD_PRUNE] = {"prune", JSON_TRUE},
	[FIELD_DRY_RUN] = {"dryRun", JSON_TRUE},
	[FIELD_FORCE] = {"force", JSON_TRUE},
	[FIELD_APPLY_ONLY] = {"applyOnly", JSON_TRUE},
	[FIELD_REVISION] = {"revision", JSON_STRING},
	[FIELD_REVISIONS] = {"revisions", JSON_ARRAY},
	[FIELD_POSITIONS] = {"sourcePositions", JSON_ARRAY},
	[FIELD_RESOURCES] = {"resources", JSON_ARRAY},
	[FIELD_OPTIONS] = {"syncOptions", JSON_ARRAY},
	[FIELD_INFO] = {"info", JSON_ARRAY},
	[FIELD_RETRY] = {"retry", JSON_OBJECT},
	[FIELD_CONFIRM] = {"confirm", JSON_STRING},
	[FIELD_HARD] = {"hard", JSON_TRUE},
	[FIELD_ID] = {"id", JSON_INTEGER},
	[FIELD_DATABASE] = {"database", JSON_STRING},
	[FIELD_ADOPT] = {"adopt", JSON_ARRAY},
	[FIELD_TAKE_OVER] = {"takeOver", JSON_STRING},
	[FIELD_NOW] = {"now", JSON_ARRAY},
	[FIELD_CHECK] = {"check", JSON_ARRAY},
};

#define BIT(field) (1u << (field))

/* That of the one source, or those of some of several. */
#define REVISIONS (BIT(FIELD_REVISION) | BIT(FIELD_REVISIONS) | BIT(FIELD_POSITIONS))

/* What each action takes; a sync what Argo CD's `operation` does. */
static const struct {
	const char *kind;
	unsigned fields;
} actions[] = {
	{"sync",
		BIT(FIELD_PRUNE) | BIT(FIELD_DRY_RUN) | BIT(FIELD_FORCE) | BIT(FIELD_APPLY_ONLY) | REVISIONS |
			BIT(FIELD_RESOURCES) | BIT(FIELD_OPTIONS) | BIT(FIELD_INFO) | BIT(FIELD_RETRY) |
			BIT(FIELD_CONFIRM)},
	{"refresh", BIT(FIELD_HARD)},
	{"rollback", BIT(FIELD_ID) | BIT(FIELD_PRUNE) | BIT(FIELD_DRY_RUN) | BIT(FIELD_CONFIRM)},
	{"terminate", 0},
	{"diff", REVISIONS},
	{"users-sync",
		BIT(FIELD_DATABASE) | BIT(FIELD_DRY_RUN) | BIT(FIELD_CONFIRM) | BIT(FIELD_ADOPT) |
			BIT(FIELD_TAKE_OVER) | BIT(FIELD_NOW) | BIT(FIELD_CHECK) | REVISIONS},
	{"users-export", BIT(FIELD_DATABASE)},
};

static unsigned fields_of(const char *kind)
{
	for (size_t i = 0; i < COUNT_OF(actions); i++)
		if (text_equal(actions[i].kind, kind))
			return actions[i].fields;
	return 0;
}

static enum field field_named(const char *name)
{
	enum field field = 0;
	while (field < FIELD_COUNT && strcmp(fields[field].name, name) != 0)
		field++;
	return field;
}

/* Without this type a form on anybody's web page could send the request; with it a browser asks us first, and is not answered. */
static bool is_json(const struct http_call *call)
{
	static const char json[] = "application/json";
	const char *type = http_request_header(call, "Content-Type");
	size_t length = strlen(json);
	return type && strncasecmp(type, json, length) == 0 &&
		(!type[length] || type[length] == ';' || type[length] == ' ');
}

/* NULL is one, too. */
static bool is_list_of_names(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return false;
	return true;
}

static bool check_fields(const json_t *body, const char *kind, struct error *err)
{
	const char *name;
	json_t *value;
	unsigned taken = fields_of(kind);
	if (!json_is_object(body))
		return error_set(err, ERROR_INVALID, "the body must be a JSON object");
	json_object_foreach ((json_t *)(uintptr_t)body, name, value) {
		enum field field = field_named(name);
		if (field == FIELD_COUNT || !(taken & BIT(field)))
			return error_set(err, ERROR_INVALID, "%s does not take the field %.64s", kind, name);
		bool matches = fields[field].type == JSON_TRUE ? json_is_boolean(value)
							       : json_typeof(value) == fields[field].type;
		if (!matches)
			return error_set(err, ERROR_INVALID, "the field %s has the wrong type", name);
	}
	if ((taken & BIT(FIELD_ID)) && !json_object_get(body, "id"))
		return error_set(err, ERROR_INVALID,
			"%s needs the field id: a number from the application's history", kind);
	const char *revision = json_text_at(body, "revision", NULL);
	bool some = revision || json_array_size(json_object_get(body, "revisions"));
	if ((text_equal(kind, "diff") && !some) || (revision && !*revision))
		return error_set(
			err, ERROR_INVALID, "%s needs the field revision: a branch, tag or commit", kind);
	if (!is_list_of_names(json_object_get(body, "adopt")))
		return error_set(err, ERROR_INVALID, "adopt is a list of names");
	if (!is_list_of_names(json_object_get(body, "now")))
		return error_set(err, ERROR_INVALID, "now is a list of names");
	if (!is_list_of_names(json_object_get(body, "check")))
		return error_set(err, ERROR_INVALID, "check is a list of names");
	if (some && text_equal(kind, "users-sync") && !json_bool_at(body, "dryRun", false))
		return error_set(err, ERROR_INVALID, "users of a revision are only planned: set dryRun");
	return true;
}

static bool read_body(const struct http_call *call, json_t **body, struct error *err)
{
	if (call->body_length && !json_read(call->body, call->body_length, body, err))
		return error_prefix(err, "the body is");
	if (!*body)
		*body = json_object();
	return check_fields(*body, call->route->kind, err);
}

static void hand_over(struct http_call *call, const json_t *body)
{
	const struct http_agent *agent = &call->http->agent;
	struct error err = {0};
	int64_t operation = 0;
	bool dry_run = json_bool_at(body, "dryRun", false);
	bool users = text_starts(call->route->kind, "users-");
	struct agent_request request = {
		.kind = users && dry_run ? "users-plan" : call->route->kind,
		.target = users ? json_text_at(body, "database", "") : call->name,
		.by = call->local ? "cli" : "api",
		.body = body,
	};
	if (agent->request(agent->context, &request, &operation, &err))
		http_reply_json(call, 202, json_pack("{s:I}", "operation", (json_int_t)operation));
	else
		http_problem_error(call, &err);
}

void http_act(struct http_call *call)
{
	CLEANUP(json_done) json_t *body = NULL;
	struct error err = {0};
	if (!is_json(call))
		http_problem(call, 415, "an action needs the header Content-Type: application/json");
	else if (!read_body(call, &body, &err))
		http_problem_error(call, &err);
	else
		hand_over(call, body);
}

/* ---- webhook ---- */

static void announce(struct http_call *call, const struct webhook_verdict *verdict)
{
	const struct http_agent *agent = &call->http->agent;
	struct error err = {0};
	char number[24] = "0";
	if (verdict->url_count)
		snprintf(number, sizeof(number), "%zu",
			agent->announced(agent->context, verdict->urls, verdict->url_count, &err));
	if (err.kind != ERROR_NONE) {
		http_problem_error(call, &err);
		return;
	}
	log_debug("webhook accepted", "repositories", number, NULL);
	http_reply_json(call, verdict->status, json_pack("{s:s}", "message", verdict->text));
}

static const char *header(const void *call, const char *name)
{
	return http_request_header(call, name);
}

void http_webhook(struct http_call *call)
{
	const struct webhook_delivery delivery = {
		.header = header,
		.context = call,
		.body = call->body,
		.length = call->body_length,
	};
	struct webhook_verdict verdict;
	webhook_judge(call->http->webhook, &delivery, &verdict);
	if (verdict.status == 202) {
		metric_add(METRIC_WEBHOOK_ACCEPTED, 1);
		announce(call, &verdict);
	} else {
		metric_add(METRIC_WEBHOOK_REFUSED, 1);
		http_log_refusal(call, verdict.text);
		http_problem(call, verdict.status, "%s", verdict.text);
	}
	webhook_done(&verdict);
}
