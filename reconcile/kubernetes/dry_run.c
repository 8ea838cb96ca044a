/* dry_run.c - what a write would change: the server's dry run beside the live object */
#include "base/text.h"
#include "reconcile/kubernetes/diff.h"
#include "reconcile/kubernetes/ignored.h"
#include "reconcile/kubernetes/write_internal.h"

#define LAST_APPLIED "f:kubectl.kubernetes.io/last-applied-configuration"

static enum step compare(struct job *job, json_t *wanted)
{
	struct cluster_write *write = job->write;
	struct error err;
	job_remember(job, job->live);
	if (!ignored_remove(job->cluster, write, wanted, job->live, &err))
		return job_fail(job, err.kind, err.text);
	struct diff_input input = {
		.wanted = wanted, .found = job->live, .secret = job->secret, .loose = job->postgresql};
	write->differences = diff_objects(&input, job->mem, &write->difference_count);
	write->outcome = write->difference_count ? WRITE_CONFIGURED : WRITE_UNCHANGED;
	if (job->postgresql)
		(void)job_refused(job); /* the differences stay: what is refused can be looked at */
	return STEP_DONE;
}

/*
 * Another tool's fields that Git does not have go when its manifest is adopted, but the dry run of an apply knows nothing of that.
 * True when there are such fields: `job->wanted` is the object without them. kubectl's copy of its manifest goes with the next
 * write and is no reason for one.
 */
static bool lets_go(struct job *job, const json_t *answer)
{
	if (job->write->replace || job->write->keep_managers ||
		!manager_to_adopt(json_at(job->live, "metadata.managedFields"), job->write->migrated))
		return false;
	CLEANUP(json_done) json_t *declared = manager_declared(job->live, job->write->migrated);
	CLEANUP(json_done)
	json_t *kept = manager_kept(json_at(answer, "metadata.managedFields"), job->write->migrated);
	json_object_del(json_at(declared, "f:metadata.f:annotations"), LAST_APPLIED);
	json_done(&job->wanted);
	job->wanted = json_deep_copy(answer);
	CLEANUP(field_index_done) struct field_index index = {0};
	return field_set_remove(&index, job->wanted, declared, kept);
}

enum step dry_run_compared(struct job *job, const struct kube_request *request)
{
	if (!job->live) {
		if (job->postgresql && job_refused(job))
			return STEP_DONE;
		job->write->outcome = WRITE_CREATED;
		return STEP_DONE;
	}
	const char *seen = json_text_at(job->live, "metadata.resourceVersion", "");
	const char *used = json_text_at(request->answer, "metadata.resourceVersion", "");
	if (!text_equal(seen, used))
		return job_again(job, job->write->replace ? STEP_LOOK : STEP_COMPARE);
	if (lets_go(job, request->answer)) {
		body_preview(job);
		return STEP_PREVIEW;
	}
	return compare(job, request->answer);
}

/* With the server's defaults in the place of what went. What it refuses here it would refuse when the fields are let go. */
enum step dry_run_previewed(struct job *job, const struct kube_request *request)
{
	/* Somebody wrote in between, a controller its status mostly: what we made lacks every default, so it would be no answer. */
	if (request->error.kind == ERROR_CONFLICT || request->status == 404)
		return body_write(job) ? job_again(job, STEP_COMPARE) : STEP_DONE;
	if (request->error.kind != ERROR_NONE)
		return job_fail(job, request->error.kind, request->error.text);
	return compare(job, request->answer);
}
