#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/answer.h"
#include "reconcile/kubernetes/ignored.h"
#include "reconcile/kubernetes/kube_list.h"
#include "reconcile/kubernetes/postgresql.h"
#include "reconcile/kubernetes/write_internal.h"

enum { CHUNK_FIRST = 32, CHUNK_JOBS = 512 }; /* in memory at once: as many as their answers allow */

/* What the answers have in common */

enum step job_fail(struct job *job, enum error_kind kind, const char *text)
{
	const struct object *object = job->write->object;
	struct error *err = arena_alloc(job->mem, sizeof(*err));
	if (object && object->file)
		error_set(err, kind, "%s (%s:%d): %s", object_key_text(&job->key, job->mem), object->file,
			object->line, text);
	else
		error_set(err, kind, "%s: %s", object_key_text(&job->key, job->mem), text);
	job->write->outcome = WRITE_FAILED;
	job->write->error = err;
	return STEP_DONE;
}

enum step job_again(struct job *job, enum step step)
{
	if (++job->tries > MOVED_TRIES)
		return job_fail(job, ERROR_RETRY, "it keeps changing while it is compared and written");
	return step;
}

void job_remember(struct job *job, const json_t *answer)
{
	struct cluster_write *write = job->write;
	write->uid_now = arena_copy(job->mem, json_text_at(answer, "metadata.uid", ""));
	write->resource_version_now =
		arena_copy(job->mem, json_text_at(answer, "metadata.resourceVersion", ""));
}

static enum step fail_as_answered(struct job *job, const struct kube_request *request)
{
	return job_fail(job, request->error.kind, request->error.text);
}

bool job_refused(struct job *job)
{
	struct error err;
	CLEANUP(json_done) json_t *wanted = NULL;
	if (!json_read(job->write->object->json, job->write->object->json_length, &wanted, &err))
		return false;
	size_t count = 0;
	const struct operator_settings *settings =
		operator_settings_for(job->cluster->kube, job->key.namespace, wanted, job->live, job->mem);
	const char **reasons = postgresql_refusals(wanted, job->live, settings, job->mem, &count);
	if (!count)
		return false;
	CLEANUP(buf_done) struct buf text = BUF(16 * 1024);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? "; " : "refused: ", reasons[i]);
	job_fail(job, ERROR_INVALID, buf_string(&text));
	return true;
}

/* Answers, one function for each step */

static enum step applied(struct job *job, const struct kube_request *request)
{
	struct cluster_write *write = job->write;
	struct live_collection *collection = live_find_collection(job->cluster->live, &job->key);
	job_remember(job, request->answer);
	if (request->status == 201)
		write->outcome = WRITE_CREATED;
	else if (job->version_before && text_equal(job->version_before, write->resource_version_now))
		write->outcome = WRITE_UNCHANGED;
	else
		write->outcome = WRITE_CONFIGURED;
	if (!collection)
		return STEP_DONE;
	/* A new version that is older than what was seen before it was asked for: etcd was restored from a backup. */
	uint64_t version = strtoull(write->resource_version_now, NULL, 10);
	if (write->outcome != WRITE_UNCHANGED && version && version <= job->seen_before)
		cluster_doubt(job->cluster, collection);
	live_put(job->cluster->live, collection, request->answer, LIVE_WRITTEN);
	return STEP_DONE;
}

static enum step deleted(struct job *job, const struct kube_request *request)
{
	if (request->error.kind == ERROR_NONE || request->status == 404)
		job->write->outcome = WRITE_DELETED;
	else if (request->status == 409)
		job_fail(job, ERROR_CONFLICT, "another object of this name is there now; it is left alone");
	else if (!request->status && request->error.kind == ERROR_RETRY && job->tries == 0)
		return STEP_SETTLE;
	else
		fail_as_answered(job, request);
	return STEP_DONE;
}

static enum step released(struct job *job, const struct kube_request *request)
{
	if (request->status == 404)
		job->write->outcome = WRITE_DELETED;
	else if (request->error.kind == ERROR_NONE)
		return applied(job, request);
	else if (request->error.kind == ERROR_CONFLICT || request->error.kind == ERROR_INVALID)
		return job_again(job, STEP_LOOK); /* the list of finalizers changed */
	else
		return fail_as_answered(job, request);
	return STEP_DONE;
}

/* Of Replace=true: it came or went since the look, or the answer was lost, and what came of it is read. */
static bool replace_moved(const struct job *job, const struct kube_request *request)
{
	return job->write->replace &&
		(request->status == 409 || (request->status == 404 && job->live) ||
			(!request->status && request->error.kind == ERROR_RETRY));
}

static enum step written(struct job *job, const struct kube_request *request)
{
	if (job->write->kind == WRITE_DELETE)
		return deleted(job, request);
	if (job->write->kind == WRITE_RELEASE)
		return released(job, request);
	if (replace_moved(job, request) && job->tries < MOVED_TRIES)
		return job_again(job, STEP_LOOK);
	if (request->status == 409)
		return adopt_conflict(job, request);
	if (request->status == 422 && answer_immutable(request->answer))
		return recreate_refused(job, request);
	if (request->error.kind == ERROR_INVALID && lenient_note(job, request->answer))
		return body_write(job) ? job->step : STEP_DONE;
	if (request->error.kind != ERROR_NONE)
		return fail_as_answered(job, request);
	return job->write->kind == WRITE_DRY_RUN ? dry_run_compared(job, request) : applied(job, request);
}

/* The same when a question is answered with less than the watch has told. */
static void doubt_old_answer(const struct job *job)
{
	const struct live_collection *collection = live_find_collection(job->cluster->live, &job->key);
	uint64_t known = job->version_before ? strtoull(job->version_before, NULL, 10) : 0;
	uint64_t found = strtoull(json_text_at(job->live, "metadata.resourceVersion", ""), NULL, 10);
	if (collection && found && found < known)
		cluster_doubt(job->cluster, collection);
}

/* The live object; false when it cannot be had. */
static bool take_live(struct job *job, struct kube_request *get)
{
	json_done(&job->live);
	if (get->error.kind != ERROR_NONE && get->status != 404) {
		fail_as_answered(job, get);
		return false;
	}
	if (get->error.kind == ERROR_NONE) {
		job->live = get->answer;
		get->answer = NULL;
	}
	job->force = job->force || manager_applied(json_at(job->live, "metadata.managedFields"));
	doubt_old_answer(job);
	return true;
}

static enum step looked_to_release(struct job *job)
{
	if (health_held_as_hook(job->live))
		return body_write(job) ? STEP_WRITE : STEP_DONE;
	job->write->outcome = job->live ? WRITE_UNCHANGED : WRITE_DELETED;
	return STEP_DONE;
}

static enum step looked(struct job *job)
{
	if (job->write->kind == WRITE_RELEASE)
		return looked_to_release(job);
	if (job->postgresql && job_refused(job))
		return STEP_DONE;
	bool applies = job->write->kind == WRITE_APPLY;
	if (applies && job->postgresql && job->live && postgresql_busy(job->live))
		return job_fail(job, ERROR_RETRY,
			"the postgres-operator is at work on it; it is written when that is done");
	enum step next = recreate_looked(job);
	if (next != STEP_WRITE)
		return next;
	if (applies && !job->write->replace && !job->write->keep_managers &&
		manager_to_adopt(json_at(job->live, "metadata.managedFields"), job->write->migrated)) {
		body_adopt(job);
		return STEP_ADOPT;
	}
	return body_write(job) ? STEP_WRITE : STEP_DONE;
}

/* A DELETE whose answer never came: whether it was done is read, not guessed; if not, it is sent once more. */
static enum step settled(struct job *job, const struct kube_request *get)
{
	bool there = get->error.kind == ERROR_NONE;
	bool same = text_equal(json_text_at(get->answer, "metadata.uid", ""), job->write->uid);
	bool deleting = json_at(get->answer, "metadata.deletionTimestamp");
	if (get->status == 404 || (there && (deleting || (job->write->uid && !same)))) {
		job->write->outcome = WRITE_DELETED;
		return STEP_DONE;
	}
	if (!there)
		return fail_as_answered(job, get);
	return job_again(job, STEP_WRITE);
}

/* Rounds */

static const struct {
	bool get, write; /* which requests the step sends */
} requests_of[] = {
	[STEP_LOOK] = {true, false},
	[STEP_ADOPT] = {false, true},
	[STEP_WRITE] = {false, true},
	[STEP_COMPARE] = {true, true},
	[STEP_PREVIEW] = {false, true},
	[STEP_REMOVE] = {false, true},
	[STEP_SETTLE] = {true, false},
};

static enum step answered(struct job *job, struct kube_request *get, const struct kube_request *request)
{
	switch (job->step) {
	case STEP_LOOK:
		return take_live(job, get) ? looked(job) : STEP_DONE;
	case STEP_ADOPT:
		return adopt_answered(job, request);
	case STEP_WRITE:
		return written(job, request);
	case STEP_COMPARE:
		return take_live(job, get) ? written(job, request) : STEP_DONE;
	case STEP_PREVIEW:
		return dry_run_previewed(job, request);
	case STEP_REMOVE:
		return recreate_removed(job, request);
	case STEP_SETTLE:
		return settled(job, get);
	case STEP_DONE:
		break;
	}
	return STEP_DONE;
}

static struct kube_request request_write(const struct job *job)
{
	/* Without a health rule nothing but metadata of the answer is of interest, and values of Secrets are not welcome. */
	bool brief = job->step == STEP_ADOPT ||
		(job->write->kind != WRITE_DRY_RUN && !text_equal(job->method, "DELETE") &&
			!health_has_rule(job->key.group, job->key.kind));
	return (struct kube_request){
		.method = job->method,
		.path = job->url,
		.accept = brief ? ACCEPT_METADATA : NULL,
		.content_type = job->content_type,
		.body = job->body,
		.body_length = job->body_length,
		.secret = job->secret,
	};
}

static struct kube_request request_get(const struct job *job)
{
	return (struct kube_request){.method = "GET", .path = job->path, .secret = job->secret};
}

/* The next request of each job that is not done. True while there are any; `received` gets the bytes of their answers. */
static bool run_round(struct job *jobs, size_t count, size_t *received)
{
	struct kube_request *requests = memory_alloc(2 * count * sizeof(*requests));
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		if (requests_of[jobs[i].step].get)
			requests[used++] = request_get(&jobs[i]);
		if (requests_of[jobs[i].step].write)
			requests[used++] = request_write(&jobs[i]);
	}
	bool any = used > 0;
	if (any)
		kube_run(jobs[0].cluster->kube, requests, used);
	*received = 0;
	for (size_t i = 0; i < used; i++)
		*received += requests[i].received;
	used = 0;
	for (size_t i = 0; i < count; i++) {
		struct job *job = &jobs[i];
		enum step step = job->step;
		struct kube_request *get = requests_of[step].get ? &requests[used++] : NULL;
		struct kube_request *request = requests_of[step].write ? &requests[used++] : NULL;
		job->step = answered(job, get, request);
		if (get)
			json_decref(get->answer);
		if (request)
			json_decref(request->answer);
	}
	memory_freep(&requests);
	return any;
}

/* The beginning */

/* The kind of a DELETE that is not there takes its objects with it: done. */
static void no_kind(struct job *job)
{
	struct error err;
	bool ends = job->write->kind == WRITE_DELETE || job->write->kind == WRITE_RELEASE;
	if (!cluster_knows_group(job->cluster, job->key.group, &err))
		job_fail(job, err.kind, err.text);
	else if (!ends)
		job_fail(job, ERROR_MISSING,
			arena_printf(job->mem,
				"the API server has no kind %s in %s%s%s; install its CustomResourceDefinition first",
				job->key.kind, job->key.group, *job->key.group ? "/" : "",
				job->write->object->version));
	else
		job->write->outcome = WRITE_DELETED;
}

static enum step first_step(const struct job *job, const struct live *live)
{
	const struct cluster_write *write = job->write;
	if (write->kind == WRITE_RELEASE || (write->replace && write->object))
		return STEP_LOOK;
	if (write->kind == WRITE_DRY_RUN)
		return STEP_COMPARE;
	bool look = write->kind == WRITE_APPLY &&
		(job->postgresql || ((live->to_adopt || write->migrated) && !write->keep_managers) ||
			ignored_needs_live(write) || (write->recreate && live->deleting));
	return look ? STEP_LOOK : STEP_WRITE;
}

static void prepare(struct job *job)
{
	struct cluster_write *write = job->write;
	bool ends = write->kind == WRITE_DELETE || write->kind == WRITE_RELEASE;
	const char *version = ends ? write->version : write->object->version;
	struct live live = {0};
	job->key = ends ? write->key : write->object->key;
	if (!ends && write->name)
		job->key.name = write->name;
	write->outcome = WRITE_PENDING;
	write->error = NULL;
	job->resource = cluster_find(job->cluster, job->key.group, version, job->key.kind);
	if (!job->resource && ends)
		job->resource = cluster_find(job->cluster, job->key.group, NULL, job->key.kind);
	if (!job->resource) {
		no_kind(job);
		return;
	}
	CLEANUP(buf_done) struct buf path = BUF(4096);
	resource_path(&path, job->resource, job->key.namespace, job->key.name);
	job->path = memory_copy(buf_string(&path));
	job->secret = object_is_secret(&job->key);
	job->postgresql = postgresql_is(job->key.group, job->key.kind);
	if (live_get(job->cluster->live, &job->key, job->mem, &live))
		job->version_before = arena_copy(job->mem, live.resource_version);
	const struct live_collection *collection = live_find_collection(job->cluster->live, &job->key);
	job->seen_before = collection ? live_seen(job->cluster->live, collection) : 0;
	/* A field that we applied before and somebody else has set since is drift. */
	job->force = write->force || write->ours || live.applied;
	job->step = first_step(job, &live);
	if (job->step != STEP_LOOK && !body_write(job))
		job->step = STEP_DONE;
}

static void job_done(struct job *job)
{
	if (job->body && job->secret)
		explicit_bzero(job->body, job->body_length);
	memory_freep(&job->body);
	memory_freep(&job->url);
	memory_freep(&job->path);
	json_done(&job->live);
	json_done(&job->wanted);
}

/* What is in memory at once. */
struct chunk {
	struct job *jobs;
	size_t count;
	size_t room; /* how many it may have */
};

static void begin_chunk(struct chunk *chunk, const struct job *as, struct cluster_write *writes, size_t count)
{
	size_t bytes = 0;
	chunk->count = 0;
	while (chunk->count < count && chunk->count < chunk->room &&
		(!chunk->count || bytes < LIMIT_WRITE_BYTES)) {
		struct job *job = &chunk->jobs[chunk->count];
		*job = *as;
		job->write = &writes[chunk->count++];
		prepare(job);
		bytes += job->write->object ? job->write->object->json_length : 0;
	}
}

/* The next one may have so many that its answers are no more than is wanted at once. */
static void end_chunk(struct chunk *chunk, size_t received)
{
	size_t fits = received ? LIMIT_WRITE_BYTES * chunk->count / received : CHUNK_JOBS;
	size_t most = 4 * chunk->room < CHUNK_JOBS ? 4 * chunk->room : CHUNK_JOBS;
	chunk->room = fits < most ? fits : most;
	if (chunk->room < LIMIT_REQUESTS_IN_FLIGHT)
		chunk->room = LIMIT_REQUESTS_IN_FLIGHT;
	for (size_t i = 0; i < chunk->count; i++)
		job_done(&chunk->jobs[i]);
}

void cluster_write(struct cluster *cluster, struct cluster_write *writes, size_t count, struct arena *mem)
{
	const struct job as = {.cluster = cluster, .mem = mem};
	struct chunk chunk = {.jobs = memory_alloc(CHUNK_JOBS * sizeof(*chunk.jobs)),
		.room = cluster->write_room ? cluster->write_room : CHUNK_FIRST};
	struct error why;
	bool away = false;
	for (size_t done = 0; done < count; done += chunk.count) {
		size_t received, most = 0;
		begin_chunk(&chunk, &as, &writes[done], count - done);
		for (size_t i = 0; away && i < chunk.count; i++)
			chunk.jobs[i].step = job_fail(&chunk.jobs[i], why.kind, why.text);
		while (run_round(chunk.jobs, chunk.count, &received))
			most = received > most ? received : most;
		away = away || kube_gave_up(cluster->kube, &why);
		end_chunk(&chunk, most);
	}
	cluster->write_room = chunk.room;
	ignored_rest(cluster);
	memory_freep(&chunk.jobs);
}
