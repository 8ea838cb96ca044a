/*
 * source_driver.c - source_read() for tests: a JSON request on stdin, the result as JSON on stdout
 *
 * Started as `source_driver git-worker` it is the Git process itself, as the program is. `source_driver sweep FOLDER`
 * calls source_sweep(). SIGTERM makes the `stop` descriptor readable.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "reconcile/render/render_worker.h"
#include "reconcile/source/source.h"
#include "reconcile/source/worker.h"

static void secret_from(struct secret *secret, const json_t *json, const char *key)
{
	const char *text = json_text_at(json, key, NULL);
	if (text)
		secret_set(secret, text, strlen(text));
}

static void read_access(const json_t *json, struct source_access *access)
{
	access->username = json_text_at(json, "username", NULL);
	access->known_hosts = json_text_at(json, "knownHosts", NULL);
	access->ca = json_text_at(json, "ca", NULL);
	access->client_cert = json_text_at(json, "clientCert", NULL);
	access->proxy = json_text_at(json, "proxy", NULL);
	access->no_proxy = json_text_at(json, "noProxy", NULL);
	access->origin = json_text_at(json, "origin", NULL);
	access->app_id = json_text_at(json, "appId", NULL);
	access->app_installation = json_text_at(json, "appInstallation", NULL);
	access->app_api = json_text_at(json, "appApi", NULL);
	access->token = json_bool_at(json, "token", false);
	secret_from(&access->app_key, json, "appKey");
	access->insecure = json_bool_at(json, "insecure", false);
	secret_from(&access->password, json, "password");
	secret_from(&access->bearer, json, "bearer");
	secret_from(&access->ssh_key, json, "sshKey");
	secret_from(&access->client_key, json, "clientKey");
}

static void read_paths(const json_t *list, struct arena *mem, struct source_request *request)
{
	struct source_path *paths = arena_array(mem, json_array_size(list), sizeof(*paths));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		paths[i].application = json_text_at(one, "application", "app");
		paths[i].directory.path = json_text_at(one, "path", "");
		paths[i].base = json_text_at(one, "base", NULL);
		paths[i].directory.recurse = json_bool_at(one, "recurse", false);
		paths[i].directory.any_name = json_bool_at(one, "anyName", false);
		paths[i].directory.include = json_text_at(one, "include", NULL);
		paths[i].directory.exclude = json_text_at(one, "exclude", NULL);
		paths[i].directory.rendering = (struct rendering){
			.asked = (enum render_tool)json_number_at(one, "asked", RENDER_NONE),
			.plain = json_bool_at(one, "plain", false),
			.options = json_text_at(one, "options", NULL),
			.namespace = json_text_at(one, "namespace", NULL),
		};
	}
	request->paths = paths;
	request->path_count = json_array_size(list);
}

static json_t *mistakes_json(const struct mistakes *mistakes, struct arena *mem)
{
	json_t *list = json_array();
	for (size_t i = 0; i < mistakes->count; i++)
		json_array_append_new(list, json_string(mistake_text(&mistakes->items[i], mem)));
	return list;
}

static json_t *objects_json(const struct objects *objects, struct arena *mem)
{
	json_t *list = json_array();
	for (size_t i = 0; i < objects->count; i++) {
		const struct object *object = &objects->items[i];
		json_t *one = json_object();
		json_object_set_new(one, "key", json_string(object_key_text(&object->key, mem)));
		json_object_set_new(one, "version", json_string(object->version));
		json_object_set_new(one, "file", json_string(object->file));
		json_object_set_new(one, "line", json_integer(object->line));
		json_object_set_new(one, "textLine", json_integer(object->text_line));
		json_object_set_new(one, "json", json_string(object->json));
		json_object_set_new(one, "hash", json_string(object->hash));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *contents_json(const struct source_result *result, struct arena *mem)
{
	json_t *list = json_array();
	for (size_t i = 0; i < result->content_count; i++) {
		const struct source_content *content = &result->contents[i];
		json_t *one = json_object();
		json_object_set_new(one, "application", json_string(content->application));
		json_object_set_new(one, "found", json_boolean(content->found));
		json_t *changed = json_array();
		for (size_t j = 0; j < content->changed_count; j++)
			json_array_append_new(changed, json_string(content->changed[j]));
		json_object_set_new(one, "based", json_boolean(content->based));
		json_object_set_new(one, "changed", changed);
		json_object_set_new(one, "files", json_integer((json_int_t)content->desired.files));
		json_object_set_new(one, "objects", objects_json(&content->desired.objects, mem));
		json_object_set_new(one, "mistakes", mistakes_json(&content->desired.mistakes, mem));
		json_object_set_new(one, "warnings", mistakes_json(&content->desired.warnings, mem));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *result_json(const struct source_result *result, struct arena *mem)
{
	json_t *json = json_object();
	json_object_set_new(json, "commit", json_string(result->commit));
	json_object_set_new(json, "ref", json_string(result->ref));
	json_object_set_new(json, "signer", json_string(result->signer));
	json_object_set_new(json, "author", json_string(result->author));
	json_object_set_new(json, "authorTime", json_integer(result->author_time));
	json_object_set_new(json, "message", json_string(result->message));
	json_object_set_new(json, "unchanged", json_boolean(result->unchanged));
	json_object_set_new(json, "fetched", json_boolean(result->fetched));
	json_object_set_new(json, "rewritten", json_boolean(result->rewritten));
	json_object_set_new(json, "historyUnknown", json_boolean(result->history_unknown));
	json_object_set_new(json, "received", json_integer(result->received));
	json_object_set_new(json, "contents", contents_json(result, mem));
	return json;
}

static json_t *error_json(const struct error *err)
{
	json_t *json = json_object();
	json_object_set_new(json, "error", json_string(error_kind_name(err->kind)));
	json_object_set_new(json, "text", json_string(err->text));
	json_object_set_new(json, "rest", json_integer(err->rest));
	return json;
}

static json_t *read_source(const json_t *json, int stop, struct arena *mem)
{
	struct source_access access = {0};
	struct source_result result = {0};
	struct error err = {0};
	struct source_request request = {
		.url = json_text_at(json, "url", ""),
		.revision = json_text_at(json, "revision", ""),
		.tag_prefix = json_text_at(json, "tagPrefix", NULL),
		.folder = json_text_at(json, "folder", ""),
		.known = json_text_at(json, "known", NULL),
		.offline = json_bool_at(json, "offline", false),
		.deadline = json_number_at(json, "deadline", 60000),
		.access = &access,
		.signers = {.required = json_bool_at(json, "signed", false),
			.ssh_keys = json_text_at(json, "sshKeys", NULL),
			.gpg_keys = json_text_at(json, "gpgKeys", NULL)},
		.programs = {NULL, json_text_at(json, "kustomize", NULL), json_text_at(json, "helm", NULL)},
		.stop = stop,
	};
	read_access(json, &access);
	read_paths(json_object_get(json, "paths"), mem, &request);
	int64_t began = clock_steady();
	bool ok = source_read(&request, mem, &result, &err);
	json_t *answer = ok ? result_json(&result, mem) : error_json(&err);
	struct rusage used;
	getrusage(RUSAGE_CHILDREN, &used);
	json_object_set_new(answer, "milliseconds", json_integer(clock_steady() - began));
	json_object_set_new(answer, "peakKilobytes", json_integer(used.ru_maxrss));
	source_access_done(&access);
	return answer;
}

static int read_stdin(void)
{
	CLEANUP(buf_done) struct buf text = BUF(16 * 1024 * 1024);
	CLEANUP(json_done) json_t *json = NULL;
	struct error err = {0};
	sigset_t ending;
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	int stop = signalfd(-1, &ending, SFD_CLOEXEC);
	if (!file_read("/dev/stdin", &text, &err) || !json_read(buf_string(&text), text.length, &json, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	for (int64_t i = json_number_at(json, "times", 1); i > 0; i--) {
		struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
		json_t *answer = read_source(json, stop, mem);
		char *line = json_canonical(answer);
		puts(line);
		free(line);
		json_decref(answer);
		arena_free(mem);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct error err = {0};
	if (argc == 2 && strcmp(argv[1], "git-worker") == 0)
		return source_worker_main();
	if (argc == 2 && strcmp(argv[1], "render-worker") == 0)
		return render_worker_main();
	if (argc == 3 && strcmp(argv[1], "sweep") == 0) {
		if (source_sweep(argv[2], &err))
			return 0;
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return read_stdin();
}
