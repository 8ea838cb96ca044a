#include "agent/doctor/doctor.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "reconcile/render/render.h"

/* One question: a repository at one revision, for all sources that name it. */
struct question {
	struct doctor *doctor;
	const char *identity, *shown, *url, *revision, *tag_prefix; /* the URL for comparing, and for messages */
	const struct application *first;                            /* who asks */
	struct doctor_application **applications;                   /* in the order of the paths */
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
			question->first->name);
	case ERROR_RETRY:
		return "check the server and the way to it from here; the agent tries again by itself";
	default:
		return arena_printf(doctor->mem, "correct spec.source of %s", question->first->name);
	}
}

/* ---- what the path holds ---- */

static const char correct_and_push[] =
	"correct it and push; `pgitops check .` in a checkout says the same before";

static int scope(void *context, const char *group, const char *kind)
{
	const struct doctor *doctor = context;
	const struct resource *found =
		doctor->resources ? resources_find(doctor->resources, group, NULL, kind) : NULL;
	return found ? found->namespaced : -1;
}

/* Mistakes of one source are said at once; the rest when all of them are there. */
static void take_content(struct doctor *doctor, struct doctor_application *application,
	const struct source_path *path, const struct source_content *content, const char *commit)
{
	const char *name = application->spec.name;
	struct desired *part = arena_alloc(doctor->mem, sizeof(*part));

	if (!content->found) {
		doctor_fail(doctor, "path",
			arena_printf(doctor->mem, "correct spec.source.path of %s, or push that folder", name),
			"%s: there is no folder %s at %.7s", name, path->directory.path, commit);
		return;
	}
	*part = content->desired;
	if (part->mistakes.count)
		doctor_fail_mistakes(doctor, "path", correct_and_push, &part->mistakes);
	else
		application->parts[path->source] = part;
	application->commits[path->source] = arena_copy(doctor->mem, commit);
	if (!part->objects.count && !part->mistakes.count)
		doctor_warn(doctor, "path",
			arena_printf(doctor->mem, "correct spec.source.path of %s, or push manifests", name),
			"%s: %s holds no manifest at %.7s", name, path->directory.path, commit);
}

/* NULL = something of it is not known. */
static struct desired *unite(struct doctor *doctor, const struct doctor_application *application)
{
	struct desired *all = arena_alloc(doctor->mem, sizeof(*all));
	all->mistakes.mem = all->warnings.mem = doctor->mem;
	for (size_t i = 0; i < application->spec.source_count; i++) {
		const struct desired *part = application->parts[i];
		if (!part && !application->spec.sources[i].files_only)
			return NULL;
		for (size_t j = 0; part && j < part->objects.count; j++) {
			all->objects.items = arena_grow(doctor->mem, all->objects.items, all->objects.count,
				sizeof(*all->objects.items));
			all->objects.items[all->objects.count] = part->objects.items[j];
			all->objects.items[all->objects.count++].source = (unsigned)i;
		}
		all->files += part ? part->files : 0;
	}
	return all;
}

static void check_whole(struct doctor *doctor, struct doctor_application *application)
{
	struct desired *desired = unite(doctor, application);
	if (!desired)
		return;
	desired_complete(desired, application->spec.destination, scope, doctor, doctor->mem);
	if (desired->mistakes.count) {
		doctor_fail_mistakes(doctor, "path", correct_and_push, &desired->mistakes);
		return;
	}
	size_t count = desired->objects.count;
	if (count)
		doctor_ok(doctor, "path", "%s: %zu object%s in %zu file%s", application->spec.name, count,
			count == 1 ? "" : "s", desired->files, desired->files == 1 ? "" : "s");
	application->desired = desired;
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
		take_content(doctor, question->applications[i], &question->paths[i], &result.contents[i],
			result.commit);
}

static bool is_same(const struct question *question, const struct application_source *source)
{
	return text_equal(question->revision, source->revision) &&
		text_equal(question->tag_prefix, source->tag_prefix) &&
		text_equal(question->identity, source_url_identity(source->repo_url, question->doctor->mem));
}

static void add_path(struct question *question, struct doctor_application *application, size_t source)
{
	struct arena *mem = question->doctor->mem;
	const struct application_source *at = &application->spec.sources[source];
	if (at->files_only)
		return;
	question->paths = arena_grow(mem, question->paths, question->count, sizeof(*question->paths));
	question->applications =
		arena_grow(mem, question->applications, question->count, sizeof(*question->applications));
	question->paths[question->count] = (struct source_path){
		.application = application->spec.name, .directory = at->directory, .source = source};
	question->applications[question->count++] = application;
}

/* The first source of each repository and revision asks for all of them. False = an earlier one has asked. */
static bool collect(struct doctor *doctor, size_t first, size_t first_source, struct question *question)
{
	const struct application *spec = &doctor->applications[first].spec;
	const struct application_source *asking = &spec->sources[first_source];
	*question = (struct question){
		.doctor = doctor,
		.identity = source_url_identity(asking->repo_url, doctor->mem),
		.shown = source_url_shown(asking->repo_url, doctor->mem),
		.url = asking->repo_url,
		.revision = asking->revision,
		.tag_prefix = asking->tag_prefix,
		.first = spec,
	};
	for (size_t i = 0; i < doctor->application_count; i++) {
		struct doctor_application *application = &doctor->applications[i];
		for (size_t j = 0; !application->spec.spec_error_count && j < application->spec.source_count;
			j++) {
			if (!is_same(question, &application->spec.sources[j]))
				continue;
			if (i < first || (i == first && j < first_source))
				return false;
			add_path(question, application, j);
		}
	}
	return true;
}

static void ask_all(struct doctor *doctor, const char *folder)
{
	for (size_t i = 0; i < doctor->application_count; i++) {
		struct doctor_application *application = &doctor->applications[i];
		application->parts =
			arena_array(doctor->mem, application->spec.source_count, sizeof(struct desired *));
		application->commits = arena_array(doctor->mem, application->spec.source_count, sizeof(char *));
	}
	for (size_t i = 0; i < doctor->application_count; i++) {
		const struct application *spec = &doctor->applications[i].spec;
		for (size_t j = 0; !spec->spec_error_count && j < spec->source_count; j++) {
			struct question question;
			if (collect(doctor, i, j, &question))
				ask(&question, folder);
		}
	}
	for (size_t i = 0; i < doctor->application_count; i++)
		if (doctor->applications[i].spec.source_count)
			check_whole(doctor, &doctor->applications[i]);
}

void doctor_check_repositories(struct doctor *doctor)
{
	struct error err;
	/* The agent's own repositories are left alone: it may be fetching into them right now. */
	const char *folder = doctor_folder(doctor, "repository");

	if (!folder)
		return;
	ask_all(doctor, folder);
	if (!file_remove_folder(folder, &err))
		doctor_warn(doctor, "repository", "remove it", "%s", err.text);
}
