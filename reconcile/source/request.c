#include "reconcile/source/request.h"

#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/frame.h"

enum { SECRETS = 5 };

static void list_secrets(const struct source_access *access, const struct secret *list[SECRETS])
{
	list[0] = &access->password;
	list[1] = &access->bearer;
	list[2] = &access->ssh_key;
	list[3] = &access->client_key;
	list[4] = &access->app_key;
}

static void set_rendering(json_t *path, const struct rendering *rendering)
{
	json_object_set_new(path, "asked", json_integer(rendering->asked));
	json_object_set_new(path, "plain", json_boolean(rendering->plain));
	json_set_text(path, "options", rendering->options);
	json_set_text(path, "namespace", rendering->namespace);
}

static json_t *paths_json(const struct source_request *request)
{
	json_t *paths = json_array();
	for (size_t i = 0; i < request->path_count; i++) {
		const struct source_path *path = &request->paths[i];
		json_t *one = json_object();
		json_set_text(one, "application", path->application);
		json_set_text(one, "path", path->directory.path);
		json_set_text(one, "base", path->base);
		json_object_set_new(one, "recurse", json_boolean(path->directory.recurse));
		json_object_set_new(one, "anyName", json_boolean(path->directory.any_name));
		json_set_text(one, "include", path->directory.include);
		json_set_text(one, "exclude", path->directory.exclude);
		set_rendering(one, &path->directory.rendering);
		json_array_append_new(paths, one);
	}
	return paths;
}

static json_t *request_json(const struct source_request *request, int64_t deadline)
{
	const struct source_access *access = request->access;
	json_t *json = json_object();
	json_set_text(json, "url", request->url);
	json_set_text(json, "revision", request->revision);
	json_set_text(json, "tagPrefix", request->tag_prefix);
	json_set_text(json, "folder", request->folder);
	json_set_text(json, "known", request->known);
	json_object_set_new(json, "offline", json_boolean(request->offline));
	json_object_set_new(json, "signed", json_boolean(request->signers.required));
	json_set_text(json, "sshKeys", request->signers.ssh_keys);
	json_set_text(json, "gpgKeys", request->signers.gpg_keys);
	json_set_text(json, "allowedSigners", request->signers.allowed);
	json_object_set_new(json, "deadline", json_integer(deadline));
	json_object_set_new(json, "parent", json_integer(getpid()));
	json_object_set_new(json, "paths", paths_json(request));
	json_set_text(json, "kustomize", request->identities[RENDER_KUSTOMIZE]);
	json_set_text(json, "helm", request->identities[RENDER_HELM]);
	json_set_text(json, "layout", request->layout);
	if (!access)
		return json;
	json_set_text(json, "origin", access->origin);
	json_set_text(json, "hint", access->hint);
	json_set_text(json, "username", access->username);
	json_set_text(json, "knownHosts", access->known_hosts);
	json_set_text(json, "ca", access->ca);
	json_set_text(json, "clientCert", access->client_cert);
	json_set_text(json, "proxy", access->proxy);
	json_set_text(json, "noProxy", access->no_proxy);
	json_set_text(json, "appId", access->app_id);
	json_set_text(json, "appInstallation", access->app_installation);
	json_set_text(json, "appApi", access->app_api);
	json_object_set_new(json, "token", json_boolean(access->token));
	json_object_set_new(json, "insecure", json_boolean(access->insecure));
	return json;
}

static bool write_frames(int fd, const struct source_request *request, int64_t deadline, struct error *err)
{
	static const struct source_access nothing;
	const struct secret *secrets[SECRETS];
	CLEANUP(json_done) json_t *json = request_json(request, deadline);
	CLEANUP(memory_freep) char *text = json_canonical(json);

	if (!frame_write(fd, text, strlen(text), err))
		return false;
	list_secrets(request->access ? request->access : &nothing, secrets);
	for (size_t i = 0; i < SECRETS; i++)
		if (!frame_write(fd, secrets[i]->bytes ? secrets[i]->bytes : "", secrets[i]->length, err))
			return false;
	return true;
}

bool request_write(const struct source_request *request, int64_t deadline, int *fd, struct error *err)
{
	int file;
	if (!frame_file(&file, err) || !frame_file_done(file, write_frames(file, request, deadline, err), err))
		return false;
	*fd = file;
	return true;
}

static const char *copy(const json_t *json, const char *key, const char *fallback, struct arena *mem)
{
	return arena_copy(mem, json_text_at(json, key, fallback));
}

static void read_rendering(const json_t *path, struct arena *mem, struct rendering *rendering)
{
	rendering->asked = (enum render_tool)json_number_at(path, "asked", RENDER_NONE);
	rendering->plain = json_bool_at(path, "plain", false);
	rendering->options = copy(path, "options", NULL, mem);
	rendering->namespace = copy(path, "namespace", NULL, mem);
}

static void read_paths(const json_t *list, struct arena *mem, struct source_request *request)
{
	struct source_path *paths = arena_array(mem, json_array_size(list), sizeof(*paths));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		paths[i].application = copy(one, "application", "", mem);
		paths[i].directory.path = copy(one, "path", "", mem);
		paths[i].base = copy(one, "base", NULL, mem);
		paths[i].directory.recurse = json_bool_at(one, "recurse", false);
		paths[i].directory.any_name = json_bool_at(one, "anyName", false);
		paths[i].directory.include = copy(one, "include", NULL, mem);
		paths[i].directory.exclude = copy(one, "exclude", NULL, mem);
		read_rendering(one, mem, &paths[i].directory.rendering);
	}
	request->paths = paths;
	request->path_count = json_array_size(list);
}

static void read_request(const json_t *json, struct arena *mem, struct request_read *read)
{
	struct source_request *request = &read->request;
	request->url = copy(json, "url", "", mem);
	request->revision = copy(json, "revision", "", mem);
	request->tag_prefix = copy(json, "tagPrefix", NULL, mem);
	request->folder = copy(json, "folder", "", mem);
	request->known = copy(json, "known", NULL, mem);
	request->offline = json_bool_at(json, "offline", false);
	request->signers.required = json_bool_at(json, "signed", false);
	request->signers.ssh_keys = copy(json, "sshKeys", NULL, mem);
	request->signers.gpg_keys = copy(json, "gpgKeys", NULL, mem);
	request->signers.allowed = copy(json, "allowedSigners", NULL, mem);
	request->deadline = json_number_at(json, "deadline", 0);
	request->identities[RENDER_KUSTOMIZE] = copy(json, "kustomize", NULL, mem);
	request->identities[RENDER_HELM] = copy(json, "helm", NULL, mem);
	request->layout = copy(json, "layout", NULL, mem);
	request->stop = -1;
	read->parent = (pid_t)json_number_at(json, "parent", 0);
	read_paths(json_object_get(json, "paths"), mem, request);
	read->access.origin = copy(json, "origin", NULL, mem);
	read->access.hint = copy(json, "hint", NULL, mem);
	read->access.username = copy(json, "username", NULL, mem);
	read->access.known_hosts = copy(json, "knownHosts", NULL, mem);
	read->access.ca = copy(json, "ca", NULL, mem);
	read->access.client_cert = copy(json, "clientCert", NULL, mem);
	read->access.proxy = copy(json, "proxy", NULL, mem);
	read->access.no_proxy = copy(json, "noProxy", NULL, mem);
	read->access.app_id = copy(json, "appId", NULL, mem);
	read->access.app_installation = copy(json, "appInstallation", NULL, mem);
	read->access.app_api = copy(json, "appApi", NULL, mem);
	read->access.token = json_bool_at(json, "token", false);
	read->access.insecure = json_bool_at(json, "insecure", false);
	request->access = &read->access;
}

static bool read_secret(int fd, struct secret *secret, struct error *err)
{
	CLEANUP(frame_done) struct frame_reader reader = FRAME_READER(LIMIT_SECRET_FILE);
	if (!frame_read(fd, &reader, err))
		return false;
	if (reader.body.length)
		secret_set(secret, reader.body.data, reader.body.length);
	return true;
}

bool request_read(int fd, struct arena *mem, struct request_read *read, struct error *err)
{
	CLEANUP(frame_done) struct frame_reader reader = FRAME_READER(LIMIT_FRAME_BYTES);
	CLEANUP(json_done) json_t *json = NULL;
	if (!frame_read(fd, &reader, err) ||
		!json_read(buf_string(&reader.body), reader.body.length, &json, err))
		return false;
	*read = (struct request_read){0};
	read_request(json, mem, read);
	return read_secret(fd, &read->access.password, err) && read_secret(fd, &read->access.bearer, err) &&
		read_secret(fd, &read->access.ssh_key, err) &&
		read_secret(fd, &read->access.client_key, err) && read_secret(fd, &read->access.app_key, err);
}

void request_done(struct request_read *read)
{
	source_access_done(&read->access);
}
