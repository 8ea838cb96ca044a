#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/answer.h"
#include "reconcile/kubernetes/cluster_parts.h"
#include "reconcile/kubernetes/controlled.h"
#include "reconcile/kubernetes/diff.h"
#include "reconcile/kubernetes/ignored.h"
#include "reconcile/kubernetes/kube_list.h"
#include "reconcile/kubernetes/manager.h"
#include "reconcile/kubernetes/postgresql.h"
#include "reconcile/kubernetes/tracking.h"

enum {
	CHUNK_BYTES = 16 * 1024 * 1024, /* bodies in memory at once */
	MOVED_TRIES = 3,                /* the object changed between our question and our write */
};

/* One write under way. */
struct job {
	struct cluster *cluster;
	struct cluster_write *write;
	struct arena *mem;
	const struct resource *resource;
	const struct object_key *key;
	char *path; /* of the object */
	char *url;  /* with query */
	char *body;
	size_t body_length;
	bool secret;
	bool force;
	bool postgresql;
	bool ready;           /* to be sent */
	char *version_before; /* resourceVersion known before, NULL = not known to be there */
	json_t *live;         /* from GET; NULL = not asked or not there */
	int tries;
};

/* Building */

static void fail(struct job *job, enum error_kind kind, const char *text)
{
	const struct object *object = job->write->object;
	job->write->outcome = WRITE_FAILED;
	if (object && object->file)
		error_set(&job->write->error, kind, "%s (%s:%d): %s", object_key_text(job->key, job->mem),
			object->file, object->line, text);
	else
		error_set(&job->write->error, kind, "%s: %s", object_key_text(job->key, job->mem), text);
}

/* What a manifest saved from a cluster carries along and an apply must not. */
static void strip(json_t *object)
{
	static const char *const names[] = {"managedFields", "resourceVersion", "uid", "generation",
		"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"};
	json_t *metadata = json_object_get(object, "metadata");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		json_object_del(metadata, names[i]);
	json_object_del(object, "status");
}

static bool make_body(struct job *job, const char *resource_version)
{
	const struct cluster_write *write = job->write;
	struct error err;
	CLEANUP(json_done) json_t *object = NULL;
	if (!json_read(write->object->json, write->object->json_length, &object, &err)) {
		fail(job, ERROR_INVALID, err.text);
		return false;
	}
	strip(object);
	controlled_strip(object);
	json_t *metadata = json_make_object(object, "metadata");
	if (write->tracking_id)
		json_object_set_new(json_make_object(metadata, "annotations"), TRACKING_ANNOTATION,
			json_string(write->tracking_id));
	json_set_text(metadata, "resourceVersion", resource_version);
	if (!ignored_keep_live(job->cluster, write, object, job->live, &err)) {
		fail(job, err.kind, err.text);
		return false;
	}
	memory_freep(&job->body);
	job->body = json_canonical(object);
	job->body_length = strlen(job->body);
	return true;
}

static void make_delete_body(struct job *job)
{
	const struct cluster_write *write = job->write;
	CLEANUP(json_done)
	json_t *options = json_pack("{s:s, s:s, s:s}", "kind", "DeleteOptions", "apiVersion", "v1",
		"propagationPolicy", write->propagation ? write->propagation : "Foreground");
	json_set_text(json_make_object(options, "preconditions"), "uid", write->uid);
	job->body = json_canonical(options);
	job->body_length = strlen(job->body);
}

static void make_url(struct job *job)
{
	bool dry = job->write->kind == WRITE_DRY_RUN;
	memory_freep(&job->url);
	job->url = memory_printf("%s?fieldManager=" MANAGER_OURS "&fieldValidation=Strict&force=%s%s",
		job->path, job->force ? "true" : "false", dry ? "&dryRun=All" : "");
}

/* The kind of a DELETE that is not there takes its objects with it: done. */
static void no_kind(struct job *job)
{
	bool partial = resources_partial(job->cluster->resources);
	if (job->write->kind != WRITE_DELETE)
		fail(job, ERROR_MISSING,
			arena_printf(job->mem,
				"the API server has no kind %s in %s%s%s; install its CustomResourceDefinition first",
				job->key->kind, job->key->group, *job->key->group ? "/" : "",
				job->write->object->version));
	else if (partial)
		fail(job, ERROR_RETRY,
			"the API server does not know its kind now, but its discovery is incomplete");
	else
		job->write->outcome = WRITE_DELETED;
}

static void prepare(struct job *job)
{
	struct cluster_write *write = job->write;
	bool deletes = write->kind == WRITE_DELETE;
	const char *version = deletes ? write->version : write->object->version;
	struct live live;
	job->key = deletes ? &write->key : &write->object->key;
	write->outcome = WRITE_PENDING;
	write->error = (struct error){0};
	job->resource = cluster_find(job->cluster, job->key->group, version, job->key->kind);
	if (!job->resource && deletes)
		job->resource = cluster_find(job->cluster, job->key->group, NULL, job->key->kind);
	if (!job->resource) {
		no_kind(job);
		return;
	}
	CLEANUP(buf_done) struct buf path = BUF(4096);
	resource_path(&path, job->resource, job->key->namespace, job->key->name);
	job->path = memory_copy(buf_string(&path));
	job->secret = object_is_secret(job->key);
	job->force = write->force;
	job->postgresql = postgresql_is(job->key->group, job->key->kind);
	if (live_get(job->cluster->live, job->key, job->mem, &live))
		job->version_before = arena_copy(job->mem, live.resource_version);
	if (deletes) {
		make_delete_body(job);
		job->ready = true;
	} else {
		make_url(job);
		job->ready = make_body(job, NULL);
	}
}

static void job_done(struct job *job)
{
	if (job->body && job->secret)
		explicit_bzero(job->body, job->body_length);
	memory_freep(&job->body);
	memory_freep(&job->url);
	memory_freep(&job->path);
	json_done(&job->live);
}

/* Requests */

static struct kube_request request_write(const struct job *job)
{
	bool deletes = job->write->kind == WRITE_DELETE;
	/* Without a health rule nothing but metadata of the answer is of interest, and values of Secrets are not welcome. */
	bool brief = deletes ||
		(job->write->kind == WRITE_APPLY && !health_has_rule(job->key->group, job->key->kind));
	return (struct kube_request){
		.method = deletes ? "DELETE" : "PATCH",
		.path = deletes ? job->path : job->url,
		.accept = brief && !deletes ? ACCEPT_METADATA : NULL,
		.content_type = deletes ? NULL : "application/apply-patch+yaml",
		.body = job->body,
		.body_length = job->body_length,
		.secret = job->secret,
	};
}

static struct kube_request request_get(const struct job *job)
{
	return (struct kube_request){.method = "GET", .path = job->path, .secret = job->secret};
}

/* Answers */

static void take_error(struct job *job, const struct error *err)
{
	fail(job, err->kind, err->text);
}

/* True when the same apply is to be sent again, with force. */
static bool take_conflict(struct job *job, const struct kube_request *request)
{
	struct manager_conflicts conflicts;
	manager_conflicts(request->answer, &conflicts);
	if (!conflicts.count) {
		take_error(job, &request->error);
		return false;
	}
	if (conflicts.all_give_way && !job->force) {
		job->force = true;
		make_url(job);
		return true;
	}
	fail(job, ERROR_CONFLICT,
		arena_printf(job->mem,
			"other field managers own what Git sets: %s; remove these fields from Git, or sync with force",
			conflicts.text));
	return false;
}

static void remember_answer(struct job *job, const json_t *answer)
{
	struct cluster_write *write = job->write;
	write->uid_now = arena_copy(job->mem, json_text_at(answer, "metadata.uid", ""));
	write->resource_version_now =
		arena_copy(job->mem, json_text_at(answer, "metadata.resourceVersion", ""));
}

static void take_applied(struct job *job, const struct kube_request *request)
{
	struct cluster_write *write = job->write;
	struct live_collection *collection = live_find_collection(job->cluster->live, job->key);
	remember_answer(job, request->answer);
	if (request->status == 201)
		write->outcome = WRITE_CREATED;
	else if (job->version_before && text_equal(job->version_before, write->resource_version_now))
		write->outcome = WRITE_UNCHANGED;
	else
		write->outcome = WRITE_CONFIGURED;
	if (collection)
		live_put(job->cluster->live, collection, request->answer, LIVE_WRITTEN);
}

static void take_deleted(struct job *job, const struct kube_request *request)
{
	if (request->error.kind == ERROR_NONE || request->status == 404)
		job->write->outcome = WRITE_DELETED;
	else if (request->status == 409)
		fail(job, ERROR_CONFLICT, "another object of this name is there now; it is left alone");
	else
		take_error(job, &request->error);
}

static bool refused(struct job *job)
{
	struct error err;
	CLEANUP(json_done) json_t *wanted = NULL;
	if (!json_read(job->body, job->body_length, &wanted, &err))
		return false;
	size_t count = 0;
	const char **reasons = postgresql_refusals(wanted, job->live, job->mem, &count);
	if (!count)
		return false;
	CLEANUP(buf_done) struct buf text = BUF(ERROR_TEXT_SIZE);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? "; " : "refused: ", reasons[i]);
	fail(job, ERROR_INVALID, buf_string(&text));
	return true;
}

/* True when it is to be asked again. */
static bool take_dry_run(struct job *job, const struct kube_request *request)
{
	struct cluster_write *write = job->write;
	if (job->postgresql && refused(job))
		return false;
	if (!job->live) {
		write->outcome = WRITE_CREATED;
		return false;
	}
	const char *seen = json_text_at(job->live, "metadata.resourceVersion", "");
	const char *used = json_text_at(request->answer, "metadata.resourceVersion", "");
	if (!text_equal(seen, used) && ++job->tries < MOVED_TRIES) {
		json_done(&job->live);
		return true;
	}
	remember_answer(job, job->live);
	struct error err;
	if (!ignored_remove(job->cluster, write, request->answer, job->live, &err)) {
		fail(job, err.kind, err.text);
		return false;
	}
	struct diff_input input = {
		.wanted = request->answer, .found = job->live, .secret = job->secret, .loose = job->postgresql};
	write->differences = diff_objects(&input, job->mem, &write->difference_count);
	write->outcome = write->difference_count ? WRITE_CONFIGURED : WRITE_UNCHANGED;
	return false;
}

/* True when the job needs another round. */
static bool take(struct job *job, const struct kube_request *request)
{
	if (job->write->kind == WRITE_DELETE) {
		take_deleted(job, request);
		return false;
	}
	if (request->status == 409)
		return take_conflict(job, request);
	if (request->error.kind != ERROR_NONE) {
		take_error(job, &request->error);
		return false;
	}
	if (job->write->kind == WRITE_DRY_RUN)
		return take_dry_run(job, request);
	take_applied(job, request);
	return false;
}

/* A dry run's live object; false when it cannot be had. */
static bool take_live(struct job *job, struct kube_request *request)
{
	json_done(&job->live);
	if (request->error.kind == ERROR_NONE) {
		job->live = request->answer;
		request->answer = NULL;
		return true;
	}
	if (request->status == 404)
		return true;
	take_error(job, &request->error);
	return false;
}

/* An answer to DELETE that never came: whether it was done is read, not guessed. */
static void settle_delete(struct job *job)
{
	struct kube_request get = request_get(job);
	kube_run(job->cluster->kube, &get, 1);
	bool there = get.error.kind == ERROR_NONE;
	bool same = text_equal(json_text_at(get.answer, "metadata.uid", ""), job->write->uid);
	bool deleting = json_at(get.answer, "metadata.deletionTimestamp");
	json_decref(get.answer);
	if (get.status == 404 || (there && (deleting || (job->write->uid && !same)))) {
		job->write->outcome = WRITE_DELETED;
		return;
	}
	if (!there)
		return;
	struct kube_request again = request_write(job);
	kube_run(job->cluster->kube, &again, 1);
	take_deleted(job, &again);
	json_decref(again.answer);
}

/* One round for all jobs that are ready: the dry runs with their GET beside. */
static bool run_round(struct job *jobs, size_t count)
{
	struct kube_request *requests = memory_alloc(2 * count * sizeof(*requests));
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].ready)
			continue;
		requests[used++] = request_write(&jobs[i]);
		if (jobs[i].write->kind == WRITE_DRY_RUN)
			requests[used++] = request_get(&jobs[i]);
	}
	bool more = false;
	if (used)
		kube_run(jobs[0].cluster->kube, requests, used);
	used = 0;
	for (size_t i = 0; i < count; i++) {
		struct job *job = &jobs[i];
		if (!job->ready)
			continue;
		struct kube_request *request = &requests[used++];
		bool well = true;
		if (job->write->kind == WRITE_DRY_RUN) {
			well = take_live(job, &requests[used]);
			json_decref(requests[used++].answer);
		}
		job->ready = well && take(job, request);
		if (job->write->kind == WRITE_DELETE && !request->status && request->error.kind == ERROR_RETRY)
			settle_delete(job);
		more = more || job->ready;
		json_decref(request->answer);
	}
	memory_freep(&requests);
	return more;
}

/* Applies that must look before they write: a postgresql, and what another tool applied before us */

/* Makes the fields of tools that applied whole manifests ours, so that what Git removes goes (gitops-peers.md 2.1). */
static bool adopt(struct job *job)
{
	const json_t *managed = json_at(job->live, "metadata.managedFields");
	if (!manager_any_declares(managed))
		return true;
	const char *version = json_text_at(job->live, "apiVersion", "v1");
	CLEANUP(json_done)
	json_t *patch = json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:o}]", "op", "test", "path",
		"/metadata/resourceVersion", "value", json_text_at(job->live, "metadata.resourceVersion", ""),
		"op", "replace", "path", "/metadata/managedFields", "value", manager_adopt(managed, version));
	char *body = json_canonical(patch);
	CLEANUP(memory_freep) char *url = memory_printf("%s?fieldManager=" MANAGER_OURS, job->path);
	struct kube_request request = {.method = "PATCH",
		.path = url,
		.content_type = "application/json-patch+json",
		.body = body,
		.body_length = strlen(body),
		.secret = job->secret,
		.accept = ACCEPT_METADATA};
	kube_run(job->cluster->kube, &request, 1);
	free(body);
	bool good = request.error.kind == ERROR_NONE;
	if (good)
		json_object_set(json_object_get(job->live, "metadata"), "resourceVersion",
			json_at(request.answer, "metadata.resourceVersion"));
	else
		take_error(job, &request.error);
	json_decref(request.answer);
	return good;
}

/* True when the object moved under our hands and must be looked at again. */
static bool look_and_apply(struct job *job)
{
	struct kube_request get = request_get(job);
	kube_run(job->cluster->kube, &get, 1);
	bool well = take_live(job, &get);
	json_decref(get.answer);
	if (!well || (job->postgresql && refused(job)))
		return false;
	if (job->postgresql && job->live && postgresql_busy(job->live)) {
		fail(job, ERROR_RETRY,
			"the postgres-operator is at work on it; it is written when that is done");
		return false;
	}
	if (job->live && !adopt(job))
		return job->write->error.kind == ERROR_INVALID || job->write->error.kind == ERROR_CONFLICT;
	const char *version = json_text_at(job->live, "metadata.resourceVersion", NULL);
	if (!make_body(job, job->postgresql ? version : NULL))
		return false;
	struct kube_request request = request_write(job);
	kube_run(job->cluster->kube, &request, 1);
	bool again = take(job, &request);
	/* Our precondition, not a field manager: somebody wrote between the look and the apply. */
	again = again ||
		(request.status == 409 && job->postgresql &&
			!json_array_size(json_at(request.answer, "details.causes")));
	json_decref(request.answer);
	return again;
}

static bool must_look(const struct job *job)
{
	return job->ready && job->write->kind == WRITE_APPLY &&
		(job->postgresql || ignored_needs_live(job->write) ||
			live_to_adopt(job->cluster->live, job->key));
}

/* The whole */

static void run_chunk(struct job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct job *job = &jobs[i];
		if (!must_look(job))
			continue;
		job->ready = false;
		for (bool again = true; again && job->tries <= MOVED_TRIES; job->tries++) {
			job->write->error = (struct error){0};
			again = look_and_apply(job);
		}
		if (job->write->outcome == WRITE_PENDING)
			fail(job, ERROR_RETRY, "it keeps changing while it is written");
	}
	while (run_round(jobs, count))
		;
	for (size_t i = 0; i < count; i++)
		job_done(&jobs[i]);
}

void cluster_write(struct cluster *cluster, struct cluster_write *writes, size_t count, struct arena *mem)
{
	struct job *jobs = memory_alloc((count + 1) * sizeof(*jobs));
	for (size_t done = 0; done < count;) {
		size_t taken = 0;
		size_t bytes = 0;
		while (done + taken < count && (!taken || bytes < CHUNK_BYTES)) {
			struct job *job = &jobs[taken];
			*job = (struct job){.cluster = cluster, .write = &writes[done + taken], .mem = mem};
			prepare(job);
			bytes += job->body_length;
			taken++;
		}
		run_chunk(jobs, taken);
		done += taken;
	}
	ignored_rest(cluster);
	memory_freep(&jobs);
}
