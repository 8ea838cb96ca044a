#include "reconcile/kubernetes/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/account.h"
#include "reconcile/kubernetes/exec.h"
#include "reconcile/manifest/yaml.h"

enum { FILES_MAX = 32 };

/* The kubeconfigs while they are read, the first of them first. */
struct kubeconfig {
	const char *path; /* of the entry that is read now: its paths are relative to that file's folder */
	const struct kube_override *override;
	struct {
		const char *path;
		const struct yaml_node *root;
	} files[FILES_MAX];
	size_t count;
	struct arena *mem;
	struct kube_config *config;
};

static char **impersonate_copy(char *const *headers)
{
	size_t count = 0;
	while (headers && headers[count])
		count++;
	char **copy = count ? memory_alloc((count + 1) * sizeof(*copy)) : NULL;
	for (size_t i = 0; i < count; i++)
		copy[i] = memory_copy(headers[i]);
	return copy;
}

void kube_config_copy(struct kube_config *copy, const struct kube_config *config)
{
	*copy = (struct kube_config){
		.server = memory_copy(config->server),
		.ca = memory_copy(config->ca),
		.ca_file = memory_copy(config->ca_file),
		.client_cert = memory_copy(config->client_cert),
		.token_file = memory_copy(config->token_file),
		.tls_server_name = memory_copy(config->tls_server_name),
		.proxy = memory_copy(config->proxy),
		.namespace = memory_copy(config->namespace),
		.account = {memory_copy(config->account.namespace), memory_copy(config->account.name),
			memory_copy(config->account.pod)},
		.insecure = config->insecure,
	};
	copy->impersonate = impersonate_copy(config->impersonate);
	if (config->client_key.length)
		secret_set(&copy->client_key, config->client_key.bytes, config->client_key.length);
	if (config->token.length)
		secret_set(&copy->token, config->token.bytes, config->token.length);
}

void kube_config_done(struct kube_config *config)
{
	memory_freep(&config->server);
	memory_freep(&config->ca);
	memory_freep(&config->ca_file);
	memory_freep(&config->client_cert);
	secret_done(&config->client_key);
	secret_done(&config->token);
	memory_freep(&config->token_file);
	memory_freep(&config->tls_server_name);
	memory_freep(&config->proxy);
	memory_freep(&config->namespace);
	kube_account_done(&config->account);
	for (char **header = config->impersonate; header && *header; header++)
		memory_freep(header);
	free((void *)config->impersonate);
	*config = (struct kube_config){0};
}

static bool read_text(const char *path, char **text, struct error *err)
{
	CLEANUP(buf_done) struct buf buf = BUF(LIMIT_CONFIG_BYTES);
	if (!file_read(path, &buf, err))
		return false;
	*text = memory_copy(buf_string(&buf));
	return true;
}

/* In a pod */

static bool in_cluster(const char *folder, struct kube_config *config, struct error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	if (!host || !*host || !port || !*port)
		return error_set(err, ERROR_MISSING, "this is no pod: KUBERNETES_SERVICE_HOST is not set");
	bool ipv6 = strchr(host, ':');
	config->server = memory_printf("https://%s%s%s:%s", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
	config->token_file = memory_printf("%s/token", folder);
	config->ca_file = memory_printf("%s/ca.crt", folder);
	CLEANUP(memory_freep) char *namespace_file = memory_printf("%s/namespace", folder);
	if (!secret_read(&config->token, config->token_file, true, err))
		return error_prefix(err, "service account token");
	if (!read_text(config->ca_file, &config->ca, err))
		return error_prefix(err, "service account CA");
	struct error none;
	if (!read_text(namespace_file, &config->namespace, &none))
		config->namespace = memory_copy("default");
	config->namespace[strcspn(config->namespace, " \n")] = '\0';
	return true;
}

bool kube_config_in_cluster(const char *folder, struct kube_config *config, struct error *err)
{
	struct kube_config made = {0};
	if (!in_cluster(folder ? folder : "/var/run/secrets/kubernetes.io/serviceaccount", &made, err)) {
		kube_config_done(&made);
		return false;
	}
	kube_account_read(&made.token, &made.account);
	*config = made;
	return true;
}

/* A kubeconfig */

static const char *field(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->kind == YAML_STRING && node->length ? node->text : NULL;
}

static bool flag(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->kind == YAML_BOOL && node->boolean;
}

static const struct yaml_node *entry_of(
	const struct yaml_node *root, const char *list, const char *name, const char *inner)
{
	const struct yaml_node *items = yaml_get(root, list);
	for (size_t i = 0; items && items->kind == YAML_LIST && i < items->count; i++)
		if (text_equal(field(items->items[i], "name"), name) && yaml_get(items->items[i], inner))
			return yaml_get(items->items[i], inner);
	return NULL;
}

/* The entry `name` of the list `list`, and in it the map `inner`. The first file that has one of this name counts, and of it the whole entry,
   as kubectl has it. From then on paths are relative to that file. */
static const struct yaml_node *entry(
	struct kubeconfig *file, const char *list, const char *name, const char *inner, struct error *err)
{
	const char *looked = "";
	for (size_t i = 0; i < file->count; i++) {
		const struct yaml_node *found = entry_of(file->files[i].root, list, name, inner);
		file->path = file->files[i].path;
		if (found)
			return found;
		looked = arena_join(file->mem, looked, ", ", file->path);
	}
	error_set(err, ERROR_INVALID, "%s: %s has no entry named \"%s\"", looked, list, name);
	return NULL;
}

/* Paths in a kubeconfig are relative to its folder. */
static const char *place(const struct kubeconfig *file, const char *path)
{
	const char *slash = strrchr(file->path, '/');
	if (*path == '/' || !slash)
		return path;
	return arena_printf(file->mem, "%.*s/%s", (int)(slash - file->path), file->path, path);
}

/* `key`-data (base64) or the file named by `key`; an absent one leaves `bytes` empty. */
static bool data_or_file(const struct kubeconfig *file, const struct yaml_node *map, const char *key,
	struct secret *bytes, struct error *err)
{
	const char *data = field(map, arena_printf(file->mem, "%s-data", key));
	const char *path = field(map, key);
	if (!data && !path)
		return true;
	if (!data)
		return secret_read(bytes, place(file, path), false, err) ||
			error_prefix(err, "%s: %s", file->path, key);
	return secret_set_base64(bytes, data, strlen(data)) ||
		error_set(err, ERROR_INVALID, "%s: %s-data is not base64", file->path, key);
}

static bool read_cluster(const struct kubeconfig *file, const struct yaml_node *cluster, struct error *err)
{
	struct kube_config *config = file->config;
	const char *server = field(cluster, "server");
	if (!server || !text_starts(server, "https://") || !server[strlen("https://")])
		return error_set(err, ERROR_INVALID,
			"%s: the cluster's server must be https://host:port, it is \"%s\"", file->path,
			server ? server : "");
	size_t length = strlen(server);
	while (server[length - 1] == '/')
		length--;
	config->server = memory_printf("%.*s", (int)length, server);
	config->insecure = flag(cluster, "insecure-skip-tls-verify");
	config->proxy = memory_copy(field(cluster, "proxy-url"));
	config->tls_server_name = memory_copy(field(cluster, "tls-server-name"));
	CLEANUP(secret_done) struct secret ca = {0};
	if (!data_or_file(file, cluster, "certificate-authority", &ca, err))
		return false;
	if (ca.length)
		config->ca = memory_copy(ca.bytes);
	if (config->ca && !field(cluster, "certificate-authority-data"))
		config->ca_file = memory_copy(place(file, field(cluster, "certificate-authority")));
	return true;
}

static char **text_list(const struct kubeconfig *file, const struct yaml_node *list, const char *first)
{
	size_t count = list && list->kind == YAML_LIST ? list->count : 0;
	char **texts = arena_array(file->mem, count + 2, sizeof(*texts));
	size_t filled = 0;
	if (first)
		texts[filled++] = arena_copy(file->mem, first);
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = list->items[i];
		if (item->kind == YAML_MAP) /* env: [{name: N, value: V}] */
			texts[filled++] = arena_printf(file->mem, "%s=%s",
				field(item, "name") ? field(item, "name") : "",
				field(item, "value") ? field(item, "value") : "");
		else
			texts[filled++] = arena_copy(file->mem, item->text ? item->text : "");
	}
	return texts;
}

static bool run_plugin(
	const struct kubeconfig *file, const struct yaml_node *exec, bool allow_exec, struct error *err)
{
	const char *command = field(exec, "command");
	const char *version = field(exec, "apiVersion");
	if (!allow_exec)
		return error_set(err, ERROR_INVALID,
			"%s: the user needs the exec plugin \"%s\", which the agent does not run; give it a token file or a client certificate",
			file->path, command ? command : "");
	if (!command || !version || !text_starts(version, "client.authentication.k8s.io/v1"))
		return error_set(err, ERROR_INVALID,
			"%s: exec needs a command and apiVersion client.authentication.k8s.io/v1", file->path);
	struct exec_plugin plugin = {
		.arguments = text_list(
			file, yaml_get(exec, "args"), strchr(command, '/') ? place(file, command) : command),
		.environment = text_list(file, yaml_get(exec, "env"), NULL),
		.api_version = version,
		.hint = field(exec, "installHint"),
		.interactive = !text_equal(field(exec, "interactiveMode"), "Never"),
	};
	return exec_plugin_run(&plugin, file->config, err) || error_prefix(err, "%s", file->path);
}

static bool read_user(
	const struct kubeconfig *file, const struct yaml_node *user, bool allow_exec, struct error *err)
{
	struct kube_config *config = file->config;
	CLEANUP(secret_done) struct secret cert = {0};
	if (!data_or_file(file, user, "client-certificate", &cert, err) ||
		!data_or_file(file, user, "client-key", &config->client_key, err))
		return false;
	if (!cert.length != !config->client_key.length)
		return error_set(err, ERROR_INVALID,
			"%s: a client certificate needs both client-certificate and client-key", file->path);
	if (cert.length)
		config->client_cert = memory_copy(cert.bytes);
	const char *token = field(user, "token");
	const char *token_file = field(user, "tokenFile");
	if (token_file) { /* tokenFile wins, as in kubectl */
		config->token_file = memory_copy(place(file, token_file));
		return secret_read(&config->token, config->token_file, true, err) ||
			error_prefix(err, "%s: tokenFile", file->path);
	}
	if (token) {
		secret_set(&config->token, token, strlen(token));
		return true;
	}
	if (yaml_get(user, "username"))
		return error_set(err, ERROR_INVALID,
			"%s: user names with passwords are not supported by API servers any more", file->path);
	const struct yaml_node *exec = yaml_get(user, "exec");
	return !exec || cert.length || run_plugin(file, exec, allow_exec, err);
}

/* The first file that says one. */
static const char *current_context(const struct kubeconfig *file)
{
	const char *context = file->override->context;
	for (size_t i = 0; !context && i < file->count; i++)
		context = field(file->files[i].root, "current-context");
	return context;
}

static const struct yaml_node *find_context(struct kubeconfig *file, struct error *err)
{
	const char *context = current_context(file);
	if (context)
		return entry(file, "contexts", context, "context", err);
	error_set(err, ERROR_INVALID, "%s: no current-context; name one", file->files[0].path);
	return NULL;
}

static bool read_context(struct kubeconfig *file, bool allow_exec, struct error *err)
{
	const struct kube_override *override = file->override;
	const struct yaml_node *found = find_context(file, err);
	if (!found)
		return false;
	const char *cluster_name = override->cluster ? override->cluster : field(found, "cluster");
	const char *user_name = override->user ? override->user : field(found, "user");
	const struct yaml_node *cluster =
		entry(file, "clusters", cluster_name ? cluster_name : "", "cluster", err);
	if (!cluster || !read_cluster(file, cluster, err))
		return false;
	const char *namespace = field(found, "namespace");
	file->config->namespace = memory_copy(namespace ? namespace : "default");
	if (!user_name || override->token)
		return true;
	const struct yaml_node *user = entry(file, "users", user_name, "user", err);
	return user && read_user(file, user, allow_exec, err);
}

static bool parse(struct kubeconfig *file, const char *path, const struct buf *bytes, struct error *err)
{
	struct mistakes mistakes = {.mem = file->mem};
	struct yaml_documents documents = {0};
	yaml_read(path, buf_string(bytes), bytes->length, file->mem, &documents, &mistakes);
	if (mistakes.count)
		return error_set(err, ERROR_INVALID, "%s", mistake_text(&mistakes.items[0], file->mem));
	if (documents.count != 1 || documents.items[0]->kind != YAML_MAP)
		return error_set(err, ERROR_INVALID, "%s: not a kubeconfig", path);
	file->files[file->count].path = path;
	file->files[file->count++].root = documents.items[0];
	return true;
}

/* Of several files those that are not there, or are empty, are passed over, as kubectl does; one alone has to be there. */
static bool read_files(struct kubeconfig *file, const char *const *paths, struct error *err)
{
	bool alone = paths[0] && !paths[1];
	if (!paths[0])
		return error_set(err, ERROR_MISSING, "no kubeconfig is named");
	for (size_t i = 0; paths[i]; i++) {
		CLEANUP(buf_wipe) struct buf bytes = BUF(LIMIT_CONFIG_BYTES);
		struct error problem;
		if (!file_read(paths[i], &bytes, &problem)) {
			if (problem.kind == ERROR_MISSING && !alone)
				continue;
			*err = problem;
			return error_prefix(err, "kubeconfig");
		}
		if (!bytes.length && !alone)
			continue;
		if (file->count == FILES_MAX)
			return error_set(
				err, ERROR_INVALID, "%s: more than %d kubeconfigs", paths[i], FILES_MAX);
		if (!parse(file, paths[i], &bytes, err))
			return false;
	}
	return file->count > 0 ||
		error_set(err, ERROR_MISSING, "kubeconfig: none of the files is there (%s, ...)", paths[0]);
}

bool kube_config_read(
	const char *path, const char *context, bool allow_exec, struct kube_config *config, struct error *err)
{
	const struct kube_override override = {.context = context};
	const char *const paths[] = {path, NULL};
	return kube_config_overridden(paths, &override, allow_exec, config, err);
}

bool kube_config_context(
	const char *const *paths, const char *context, char **name, char **namespace, struct error *err)
{
	CLEANUP(arena_wipep) struct arena *mem = arena_new(64 * (size_t)LIMIT_CONFIG_BYTES);
	const struct kube_override override = {.context = context};
	struct kubeconfig file = {.mem = mem, .override = &override};
	if (!read_files(&file, paths, err))
		return false;
	const char *current = current_context(&file);
	const struct yaml_node *found = namespace ? find_context(&file, err) : NULL;
	if (namespace && !found)
		return false;
	if (name)
		*name = memory_copy(current ? current : "");
	if (namespace)
		*namespace = memory_copy(field(found, "namespace") ? field(found, "namespace") : "default");
	return true;
}

bool kube_config_overridden(const char *const *paths, const struct kube_override *override, bool allow_exec,
	struct kube_config *config, struct error *err)
{
	CLEANUP(arena_wipep) struct arena *mem = arena_new(64 * (size_t)LIMIT_CONFIG_BYTES);
	struct kube_config made = {0};
	struct kubeconfig file = {.override = override, .mem = mem, .config = &made};
	if (!read_files(&file, paths, err) || !read_context(&file, allow_exec, err) ||
		!kube_config_override(&made, override, err)) {
		kube_config_done(&made);
		return false;
	}
	kube_account_read(&made.token, &made.account);
	*config = made;
	return true;
}
