#include "agent/loop/credentials.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/loop/credentials_match.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/url.h"

/* One Argo CD repository Secret, values decoded. Wiped when it changes. */
struct repository_secret {
	char *name;
	bool is_template; /* repo-creds: the URL is a prefix */
	char *url, *username, *proxy, *no_proxy, *client_cert;
	char *app_id, *app_installation, *app_api; /* of a GitHub App */
	const char *unsupported;                   /* a way in that is asked for and not there; NULL = none */
	bool insecure;
	struct secret password, bearer, ssh_key, client_key, app_key;
};

struct credentials {
	const struct config *config;
	pthread_mutex_t lock;
	struct repository_secret *secrets;
	size_t count;
	char *known_hosts;   /* NULL = none */
	json_t *authorities; /* host name -> PEM; NULL = none */
};

struct credentials *credentials_new(const struct config *config)
{
	struct credentials *credentials = memory_alloc(sizeof(*credentials));
	credentials->config = config;
	pthread_mutex_init(&credentials->lock, NULL);
	return credentials;
}

static void secret_entry_done(struct repository_secret *entry)
{
	free(entry->name);
	free(entry->url);
	free(entry->username);
	free(entry->proxy);
	free(entry->no_proxy);
	free(entry->client_cert);
	free(entry->app_id);
	free(entry->app_installation);
	free(entry->app_api);
	secret_done(&entry->app_key);
	secret_done(&entry->password);
	secret_done(&entry->bearer);
	secret_done(&entry->ssh_key);
	secret_done(&entry->client_key);
}

void credentials_free(struct credentials *credentials)
{
	if (!credentials)
		return;
	for (size_t i = 0; i < credentials->count; i++)
		secret_entry_done(&credentials->secrets[i]);
	free(credentials->secrets);
	free(credentials->known_hosts);
	json_decref(credentials->authorities);
	pthread_mutex_destroy(&credentials->lock);
	free(credentials);
}

/* A decoded key of the Secret; empty when it is missing or no base64. */
static void take_secret(const json_t *data, const char *key, struct secret *value)
{
	const char *encoded = json_text_at(data, key, "");
	if (*encoded && !secret_set_base64(value, encoded, strlen(encoded)))
		secret_done(value);
}

static char *take_text(const json_t *data, const char *key)
{
	struct secret value = {0};
	take_secret(data, key, &value);
	char *text = value.length ? memory_copy(value.bytes) : NULL;
	secret_done(&value);
	return text;
}

static bool take_bool(const json_t *data, const char *key)
{
	CLEANUP(memory_freep) char *text = take_text(data, key);
	return text && strcmp(text, "true") == 0;
}

/* Ways of Argo CD to get in that would have to be passed over, which looked like a wrong password. */
static const char *unsupported(const json_t *data)
{
	bool app = json_object_get(data, "githubAppPrivateKey") != NULL;
	if (json_object_get(data, "gcpServiceAccountKey"))
		return "gcpServiceAccountKey";
	if (take_bool(data, "useAzureWorkloadIdentity"))
		return "useAzureWorkloadIdentity";
	if (app && (!json_object_get(data, "githubAppID") || !json_object_get(data, "githubAppInstallationID")))
		return "githubAppPrivateKey without githubAppID and githubAppInstallationID";
	return NULL;
}

void credentials_seen(struct credentials *credentials, const json_t *secret, bool gone)
{
	const char *name = json_text_at(secret, "metadata.name", "");
	const json_t *labels = json_at(secret, "metadata.labels");
	const json_t *type = json_object_get(labels, "argocd.argoproj.io/secret-type");
	const json_t *data = json_object_get(secret, "data");
	bool is_template = json_is_string(type) && strcmp(json_string_value(type), "repo-creds") == 0;

	pthread_mutex_lock(&credentials->lock);
	for (size_t i = 0; i < credentials->count; i++)
		if (strcmp(credentials->secrets[i].name, name) == 0) {
			secret_entry_done(&credentials->secrets[i]);
			credentials->secrets[i] = credentials->secrets[--credentials->count];
			break;
		}
	if (!gone) {
		credentials->secrets = memory_resize(
			credentials->secrets, (credentials->count + 1) * sizeof(*credentials->secrets));
		struct repository_secret *entry = &credentials->secrets[credentials->count++];
		*entry = (struct repository_secret){
			.name = memory_copy(name),
			.is_template = is_template,
			.url = take_text(data, "url"),
			.username = take_text(data, "username"),
			.proxy = take_text(data, "proxy"),
			.no_proxy = take_text(data, "noProxy"),
			.client_cert = take_text(data, "tlsClientCertData"),
			.app_id = take_text(data, "githubAppID"),
			.app_installation = take_text(data, "githubAppInstallationID"),
			.app_api = take_text(data, "githubAppEnterpriseBaseUrl"),
			.insecure = take_bool(data, "insecure"),
			.unsupported = unsupported(data),
		};
		take_secret(data, "githubAppPrivateKey", &entry->app_key);
		take_secret(data, "password", &entry->password);
		take_secret(data, "bearerToken", &entry->bearer);
		take_secret(data, "sshPrivateKey", &entry->ssh_key);
		take_secret(data, "tlsClientCertKey", &entry->client_key);
	}
	pthread_mutex_unlock(&credentials->lock);
}

void credentials_hosts_seen(struct credentials *credentials, const json_t *config_map, bool gone)
{
	const char *name = json_text_at(config_map, "metadata.name", "");
	json_t *data = gone ? NULL : json_object_get(config_map, "data");

	pthread_mutex_lock(&credentials->lock);
	if (strcmp(name, "argocd-ssh-known-hosts-cm") == 0) {
		free(credentials->known_hosts);
		credentials->known_hosts = memory_copy(json_text_at(data, "ssh_known_hosts", NULL));
	} else if (strcmp(name, "argocd-tls-certs-cm") == 0) {
		json_decref(credentials->authorities);
		credentials->authorities = json_deep_copy(data);
	}
	pthread_mutex_unlock(&credentials->lock);
}

static bool read_text(const char *file, struct arena *mem, const char **text, struct error *err)
{
	CLEANUP(buf_done) struct buf bytes = BUF(LIMIT_CONFIG_BYTES);
	if (!file)
		return true;
	if (!file_read(file, &bytes, err))
		return false;
	*text = arena_copy(mem, buf_string(&bytes));
	return true;
}

static bool read_secret(const char *file, struct secret *secret, bool trim, struct error *err)
{
	return !file || secret_read_private(secret, file, trim, err);
}

static bool from_config(const struct repository_config *from, const char *config_file, struct arena *mem,
	struct source_access *out, struct error *err)
{
	struct source_access access = {
		.origin = arena_printf(mem, "%s:%d", config_file, from->line),
		.username = from->username,
		.proxy = from->proxy,
		.no_proxy = from->no_proxy,
		.insecure = from->insecure,
	};
	bool ok = read_text(from->known_hosts_file, mem, &access.known_hosts, err) &&
		read_text(from->ca_file, mem, &access.ca, err) &&
		read_text(from->client_cert_file, mem, &access.client_cert, err) &&
		read_secret(from->password_file, &access.password, true, err) &&
		read_secret(from->ssh_key_file, &access.ssh_key, false, err) &&
		read_secret(from->client_key_file, &access.client_key, false, err);
	if (ok && from->token_file) {
		ok = read_secret(from->token_file, &access.password, true, err);
		access.token = !from->username;
	}
	if (!ok) {
		source_access_done(&access);
		return error_prefix(err, "credentials for %s", from->url);
	}
	*out = access;
	return true;
}

static void copy_secret(const struct secret *from, struct secret *to)
{
	if (from->length)
		secret_set(to, from->bytes, from->length);
}

/* The CA that the cluster names for this URL's host, NULL = the system's. */
static const char *authority_of(const struct credentials *credentials, const char *url, struct arena *mem)
{
	struct url read;
	struct error ignored;
	const char *host;
	json_t *authority;
	if (!url_parse(url, mem, &read, &ignored))
		return NULL;
	json_object_foreach (credentials->authorities, host, authority)
		if (strcasecmp(host, read.host) == 0)
			return arena_copy(mem, json_string_value(authority));
	return NULL;
}

static void from_cluster(const struct credentials *credentials, const char *url,
	const struct repository_secret *from, struct arena *mem, struct source_access *out)
{
	*out = (struct source_access){
		.known_hosts = arena_copy(mem, credentials->known_hosts),
		.ca = authority_of(credentials, url, mem),
	};
	if (!from)
		return;
	*out = (struct source_access){
		.known_hosts = out->known_hosts,
		.ca = out->ca,
		.origin = arena_printf(mem, "Secret %s/%s", credentials->config->namespace, from->name),
		.username = arena_copy(mem, from->username),
		.proxy = arena_copy(mem, from->proxy),
		.no_proxy = arena_copy(mem, from->no_proxy),
		.app_id = arena_copy(mem, from->app_id),
		.app_installation = arena_copy(mem, from->app_installation),
		.app_api = arena_copy(mem, from->app_api),
		.token = !from->username,
		.client_cert = arena_copy(mem, from->client_cert),
		.insecure = from->insecure,
	};
	copy_secret(&from->password, &out->password);
	copy_secret(&from->bearer, &out->bearer);
	copy_secret(&from->ssh_key, &out->ssh_key);
	copy_secret(&from->client_key, &out->client_key);
	copy_secret(&from->app_key, &out->app_key);
}

static const struct repository_config *best_config(
	const struct config *config, const char *url, struct arena *mem)
{
	const struct repository_config *best = NULL;
	int best_fit = 0;
	for (size_t i = 0; i < config->repository_count; i++) {
		int now = credentials_fit(config->repositories[i].url, url, mem);
		if (now > best_fit) {
			best_fit = now;
			best = &config->repositories[i];
		}
	}
	return best;
}

static bool has_credentials(const struct repository_secret *entry)
{
	return entry->password.length || entry->bearer.length || entry->ssh_key.length ||
		entry->client_key.length || entry->app_key.length || entry->unsupported;
}

/* Of two that fit alike always the same one, in whatever order they were seen. */
static const struct repository_secret *better(
	const struct repository_secret *a, int a_fit, const struct repository_secret *b, int b_fit)
{
	if (!a || b_fit > a_fit)
		return b;
	return b_fit == a_fit && strcmp(b->name, a->name) < 0 ? b : a;
}

/* A repository Secret without credentials of its own borrows those of a matching repo-creds template, as in Argo CD. */
static const struct repository_secret *best_secret(
	const struct credentials *credentials, const char *url, struct arena *mem)
{
	const struct repository_secret *template = NULL, *named = NULL;
	int template_fit = 0, named_fit = 0;
	for (size_t i = 0; i < credentials->count; i++) {
		const struct repository_secret *entry = &credentials->secrets[i];
		int now = entry->url ? credentials_fit(entry->url, url, mem) : 0;
		if (entry->is_template && now) {
			template = better(template, template_fit, entry, now);
			template_fit = now > template_fit ? now : template_fit;
		} else if (now >= CREDENTIALS_EXACT) {
			now += has_credentials(entry) ? CREDENTIALS_EXACT : 0;
			named = better(named, named_fit, entry, now);
			named_fit = now > named_fit ? now : named_fit;
		}
	}
	return named && (has_credentials(named) || !template) ? named : template;
}

/* A template that Argo CD would have used, for it compares letters and not parts of a path. */
static const char *hint_for(const struct credentials *credentials, const char *url, struct arena *mem)
{
	for (size_t i = 0; i < credentials->count; i++) {
		const struct repository_secret *entry = &credentials->secrets[i];
		if (entry->is_template && entry->url && credentials_nearly_fit(entry->url, url, mem))
			return arena_printf(mem,
				"the template %s/%s ends within a part of this URL's path and is not used for it: "
				"end it with '/', or with '-' where it is meant for all that begin so",
				credentials->config->namespace, entry->name);
	}
	return NULL;
}

bool credentials_for(struct credentials *credentials, const char *url, struct arena *mem,
	struct source_access *out, struct error *err)
{
	const struct repository_config *config = best_config(credentials->config, url, mem);
	if (config)
		return from_config(config, credentials->config->file, mem, out, err);
	pthread_mutex_lock(&credentials->lock);
	const struct repository_secret *best = best_secret(credentials, url, mem);
	bool ok = !best || !best->unsupported ||
		error_set(err, ERROR_INVALID,
			"Secret %s/%s asks for %s, which is not supported here: use a password, a token, an "
			"ssh key or a GitHub App",
			credentials->config->namespace, best->name, best->unsupported);
	if (ok)
		from_cluster(credentials, url, best, mem, out);
	if (ok && !out->origin)
		out->hint = hint_for(credentials, url, mem);
	pthread_mutex_unlock(&credentials->lock);
	return ok;
}

/* ---- signatures ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, lower(c)) : NULL;
	return found ? (int)(found - digits) : -1;
}

/* The next character of a URL, in lower case; "%2E" is '.'. */
static char next_character(const char **at)
{
	const char *c = *at;
	int high = *c == '%' ? hex_digit(c[1]) : -1, low = high < 0 ? -1 : hex_digit(c[2]);
	*at = c + (low < 0 ? 1 : 3);
	return low < 0 ? lower(*c) : lower((char)(high << 4 | low));
}

/* Host and path without the ways of writing that a server does not tell apart: no other spelling of a URL may come without
   its signatures. To cover too much is the safe side. */
static const char *spelling_of(const char *url, struct arena *mem)
{
	const char *plain = source_url_plain(url, mem), *scheme = strstr(plain, "://");
	const char *from = scheme ? scheme + 3 : plain;
	char *text = arena_copy(mem, from), *out = text;
	while (*from) {
		char now = next_character(&from);
		if (now == '/' && out > text && out[-1] == '/')
			continue;
		*out++ = now;
		if (out - text >= 3 && memcmp(out - 3, "/./", 3) == 0)
			out -= 2;
	}
	while (out > text && out[-1] == '/')
		out--;
	*out = '\0';
	return text;
}

static bool is_below(const char *url, const char *configured)
{
	size_t length = strlen(configured);
	return text_starts(url, configured) &&
		(!url[length] || url[length] == '/' || strcmp(url + length, ".git") == 0);
}

struct source_signers credentials_signers(const struct config *config, const char *url, struct arena *mem)
{
	const struct repository_config *best = NULL;
	const char *spelling = spelling_of(url, mem);
	size_t best_length = 0;
	for (size_t i = 0; i < config->repository_count; i++) {
		const struct repository_config *repository = &config->repositories[i];
		const char *configured = repository->signatures ? spelling_of(repository->url, mem) : NULL;
		if (!configured || !is_below(spelling, configured) || strlen(configured) < best_length)
			continue;
		best = repository;
		best_length = strlen(configured);
	}
	if (!best || !best->signed_commits)
		return (struct source_signers){.required = false};
	return (struct source_signers){
		.required = true,
		.ssh_keys = arena_copy(mem, best->ssh_keys),
		.gpg_keys = arena_copy(mem, best->gpg_keys),
	};
}
