/* body.c - the requests of a write: method, query and body */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/controlled.h"
#include "reconcile/kubernetes/ignored.h"
#include "reconcile/kubernetes/tracking.h"
#include "reconcile/kubernetes/write_internal.h"

static void set_request(struct job *job, const char *method, const char *content_type, json_t *body)
{
	if (job->body && job->secret)
		explicit_bzero(job->body, job->body_length);
	memory_freep(&job->body);
	memory_freep(&job->url);
	job->method = method;
	job->content_type = content_type;
	job->body = json_canonical(body);
	job->body_length = strlen(job->body);
}

/* What a manifest saved from a cluster carries along and an apply must not. */
static void strip(json_t *object)
{
	object_strip_metadata(json_object_get(object, "metadata"));
	json_object_del(object, "status");
}

/*
 * stringData of a Secret into data, which it overrules, as the server does it. Applied as it is, the server would own the keys
 * under a field that does not exist, and a key taken out of Git would stay (kubernetes/kubernetes#108008).
 */
static void encode_string_data(json_t *object)
{
	json_t *texts = json_object_get(object, "stringData");
	const char *key;
	json_t *value;
	json_object_foreach (texts, key, value)
		if (!json_is_string(value))
			return; /* the server says what is wrong */
	if (!json_is_object(texts))
		return;
	json_t *data = json_make_object(object, "data");
	json_object_foreach (texts, key, value) {
		size_t length = json_string_length(value);
		size_t size = 4 * ((length + 2) / 3) + 1;
		char *encoded = memory_alloc(size);
		text_base64((const unsigned char *)json_string_value(value), length, encoded);
		json_object_set_new(data, key, json_string(encoded));
		explicit_bzero(encoded, size);
		memory_freep(&encoded);
	}
	json_object_del(object, "stringData");
}

/* Whose it is, is not the manifest's to say: not even where we leave no mark of our own. */
static void track(const struct cluster_write *write, json_t *metadata)
{
	json_object_del(json_object_get(metadata, "annotations"), INSTALLATION_ANNOTATION);
	json_object_del(json_object_get(metadata, "annotations"), TRACKING_ANNOTATION);
	if (!write->tracking_id)
		return;
	json_t *annotations = json_make_object(metadata, "annotations");
	json_set_text(annotations, TRACKING_ANNOTATION, write->tracking_id);
	json_set_text(annotations, INSTALLATION_ANNOTATION, write->installation_id);
}

static void hold(json_t *metadata)
{
	json_t *finalizers = json_object_get(metadata, "finalizers");
	if (!json_is_array(finalizers)) {
		finalizers = json_array();
		json_object_set_new(metadata, "finalizers", finalizers);
	}
	json_array_append_new(finalizers, json_string(HOOK_FINALIZER));
}

static json_t *read_object(struct job *job)
{
	const struct cluster_write *write = job->write;
	struct error err;
	json_t *object = NULL;
	if (!json_read(write->object->json, write->object->json_length, &object, &err)) {
		job_fail(job, ERROR_INVALID, err.text);
		return NULL;
	}
	strip(object);
	if (job->secret)
		encode_string_data(object);
	json_t *metadata = json_make_object(object, "metadata");
	if (write->name) {
		json_object_del(metadata, "generateName");
		json_object_set_new(metadata, "name", json_string(write->name));
	}
	track(write, metadata);
	if (write->hold && !health_held_as_hook(object))
		hold(metadata);
	controlled_strip(object);
	lenient_drop(job, object);
	if (ignored_keep_live(job->cluster, write, object, job->live, &err))
		return object;
	job_fail(job, err.kind, err.text);
	json_decref(object);
	return NULL;
}

static const char *query(const struct job *job)
{
	bool dry = job->write->kind == WRITE_DRY_RUN;
	return arena_printf(job->mem, "fieldValidation=%s%s", job->write->lenient ? "Warn" : "Strict",
		dry ? "&dryRun=All" : "");
}

static void apply_request(struct job *job, json_t *object)
{
	/* A postgresql is written only as it was looked at: the operator loses an update that comes while it is at work. */
	if (job->postgresql && job->live)
		json_set_text(json_make_object(object, "metadata"), "resourceVersion",
			json_text_at(job->live, "metadata.resourceVersion", NULL));
	job->forced = job->force;
	set_request(job, "PATCH", "application/apply-patch+yaml", object);
	job->url = memory_printf("%s?fieldManager=" MANAGER_OURS "&force=%s&%s", job->path,
		job->force ? "true" : "false", query(job));
}

/* What others hold an object by, and its status, are not the manifest's to drop. */
static void keep_claims(json_t *object, const json_t *live)
{
	static const char *const names[] = {"finalizers", "ownerReferences"};
	const json_t *from = json_object_get(live, "metadata");
	json_t *metadata = json_make_object(object, "metadata");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!json_object_get(metadata, names[i]) && json_object_get(from, names[i]))
			json_object_set(metadata, names[i], json_object_get(from, names[i]));
	if (json_object_get(live, "status"))
		json_object_set(object, "status", json_object_get(live, "status"));
	json_object_set(metadata, "resourceVersion", json_object_get(from, "resourceVersion"));
}

/* As `kubectl replace` and `kubectl create`; a PUT never deletes, so Namespaces and CRDs need no exception. */
static void replace_request(struct job *job, json_t *object)
{
	if (job->live)
		keep_claims(object, job->live);
	set_request(job, job->live ? "PUT" : "POST", NULL, object);
	int collection = (int)(strrchr(job->path, '/') - job->path);
	job->url = memory_printf("%.*s?fieldManager=" MANAGER_REPLACES "&%s",
		job->live ? (int)strlen(job->path) : collection, job->path, query(job));
}

static void delete_request(struct job *job, const char *uid, const char *propagation)
{
	CLEANUP(json_done)
	json_t *options = json_pack("{s:s, s:s, s:s}", "kind", "DeleteOptions", "apiVersion", "v1",
		"propagationPolicy", propagation ? propagation : "Foreground");
	json_set_text(json_make_object(options, "preconditions"), "uid", uid);
	set_request(job, "DELETE", NULL, options);
	job->url = memory_copy(job->path);
}

/* Takes out one element, and only if it is still the one that was looked at. */
static void release_request(struct job *job)
{
	size_t index;
	json_t *value;
	json_array_foreach (json_at(job->live, "metadata.finalizers"), index, value)
		if (text_equal(json_string_value(value), HOOK_FINALIZER))
			break;
	char *place = arena_printf(job->mem, "/metadata/finalizers/%zu", index);
	CLEANUP(json_done)
	json_t *patch = json_pack("[{s:s, s:s, s:s}, {s:s, s:s}]", "op", "test", "path", place, "value",
		HOOK_FINALIZER, "op", "remove", "path", place);
	set_request(job, "PATCH", "application/json-patch+json", patch);
	job->url = memory_printf("%s?fieldManager=" MANAGER_OURS, job->path);
}

bool body_write(struct job *job)
{
	const struct cluster_write *write = job->write;
	if (write->kind == WRITE_DELETE) {
		delete_request(job, write->uid, write->propagation);
		return true;
	}
	if (write->kind == WRITE_RELEASE) {
		release_request(job);
		return true;
	}
	CLEANUP(json_done) json_t *object = read_object(job);
	if (!object)
		return false;
	if (write->replace)
		replace_request(job, object);
	else
		apply_request(job, object);
	return true;
}

void body_adopt(struct job *job)
{
	CLEANUP(json_done)
	json_t *patch = json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:o}]", "op", "test", "path",
		"/metadata/resourceVersion", "value", json_text_at(job->live, "metadata.resourceVersion", ""),
		"op", "replace", "path", "/metadata/managedFields", "value",
		manager_adopt(job->live, job->write->migrated));
	set_request(job, "PATCH", "application/json-patch+json", patch);
	job->url = memory_printf("%s?fieldManager=" MANAGER_OURS, job->path);
}

void body_preview(struct job *job)
{
	CLEANUP(json_done)
	json_t *patch = json_pack("[{s:s, s:s, s:O}]", "op", "replace", "path", "", "value", job->wanted);
	set_request(job, "PATCH", "application/json-patch+json", patch);
	job->url = memory_printf("%s?fieldManager=" MANAGER_OURS "&dryRun=All", job->path);
}

void body_remove(struct job *job, const char *uid)
{
	delete_request(job, uid, NULL);
}
