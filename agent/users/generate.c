#include "agent/users/generate.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/wipe.h"

/* The value stands in it as Kubernetes has it. */
static json_t *manifest(const char *namespace, const struct user_password *place, const struct secret *password)
{
	char encoded[4 * ((SECRET_GENERATED + 2) / 3) + 1];
	text_base64((const unsigned char *)password->bytes, password->length, encoded);
	json_t *object = json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:s, s:{s:s}}", "apiVersion", "v1",
		"kind", "Secret", "metadata", "namespace", namespace, "name", place->secret, "labels",
		"app.kubernetes.io/managed-by", "pgitops", "type", "Opaque", "data", place->key, encoded);
	explicit_bzero(encoded, sizeof(encoded));
	return object;
}

static bool create_in_cluster(struct secrets *secrets, struct kube *kube, const char *namespace,
	const char *text, struct error *err)
{
	CLEANUP(memory_freep)
	char *path = memory_printf("/api/v1/namespaces/%s/secrets?fieldManager=pgitops", namespace);
	struct kube_request request = {
		.method = "POST", .path = path, .body = text, .body_length = strlen(text), .secret = true};
	CLEANUP(secret_json_done) json_t *made = NULL;
	if (!kube_one(kube, &request, &made, err))
		return error_prefix(err, "no password is generated, Secrets of namespace %s", namespace);
	secrets_seen(secrets, made, false);
	return true;
}

static bool create_in_folder(struct secrets *secrets, const char *folder, const char *namespace,
	const char *name, const char *text, struct error *err)
{
	CLEANUP(memory_freep) char *path = memory_printf("%s/%s-%s.json", folder, namespace, name);
	bool ok = file_create(path, text, strlen(text), 0600, err);
	secrets_refresh(secrets);
	return ok || error_prefix(err, "no password is generated");
}

static bool create(struct secrets *secrets, struct kube *kube, const char *namespace, const char *name,
	const char *text, struct arena *mem, struct error *err)
{
	const char *folder = NULL, *why = "";
	enum secrets_home home = secrets_home(secrets, namespace, mem, &folder, &why);
	if (home == SECRETS_CLUSTER && kube)
		return create_in_cluster(secrets, kube, namespace, text, err);
	if (home == SECRETS_FOLDER)
		return create_in_folder(secrets, folder, namespace, name, text, err);
	return error_set(err, ERROR_RETRY, "%s", why);
}

bool generate_secret(struct secrets *secrets, struct kube *kube, const char *namespace,
	const struct user_password *place, struct secret *password, struct arena *mem, const char **version,
	struct error *err)
{
	CLEANUP(secret_json_done) json_t *object = NULL;
	CLEANUP(secret_done) struct secret made = {0};
	const char *why = "";

	if (!text_is_dns_subdomain(place->secret))
		return error_set(err, ERROR_INVALID, "no password is generated");
	if (!secret_random(&made, SECRET_GENERATED, err))
		return false;
	object = manifest(namespace, place, &made);
	char *text = json_canonical(object);
	bool ok = create(secrets, kube, namespace, place->secret, text, mem, err);
	explicit_bzero(text, strlen(text));
	free(text);
	if (!ok)
		return false;
	log_info("a password was generated", "namespace", namespace, "secret", place->secret, NULL);
	if (!secrets_version(secrets, namespace, place->secret, mem, version, &why))
		return error_set(err, ERROR_RETRY, "the Secret was made and is not there: %s", why);
	secret_set(password, made.bytes, made.length);
	return true;
}
