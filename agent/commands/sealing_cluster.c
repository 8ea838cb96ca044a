/* The Sealed Secrets controller behind the API server, and a certificate behind a URL. */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/sealing.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/http/percent.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/sealed_secret.h"
#include "reconcile/sealed/wipe.h"

#define DEFAULT_NAME "sealed-secrets-controller"
#define DEFAULT_NAMESPACE "kube-system"

static const char *name_of(const struct sealing_source *source)
{
	return source->controller_name ? source->controller_name : DEFAULT_NAME;
}

const char *sealing_controller_namespace(const struct sealing_source *source)
{
	return source->controller_namespace ? source->controller_namespace : DEFAULT_NAMESPACE;
}

static bool ask(const struct sealing_source *source, struct kube *kube, struct kube_request *request,
	json_t **answer, struct error *err)
{
	request->seconds = source->seconds;
	return kube_one(kube, request, answer, err);
}

/* Name the services that could be meant: charts name it after the release. */
static void add_candidates(const struct sealing_source *source, struct kube *kube, struct error *err)
{
	struct kube_request request = {.method = "GET",
		.path = "/api/v1/services?labelSelector=app.kubernetes.io%2Fname%3Dsealed-secrets&limit=10"};
	CLEANUP(json_done) json_t *list = NULL;
	CLEANUP(buf_done) struct buf names = BUF(600);
	CLEANUP(memory_freep) char *before = memory_copy(err->text);
	struct error ignored;
	size_t index;
	json_t *item;
	if (!ask(source, kube, &request, &list, &ignored))
		return;
	json_array_foreach (json_object_get(list, "items"), index, item)
		buf_printf(&names, "%s--controller-name %s --controller-namespace %s",
			names.length ? ", or " : "", json_text_at(item, "metadata.name", ""),
			json_text_at(item, "metadata.namespace", ""));
	if (names.length)
		error_set(err, err->kind, "%s; this cluster has: %s", before, buf_string(&names));
}

/* "/api/v1/namespaces/NS/services/http:NAME:PORT/proxy", the port by the name of the service's first one. */
static bool proxy_path(
	struct kube *kube, const struct sealing_source *source, struct buf *path, struct error *err)
{
	CLEANUP(buf_done) struct buf where = BUF(2048);
	CLEANUP(json_done) json_t *service = NULL;
	buf_text(&where, "/api/v1/namespaces/");
	percent_encode(&where, sealing_controller_namespace(source));
	buf_text(&where, "/services/");
	CLEANUP(memory_freep) char *services = memory_copy(buf_string(&where));
	percent_encode(&where, name_of(source));
	struct kube_request request = {.method = "GET", .path = buf_string(&where)};
	if (!ask(source, kube, &request, &service, err)) {
		error_prefix(err, "the controller's service %s/%s", sealing_controller_namespace(source),
			name_of(source));
		if (err->kind == ERROR_MISSING)
			add_candidates(source, kube, err);
		return false;
	}
	const json_t *port = json_array_get(json_at(service, "spec.ports"), 0);
	buf_printf(path, "%shttp:", services);
	percent_encode(path, name_of(source));
	buf_char(path, ':');
	percent_encode(path, json_text_at(port, "name", ""));
	buf_text(path, "/proxy");
	return true;
}

static bool take_text(const struct sealing_source *source, struct kube *kube, struct kube_request *request,
	struct buf *text, struct error *err)
{
	CLEANUP(json_done) json_t *answer = NULL;
	request->text = true;
	if (!ask(source, kube, request, &answer, err))
		return false;
	if (!json_is_string(answer))
		return error_set(err, ERROR_INVALID, "the answer is no text");
	buf_append(text, json_string_value(answer), json_string_length(answer));
	return !buf_failed(text) ||
		error_set(err, ERROR_INVALID, "the answer is larger than %zu bytes", text->maximum);
}

static bool list_keys(const struct sealing_source *source, struct kube *kube, json_t **list, struct error *err)
{
	CLEANUP(memory_freep)
	char *path = memory_printf("/api/v1/namespaces/%s/secrets?labelSelector="
				   "sealedsecrets.bitnami.com%%2Fsealed-secrets-key%%3Dactive",
		sealing_controller_namespace(source));
	struct kube_request request = {.method = "GET", .path = path, .secret = true};
	return ask(source, kube, &request, list, err);
}

/* The certificate of the newest key Secret, as the controller chooses. False when none can be read; nothing is said of it then. */
static bool newest_certificate(const struct sealing_source *source, struct kube *kube, struct buf *pem)
{
	CLEANUP(secret_json_done) json_t *list = NULL;
	struct error ignored;
	const char *name = NULL;
	int64_t newest = INT64_MIN;
	size_t index;
	json_t *item;
	if (!list_keys(source, kube, &list, &ignored))
		return false;
	json_array_foreach (json_object_get(list, "items"), index, item) {
		const json_t *text = json_object_get(json_object_get(item, "data"), "tls.crt");
		CLEANUP(secret_done) struct secret bytes = {0};
		CLEANUP(certificate_done) struct certificate certificate = {0};
		if (!json_is_string(text) ||
			!secret_set_base64(&bytes, json_string_value(text), json_string_length(text)) ||
			!certificate_read("", bytes.bytes, bytes.length, &certificate, &ignored) ||
			certificate.not_before <= newest)
			continue;
		newest = certificate.not_before;
		name = json_text_at(item, "metadata.name", "");
		buf_clear(pem);
		buf_append(pem, bytes.bytes, bytes.length);
	}
	if (name)
		sealing_say("note: the controller's service cannot be asked; this is the certificate of the newest key "
			    "Secret, %s/%s",
			sealing_controller_namespace(source), name);
	return name;
}

/* A service of another name, or none, is no reason to fail whoever may read the key Secrets. */
bool sealing_cluster_certificate(const struct sealing_source *source, struct buf *pem, struct error *err)
{
	CLEANUP(sealing_api_close) struct sealing_api api = {0};
	if (!sealing_api_open(source, &api, err))
		return false;
	CLEANUP(buf_done) struct buf path = BUF(2048);
	bool ok = proxy_path(api.kube, source, &path, err);
	buf_text(&path, "/v1/cert.pem");
	struct kube_request request = {
		.method = "GET", .path = buf_string(&path), .accept = "application/x-pem-file, */*"};
	return (ok && take_text(source, api.kube, &request, pem, err)) ||
		newest_certificate(source, api.kube, pem);
}

/* The controller's answer is yes or no: nothing of the values comes back. */
bool sealing_cluster_validate(const struct sealing_source *source, const json_t *sealed, struct error *err)
{
	CLEANUP(sealing_api_close) struct sealing_api api = {0};
	if (!sealing_api_open(source, &api, err))
		return false;
	CLEANUP(buf_done) struct buf path = BUF(2048);
	CLEANUP(memory_freep) char *body = json_dumps(sealed, JSON_COMPACT);
	CLEANUP(json_done) json_t *answer = NULL;
	bool ok = proxy_path(api.kube, source, &path, err);
	buf_text(&path, "/v1/verify");
	struct kube_request request = {.method = "POST",
		.path = buf_string(&path),
		.text = true,
		.body = body,
		.body_length = body ? strlen(body) : 0};
	if (ok && !ask(source, api.kube, &request, &answer, err)) {
		ok = false;
		if (request.status == 409)
			error_set(err, ERROR_INVALID, "unable to decrypt sealed secret: %s",
				json_text_at(sealed, "metadata.name", ""));
		else
			error_prefix(err, "cannot validate sealed secret");
	}
	return ok;
}

/* The name without label comes from versions before 0.9. */
static bool add_legacy_key(
	struct kube *kube, const struct sealing_source *source, struct sealing_keys *keys, struct error *err)
{
	CLEANUP(memory_freep)
	char *path = memory_printf(
		"/api/v1/namespaces/%s/secrets/sealed-secrets-key", sealing_controller_namespace(source));
	struct kube_request request = {.method = "GET", .path = path, .secret = true};
	json_t *secret = NULL;
	if (!ask(source, kube, &request, &secret, err))
		return err->kind == ERROR_MISSING;
	bool ok = sealing_keys_add_object(keys, "the cluster", secret, err);
	json_decref(secret);
	return ok;
}

bool sealing_cluster_keys(const struct sealing_source *source, struct sealing_keys *keys, struct error *err)
{
	CLEANUP(sealing_api_close) struct sealing_api api = {0};
	if (!sealing_api_open(source, &api, err))
		return false;
	CLEANUP(secret_json_done) json_t *list = NULL;
	struct error problem;
	size_t index;
	json_t *item;
	bool ok = list_keys(source, api.kube, &list, err);
	json_array_foreach (json_object_get(list, "items"), index, item)
		if (!sealing_keys_add_object(keys, "the cluster", item, &problem))
			sealing_say("warning: passed over: %s", problem.text);
	ok = ok && add_legacy_key(api.kube, source, keys, err);
	if (ok && !keys->count)
		ok = error_set(err, ERROR_MISSING,
			"no sealing key with the label " SEALING_KEY_LABEL "=active in namespace %s",
			sealing_controller_namespace(source));
	return ok;
}

/* The controller's answer is a SealedSecret without apiVersion and kind, and with Go's empty fields: what kubeseal reads it into and writes out
   again has the former and not the latter. */
static bool take_reencrypted(json_t *answer, json_t **again, struct error *err)
{
	static const char *const metadata[] = {"metadata", "spec.template.metadata"};
	if (!json_object_size(json_at(answer, "spec.encryptedData")))
		return error_set(
			err, ERROR_RETRY, "the controller's answer to --re-encrypt is no SealedSecret");
	json_object_set_new(answer, "apiVersion", json_string(SEALED_GROUP "/" SEALED_VERSION));
	json_object_set_new(answer, "kind", json_string(SEALED_KIND));
	if (json_is_zero(json_object_get(answer, "status"), 1))
		json_object_del(answer, "status");
	for (size_t i = 0; i < COUNT_OF(metadata); i++) {
		json_t *object = json_at(answer, metadata[i]);
		if (json_is_null(json_object_get(object, "creationTimestamp")))
			json_object_del(object, "creationTimestamp");
	}
	*again = json_incref(answer);
	return true;
}

bool sealing_cluster_reencrypt(
	const struct sealing_source *source, const json_t *sealed, json_t **again, struct error *err)
{
	CLEANUP(sealing_api_close) struct sealing_api api = {0};
	if (!sealing_api_open(source, &api, err))
		return false;
	CLEANUP(buf_done) struct buf path = BUF(2048);
	CLEANUP(memory_freep) char *body = json_dumps(sealed, JSON_COMPACT);
	bool ok = proxy_path(api.kube, source, &path, err);
	buf_text(&path, "/v1/rotate");
	struct kube_request request = {.method = "POST",
		.path = buf_string(&path),
		.body = body,
		.body_length = body ? strlen(body) : 0};
	CLEANUP(json_done) json_t *answer = NULL;
	return ok && ask(source, api.kube, &request, &answer, err) && take_reencrypted(answer, again, err);
}

bool sealing_cluster_create(const struct sealing_source *source, const json_t *secret, struct error *err)
{
	CLEANUP(sealing_api_close) struct sealing_api api = {0};
	CLEANUP(buf_wipe) struct buf body = BUF(LIMIT_SECRET_FILE * 4);
	CLEANUP(memory_freep)
	char *path = memory_printf("/api/v1/namespaces/%s/secrets?fieldManager=pgitops",
		json_text_at(secret, "metadata.namespace", ""));
	struct kube_request request = {.method = "POST", .path = path, .secret = true};
	if (!sealing_api_open(source, &api, err))
		return false;
	sealing_print(&body, secret, false);
	request.body = buf_string(&body);
	request.body_length = body.length;
	return ask(source, api.kube, &request, NULL, err);
}

/* A certificate over plain http could be anybody's: what is sealed with it would be anybody's too. */
bool sealing_url_certificate(
	const struct sealing_source *source, const char *url, struct buf *pem, struct error *err)
{
	CLEANUP(buf_done) struct buf ca = BUF(LIMIT_CONFIG_BYTES);
	struct kube_config config = {0};
	if (!text_starts(url, "https://"))
		return error_set(err, ERROR_INVALID,
			"%s: only https: whoever can change the answer could read what is sealed", url);
	if (source->ca && !file_read(source->ca, &ca, err))
		return false;
	const char *host = url + strlen("https://");
	size_t length = (size_t)(host - url) + strcspn(host, "/?#");
	config.server = memory_copy(url);
	config.server[length] = '\0';
	config.ca = source->ca ? memory_copy(buf_string(&ca)) : NULL;
	struct kube *kube = kube_open(&config);
	struct kube_request request = {.method = "GET",
		.path = url[length] == '/' ? url + length : "/",
		.accept = "application/x-pem-file, */*"};
	bool ok = take_text(source, kube, &request, pem, err);
	if (!ok)
		error_prefix(err, "%s", url);
	kube_close(kube);
	kube_config_done(&config);
	return ok;
}

void sealing_cluster_row(const struct sealing_source *source, struct hook *hook, struct rows *rows)
{
	CLEANUP(buf_wipe) struct buf pem = BUF(LIMIT_SECRET_FILE);
	CLEANUP(certificate_done) struct certificate cluster = {0};
	CLEANUP(certificate_done) struct certificate ours = {0};
	const struct layout *layout = &hook->layout;
	const char *path = layout->count ? layout->users[0].certificate : layout->certificate;
	struct row row = {.what = "cluster", .remedy = "", .state = ROW_BAD};
	struct error err = {0};
	if (!path)
		error_set(&err, ERROR_MISSING, "there is no certificate to compare with");
	else if (certificate_read_file(path, &ours, &err) && sealing_cluster_certificate(source, &pem, &err) &&
		certificate_read("the cluster's certificate", buf_string(&pem), pem.length, &cluster, &err))
		row.state = strcmp(ours.fingerprint, cluster.fingerprint) == 0 ? ROW_GOOD : ROW_WARNING;
	if (row.state == ROW_WARNING) {
		row.remedy = arena_printf(hook->mem, "pgitops seal cert -w %s", path);
		row.found =
			arena_printf(hook->mem, "seals with another certificate now (%.16s) than %s (%.16s)",
				cluster.fingerprint, path, ours.fingerprint);
	} else if (row.state == ROW_GOOD) {
		row.found = "seals with the repository's certificate";
	} else {
		row.found = arena_copy(hook->mem, err.text);
		row.remedy =
			"KUBECONFIG names the cluster, SEALED_SECRETS_CONTROLLER_NAMESPACE and _NAME its controller";
	}
	rows->items = arena_grow(hook->mem, rows->items, rows->count, sizeof(*rows->items));
	rows->items[rows->count++] = row;
}

/* ---- what the cluster gave last ---- */

/* "file context": which cluster is meant, without its credentials (an exec plugin may take seconds, or ask somebody). */
static bool cluster_name(const struct sealing_source *source, struct buf *name)
{
	CLEANUP(sealing_kubeconfigs_done) char **paths = sealing_kubeconfigs(source);
	CLEANUP(memory_freep) char *context = NULL;
	struct error ignored;
	if (!kube_config_context((const char *const *)paths, source->kube.context, &context, NULL, &ignored))
		return false;
	for (size_t i = 0; paths[i]; i++)
		buf_printf(name, "%s%s", i ? ":" : "", paths[i]);
	buf_printf(name, " %s %s %s", context, sealing_controller_namespace(source), name_of(source));
	return true;
}

/* One file for each cluster and controller, in the user's cache. NULL when nothing says which cluster, or where the cache
   is. */
static char *cache_file(const struct sealing_source *source)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	CLEANUP(buf_done) struct buf name = BUF(8192);
	char digest[DIGEST_HEX_SIZE];
	if (((!cache || *cache != '/') && (!home || *home != '/')) || !cluster_name(source, &name))
		return NULL;
	digest_sha256_hex(buf_string(&name), name.length, digest);
	return cache && *cache == '/' ? memory_printf("%s/pgitops/certificate-%.16s.pem", cache, digest)
				      : memory_printf("%s/.cache/pgitops/certificate-%.16s.pem", home, digest);
}

bool sealing_remembered(const struct sealing_source *source, struct buf *pem, struct error *err)
{
	CLEANUP(memory_freep) char *file = cache_file(source);
	return file ? file_read(file, pem, err) : error_set(err, ERROR_MISSING, "no cluster is known");
}

bool sealing_remember(const struct sealing_source *source, const struct buf *pem, struct error *err)
{
	CLEANUP(memory_freep) char *file = cache_file(source);
	if (!file)
		return true;
	CLEANUP(memory_freep) char *folder = memory_copy(file);
	*strrchr(folder, '/') = '\0';
	return file_make_folder(folder, err) && file_replace(file, buf_string(pem), pem->length, 0644, err);
}
