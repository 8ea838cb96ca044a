#include "agent/users/secrets.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/folder.h"
#include "agent/users/secret_table.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"
#include "reconcile/sealed/wipe.h"

/* The file that was read last, so that a file with a thousand Secrets is parsed once a pass. Wiped. */
struct opened {
	char *file;
	struct arena *mem;
	struct yaml_documents documents;
};

struct secrets {
	pthread_mutex_t lock;
	char *folder;
	char *folder_state; /* names, times and sizes of its files when its Secrets were listed */
	char *trouble;      /* the first of them that could not be read then, and why; NULL = none */
	struct opened opened;
	struct secret_table table;
	char **followed; /* namespaces */
	size_t followed_count;
	bool cluster_expected;
};

struct secrets *secrets_new(const char *folder)
{
	struct secrets *secrets = memory_alloc(sizeof(*secrets));
	pthread_mutex_init(&secrets->lock, NULL);
	secrets->folder = memory_copy(folder);
	return secrets;
}

void secrets_free(struct secrets *secrets)
{
	if (!secrets)
		return;
	free(secrets->opened.file);
	arena_wipe(secrets->opened.mem);
	secret_table_done(&secrets->table);
	for (size_t i = 0; i < secrets->followed_count; i++)
		free(secrets->followed[i]);
	free(secrets->followed);
	free(secrets->folder);
	free(secrets->folder_state);
	free(secrets->trouble);
	pthread_mutex_destroy(&secrets->lock);
	free(secrets);
}

static struct secret_entry *find(
	struct secrets *secrets, const char *namespace, const char *name, bool in_folder)
{
	struct secret_entry *found = secret_table_find(&secrets->table, namespace, name, in_folder);
	/* A manifest without namespace is good for any. */
	return found || !in_folder ? found : secret_table_find(&secrets->table, "", name, in_folder);
}

void secrets_seen(struct secrets *secrets, const json_t *object, bool gone)
{
	const char *namespace = json_text_at(object, "metadata.namespace", "");
	const char *name = json_text_at(object, "metadata.name", "");
	CLEANUP(memory_freep)
	char *version = memory_printf("%s/%s", json_text_at(object, "metadata.uid", ""),
		json_text_at(object, "metadata.resourceVersion", ""));

	pthread_mutex_lock(&secrets->lock);
	struct secret_entry *entry = gone ? find(secrets, namespace, name, false) : NULL;
	if (entry)
		secret_table_remove(&secrets->table, entry);
	if (!gone)
		secret_table_set(&secrets->table, &(struct secret_entry){namespace, name, version, NULL, 0, 0});
	pthread_mutex_unlock(&secrets->lock);
}

static bool is_followed(const struct secrets *secrets, const char *namespace)
{
	for (size_t i = 0; i < secrets->followed_count; i++)
		if (strcmp(secrets->followed[i], namespace) == 0)
			return true;
	return false;
}

void secrets_follow(struct secrets *secrets, const char *namespace)
{
	pthread_mutex_lock(&secrets->lock);
	if (!is_followed(secrets, namespace)) {
		secrets->followed = memory_resize(
			secrets->followed, (secrets->followed_count + 1) * sizeof(*secrets->followed));
		secrets->followed[secrets->followed_count++] = memory_copy(namespace);
	}
	pthread_mutex_unlock(&secrets->lock);
}

/* ---- the folder ---- */

/* Reads the file's documents; the arena is the caller's to wipe. */
static bool read_documents(
	const char *file, struct arena *mem, struct yaml_documents *documents, struct error *err)
{
	CLEANUP(buf_wipe) struct buf bytes = BUF(LIMIT_CONFIG_BYTES);
	struct mistakes mistakes = {.mem = mem};
	struct stat status;

	if (stat(file, &status) == 0 && (status.st_mode & 077))
		return error_set(
			err, ERROR_DENIED, "%s holds secrets and may be read by others: chmod 0600 it", file);
	if (!file_read(file, &bytes, err))
		return false;
	yaml_read(file, buf_string(&bytes), bytes.length, mem, documents, &mistakes);
	if (mistakes.count)
		return error_set(err, ERROR_INVALID, "%s", mistake_text(&mistakes.items[0], mem));
	return true;
}

static const char *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = map ? yaml_get(map, key) : NULL;
	return node && node->kind == YAML_STRING ? node->text : "";
}

static bool is_secret(const struct yaml_node *document)
{
	return document->kind == YAML_MAP && strcmp(text_of(document, "kind"), "Secret") == 0 &&
		strcmp(text_of(document, "apiVersion"), "v1") == 0;
}

static void index_file(void *context, const char *file, const struct stat *status)
{
	struct secrets *secrets = context;
	CLEANUP(arena_wipep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct yaml_documents documents = {0};
	struct error err;

	/* A file that cannot be read gives no entries; whoever misses a Secret, which may be in it, is told why. */
	if (!read_documents(file, mem, &documents, &err)) {
		if (!secrets->trouble)
			secrets->trouble = memory_copy(err.text);
		return;
	}
	const char *version = arena_printf(mem, "%lld.%09ld-%lld-%llu", (long long)status->st_mtim.tv_sec,
		status->st_mtim.tv_nsec, (long long)status->st_size, (unsigned long long)status->st_ino);
	for (size_t i = 0; i < documents.count; i++) {
		const struct yaml_node *metadata = yaml_get(documents.items[i], "metadata");
		if (is_secret(documents.items[i]) && *text_of(metadata, "name"))
			secret_table_set(&secrets->table,
				&(struct secret_entry){text_of(metadata, "namespace"),
					text_of(metadata, "name"), version, file, i, 0});
	}
}

void secrets_expect_cluster(struct secrets *secrets)
{
	pthread_mutex_lock(&secrets->lock);
	secrets->cluster_expected = true;
	pthread_mutex_unlock(&secrets->lock);
}

static void forget(struct secrets *secrets)
{
	free(secrets->opened.file);
	arena_wipe(secrets->opened.mem);
	secrets->opened = (struct opened){0};
}

static void refresh_folder(struct secrets *secrets)
{
	char *state = folder_state(secrets->folder, NULL, NULL);
	if (text_equal(state, secrets->folder_state)) {
		free(state);
		return;
	}
	secret_table_forget_folder(&secrets->table);
	free(secrets->folder_state);
	secrets->folder_state = state;
	memory_freep(&secrets->trouble);
	if (access(secrets->folder, R_OK | X_OK) != 0)
		secrets->trouble = memory_printf("%s cannot be read: %s", secrets->folder, strerror(errno));
	forget(secrets);
	free(folder_state(secrets->folder, index_file, secrets));
}

void secrets_refresh(struct secrets *secrets)
{
	pthread_mutex_lock(&secrets->lock);
	if (secrets->folder)
		refresh_folder(secrets);
	pthread_mutex_unlock(&secrets->lock);
}

void secrets_forget(struct secrets *secrets)
{
	pthread_mutex_lock(&secrets->lock);
	forget(secrets);
	pthread_mutex_unlock(&secrets->lock);
}

/* ---- questions ---- */

static const char *places(const struct secrets *secrets, const char *namespace, struct arena *mem)
{
	bool cluster = is_followed(secrets, namespace);
	const char *trouble = secrets->trouble ? arena_printf(mem, " (%s)", secrets->trouble) : "";
	if (cluster && secrets->folder)
		return arena_printf(mem, "neither in the cluster nor in %s%s", secrets->folder, trouble);
	if (cluster)
		return "not in the cluster";
	if (secrets->cluster_expected)
		return arena_printf(mem, "the Secrets of the cluster cannot be read yet%s%s%s",
			secrets->folder ? ", and it is not in " : "", secrets->folder ? secrets->folder : "",
			trouble);
	if (secrets->folder)
		return arena_printf(mem, "not in %s%s", secrets->folder, trouble);
	return "there is neither a cluster nor a `secrets` folder in the agent file to look in";
}

bool secrets_version(struct secrets *secrets, const char *namespace, const char *name, struct arena *mem,
	const char **version, const char **why)
{
	pthread_mutex_lock(&secrets->lock);
	struct secret_entry *entry = find(secrets, namespace, name, false);
	if (!entry)
		entry = find(secrets, namespace, name, true);
	if (entry)
		*version = arena_copy(mem, entry->version);
	else
		*why = arena_printf(mem, "namespace %s: %s", namespace, places(secrets, namespace, mem));
	pthread_mutex_unlock(&secrets->lock);
	return entry != NULL;
}

static bool value_in_cluster(struct kube *kube, const char *namespace, const char *name, const char *key,
	struct secret *value, struct error *err)
{
	CLEANUP(memory_freep) char *path = memory_printf("/api/v1/namespaces/%s/secrets/%s", namespace, name);
	struct kube_request request = {.method = "GET", .path = path, .secret = true};
	CLEANUP(secret_json_done) json_t *object = NULL;

	if (!kube_one(kube, &request, &object, err))
		return err->kind == ERROR_MISSING
			? error_set(err, ERROR_MISSING, "Secret %s/%s is not in the cluster", namespace, name)
			: error_prefix(err, "Secret %s/%s", namespace, name);
	const json_t *encoded = json_object_get(json_object_get(object, "data"), key);
	if (!json_is_string(encoded))
		return error_set(err, ERROR_MISSING, "Secret %s/%s has no key %s", namespace, name, key);
	if (!secret_set_base64(value, json_string_value(encoded), json_string_length(encoded)))
		return error_set(
			err, ERROR_INVALID, "Secret %s/%s: key %s is not base64", namespace, name, key);
	return true;
}

static bool value_in_document(const struct yaml_node *document, const char *file, const char *key,
	struct secret *value, struct error *err)
{
	const struct yaml_node *plain = yaml_get(document, "stringData");
	const struct yaml_node *encoded = yaml_get(document, "data");
	const struct yaml_node *found = plain ? yaml_get(plain, key) : NULL;

	if (found && found->kind == YAML_STRING) {
		secret_set(value, found->text, found->length);
		return true;
	}
	found = encoded ? yaml_get(encoded, key) : NULL;
	if (!found || found->kind != YAML_STRING)
		return error_set(err, ERROR_MISSING, "%s:%d: the Secret has no text under key %s", file,
			document->line, key);
	if (!secret_set_base64(value, found->text, found->length))
		return error_set(err, ERROR_INVALID, "%s:%d: data.%s is not base64", file, found->line, key);
	return true;
}

static bool open_file(struct secrets *secrets, const char *file, struct error *err)
{
	if (text_equal(secrets->opened.file, file))
		return true;
	forget(secrets);
	struct opened opened = {.file = memory_copy(file), .mem = arena_new(LIMIT_PASS_MEMORY)};
	bool ok = read_documents(file, opened.mem, &opened.documents, err);
	secrets->opened = opened;
	if (!ok)
		forget(secrets);
	return ok;
}

static bool value_in_file(struct secrets *secrets, const struct secret_entry *entry, const char *key,
	struct secret *value, struct error *err)
{
	CLEANUP(memory_freep) char *file = memory_copy(entry->file);
	const struct yaml_documents *documents = &secrets->opened.documents;

	if (!open_file(secrets, file, err))
		return false;
	const struct yaml_node *document =
		entry->document < documents->count ? documents->items[entry->document] : NULL;
	const struct yaml_node *metadata = document ? yaml_get(document, "metadata") : NULL;
	if (metadata && is_secret(document) && strcmp(text_of(metadata, "name"), entry->name) == 0 &&
		strcmp(text_of(metadata, "namespace"), entry->namespace) == 0)
		return value_in_document(document, file, key, value, err);
	return error_set(err, ERROR_MISSING, "Secret %s is no longer in %s", entry->name, file);
}

bool secrets_value(struct secrets *secrets, struct kube *kube, const char *namespace, const char *name,
	const char *key, struct secret *value, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	bool found = false, ok = false;

	pthread_mutex_lock(&secrets->lock);
	bool in_cluster = kube && find(secrets, namespace, name, false);
	const struct secret_entry *entry = in_cluster ? NULL : find(secrets, namespace, name, true);
	if (entry) {
		found = true;
		ok = value_in_file(secrets, entry, key, value, err);
	}
	bool followed = is_followed(secrets, namespace);
	const char *where = places(secrets, namespace, mem);
	pthread_mutex_unlock(&secrets->lock);

	if (found)
		return ok;
	if (in_cluster || (kube && !followed))
		return value_in_cluster(kube, namespace, name, key, value, err);
	return error_set(err, ERROR_MISSING, "Secret %s/%s: %s", namespace, name, where);
}

enum secrets_home secrets_home(struct secrets *secrets, const char *namespace, struct arena *mem,
	const char **folder, const char **why)
{
	enum secrets_home home = SECRETS_NOWHERE;
	pthread_mutex_lock(&secrets->lock);
	if (is_followed(secrets, namespace))
		home = SECRETS_CLUSTER;
	else if (!secrets->cluster_expected && secrets->folder && !secrets->trouble)
		home = SECRETS_FOLDER;
	if (home == SECRETS_FOLDER)
		*folder = arena_copy(mem, secrets->folder);
	*why = arena_printf(mem, "no password is generated: %s", places(secrets, namespace, mem));
	pthread_mutex_unlock(&secrets->lock);
	return home;
}
