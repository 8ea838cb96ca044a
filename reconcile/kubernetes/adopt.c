/* adopt.c - who else owns the fields: conflicts of an apply, and the manifests of other tools (gitops-peers.md 2.1) */
#include "reconcile/kubernetes/write_internal.h"

enum step adopt_conflict(struct job *job, const struct kube_request *request)
{
	struct manager_conflicts conflicts;
	manager_conflicts(request->answer, job->write->migrated, &conflicts);
	if (!conflicts.count) {
		/* No field manager, but our precondition: somebody wrote between the look and the write. */
		if (job->postgresql || job->write->replace)
			return job_again(job, STEP_LOOK);
		return job_fail(job, request->error.kind, request->error.text);
	}
	job->force = job->force || conflicts.all_give_way;
	if (job->force && !job->forced)
		return body_write(job) ? job->step : STEP_DONE;
	if (!job->live)
		return job_again(job, STEP_LOOK); /* whether we applied it before says only the object */
	return job_fail(job, ERROR_CONFLICT,
		arena_printf(job->mem,
			"it is there already, and other field managers own what Git sets: %s; remove these fields from Git, "
			"or take them over with the sync option ForceConflicts=true (spec.syncPolicy.syncOptions of the "
			"Application)",
			conflicts.text));
}

enum step adopt_answered(struct job *job, const struct kube_request *request)
{
	if (request->error.kind == ERROR_CONFLICT || request->error.kind == ERROR_INVALID ||
		request->error.kind == ERROR_MISSING)
		return job_again(job, STEP_LOOK);
	if (request->error.kind != ERROR_NONE)
		return job_fail(job, request->error.kind, request->error.text);
	json_object_set(json_object_get(job->live, "metadata"), "resourceVersion",
		json_at(request->answer, "metadata.resourceVersion"));
	return body_write(job) ? STEP_WRITE : STEP_DONE;
}
