/* recreate.c - fields that cannot be changed: said with their remedy, or deleted and made anew where Force=true asks for it */
#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/answer.h"
#include "reconcile/kubernetes/diff.h"
#include "reconcile/kubernetes/write_internal.h"

/* Deleting one of these loses data, or takes others' objects along. */
static const struct {
	const char *group, *kind;
} kept[] = {
	{"", "Namespace"},
	{"", "PersistentVolume"},
	{"", "PersistentVolumeClaim"},
	{"apps", "StatefulSet"},
	{"apiextensions.k8s.io", "CustomResourceDefinition"},
	{"acid.zalan.do", "postgresql"},
};

static bool never(const struct object_key *key)
{
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		if (strcmp(kept[i].group, key->group) == 0 && strcmp(kept[i].kind, key->kind) == 0)
			return true;
	return false;
}

/* A dry run of what will be made anew has no answer to compare with: the manifest over what is there tells the fields. */
static enum step tell_differences(struct job *job)
{
	struct cluster_write *write = job->write;
	struct error err;
	CLEANUP(json_done) json_t *manifest = NULL;
	if (!json_read(job->body, job->body_length, &manifest, &err))
		return job_fail(job, err.kind, err.text);
	CLEANUP(json_done) json_t *wanted = json_deep_copy(job->live);
	json_object_update_recursive(wanted, manifest);
	struct diff_input input = {.wanted = wanted, .found = job->live, .secret = job->secret};
	job_remember(job, job->live);
	write->differences = diff_objects(&input, job->mem, &write->difference_count);
	write->outcome = WRITE_CONFIGURED;
	return STEP_DONE;
}

enum step recreate_refused(struct job *job, const struct kube_request *request)
{
	const char *text = request->error.text;
	if (never(&job->key))
		return job_fail(job, ERROR_INVALID,
			arena_printf(job->mem,
				"%s; it cannot be changed in place, and a %s is never deleted to make it anew: take the "
				"change back, or delete it by hand",
				text, job->key.kind));
	if (!job->write->recreate)
		return job_fail(job, ERROR_INVALID,
			arena_printf(job->mem,
				"%s; it cannot be changed in place: the annotation argocd.argoproj.io/sync-options: "
				"Force=true on the object deletes it and makes it anew, or delete it by hand",
				text));
	if (job->write->kind == WRITE_DRY_RUN)
		return job->live ? tell_differences(job) : job_again(job, STEP_COMPARE);
	job->immutable = true;
	return job_again(job, STEP_LOOK);
}

static enum step wait_until_gone(struct job *job)
{
	job_fail(job, ERROR_RETRY, "waiting until the old object is gone");
	job->write->outcome = WRITE_PENDING;
	return STEP_DONE;
}

/* After a look at the object. STEP_WRITE: nothing stands in the way of writing it. */
enum step recreate_looked(struct job *job)
{
	if (!job->write->recreate || job->write->kind != WRITE_APPLY || !job->live)
		return STEP_WRITE;
	if (json_at(job->live, "metadata.deletionTimestamp"))
		return wait_until_gone(job);
	if (!job->immutable)
		return STEP_WRITE;
	body_remove(job, json_text_at(job->live, "metadata.uid", ""));
	return STEP_REMOVE;
}

enum step recreate_removed(struct job *job, const struct kube_request *request)
{
	job->immutable = false;
	if (request->error.kind != ERROR_NONE && request->status != 404 && request->status != 409)
		return job_fail(job, request->error.kind, request->error.text);
	return job_again(job, STEP_LOOK);
}
