#include "agent/doctor/doctor.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "reconcile/render/render.h"

/* One question: a repository at one revision, for all Applications that name it. */
struct question {
	struct doctor *doctor;
	const char *plain, *shown, *url, *revision, *tag_prefix; /* the URL for comparing, and for messages */
	struct doctor_application **applications;                /* in the order of the paths */
	struct source_path *paths;
	size_t count;
};

static const char *shown(const struct question *question)
{
	return arena_printf(question->doctor->mem, "%s %s", question->shown,
		*question->revision ? question->revision : "(default branch)");
}

static const char *remedy_of(const struct question *question, const struct error *err)
{
	const struct doctor *doctor = question->doctor;
	switch (err->kind) {
	case ERROR_DENIED:
		return arena_printf(doctor->mem,
			"give the right credentials: `repositories` in %s, or a Secret in namespace %s with the label "
			"argocd.argoproj.io/secret-type: repository",
			doctor->config->file, doctor->config->namespace);
	case ERROR_MISSING:
		return arena_printf(doctor->mem,
			"correct repoURL or targetRevision of %s, or push what they name",
			question->applications[0]->spec.name);
	case ERROR_RETRY:
		return "check the server and the way to it from here; the agent tries again by itself";
	default:
		return arena_printf(
			doctor->mem, "correct spec.source of %s", question->applications[0]->spec.name);
	}
}

/* ---- what the path holds ---- */

static int scope(void *context, const char *group, const char *kind)
{
	const struct doctor *doctor = context;
	const struct resource *found =
		doctor->resources ? resources_find(doctor->resources, group, NULL, kind) : NULL;
	return found ? found->namespaced : -1;
}

static void take_content(struct doctor *doctor, struct doctor_application *application,
	const struct source_content *content, const char commit[41])
{
	const char *name = application->spec.name;
	struct desired *desired = arena_alloc(doctor->mem, sizeof(*desired));

	if (!content->found) {
		doctor_fail(doctor, "path",
			arena_printf(doctor->mem, "correct spec.source.path of %s, or push that folder", name),
			"%s: there is no folder %s at %.7s", name, application->spec.directory.path, commit);
		return;
	}
	*desired = content->desired;
	desired_complete(desired, application->spec.destination, scope, doctor, doctor->mem);
	if (desired->mistakes.count) {
		doctor_fail_mistakes(doctor, "path",
			"correct it and push; `pgitops check .` in a checkout says the same before",
			&desired->mistakes);
		return;
	}
	size_t count = desired->objects.count;
	if (count)
		doctor_ok(doctor, "path", "%s: %zu object%s in %zu file%s", name, count,
			count == 1 ? "" : "s", desired->files, desired->files == 1 ? "" : "s");
	else
		doctor_warn(doctor, "path",
			arena_printf(doctor->mem, "correct spec.source.path of %s, or push manifests", name),
			"%s: %s holds no manifest at %.7s", name, application->spec.directory.path, commit);
	application->desired = desired;
	memcpy(application->commit, commit, sizeof(application->commit));
}

/* ---- asking ---- */

static bool read_repository(
	const struct question *question, const char *folder, struct source_result *result, struct error *err)
{
	struct doctor *doctor = question->doctor;
	CLEANUP(source_access_done) struct source_access access = {0};
	if (!credentials_for(doctor->credentials, question->url, doctor->mem, &access, err))
		return false;
	if (access.insecure)
		doctor_warn(doctor, "repository", "give the server's CA instead (caFile)",
			"%s: the server's certificate is not verified", question->shown);
	const struct source_request request = {
		.url = question->url,
		.revision = question->revision,
		.tag_prefix = question->tag_prefix,
		.signers = credentials_signers(doctor->config, question->url, doctor->mem),
		.folder = folder,
		.access = &access,
		.paths = question->paths,
		.path_count = question->count,
		.deadline = doctor->config->git_deadline,
		.stop = -1,
		.programs = {[RENDER_KUSTOMIZE] = render_find(
				     RENDER_KUSTOMIZE, doctor->config->tools[RENDER_KUSTOMIZE], doctor->mem),
			[RENDER_HELM] =
				render_find(RENDER_HELM, doctor->config->tools[RENDER_HELM], doctor->mem)},
	};
	return source_read(&request, doctor->mem, result, err);
}

static void ask(const struct question *question, const char *folder)
{
	struct doctor *doctor = question->doctor;
	struct source_result result;
	struct error err;

	doctor_wait(doctor, "repository", shown(question));
	if (!read_repository(question, folder, &result, &err)) {
		const char *text = text_starts(err.text, question->shown)
			? err.text
			: arena_printf(doctor->mem, "%s: %s", question->shown, err.text);
		doctor_fail(doctor, "repository", remedy_of(question, &err), "%s", text);
		return;
	}
	doctor_ok(doctor, "repository", "%s: %.7s \"%s\" by %s", shown(question), result.commit,
		result.message, result.author);
	for (size_t i = 0; i < result.content_count && i < question->count; i++)
		take_content(doctor, question->applications[i], &result.contents[i], result.commit);
}

static bool is_readable(const struct application *spec)
{
	return !spec->spec_error_count && spec->repo_url;
}

static bool is_same(const struct question *question, const struct application *spec)
{
	return is_readable(spec) && text_equal(question->revision, spec->revision) &&
		text_equal(question->tag_prefix, spec->tag_prefix) &&
		text_equal(question->plain, source_url_plain(spec->repo_url, question->doctor->mem));
}

/* The first Application of each repository and revision asks for all of them. False = an earlier one has asked. */
static bool collect(struct doctor *doctor, size_t first, struct question *question)
{
	const struct application *spec = &doctor->applications[first].spec;
	*question = (struct question){
		.doctor = doctor,
		.plain = source_url_plain(spec->repo_url, doctor->mem),
		.shown = source_url_shown(spec->repo_url, doctor->mem),
		.url = spec->repo_url,
		.revision = spec->revision,
		.tag_prefix = spec->tag_prefix,
		.applications =
			arena_array(doctor->mem, doctor->application_count, sizeof(*question->applications)),
		.paths = arena_array(doctor->mem, doctor->application_count, sizeof(*question->paths)),
	};
	for (size_t i = 0; i < doctor->application_count; i++) {
		struct doctor_application *application = &doctor->applications[i];
		if (!is_same(question, &application->spec))
			continue;
		if (i < first)
			return false;
		question->paths[question->count] =
			(struct source_path){application->spec.name, application->spec.directory};
		question->applications[question->count++] = application;
	}
	return true;
}

void doctor_check_repositories(struct doctor *doctor)
{
	struct error err;
	/* The agent's own repositories are left alone: it may be fetching into them right now. */
	const char *folder = doctor_folder(doctor, "repository");

	if (!folder)
		return;
	for (size_t i = 0; i < doctor->application_count; i++) {
		struct question question;
		if (is_readable(&doctor->applications[i].spec) && collect(doctor, i, &question))
			ask(&question, folder);
	}
	if (!file_remove_folder(folder, &err))
		doctor_warn(doctor, "repository", "remove it", "%s", err.text);
}
