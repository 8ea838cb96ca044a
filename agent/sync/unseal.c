#include "agent/sync/unseal.h"

#include <stdlib.h>
#include <string.h>

#include "agent/users/secrets.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "reconcile/sealed/controller.h"
#include "reconcile/sealed/open.h"
#include "reconcile/sealed/wipe.h"

static const char *sealed_path(const struct object *object, const char *part, struct arena *mem)
{
	return arena_printf(mem, "/apis/bitnami.com/%s/namespaces/%s/sealedsecrets/%s%s", object->version,
		object->key.namespace, object->key.name, part);
}

static const char *secret_path(const struct object *object, const char *name, struct arena *mem)
{
	return arena_printf(
		mem, "/api/v1/namespaces/%s/secrets%s%s", object->key.namespace, *name ? "/" : "", name);
}

/* ---- what was seen ---- */

static const char *seen_key(const struct object *object, struct arena *mem)
{
	return arena_printf(mem, "%s/%s", object->key.namespace, object->key.name);
}

/* Versions of both sides: while neither moves there is nothing to do. */
static const char *versions(struct pass *pass, const struct object *object)
{
	struct live live;
	const char *secret = "", *why;
	if (!cluster_live(pass->agent->cluster, &object->key, pass->mem, &live))
		return NULL;
	if (!secrets_version(
		    pass->agent->secrets, object->key.namespace, object->key.name, pass->mem, &secret, &why))
		secret = "none";
	return arena_printf(pass->mem, "%s %s", live.resource_version, secret);
}

void unseal_forget(struct agent *agent)
{
	json_decref(agent->unsealed);
	agent->unsealed = NULL;
}

/* ---- one SealedSecret ---- */

static bool get(struct pass *pass, const char *path, json_t **object, struct error *err)
{
	struct kube_request request = {.method = "GET", .path = path, .secret = true};
	return kube_one(cluster_kube(pass->agent->cluster), &request, object, err);
}

static bool send(
	struct pass *pass, const char *method, const char *path, const json_t *object, struct error *err)
{
	char *body = json_canonical(object);
	struct kube_request request = {.method = method,
		.path = arena_printf(pass->mem, "%s?fieldManager=pgitops", path),
		.body = body,
		.body_length = strlen(body),
		.secret = true};
	bool ok = kube_one(cluster_kube(pass->agent->cluster), &request, NULL, err);
	explicit_bzero(body, strlen(body));
	free(body);
	return ok;
}

static bool write_secret(struct pass *pass, const struct object *object, enum sealed_action action,
	const json_t *secret, struct error *err)
{
	bool create = action == SEALED_CREATE;
	const char *path = secret_path(object, create ? "" : object->key.name, pass->mem);
	if (action == SEALED_NOTHING)
		return true;
	if (!send(pass, create ? "POST" : "PUT", path, secret, err))
		return false;
	log_info(create ? "secret unsealed" : "secret unsealed again", "secret", seen_key(object, pass->mem),
		NULL);
	return true;
}

static bool write_status(struct pass *pass, const struct object *object, json_t *sealed,
	const struct error *failure, struct error *err)
{
	char now[CLOCK_TEXT_SIZE];
	clock_text_seconds(clock_now(), now);
	json_t *status = sealed_status(sealed, failure, now);
	bool same = json_equal(status, json_object_get(sealed, "status"));
	json_object_set_new(sealed, "status", status);
	return same || send(pass, "PUT", sealed_path(object, "/status", pass->mem), sealed, err);
}

static bool reconcile_one(
	struct pass *pass, const struct object *object, const struct sealing_keys *keys, struct error *err)
{
	CLEANUP(json_done) json_t *sealed = NULL;
	CLEANUP(secret_json_done) json_t *existing = NULL;
	CLEANUP(secret_json_done) json_t *secret = NULL;
	enum sealed_action action = SEALED_NOTHING;
	struct error failure = {.kind = ERROR_NONE};

	if (!get(pass, sealed_path(object, "", pass->mem), &sealed, err))
		return false;
	if (!get(pass, secret_path(object, object->key.name, pass->mem), &existing, err) &&
		err->kind != ERROR_MISSING)
		return false;
	if (!sealed_reconcile(sealed, existing, keys, NULL, 0, &action, &secret, &failure))
		log_error("a SealedSecret cannot become its Secret", "secret", seen_key(object, pass->mem),
			"error", failure.text, NULL);
	else if (!write_secret(pass, object, action, secret, err))
		return false;
	return write_status(pass, object, sealed, failure.kind == ERROR_NONE ? NULL : &failure, err);
}

/* ---- all of them ---- */

static bool read_keys(struct pass *pass, struct sealing_keys *keys, struct error *err)
{
	const struct config *config = pass->agent->config;
	struct mistakes problems = {.mem = pass->mem};
	if (keys->count)
		return true;
	return sealed_open_keys(config->sealing_keys, config->sealing_key_count, keys, &problems, err);
}

void unseal_run(struct pass *pass)
{
	struct agent *agent = pass->agent;
	const struct objects *wanted = &pass->content->desired->objects;
	CLEANUP(sealing_keys_done) struct sealing_keys keys = {0};

	if (!agent->config->sealing_controller)
		return;
	if (!agent->unsealed)
		agent->unsealed = json_object();
	for (size_t i = 0; i < wanted->count; i++) {
		const struct object *object = &wanted->items[i];
		struct error err;
		if (!sealed_is(&object->key))
			continue;
		const char *now = versions(pass, object), *key = seen_key(object, pass->mem);
		if (!now || text_equal(now, json_string_value(json_object_get(agent->unsealed, key))))
			continue;
		if (read_keys(pass, &keys, &err) && reconcile_one(pass, object, &keys, &err)) {
			json_object_set_new(agent->unsealed, key, json_string(now));
			continue;
		}
		pass_condition(
			pass, "SyncError", arena_printf(pass->mem, "SealedSecret %s: %s", key, err.text));
	}
}
