/*
 * page_server.c - the HTTP server over a store that a test fills: one JSON object a line on stdin, "ok" a line on stdout
 *
 *   page_server FOLDER [TOKEN-FILE | - [DATABASE...]]
 *
 * The first line of stdout is the address. Actions are answered as an agent would that needs a moment for them: the operation
 * is there at once, Running, and Succeeded when the line {"set": "finish", "id": N} says so. Each DATABASE has a cluster, which is what the
 * line {"set": "cluster", "number": N, "document": {...}} said last. Ends with its stdin.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http/http.h"
#include "base/clock.h"
#include "base/text.h"

static struct store *store;

enum { CLUSTERS = 4 };
static pthread_mutex_t clusters_lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *clusters[CLUSTERS];

static json_t *read_cluster(void *context, size_t number)
{
	(void)context;
	pthread_mutex_lock(&clusters_lock);
	json_t *known = json_deep_copy(clusters[number]);
	pthread_mutex_unlock(&clusters_lock);
	return known ? known : json_pack("{s:s}", "error", "nothing was said of it yet");
}

static bool set_cluster(const json_t *value, struct error *err)
{
	size_t number = (size_t)json_number_at(value, "number", 0);
	if (number >= CLUSTERS)
		return error_set(err, ERROR_INVALID, "there are no so many clusters");
	pthread_mutex_lock(&clusters_lock);
	json_decref(clusters[number]);
	clusters[number] = json_deep_copy(json_object_get(value, "document"));
	pthread_mutex_unlock(&clusters_lock);
	return true;
}

static bool take_request(void *context, const struct agent_request *request, int64_t *id, struct error *err)
{
	(void)context;
	char *body = request->body ? json_canonical(request->body) : NULL;
	struct store_operation operation = {
		.kind = request->kind,
		.target = request->target,
		.by = request->by,
		.request = body ? body : "{}",
		.started = clock_now(),
		.phase = "Running",
		.message = json_bool_at(request->body, "prune", false) ? "with prune" : "",
		.result = "",
	};
	bool added = store_operation_add(store, &operation, id, err);
	free(body);
	return added;
}

static size_t take_announcement(void *context, const char *const *urls, size_t count, struct error *err)
{
	(void)context;
	(void)urls;
	(void)err;
	return count;
}

static bool is_fine(void *context, struct error *err)
{
	(void)context;
	(void)err;
	return true;
}

static int64_t time_at(const json_t *value, const char *key)
{
	int64_t time = 0;
	const char *text = json_text_at(value, key, "");
	if (*text && !clock_parse(text, &time))
		abort();
	return time;
}

static char *dump(const json_t *value, const char *key)
{
	return json_canonical(json_object_get(value, key));
}

static bool set_application(const json_t *value, struct error *err)
{
	char *document = dump(value, "document"), *differences = dump(value, "differences");
	struct store_application row = {json_text_at(value, "name", ""), document, differences, clock_now()};
	bool ok = store_application_set(store, &row, err);
	free(document);
	free(differences);
	return ok;
}

static bool set_user(const json_t *value, struct error *err)
{
	char *document = dump(value, "document");
	struct store_user row = {
		json_text_at(value, "database", ""), json_text_at(value, "name", ""), document, clock_now()};
	bool ok = store_user_set(store, &row, err);
	free(document);
	return ok;
}

static bool set_database(const json_t *value, struct error *err)
{
	char *document = dump(value, "document");
	struct store_database row = {json_text_at(value, "name", ""), document, clock_now()};
	bool ok = store_database_set(store, &row, err);
	free(document);
	return ok;
}

static bool add_drift(const json_t *value, struct error *err)
{
	struct store_drift row = {.application = json_text_at(value, "application", ""),
		.time = time_at(value, "time"),
		.healed = time_at(value, "healed"),
		.group = json_text_at(value, "group", ""),
		.kind = json_text_at(value, "kind", ""),
		.namespace = json_text_at(value, "namespace", ""),
		.name = json_text_at(value, "name", ""),
		.database = json_text_at(value, "database", ""),
		.user = json_text_at(value, "user", ""),
		.field = json_text_at(value, "field", ""),
		.wanted = json_text_at(value, "wanted", ""),
		.found = json_text_at(value, "found", ""),
		.by = json_text_at(value, "by", "")};
	return store_drift_add(store, &row, NULL, err) &&
		(!row.healed || store_drift_heal(store, &row, row.healed, err));
}

static bool add_revision(const json_t *value, struct error *err)
{
	struct store_revision row = {.application = json_text_at(value, "application", ""),
		.commit = json_text_at(value, "commit", ""),
		.author = json_text_at(value, "author", ""),
		.message = json_text_at(value, "message", ""),
		.started = time_at(value, "started"),
		.finished = time_at(value, "finished"),
		.phase = json_text_at(value, "phase", ""),
		.trigger = json_text_at(value, "trigger", ""),
		.text = json_text_at(value, "text", ""),
		.created = json_number_at(value, "created", 0),
		.configured = json_number_at(value, "configured", 0),
		.unchanged = json_number_at(value, "unchanged", 0)};
	return store_revision_begin(store, &row, &row.id, err) && store_revision_end(store, &row, err);
}

static bool add_change(const json_t *value, struct error *err)
{
	struct store_user_change row = {.database = json_text_at(value, "database", ""),
		.user = json_text_at(value, "user", ""),
		.action = json_text_at(value, "action", ""),
		.statement = json_text_at(value, "statement", ""),
		.commit = json_text_at(value, "commit", ""),
		.started = time_at(value, "started")};
	return store_user_change_begin(store, &row, &row.id, err) &&
		store_user_change_end(
			store, row.id, time_at(value, "finished"), json_text_at(value, "outcome", ""), err);
}

static bool set_fact(const json_t *value, struct error *err)
{
	return store_fact_set(store, json_text_at(value, "key", ""), json_text_at(value, "value", ""), err);
}

/* The page says that it asks when the button is clicked: its request may still be on the way. */
static bool await_operation(int64_t id, struct arena *mem, struct store_operation *row, struct error *err)
{
	for (int tries = 0; tries < 3000; tries++) {
		if (store_operation_get(store, id, mem, row, err))
			return true;
		clock_pause(10);
	}
	return false;
}

static bool finish(const json_t *value, struct error *err)
{
	struct arena *mem = arena_new(1 << 20);
	struct store_operation row;
	bool ok = await_operation(json_number_at(value, "id", 0), mem, &row, err);
	row.finished = clock_now();
	row.phase = json_text_at(value, "phase", "Succeeded");
	row.message = json_text_at(value, "message", "");
	char *result = json_object_get(value, "result") ? dump(value, "result") : NULL;
	row.result = result ? result : "";
	ok = ok && store_operation_update(store, &row, err);
	free(result);
	arena_free(mem);
	return ok;
}

static const struct {
	const char *name;
	bool (*run)(const json_t *value, struct error *err);
} verbs[] = {{"application", set_application}, {"user", set_user}, {"database", set_database},
	{"drift", add_drift}, {"revision", add_revision}, {"change", add_change}, {"fact", set_fact},
	{"finish", finish}, {"cluster", set_cluster}};

static bool obey(const char *line, struct error *err)
{
	CLEANUP(json_done) json_t *value = NULL;
	if (!json_read(line, strlen(line), &value, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (text_equal(verbs[i].name, json_text_at(value, "set", "")))
			return verbs[i].run(value, err);
	return error_set(err, ERROR_INVALID, "unknown verb");
}

static int fail(const struct error *err)
{
	fprintf(stderr, "page_server: %s\n", err->text);
	return 1;
}

int main(int argc, char **argv)
{
	static char line[1 << 20];
	const struct http_agent agent = {NULL, take_request, take_announcement, is_fine, is_fine};
	const struct http_clusters shown = {.read = read_cluster,
		.databases = argc > 3 ? (const char *const *)argv + 3 : NULL,
		.count = argc > 3 ? (size_t)argc - 3 : 0};
	struct http_options options = {.listen = "127.0.0.1:0",
		.state = argc > 1 ? argv[1] : "",
		.token_file = argc > 2 && strcmp(argv[2], "-") != 0 ? argv[2] : NULL,
		.clusters = &shown};
	struct store_opening how;
	struct error err = {0};
	struct http *http = NULL;
	if (!store_open(options.state, &store, &how, &err) || !http_start(&options, &agent, &http, &err))
		return fail(&err);
	printf("%s\n", http_address(http));
	fflush(stdout);
	int code = 0;
	while (code == 0 && fgets(line, sizeof(line), stdin)) {
		code = obey(line, &err) ? 0 : fail(&err);
		puts(code == 0 ? "ok" : "failed");
		fflush(stdout);
	}
	http_stop(http);
	store_close(store);
	for (size_t i = 0; i < CLUSTERS; i++)
		json_decref(clusters[i]);
	return code;
}
