/*
 * kube_driver - the cluster at the end of a pipe, for the tests on a real API server
 *
 * One JSON object a line on stdin ({"do": "track", ...}), one on stdout. What the callbacks said is kept until asked for.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/cluster.h"
#include "reconcile/ignore/jq_worker.h"
#include "reconcile/kubernetes/cluster_parts.h"
#include "reconcile/kubernetes/watch_parts.h"

static struct cluster *cluster;
static struct kube_config config;
static json_t *heard;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void hear(json_t *event)
{
	pthread_mutex_lock(&lock);
	json_array_append_new(heard, event);
	pthread_mutex_unlock(&lock);
}

static void on_changed(void *context, const struct object_key *key, const char *application)
{
	(void)context;
	hear(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "event", "changed", "group", key->group, "kind",
		key->kind, "namespace", key->namespace, "name", key->name, "application", application));
}

static void on_followed(void *context, const char *collection, const json_t *object, bool gone)
{
	(void)context;
	hear(json_pack("{s:s, s:s, s:s, s:s, s:b}", "event", "followed", "collection", collection,
		"namespace", json_text_at(object, "metadata.namespace", ""), "name",
		json_text_at(object, "metadata.name", ""), "gone", gone));
}

static void on_trouble(void *context, const char *collection, const struct error *err)
{
	(void)context;
	hear(json_pack("{s:s, s:s, s:s, s:s}", "event", "trouble", "collection", collection, "kind",
		err ? error_kind_name(err->kind) : "", "text", err ? err->text : ""));
}

static void on_listed(void *context, const char *collection)
{
	(void)context;
	hear(json_pack("{s:s, s:s}", "event", "listed", "collection", collection));
}

static json_t *failure(const struct error *err)
{
	return json_pack("{s:b, s:s, s:s}", "ok", 0, "kind", error_kind_name(err->kind), "error", err->text);
}

static json_t *success(void)
{
	return json_pack("{s:b}", "ok", 1);
}

static struct object_key key_of(const json_t *value)
{
	return (struct object_key){json_text_at(value, "group", ""), json_text_at(value, "kind", ""),
		json_text_at(value, "namespace", ""), json_text_at(value, "name", "")};
}

static json_t *do_open(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	struct cluster_listener listener = {NULL, on_changed, on_followed, on_trouble, on_listed};
	const char *path = json_text_at(command, "kubeconfig", NULL);
	bool good = path ? kube_config_read(path, json_text_at(command, "context", NULL),
				   json_bool_at(command, "exec", false), &config, err)
			 : kube_config_in_cluster(json_text_at(command, "folder", NULL), &config, err);
	if (!good || !cluster_open(&config, &listener, &cluster, err))
		return failure(err);
	return json_pack("{s:b, s:s, s:s, s:b}", "ok", 1, "server", config.server, "namespace",
		config.namespace, "insecure", config.insecure);
}

static json_t *do_ready(const json_t *command, struct arena *mem, struct error *err)
{
	(void)command;
	(void)mem;
	if (!cluster_ready(cluster, err))
		return failure(err);
	return json_pack("{s:b, s:s, s:b}", "ok", 1, "version", cluster_version(cluster), "partial",
		resources_partial(cluster->resources) != NULL);
}

static json_t *do_refresh(const json_t *command, struct arena *mem, struct error *err)
{
	(void)command;
	(void)mem;
	return cluster_refresh(cluster, err) ? success() : failure(err);
}

static json_t *do_kind(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	(void)err;
	const char *group = json_text_at(command, "group", "");
	const char *kind = json_text_at(command, "kind", "");
	return json_pack("{s:b, s:i, s:b}", "ok", 1, "scope", cluster_scope(cluster, group, kind), "has",
		cluster_has_kind(cluster, group, json_text_at(command, "version", NULL), kind));
}

static json_t *do_track(const json_t *command, struct arena *mem, struct error *err)
{
	const json_t *list = json_object_get(command, "keys");
	struct object_key *keys = arena_array(mem, json_array_size(list) + 1, sizeof(*keys));
	for (size_t i = 0; i < json_array_size(list); i++)
		keys[i] = key_of(json_array_get(list, i));
	/* Without a name, each call is a tracker of its own. */
	static int calls;
	const char *tracker = json_text_at(command, "tracker", arena_printf(mem, "call %d", calls++));
	return cluster_track(cluster, tracker, keys, json_array_size(list), err) ? success() : failure(err);
}

static json_t *do_untrack(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	(void)err;
	cluster_untrack(cluster, json_text_at(command, "tracker", "app"));
	return success();
}

static json_t *live_json(const struct live *live)
{
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:s}", "ok", 1, "kind",
		live->key.kind, "name", live->key.name, "version", live->version, "uid", live->uid,
		"resourceVersion", live->resource_version, "trackingId", live->tracking_id, "hasOwner",
		live->has_owner, "deleting", live->deleting, "pruneAllowed", live->prune_allowed,
		"pruneRefused", live->options.prune == CHOICE_FALSE, "health",
		health_name(live->health.health), "message", live->health.message);
}

static json_t *do_live(const json_t *command, struct arena *mem, struct error *err)
{
	(void)err;
	struct object_key key = key_of(json_object_get(command, "key"));
	struct live live;
	return cluster_live(cluster, &key, mem, &live) ? live_json(&live)
						       : json_pack("{s:b, s:n}", "ok", 1, "uid");
}

static json_t *do_owned(const json_t *command, struct arena *mem, struct error *err)
{
	(void)err;
	size_t count;
	json_t *items = json_array();
	struct live *owned = cluster_owned(cluster, json_text_at(command, "application", ""),
		json_text_at(command, "namespace", ""), mem, &count);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, live_json(&owned[i]));
	return json_pack("{s:b, s:o}", "ok", 1, "items", items);
}

static void fill_object(struct object *object, const json_t *value, struct arena *mem)
{
	const char *api = json_text_at(value, "apiVersion", "");
	const char *slash = strchr(api, '/');
	char *text = json_canonical(value);
	object->key = (struct object_key){
		.group = arena_printf(mem, "%.*s", slash ? (int)(slash - api) : 0, api),
		.kind = json_text_at(value, "kind", ""),
		.namespace = json_text_at(value, "metadata.namespace", ""),
		.name = json_text_at(value, "metadata.name", ""),
	};
	object->version = slash ? slash + 1 : api;
	object->file = "test.yaml";
	object->line = 1;
	object->json = arena_copy(mem, text);
	object->json_length = strlen(text);
	free(text);
}

static const char *const kinds[] = {"dry-run", "apply", "delete", "release"};
static const char *const outcomes[] = {"pending", "created", "configured", "unchanged", "deleted", "failed"};

static json_t *write_json(const struct cluster_write *write)
{
	json_t *differences = json_array();
	for (size_t i = 0; i < write->difference_count; i++) {
		const struct difference *at = &write->differences[i];
		json_array_append_new(differences,
			json_pack("{s:s, s:s, s:s, s:s, s:I}", "path", at->path, "wanted", at->wanted,
				"found", at->found, "by", at->by, "when", (json_int_t)at->when));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "outcome", outcomes[write->outcome], "kind",
		write->error ? error_kind_name(write->error->kind) : "", "error",
		write->error ? write->error->text : "", "uid", write->uid_now ? write->uid_now : "",
		"resourceVersion", write->resource_version_now ? write->resource_version_now : "",
		"differences", differences);
}

static const struct ignore_rules *rules_of(const json_t *list, struct arena *mem)
{
	struct mistakes mistakes = {.mem = mem};
	struct ignore_rules *rules = arena_alloc(mem, sizeof(*rules));
	ignore_read(list, "ignore", mem, rules, &mistakes);
	if (mistakes.count)
		fprintf(stderr, "kube_driver: %s\n", mistakes.items[0].text);
	return rules;
}

static json_t *do_write(const json_t *command, struct arena *mem, struct error *err)
{
	(void)err;
	const json_t *list = json_object_get(command, "writes");
	size_t count = json_array_size(list);
	struct cluster_write *writes = arena_array(mem, count + 1, sizeof(*writes));
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		const char *kind = json_text_at(item, "kind", "apply");
		while (strcmp(kinds[writes[i].kind], kind))
			writes[i].kind++;
		struct object *object = arena_alloc(mem, sizeof(*object));
		if (json_object_get(item, "object")) {
			fill_object(object, json_object_get(item, "object"), mem);
			writes[i].object = object;
		}
		writes[i].tracking_id = json_text_at(item, "tracking", NULL);
		writes[i].force = json_bool_at(item, "force", false);
		writes[i].ours = json_bool_at(item, "ours", false);
		writes[i].replace = json_bool_at(item, "replace", false);
		writes[i].recreate = json_bool_at(item, "recreate", false);
		writes[i].lenient = json_bool_at(item, "lenient", false);
		writes[i].hold = json_bool_at(item, "hold", false);
		writes[i].name = json_text_at(item, "name", NULL);
		writes[i].key = key_of(json_object_get(item, "key"));
		writes[i].uid = json_text_at(item, "uid", NULL);
		writes[i].propagation = json_text_at(item, "propagation", NULL);
		writes[i].respect_ignore = json_bool_at(item, "respect", false);
		writes[i].ignore = rules_of(json_object_get(item, "ignore"), mem);
	}
	int64_t start = clock_steady();
	cluster_write(cluster, writes, count, mem);
	int64_t took = clock_steady() - start;
	json_t *results = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(results, write_json(&writes[i]));
	return json_pack("{s:b, s:o, s:I}", "ok", 1, "results", results, "milliseconds", (json_int_t)took);
}

static json_t *do_follow(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	return cluster_follow(cluster, json_text_at(command, "collection", ""),
		       json_text_at(command, "path", ""), json_text_at(command, "selector", NULL), err)
		? success()
		: failure(err);
}

static json_t *do_kind_ready(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	return cluster_kind_ready(
		       cluster, json_text_at(command, "group", ""), json_text_at(command, "kind", ""), err)
		? success()
		: failure(err);
}

static json_t *do_health(const json_t *command, struct arena *mem, struct error *err)
{
	struct cluster_health health;
	(void)command;
	(void)mem;
	(void)err;
	cluster_health(cluster, &health);
	return json_pack("{s:b, s:b, s:I, s:s}", "ok", 1, "well", health.well, "since",
		(json_int_t)health.since, "why", health.why);
}

/* Lists of new collections are compared with the server so often. */
static json_t *do_relist_every(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	(void)err;
	atomic_store(&cluster->watches->relist_milliseconds, (int)json_number_at(command, "milliseconds", 0));
	return success();
}

static json_t *do_make_namespace(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	bool created = false;
	if (!cluster_make_namespace(cluster, json_text_at(command, "name", ""), &created, err))
		return failure(err);
	return json_pack("{s:b, s:b}", "ok", 1, "created", created);
}

static json_t *do_events(const json_t *command, struct arena *mem, struct error *err)
{
	(void)command;
	(void)mem;
	(void)err;
	pthread_mutex_lock(&lock);
	json_t *events = heard;
	heard = json_array();
	pthread_mutex_unlock(&lock);
	return json_pack("{s:b, s:o}", "ok", 1, "events", events);
}

static json_t *do_stats(const json_t *command, struct arena *mem, struct error *err)
{
	(void)command;
	(void)mem;
	(void)err;
	struct live_counts counts;
	live_count(cluster->live, &counts);
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "ok", 1, "requests",
		(json_int_t)cluster_requests(cluster), "memory", (json_int_t)counts.bytes, "objects",
		(json_int_t)counts.objects, "tracked", (json_int_t)counts.tracked, "collections",
		(json_int_t)counts.collections, "watches", (json_int_t)cluster->watches->count);
}

static void count_item(void *context, json_t *object)
{
	(void)object;
	(*(size_t *)context)++;
}

static json_t *do_list(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	size_t count = 0;
	char version[64];
	if (!kube_list(cluster_kube(cluster), json_text_at(command, "path", ""), count_item, &count, version,
		    err))
		return failure(err);
	return json_pack("{s:b, s:I, s:s}", "ok", 1, "count", (json_int_t)count, "version", version);
}

static json_t *do_request(const json_t *command, struct arena *mem, struct error *err)
{
	(void)mem;
	(void)err;
	const char *body = json_text_at(command, "body", NULL);
	struct kube_request request = {.method = json_text_at(command, "method", "GET"),
		.path = json_text_at(command, "path", ""),
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.content_type = json_text_at(command, "type", NULL),
		.secret = json_bool_at(command, "secret", false)};
	kube_run(cluster_kube(cluster), &request, 1);
	json_decref(request.answer);
	return json_pack("{s:b, s:i, s:s, s:s, s:s}", "ok", request.error.kind == ERROR_NONE, "status",
		request.status, "reason", request.reason, "kind", error_kind_name(request.error.kind),
		"error", request.error.text);
}

static json_t *do_stop(const json_t *command, struct arena *mem, struct error *err)
{
	(void)command;
	(void)mem;
	(void)err;
	cluster_stop(cluster);
	return success();
}

static pthread_t stopper;
static bool stops; /* `stopper` was started */

static void *stop_soon(void *context)
{
	struct timespec wait = {.tv_nsec = 300000000};
	nanosleep(&wait, NULL);
	cluster_stop(cluster);
	return context;
}

/* Stops from another thread while the next command waits for the server. */
static json_t *do_stop_soon(const json_t *command, struct arena *mem, struct error *err)
{
	(void)command;
	(void)mem;
	(void)err;
	pthread_create(&stopper, NULL, stop_soon, NULL);
	stops = true;
	return success();
}

static const struct {
	const char *name;
	json_t *(*run)(const json_t *command, struct arena *mem, struct error *err);
} commands[] = {
	{"open", do_open},
	{"ready", do_ready},
	{"refresh", do_refresh},
	{"kind", do_kind},
	{"track", do_track},
	{"untrack", do_untrack},
	{"live", do_live},
	{"owned", do_owned},
	{"write", do_write},
	{"follow", do_follow},
	{"kind_ready", do_kind_ready},
	{"health", do_health},
	{"relist_every", do_relist_every},
	{"make_namespace", do_make_namespace},
	{"events", do_events},
	{"stats", do_stats},
	{"list", do_list},
	{"request", do_request},
	{"stop", do_stop},
	{"stop_soon", do_stop_soon},
};

static json_t *obey(const json_t *command, struct arena *mem)
{
	struct error err = {0};
	const char *name = json_text_at(command, "do", "");
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(command, mem, &err);
	return json_pack("{s:b, s:s}", "ok", 0, "error", "no such command");
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	signal(SIGPIPE, SIG_IGN); /* as the program has it */
	if (argc > 1 && strcmp(argv[1], "jq-worker") == 0)
		return jq_worker_main();
	heard = json_array();
	while ((length = getline(&line, &size, stdin)) > 0) {
		struct arena *mem = arena_new((size_t)1 << 30);
		struct error err;
		json_t *command = NULL;
		if (!json_read(line, (size_t)length, &command, &err))
			return 1;
		json_t *answer = obey(command, mem);
		char *text = json_dumps(answer, JSON_COMPACT);
		printf("%s\n", text);
		fflush(stdout);
		free(text);
		json_decref(answer);
		json_decref(command);
		arena_free(mem);
	}
	if (stops)
		pthread_join(stopper, NULL);
	cluster_close(cluster);
	kube_config_done(&config);
	json_decref(heard);
	free(line);
	return 0;
}
