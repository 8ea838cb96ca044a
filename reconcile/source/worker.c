#include "reconcile/source/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/sandbox/sandbox.h"
#include "base/text.h"
#include "reconcile/source/answer.h"
#include "reconcile/source/dialer.h"
#include "reconcile/source/history.h"
#include "reconcile/source/layout.h"
#include "reconcile/source/remote.h"
#include "reconcile/source/request.h"
#include "reconcile/source/revision.h"
#include "reconcile/source/signature.h"
#include "reconcile/source/tree.h"

enum { ANSWER_FD = STDOUT_FILENO, MESSAGE_BYTES = 200 };

#define END_OF_TIME 253402300800 /* 10000-01-01, in seconds: a commit may claim any number */

/* One run of the Git process. */
struct work {
	struct arena *mem;
	struct request_read read;
	const struct source_request *request; /* in `read` */
	struct url url;
	struct dialer dialer;
	struct repository repository;
	struct remote *remote; /* NULL when offline */
	int64_t deadline;
	struct revision revision;
	struct signature signature; /* for gpgv; without `text`: there is nothing to judge */
	struct source_result result;
};

static bool tell_step(void *context, const char *text, struct error *err)
{
	(void)context;
	return answer_step(ANSWER_FD, text, err);
}

/* --- getting ready --- */

/* The file with the secrets is gone once nobody has it open; its number must not become some other file's. */
static bool close_request(struct error *err)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bool closed = nothing >= 0 && dup2(nothing, STDIN_FILENO) == STDIN_FILENO;
	if (nothing >= 0)
		close(nothing);
	return closed || error_set(err, ERROR_RETRY, "cannot open /dev/null: %s", strerror(errno));
}

/* The agent may have died before this was set. */
static bool follow_parent(pid_t parent, struct error *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return error_set(err, ERROR_STOPPED, "the agent is gone");
	return true;
}

static bool enter_sandbox(const struct work *work, struct error *err)
{
	uint16_t ports[DIALER_PLACES];
	size_t port_count = work->dialer.count;
	bool dialed = work->dialer.fd >= 0;
	for (size_t i = 0; i < port_count; i++)
		ports[i] = (uint16_t)work->dialer.places[i].port;
	const char *readable[] = {work->url.scheme == URL_FILE ? work->url.path : NULL, NULL};
	const char *writable[] = {work->repository.place, NULL};
	const struct sandbox sandbox = {
		.what = "Git",
		.writable = writable,
		.readable = readable,
		.connected = dialed,
		.apart = work->url.scheme != URL_FILE && (dialed || !port_count),
		.network = !dialed && port_count,
		.ports = ports,
		.port_count = port_count,
		.certificates = work->url.scheme == URL_HTTPS || work->read.access.proxy ||
			work->read.access.app_key.bytes,
		.seconds = LIMIT_GIT_SECONDS,
		.file_bytes = LIMIT_PACK_BYTES + (64L << 20),
		.address_space = LIMIT_GIT_MEMORY,
		.data_bytes = (int64_t)budget_git_memory(),
	};
	return sandbox_enter(&sandbox, err);
}

/* It connects to nothing itself, where the kernel has what keeps it from that. */
static bool start_dialer(struct work *work, struct error *err)
{
	return work->request->offline || work->url.scheme == URL_FILE ||
		(dialer_places(&work->url, &work->read.access, work->mem, &work->dialer, err) &&
			dialer_start(&work->dialer, &work->read.access, err));
}

static bool open_repository(struct work *work, struct error *err)
{
	return work->repository.git || repository_open(&work->repository, err);
}

static bool prepare(struct work *work, struct error *err)
{
	if (!request_read(STDIN_FILENO, work->mem, &work->read, err) || !close_request(err))
		return false;
	work->request = &work->read.request;
	work->deadline = clock_steady() + work->request->deadline;
	if (!follow_parent(work->read.parent, err) ||
		!url_parse(work->request->url, work->mem, &work->url, err) || !start_dialer(work, err) ||
		!repository_prepare(work->request->folder, &work->url, work->mem, &work->repository, err) ||
		!enter_sandbox(work, err))
		return false;
	return tell_step(NULL, "waiting for another read of the same repository", err) &&
		repository_lock(&work->repository, err);
}

static bool connect_remote(struct work *work, struct error *err)
{
	const struct remote_setup setup = {
		.url = &work->url,
		.access = &work->read.access,
		.repository = &work->repository,
		.dialer = work->dialer.fd >= 0 ? &work->dialer : NULL,
		.mem = work->mem,
		.deadline = work->deadline,
		.step = tell_step,
	};
	return work->remote || remote_open(&setup, &work->remote, err);
}

/* --- which commit --- */

static bool is_known(const struct work *work, const git_oid *id)
{
	git_oid known;
	return work->request->known && revision_is_id(work->request->known, &known) &&
		git_oid_equal(&known, id);
}

static bool resolve_short(struct work *work, struct error *err)
{
	const struct remote_wish wish = {.depth = REMOTE_HISTORY};
	struct revision *revision = &work->revision;
	const char *text = work->request->revision;
	if (!open_repository(work, err))
		return false;
	if (revision_find_short(&work->repository, text, &revision->id, err))
		return true;
	if (err->kind != ERROR_MISSING)
		return false;
	/* Only the server's whole history tells. */
	if (!remote_fetch(work->remote, &wish, err) || !repository_settle(&work->repository, err))
		return false;
	work->result.fetched = true;
	if (revision_find_short(&work->repository, text, &revision->id, err))
		return true;
	if (err->kind == ERROR_MISSING)
		error_set(err, ERROR_MISSING, "the repository has no branch, tag or commit \"%s\"", text);
	return false;
}

/* A constraint means other tags with another prefix. Commits share one name: they are many, and none is followed. */
static const char *memory_name(const struct work *work)
{
	const struct source_request *request = work->request;
	git_oid id;
	if (revision_is_id(request->revision, &id) || (!work->revision.ref && work->revision.is_short))
		return "commit";
	if (!request->tag_prefix || !*request->tag_prefix)
		return request->revision;
	return arena_printf(work->mem, "%s %s", request->tag_prefix, request->revision);
}

static bool resolve_offline(struct work *work, struct error *err)
{
	const char *text = work->request->revision;
	struct error none = {0};
	if (!open_repository(work, err))
		return false;
	if (repository_recall(&work->repository, memory_name(work), &work->revision.id) ||
		(revision_looks_short(text) &&
			revision_find_short(&work->repository, text, &work->revision.id, &none)))
		return true;
	if (none.kind == ERROR_INVALID)
		return error_set(err, none.kind, "%s", none.text);
	return error_set(err, ERROR_MISSING,
		"revision \"%s\" was not read before, so it cannot be read without asking the server", text);
}

static bool resolve(struct work *work, struct error *err)
{
	const struct source_request *request = work->request;
	const char *text = request->offline && request->known ? request->known : request->revision;
	struct revision *revision = &work->revision;
	if (revision_is_id(text, &revision->id))
		return true;
	if (request->offline)
		return resolve_offline(work, err);
	if (!connect_remote(work, err) || !revision_resolve(work->remote, request, work->mem, revision, err))
		return false;
	work->result.ref = revision->ref;
	if (!revision->is_short)
		return true;
	return revision->ref
		? open_repository(work, err) && revision_check_short(&work->repository, text, revision, err)
		: resolve_short(work, err);
}

/* --- its objects --- */

static bool fetch(struct work *work, struct error *err)
{
	const struct remote_wish wish = {
		.depth = REMOTE_NEWEST,
		.id = &work->revision.id,
		.ref = work->revision.ref,
		.since = work->request->known != NULL,
	};
	if (work->request->offline)
		return error_set(err, ERROR_MISSING,
			"commit %s is not in the local repository (any more), and the server is not to be asked",
			git_oid_tostr_s(&work->revision.id));
	if (!connect_remote(work, err))
		return false;
	if (repository_is_worn(&work->repository) && !repository_begin_fresh(&work->repository, err))
		return false;
	if (!remote_fetch(work->remote, &wish, err) || !repository_settle(&work->repository, err))
		return false;
	work->result.fetched = true;
	return true;
}

static bool peel(struct work *work, git_oid *commit, struct error *err)
{
	if (repository_peel(&work->repository, &work->revision.id, commit, err))
		return true;
	work->repository.suspect = err->kind == ERROR_RETRY;
	return error_prefix(err, "revision \"%s\"", work->request->revision);
}

static bool fetch_named(struct work *work, struct error *err)
{
	if (fetch(work, err))
		return true;
	if (err->kind == ERROR_MISSING && !work->request->offline)
		error_prefix(err, "the repository has no commit \"%s\"", work->request->revision);
	return false;
}

/* The commit that the revision names, with its tree, here. */
static bool have_commit(struct work *work, git_oid *commit, struct error *err)
{
	if (!peel(work, commit, err)) {
		if (err->kind != ERROR_MISSING || !fetch_named(work, err))
			return false;
		if (!peel(work, commit, err)) {
			work->repository.suspect |= err->kind == ERROR_MISSING; /* the server gave it just now */
			return false;
		}
	}
	if (repository_has_commit(&work->repository, commit))
		return true;
	work->repository.suspect = true;
	return error_set(
		err, ERROR_RETRY, "the local repository is incomplete at commit %s", git_oid_tostr_s(commit));
}

static void describe(struct work *work, const git_commit *commit)
{
	const git_signature *author = git_commit_author(commit);
	const char *message = git_commit_summary((git_commit *)(uintptr_t)commit);
	struct source_result *result = &work->result;
	result->author = author ? arena_printf(work->mem, "%s <%s>", author->name, author->email) : "";
	bool plausible = author && author->when.time > 0 && author->when.time < END_OF_TIME;
	result->author_time = plausible ? (int64_t)author->when.time * 1000000 : 0;
	result->message = message ? arena_copy_n(work->mem, message, text_fit(message, MESSAGE_BYTES)) : "";
}

/* Before anything of the commit is read. */
static bool check_signature(struct work *work, const git_oid *commit, struct error *err)
{
	struct signature signature;
	if (!work->request->signers.required)
		return true;
	if (!signature_check(&work->repository, commit, &work->request->signers, &signature, err))
		return false;
	work->result.signer = signature.signer;
	if (!signature.signer)
		work->signature = signature;
	return true;
}

static void compare_history(struct work *work, const git_oid *commit)
{
	git_oid known;
	if (!work->request->known || !revision_is_id(work->request->known, &known))
		return;
	enum history history = history_between(&work->repository, &known, commit);
	work->result.rewritten = history != HISTORY_CONTINUED;
	work->result.history_unknown = history == HISTORY_UNKNOWN;
}

/* What cannot be laid out is a mistake of every path that wants it. */
static void refuse_rendering(struct work *work, const struct error *why)
{
	for (size_t i = 0; i < work->result.content_count; i++) {
		struct source_content *content = &work->result.contents[i];
		if (!content->render_file)
			continue;
		content->render_file = NULL;
		mistakes_add(&content->desired.mistakes, work->request->paths[i].directory.path, 0, 0,
			"cannot be rendered: %s", why->text);
	}
}

static bool lay_out(struct work *work, const git_oid *tree, struct error *err)
{
	const char *folder = arena_printf(work->mem, "%s/%s", work->repository.place, work->request->layout);
	struct error why = {0};
	if (!file_remove_folder(folder, err) || !file_make_folder(folder, err))
		return false;
	if (layout_write(&work->repository, tree, arena_printf(work->mem, "%s/tree", folder), work->mem,
		    &work->result.left_out, &why))
		return true;
	if (why.kind != ERROR_INVALID)
		return error_set(err, why.kind, "%s", why.text);
	refuse_rendering(work, &why);
	return true;
}

/* One tree for all paths that have to be rendered; without a place for it they stay as they are. */
static bool lay_out_if_wanted(struct work *work, struct error *err)
{
	git_oid tree;
	bool wanted = false;
	for (size_t i = 0; i < work->result.content_count; i++)
		wanted = wanted || work->result.contents[i].render_file;
	if (!wanted || !work->request->layout)
		return true;
	return repository_read_id(work->result.tree, &tree) &&
		tell_step(NULL, "laying out the commit", err) && lay_out(work, &tree, err);
}

static bool read_paths(struct work *work, const git_oid *commit, struct error *err)
{
	const struct source_request *request = work->request;
	struct source_content *contents = arena_array(work->mem, request->path_count, sizeof(*contents));
	for (size_t i = 0; i < request->path_count; i++)
		if (!tree_read(&work->repository, commit, request, &request->paths[i], work->mem,
			    &contents[i], err)) {
			work->repository.suspect = true;
			return false;
		}
	work->result.contents = contents;
	work->result.content_count = request->path_count;
	return lay_out_if_wanted(work, err);
}

static bool collect(struct work *work, struct error *err)
{
	git_oid id;
	git_commit *commit = NULL;
	if (!tell_step(NULL, "reading the local repository", err) || !open_repository(work, err) ||
		!have_commit(work, &id, err))
		return false;
	git_oid_tostr(work->result.commit, sizeof(work->result.commit), &id);
	if (!work->request->offline && is_known(work, &id)) {
		work->result.unchanged = true;
		return true;
	}
	if (!check_signature(work, &id, err))
		return false;
	if (git_commit_lookup(&commit, work->repository.git, &id))
		return repository_error(err, ERROR_RETRY, "the local repository cannot be read");
	describe(work, commit);
	git_oid_tostr(work->result.tree, sizeof(work->result.tree), git_commit_tree_id(commit));
	git_commit_free(commit);
	compare_history(work, &id);
	if (!read_paths(work, &id, err))
		return false;
	return work->request->offline || repository_remember(&work->repository, memory_name(work), &id, err);
}

/* The repository is a cache: when it may be damaged it is thrown away and fetched anew, once; not when that cannot be
   done, since even a damaged one may hold what is asked for offline. */
static bool collect_or_renew(struct work *work, struct error *err)
{
	if (collect(work, err))
		return true;
	if (!work->repository.suspect || work->request->offline)
		return false;
	return tell_step(NULL, "making the damaged local repository anew", err) &&
		repository_discard(&work->repository, err) && collect(work, err);
}

static bool answer_all(const struct work *work, struct error *err)
{
	if (work->signature.text && !answer_signature(ANSWER_FD, &work->signature, err))
		return false;
	if (!answer_head(ANSWER_FD, &work->result, err))
		return false;
	for (size_t i = 0; i < work->result.content_count; i++)
		if (!answer_content(ANSWER_FD, i, &work->result.contents[i], err))
			return false;
	return answer_end(ANSWER_FD, err);
}

static bool run(struct work *work, struct error *err)
{
	if (!prepare(work, err) || !resolve(work, err))
		return false;
	if (!work->request->offline && is_known(work, &work->revision.id)) {
		git_oid_tostr(work->result.commit, sizeof(work->result.commit), &work->revision.id);
		work->result.unchanged = true;
	} else if (!collect_or_renew(work, err)) {
		return false;
	}
	if (work->remote)
		work->result.received = remote_received(work->remote);
	return answer_all(work, err);
}

int source_worker_main(void)
{
	struct error err = {0}, unsent = {0};
	struct work work = {
		.mem = arena_new((size_t)LIMIT_GIT_MEMORY / 2), .repository.lock = -1, .dialer.fd = -1};
	signal(SIGPIPE, SIG_IGN);
	bool ok = run(&work, &err);
	if (!ok)
		ok = answer_error(ANSWER_FD, &err, &unsent);
	remote_close(&work.remote);
	repository_close(&work.repository);
	request_done(&work.read);
	/* Not exit(): nothing that runs at the end may meet the filter of system calls. */
	_exit(ok ? 0 : 1);
}
