#include "agent/http/internal.h"

#include <event2/buffer.h>
#include <string.h>

#include "base/text.h"

static const struct http_route routes[] = {
	{"GET", "/", HTTP_OPEN, http_page, NULL, NULL},
	{"GET", "/page/*", HTTP_OPEN, http_page, NULL, NULL},
	{"GET", "/healthz", HTTP_ANY_HOST, http_api_healthy, NULL, NULL},
	{"GET", "/readyz", HTTP_ANY_HOST, http_api_ready, NULL, NULL},
	{"GET", "/metrics", HTTP_READ, http_metrics, NULL, NULL},
	{"GET", "/api/v1/access", HTTP_OPEN, http_api_access, NULL, NULL},
	{"GET", "/api/v1/events", HTTP_READ, http_events, NULL, NULL},
	{"GET", "/api/v1/status", HTTP_READ, http_api_read, http_view_status, NULL},
	{"GET", "/api/v1/applications", HTTP_READ, http_api_read, http_view_applications, NULL},
	{"GET", "/api/v1/applications/*", HTTP_READ, http_api_read, http_view_application, NULL},
	{"GET", "/api/v1/applications/*/diff", HTTP_READ, http_api_read, http_view_diff, NULL},
	{"GET", "/api/v1/applications/*/history", HTTP_READ, http_api_read, http_view_history, NULL},
	{"GET", "/api/v1/applications/*/resources", HTTP_READ, http_api_read, http_view_resources, NULL},
	{"GET", "/api/v1/applications/*/manifests", HTTP_READ, http_manifests, NULL, NULL},
	{"GET", "/api/v1/users", HTTP_READ, http_api_read, http_view_users, NULL},
	{"GET", "/api/v1/users/unmanaged", HTTP_READ, http_api_read, http_view_unmanaged, NULL},
	{"GET", "/api/v1/users/access", HTTP_READ, http_user_access, NULL, NULL},
	{"GET", "/api/v1/users/history", HTTP_READ, http_api_read, http_view_user_changes, NULL},
	{"GET", "/api/v1/databases", HTTP_READ, http_api_read, http_view_databases, NULL},
	{"GET", "/api/v1/clusters", HTTP_READ, http_clusters, NULL, NULL},
	{"GET", "/api/v1/drift", HTTP_READ, http_api_read, http_view_drift, NULL},
	{"GET", "/api/v1/operations/*", HTTP_READ, http_api_read, http_view_operation, NULL},
	{"POST", "/api/v1/applications/*/sync", HTTP_ACT, http_act, NULL, "sync"},
	{"POST", "/api/v1/applications/*/diff", HTTP_ACT, http_act, NULL, "diff"},
	{"POST", "/api/v1/applications/*/refresh", HTTP_ACT, http_act, NULL, "refresh"},
	{"POST", "/api/v1/applications/*/rollback", HTTP_ACT, http_act, NULL, "rollback"},
	{"POST", "/api/v1/applications/*/terminate", HTTP_ACT, http_act, NULL, "terminate"},
	{"POST", "/api/v1/users/sync", HTTP_ACT, http_act, NULL, "users-sync"},
	{"POST", "/api/v1/users/export", HTTP_ACT, http_act, NULL, "users-export"},
	{"POST", "/api/webhook", HTTP_ANY_HOST, http_webhook, NULL, NULL},
};

/* `*` takes one segment; it is left encoded here, so that %2F can never become a new segment. */
static bool path_matches(const char *pattern, const char *path, const char **name, size_t *length)
{
	while (*pattern && *pattern != '*')
		if (*pattern++ != *path++)
			return false;
	if (!*pattern)
		return !*path;
	size_t segment = strcspn(path, "/");
	if (!segment || strcmp(pattern + 1, path + segment) != 0)
		return false;
	*name = path;
	*length = segment;
	return true;
}

/* Names are those that Kubernetes takes for an Application, or numbers: nothing in them ever needs %-encoding. */
static bool take_name(struct http_call *call, const char *name, size_t length)
{
	if (length >= sizeof(call->name))
		return false;
	memcpy(call->name, name, length);
	call->name[length] = '\0';
	return text_is_dns_subdomain(call->name);
}

static bool method_matches(const struct http_route *route, enum evhttp_cmd_type method)
{
	if (text_equal(route->method, "POST"))
		return method == EVHTTP_REQ_POST;
	return method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD;
}

/* A path may take several methods; the first route of the path stands for it where none takes this one (405). */
static const struct http_route *find_route(struct http_call *call, const char *path, enum evhttp_cmd_type method)
{
	const struct http_route *found = NULL;
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		const char *name = NULL;
		size_t length = 0;
		if (!path_matches(routes[i].path, path, &name, &length) ||
			(name && !take_name(call, name, length)))
			continue;
		if (method_matches(&routes[i], method))
			return &routes[i];
		found = found ? found : &routes[i];
	}
	return found;
}

/* The path of "GET /path": a proxy's "GET http://host/path" is none of ours. */
static const char *path_of(struct evhttp_request *request)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	if (!uri || evhttp_uri_get_host(uri) || evhttp_uri_get_scheme(uri))
		return NULL;
	return evhttp_uri_get_path(uri);
}

/* Probes and webhooks come under names we cannot know, and give nothing away; all else must be asked of us by our name. */
static bool passes_gates(struct http_call *call, const struct http_route *route)
{
	if (!(route && route->access == HTTP_ANY_HOST) && !http_access_host(call))
		return false;
	if (!route) {
		http_problem(call, 404, "there is nothing at this path");
		return false;
	}
	if (!method_matches(route, evhttp_request_get_command(call->request))) {
		bool post = text_equal(route->method, "POST");
		http_header(call, "Allow", post ? "POST" : "GET, HEAD");
		http_problem(call, 405, "this path takes %s only", route->method);
		return false;
	}
	return http_access_allowed(call, route->access);
}

void http_route(struct evhttp_request *request, void *context, bool local)
{
	struct http_call call = {.http = context, .request = request, .local = local};
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	const char *path = path_of(request);
	http_connection_served(&call, false);
	if (!path) {
		http_problem(&call, 400, "the request line holds no plain path");
		return;
	}
	call.body_length = evbuffer_get_length(body);
	call.body = call.body_length ? evbuffer_pullup(body, -1) : (const unsigned char *)"";
	const struct http_route *route = find_route(&call, path, evhttp_request_get_command(request));
	call.route = route;
	if (passes_gates(&call, route))
		route->handle(&call);
}
