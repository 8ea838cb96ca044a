#include "agent/commands/check_since.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands/check_rendered.h"
#include "agent/hook/git.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"
#include "reconcile/manifest/manifest.h"

#define GROUP "acid.zalan.do"

/* One path, now and then. */
struct comparison {
	struct check_since *since;
	const char *path;   /* as it was given */
	const char *inside; /* the same in the checkout, "" = its root */
	struct arena *mem;
	struct desired *now;
	struct desired rendered;    /* this path as it was */
	const struct desired *then; /* that, or what the whole checkout had */
};

/* Git is asked in the current folder. */
static void go_home(int *home)
{
	if (*home >= 0 && fchdir(*home) != 0)
		memory_fail("fchdir", 0);
	if (*home >= 0)
		close(*home);
}

/* ---- with which commit ---- */

static const char *commit_of(struct arena *mem, const char *revision)
{
	CLEANUP(buf_done) struct buf out = BUF(256);
	struct error ignored;
	const char *wanted = arena_printf(mem, "%s^{commit}", revision);
	if (*revision == '-' || !git_ask(&out, &ignored, "rev-parse", "--verify", "--quiet", wanted, NULL))
		return "";
	return arena_copy_n(mem, out.data, strcspn(buf_string(&out), "\n"));
}

/* The newest of ours that the upstream has: what an agent that follows it has seen. */
static const char *pushed(struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(4096);
	struct error ignored;
	if (!git_ask(&out, &ignored, "merge-base", "HEAD", "@{upstream}", NULL))
		return "";
	return arena_copy_n(mem, out.data, strcspn(buf_string(&out), "\n"));
}

static const char *head_of_changed(struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	struct error ignored;
	bool clean =
		git_ask(&out, &ignored, "--no-optional-locks", "status", "--porcelain", NULL) && !out.length;
	return clean ? "" : git_head_name(mem);
}

static const char *parent(struct arena *mem)
{
	return commit_of(mem, "HEAD^");
}

/* A shallow clone has commits without parents that are no first ones. */
static const char *empty(struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(256);
	struct error ignored;
	bool known = git_ask(&out, &ignored, "rev-parse", "--is-shallow-repository", NULL);
	return known && text_starts(buf_string(&out), "false") ? git_empty_tree(mem) : "";
}

/* The first that there is. */
static const struct {
	const char *(*find)(struct arena *mem);
	const char *what;
} bases[] = {
	{pushed, "what the upstream has"},
	{head_of_changed, "HEAD"},
	{parent, "the commit before HEAD"},
	{empty, "nothing, before the first commit"},
};

static bool choose_asked(struct check_since *since, struct error *err)
{
	const char *commit = commit_of(since->mem, since->asked);
	if (!*commit)
		return error_set(err, ERROR_INVALID,
			"--since %s is no commit of %s: name a branch, a tag or a commit that is here (`git fetch` gets others)",
			since->asked, since->root);
	since->commit = commit;
	since->what = since->asked;
	return true;
}

static void tell(struct check_since *since, const char *why)
{
	if (!since->said)
		say(stderr, "pgitops: not compared with what stood before: %s\n", why);
	since->said = true;
}

static void choose_base(struct check_since *since)
{
	for (size_t i = 0; i < COUNT_OF(bases) && !since->commit; i++) {
		const char *commit = bases[i].find(since->mem);
		since->commit = *commit ? commit : NULL;
		since->what = bases[i].what;
	}
	since->why =
		"this clone has one commit alone (`git fetch --unshallow` gets the others), or name one: --since REVISION";
}

static bool choose(struct check_since *since, const char *root, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(4096);
	struct error why;
	if (text_equal(since->root, root))
		return true;
	since->root = arena_copy(since->mem, root);
	since->commit = NULL;
	since->read = false;
	if (!git_ask(&out, &why, "rev-parse", "--git-dir", NULL)) {
		if (since->asked)
			return error_set(err, ERROR_INVALID, "--since %s: %s", since->asked, why.text);
		since->why = arena_copy(since->mem, why.text);
		return true;
	}
	if (since->asked)
		return choose_asked(since, err);
	choose_base(since);
	return true;
}

/* ---- what the operator is set to ---- */

static bool sets_operator(const struct object *object, const char *kind)
{
	bool map = text_equal(kind, "ConfigMap");
	return text_equal(object->key.kind, kind) && text_equal(object->key.group, map ? "" : GROUP) &&
		(!map || text_equal(object->key.name, "postgres-operator"));
}

static json_t *those_that_set(const struct check_since *since, const char *kind)
{
	const struct objects *objects = &since->standing.objects;
	json_t *list = json_array(), *value;
	struct error ignored;
	for (size_t i = 0; i < objects->count; i++)
		if (sets_operator(&objects->items[i], kind) &&
			json_read(objects->items[i].json, objects->items[i].json_length, &value, &ignored))
			json_array_append_new(list, value);
	return list;
}

static const struct operator_settings *find_settings(const struct check_since *since)
{
	CLEANUP(json_done) json_t *maps = those_that_set(since, "ConfigMap");
	CLEANUP(json_done) json_t *configurations = those_that_set(since, "OperatorConfiguration");
	struct operator_settings *settings = arena_alloc(since->mem, sizeof(*settings));
	operator_settings_of(maps, configurations, since->mem, settings);
	return settings->where ? settings : NULL;
}

/* ---- what stood there ---- */

/* The manifests that name the operator's kinds: of the commit as "COMMIT:PATH", or of the work tree as it is, with its ConfigMap. */
static bool find_files(
	struct arena *mem, const char *commit, const char ***files, size_t *count, struct error *err)
{
	const char *arguments[] = {"grep", commit ? "--no-untracked" : "--untracked", "-l", "-z", "-a", "-F",
		"-e", GROUP, "-e", commit ? GROUP : "postgres-operator", commit ? commit : "--", NULL, NULL};
	const struct git_call call = {.arguments = arguments};
	CLEANUP(buf_done) struct buf out = BUF(4 << 20);
	int code;
	*count = 0;
	if (commit)
		arguments[COUNT_OF(arguments) - 2] = "--";
	if (!git_run(&call, &out, &code, err))
		return false;
	if (code > 1)
		return error_set(err, ERROR_RETRY, "git grep failed (%d)", code);
	const char *at = buf_string(&out), *end = at + out.length;
	for (; at < end; at += strlen(at) + 1) {
		if (!manifest_is_named(at))
			continue;
		*files = arena_grow(mem, *files, *count, sizeof(**files));
		(*files)[(*count)++] = arena_copy(mem, at);
	}
	return true;
}

static bool read_plain(struct check_since *since, struct error *err)
{
	const char **files = NULL;
	size_t count;
	if (!find_files(since->mem, since->commit, &files, &count, err))
		return false;
	struct buf *bufs = arena_array(since->mem, count + 1, sizeof(*bufs));
	struct buf **texts = arena_array(since->mem, count + 1, sizeof(struct buf *));
	bool *exists = arena_array(since->mem, count + 1, sizeof(*exists));
	for (size_t i = 0; i < count; i++) {
		bufs[i] = (struct buf)BUF(LIMIT_FILE_BYTES);
		texts[i] = &bufs[i];
	}
	bool ok = git_blobs(files, count, texts, exists, err);
	for (size_t i = 0; i < count; i++) {
		if (ok)
			manifest_read(strchr(files[i], ':') + 1, buf_string(&bufs[i]), bufs[i].length,
				since->mem, &since->then);
		buf_done(&bufs[i]);
	}
	return ok;
}

/* A file that goes just now has nothing any more. */
static bool read_standing(struct check_since *since, struct error *err)
{
	const char **files = NULL;
	size_t count;
	struct error ignored;
	if (!find_files(since->mem, NULL, &files, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_done) struct buf text = BUF(LIMIT_FILE_BYTES);
		if (file_read(files[i], &text, &ignored))
			manifest_read(files[i], buf_string(&text), text.length, since->mem, &since->standing);
	}
	return true;
}

static bool read_checkout(struct check_since *since, struct error *err)
{
	if (since->read)
		return true;
	since->then = since->standing =
		(struct desired){.mistakes = {.mem = since->mem}, .warnings = {.mem = since->mem}};
	since->read = read_plain(since, err) && read_standing(since, err);
	since->settings = since->read ? find_settings(since) : NULL;
	return since->read;
}

/* The checkout as it was, below `folder`: without the user's index or files, and without what Git LFS would fetch. */
static bool check_out(
	const struct comparison *comparison, const char *folder, const char *tree, struct error *err)
{
	const char *prefix = arena_printf(comparison->mem, "--prefix=%s/", tree);
	const char *read[] = {"read-tree", comparison->since->commit, NULL};
	const char *write[] = {"-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c",
		"filter.lfs.required=false", "checkout-index", "-a", "-q", prefix, NULL};
	const char *index = arena_printf(comparison->mem, "%s/index", folder);
	const struct git_call calls[] = {
		{.arguments = read, .index = index}, {.arguments = write, .index = index}};
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		if (!git_run(&calls[i], NULL, NULL, err))
			return false;
	/* Here the checkout begins, for what is rendered. */
	return file_create(arena_printf(comparison->mem, "%s/.git", tree), "", 0, 0600, err);
}

/* Under the name that its folder has, which is a release's. */
static bool read_rendered(struct comparison *comparison, bool *rendered, struct error *err)
{
	struct arena *mem = comparison->mem;
	struct error ignored;
	const char *temporary = getenv("TMPDIR");
	char *folder = arena_printf(mem, "%s/pgitops-check.XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(folder))
		return error_set(err, ERROR_RETRY, "cannot make %s: %s", folder, strerror(errno));
	const char *tree = arena_printf(mem, "%s/then%s", folder, strrchr(comparison->since->root, '/'));
	const char *path = arena_printf(mem, "%s/%s", tree, comparison->inside);
	bool ok = file_make_folder(tree, err) && check_out(comparison, folder, tree, err) &&
		check_rendered(path, comparison->since->namespace, mem, &comparison->rendered, rendered, err);
	(void)!file_remove_folder(folder, &ignored);
	if (!ok || !*rendered || !comparison->rendered.mistakes.count)
		return ok;
	return error_set(err, ERROR_INVALID, "%s", comparison->rendered.mistakes.items[0].text);
}

static bool read_then(struct comparison *comparison, struct error *err)
{
	bool rendered = false;
	if (comparison->now->rendered && !read_rendered(comparison, &rendered, err))
		return false;
	comparison->then = rendered ? &comparison->rendered : &comparison->since->then;
	return read_checkout(comparison->since, err);
}

/* ---- each object, then and now ---- */

static bool is_cluster(const struct object *object)
{
	return postgresql_is(object->key.group, object->key.kind);
}

static bool is_same(const struct comparison *comparison, const struct object *a, const struct object *b)
{
	const char *default_namespace = comparison->since->namespace;
	return is_cluster(a) && is_cluster(b) && strcmp(a->key.name, b->key.name) == 0 &&
		strcmp(*a->key.namespace ? a->key.namespace : default_namespace,
			*b->key.namespace ? b->key.namespace : default_namespace) == 0;
}

static bool stands(const struct comparison *comparison, const struct object *object, const char *file)
{
	const struct objects *objects = &comparison->since->standing.objects;
	for (size_t i = 0; i < objects->count; i++)
		if (is_same(comparison, &objects->items[i], object) &&
			(!file || text_equal(objects->items[i].file, file)))
			return true;
	return false;
}

/* Where it stands in the repository. */
static const char *file_in(const struct comparison *comparison, const struct object *object)
{
	const char *inside = comparison->inside;
	if (text_equal(object->file, comparison->path))
		return inside;
	return *inside ? arena_printf(comparison->mem, "%s/%s", inside, object->file) : object->file;
}

/* In the same file, else where it was moved from. One of the same name in another file that has it still is another cluster's, or a copy. */
static const struct object *find_then(struct comparison *comparison, const struct object *wanted)
{
	const struct objects *objects = &comparison->then->objects;
	const char *file = file_in(comparison, wanted);
	const struct object *same = NULL, *moved = NULL;
	for (size_t i = 0; i < objects->count; i++) {
		const struct object *object = &objects->items[i];
		if (!is_same(comparison, object, wanted))
			continue;
		if (comparison->then->rendered || text_equal(object->file, file))
			same = object; /* the last wins, as when they are applied */
		else if (!stands(comparison, object, object->file))
			moved = object;
	}
	return same ? same : moved;
}

/* What had a mistake then was never applied as it stood: what the cluster has comes from an older commit. In this file, or in one that is gone. */
static const struct mistake *mistake_then(struct comparison *comparison, const struct object *wanted)
{
	const struct mistakes *mistakes = &comparison->then->mistakes;
	const char *file = file_in(comparison, wanted);
	for (size_t i = 0; i < mistakes->count; i++)
		if (text_equal(mistakes->items[i].file, file) || access(mistakes->items[i].file, F_OK) != 0)
			return &mistakes->items[i];
	return NULL;
}

static void judge(struct comparison *comparison, const struct object *wanted)
{
	CLEANUP(json_done) json_t *now = NULL;
	CLEANUP(json_done) json_t *before = NULL;
	struct error err;
	size_t count;
	const struct object *then = find_then(comparison, wanted);
	const struct mistake *mistake = then ? NULL : mistake_then(comparison, wanted);
	if (mistake) {
		mistakes_add(&comparison->now->warnings, wanted->file, wanted->line, 0,
			"not compared with what stood before: in %s it had a mistake (%s): name a commit that is applied, --since REVISION",
			comparison->since->what, mistake_text(mistake, comparison->mem));
		return;
	}
	if (!json_read(wanted->json, wanted->json_length, &now, &err) ||
		(then && !json_read(then->json, then->json_length, &before, &err)))
		return;
	const char **reasons =
		postgresql_refusals(now, before, comparison->since->settings, comparison->mem, &count);
	for (size_t i = 0; i < count; i++)
		mistakes_add(&comparison->now->mistakes, wanted->file, wanted->line, 0, "%s", reasons[i]);
}

static bool has_clusters(const struct desired *desired)
{
	bool has = false;
	for (size_t i = 0; i < desired->objects.count; i++)
		has = has || is_cluster(&desired->objects.items[i]);
	return has;
}

/* In the path that is looked at: as its own file names have it; NULL = elsewhere. */
static const char *file_here(const struct comparison *comparison, const struct object *then)
{
	size_t length = strlen(comparison->inside);
	if (!length)
		return then->file;
	if (strncmp(then->file, comparison->inside, length) != 0)
		return NULL;
	if (!then->file[length])
		return comparison->path;
	return then->file[length] == '/' ? then->file + length + 1 : NULL;
}

/* The agent takes no cluster away that does not say itself that it may go; a new name is a new cluster. */
static void tell_gone(struct comparison *comparison, const struct object *then)
{
	const char *file = file_here(comparison, then);
	CLEANUP(json_done) json_t *value = NULL;
	struct error ignored;
	if (!is_cluster(then) || !file || stands(comparison, then, NULL) ||
		!json_read(then->json, then->json_length, &value, &ignored))
		return;
	const json_t *annotations = json_at(value, "metadata.annotations");
	bool may_go =
		text_equal(json_string_value(json_object_get(annotations, "pgitops.dev/allow-prune")), "true");
	comparison->since->used = true;
	mistakes_add(&comparison->now->warnings, file, then->line, 0, "%s stood here in %s and is gone: %s",
		object_key_text(&then->key, comparison->mem), comparison->since->what,
		may_go ? "its annotation pgitops.dev/allow-prune lets a sync that prunes delete the cluster, by the operator's defaults with its volumes "
			 "and Secrets"
		       : "the cluster stays and nobody keeps it (pgitops.dev/allow-prune: \"true\" would have let it go); one of another name is a new "
			 "one, empty");
}

static bool compare(struct comparison *comparison, struct error *err)
{
	const struct objects *now = &comparison->now->objects;
	if (!read_then(comparison, err))
		return false;
	for (size_t i = 0; i < now->count; i++)
		if (is_cluster(&now->items[i]))
			judge(comparison, &now->items[i]);
	for (size_t i = 0; !comparison->now->rendered && i < comparison->then->objects.count; i++)
		tell_gone(comparison, &comparison->then->objects.items[i]);
	return true;
}

/* Where there is no cluster nobody is told that none could be compared. */
static void compare_or_tell(struct comparison *comparison)
{
	struct check_since *since = comparison->since;
	struct error err;
	bool has = has_clusters(comparison->now);
	if (since->commit && compare(comparison, &err))
		since->used = since->used || has;
	else if (has)
		tell(since,
			since->commit ? arena_printf(comparison->mem, "%s: %s", since->what, err.text)
				      : since->why);
}

bool check_since(struct check_since *since, const char *path, struct arena *mem, struct desired *desired,
	struct error *err)
{
	const struct desired nothing = {.mistakes = {.mem = mem}, .warnings = {.mem = mem}};
	struct comparison comparison = {
		.since = since, .path = path, .mem = mem, .now = desired, .rendered = nothing};
	const char *root;
	CLEANUP(memory_freep) char *real = realpath(path, NULL);
	if (!real || !check_place(real, mem, &root, &comparison.inside))
		return !since->asked ||
			error_set(err, ERROR_INVALID, "--since %s: %s is in no Git checkout", since->asked,
				path);
	CLEANUP(go_home) int home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (home < 0 || chdir(root) != 0)
		return error_set(err, ERROR_DENIED, "cannot enter %s: %s", root, strerror(errno));
	if (!choose(since, root, err))
		return false;
	compare_or_tell(&comparison);
	return true;
}
