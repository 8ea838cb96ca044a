#include "reconcile/source/revision.h"

#include <string.h>

#include "base/text.h"
#include "reconcile/source/semver.h"
#include "reconcile/source/similar.h"

enum { SHORTEST_ID = 7, NAME_MAXIMUM = 255 };

static bool is_hex(const char *text)
{
	return text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

bool revision_is_id(const char *text, git_oid *id)
{
	return strlen(text) == GIT_OID_HEXSZ && repository_read_id(text, id);
}

bool revision_looks_short(const char *text)
{
	size_t length = strlen(text);
	return length >= SHORTEST_ID && length < GIT_OID_HEXSZ && is_hex(text);
}

/* git-check-ref-format(1): what no ref can be called cannot be asked for either. */
static bool is_possible_name(const char *text)
{
	if (*text == '-' || *text == '/' || text_ends(text, "/") || text_ends(text, ".") ||
		text_ends(text, ".lock") || strstr(text, "..") || strstr(text, "//") || strstr(text, "@{") ||
		strlen(text) > NAME_MAXIMUM)
		return false;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("~^:?*[\\", *c))
			return false;
	return text_is_utf8(text, strlen(text));
}

static const struct remote_ref *find(const struct remote_refs *refs, const char *name)
{
	for (size_t i = 0; i < refs->count; i++)
		if (strcmp(refs->items[i].name, name) == 0)
			return &refs->items[i];
	return NULL;
}

/* Says what is there instead, which mostly is what was meant. */
static bool missing(struct remote *remote, const char *text, struct arena *mem, struct error *err)
{
	static const char *const everything[] = {"refs/heads/", "refs/tags/"};
	struct remote_refs refs = {0};
	struct error ignored = {0};
	if (!remote_refs(remote, everything, COUNT_OF(everything), &refs, &ignored))
		refs.count = 0;
	if (!refs.count)
		return error_set(
			err, ERROR_MISSING, "the repository has no branch or tag \"%s\": it is empty", text);
	const char *names = similar_names(text, &refs, mem);
	return error_set(err, ERROR_MISSING, "the repository has no %s \"%s\"; %s: %s",
		text_starts(text, "refs/") ? "ref" : "branch, tag or commit", text,
		similar_found(text, &refs) ? "similar ones are" : "it has", names);
}

static void take(struct revision *revision, const struct remote_ref *ref, struct arena *mem)
{
	revision->id = ref->commit;
	revision->ref = arena_copy(mem, ref->name);
}

/* Git's own rule, that a tag comes before a branch, and Argo CD's, that whatever the server names first does, let
   somebody who may push one of them redirect who follows the other. */
static bool two_refs(const char *text, const char *one, const char *other, struct error *err)
{
	return error_set(err, ERROR_INVALID,
		"\"%s\" is ambiguous: the repository has %s and %s; write %s or %s as the revision", text,
		one, other, one, other);
}

static bool resolve_head(struct remote *remote, const char *text, struct arena *mem,
	struct revision *revision, struct error *err)
{
	static const char *const names[] = {"HEAD", "refs/heads/HEAD", "refs/tags/HEAD"};
	struct remote_refs refs = {0};
	size_t count = *text ? COUNT_OF(names) : 1;
	if (!remote_refs(remote, names, count, &refs, err))
		return false;
	const struct remote_ref *found = find(&refs, "HEAD");
	for (size_t i = 1; i < count; i++)
		if (find(&refs, names[i]))
			return error_set(err, ERROR_INVALID,
				"\"HEAD\" is ambiguous: the repository has %s; write %s as the revision, or leave the "
				"revision empty for the default branch",
				names[i], names[i]);
	if (!found)
		return error_set(err, ERROR_MISSING,
			"the repository has no HEAD: it is empty, or its default branch does not exist; push a first commit or "
			"name a branch");
	take(revision, found, mem);
	return true;
}

/* ---- a name ---- */

/* What the server has of the names that the text may stand for. */
struct named {
	const char *names[3];
	size_t count;
	const struct remote_ref *found[3];
	size_t found_count;
};

static void name(struct named *named, const char *ref)
{
	named->names[named->count++] = ref;
}

/* With a tagPrefix an exact version may also be the version of such a tag. */
static struct named names_of(const struct source_request *request, struct arena *mem)
{
	struct named named = {.count = 0};
	struct semver version;
	const char *text = request->revision;
	if (!is_possible_name(text))
		return named;
	if (text_starts(text, "refs/")) {
		name(&named, text);
		return named;
	}
	name(&named, arena_printf(mem, "refs/heads/%s", text));
	name(&named, arena_printf(mem, "refs/tags/%s", text));
	if (request->tag_prefix && *request->tag_prefix && semver_parse(text, &version))
		name(&named, arena_printf(mem, "refs/tags/%s%s", request->tag_prefix, text));
	return named;
}

static void look_up(struct named *named, const struct remote_refs *refs)
{
	for (size_t i = 0; i < named->count; i++) {
		const struct remote_ref *found = find(refs, named->names[i]);
		if (found)
			named->found[named->found_count++] = found;
	}
}

static bool resolve_name(struct remote *remote, const struct source_request *request, struct arena *mem,
	struct revision *revision, struct error *err)
{
	const char *text = request->revision;
	struct named named = names_of(request, mem);
	struct remote_refs refs = {0};
	if (!named.count)
		return error_set(
			err, ERROR_INVALID, "\"%.100s\" cannot be the name of a branch, tag or commit", text);
	if (!remote_refs(remote, named.names, named.count, &refs, err))
		return false;
	look_up(&named, &refs);
	if (named.found_count > 1)
		return two_refs(text, named.found[0]->name, named.found[1]->name, err);
	revision->is_short = revision_looks_short(text);
	if (named.found_count)
		take(revision, named.found[0], mem);
	return named.found_count || revision->is_short || missing(remote, text, mem, err);
}

/* ---- a constraint on versions ---- */

struct newest {
	const struct remote_ref *ref;     /* NULL = none matches */
	const struct remote_ref *twin;    /* another tag of equal precedence on another commit, or NULL */
	const struct remote_ref *highest; /* whether or not it matches; NULL = no tag is a version */
	struct semver version, highest_version;
	size_t tags;
};

static void consider_tag(struct newest *newest, const struct semver_range *range,
	const struct remote_ref *ref, const char *prefix)
{
	struct semver version;
	size_t length = strlen(prefix);
	if (!text_starts(ref->name, prefix) || !semver_parse(ref->name + length, &version))
		return;
	newest->tags++;
	if (!newest->highest || semver_compare(&version, &newest->highest_version) > 0) {
		newest->highest = ref;
		newest->highest_version = version;
	}
	if (!semver_range_has(range, &version))
		return;
	int order = newest->ref ? semver_compare(&version, &newest->version) : 1;
	if (order > 0) {
		newest->ref = ref;
		newest->twin = NULL;
		newest->version = version;
	} else if (order == 0 && !git_oid_equal(&ref->commit, &newest->ref->commit)) {
		newest->twin = ref;
	}
}

/* A blank after the operator cannot stand in the name of a ref, so only the constraint is meant. */
static const char *only_constraint(const char *text, struct arena *mem)
{
	size_t sign = strspn(text, "=<>!");
	return sign ? arena_printf(mem, "%.*s %s", (int)sign, text, text + sign)
		    : arena_printf(mem, "= %s", text);
}

static bool no_version(const struct newest *newest, const struct semver_range *range, const char *text,
	const char *prefix, struct error *err)
{
	size_t tags = strlen("refs/tags/");
	if (!newest->highest)
		return error_set(err, ERROR_MISSING,
			"no tag matches \"%s\": the repository has none like %s1.2.3, and no branch of that name",
			text, prefix + tags);
	bool hint = newest->highest_version.pre_length && !semver_range_takes_pre(range);
	return error_set(err, ERROR_MISSING, "no tag matches \"%s\": of %zu versions the highest is %s%s",
		text, newest->tags, newest->highest->name + tags,
		hint ? "; pre-releases match only a constraint that names one, such as >=1.0.0-0" : "");
}

static bool resolve_range(struct remote *remote, const struct source_request *request,
	const struct semver_range *range, struct arena *mem, struct revision *revision, struct error *err)
{
	const char *text = request->revision;
	const char *prefix = arena_printf(mem, "refs/tags/%s", request->tag_prefix ? request->tag_prefix : "");
	struct named named = names_of(request, mem);
	const char *prefixes[COUNT_OF(named.names) + 1] = {prefix};
	struct remote_refs refs = {0};
	struct newest newest = {.ref = NULL};
	memcpy(prefixes + 1, named.names, sizeof(named.names));
	if (!remote_refs(remote, prefixes, named.count + 1, &refs, err))
		return false;
	look_up(&named, &refs);
	if (named.found_count > 1)
		return two_refs(text, named.found[0]->name, named.found[1]->name, err);
	for (size_t i = 0; i < refs.count; i++)
		consider_tag(&newest, range, &refs.items[i], prefix);
	if (named.found_count && newest.ref)
		return error_set(err, ERROR_INVALID,
			"\"%s\" is ambiguous: it is the name of %s, and as a constraint the newest tag that matches is %s; write "
			"%s, or \"%s\" for the constraint",
			text, named.found[0]->name, newest.ref->name, named.found[0]->name,
			only_constraint(text, mem));
	if (newest.ref && newest.twin)
		return two_refs(text, newest.ref->name, newest.twin->name, err);
	if (!named.found_count && !newest.ref)
		return no_version(&newest, range, text, prefix, err);
	take(revision, newest.ref ? newest.ref : named.found[0], mem);
	return true;
}

bool revision_resolve(struct remote *remote, const struct source_request *request, struct arena *mem,
	struct revision *revision, struct error *err)
{
	const char *text = request->revision;
	*revision = (struct revision){0};
	if (!*text || strcmp(text, "HEAD") == 0)
		return resolve_head(remote, text, mem, revision, err);
	const struct semver_range *range = strlen(text) <= NAME_MAXIMUM ? semver_range_parse(text, mem) : NULL;
	return range ? resolve_range(remote, request, range, mem, revision, err)
		     : resolve_name(remote, request, mem, revision, err);
}

/* ---- a short id ---- */

struct candidates {
	const struct repository *repository;
	git_oid prefix;
	size_t length;
	git_oid found;
	size_t count;
};

/* Other kinds of objects may begin alike; only commits are meant, as with git. */
static int consider(const git_oid *id, void *context)
{
	struct candidates *candidates = context;
	size_t size;
	git_object_t type;
	if (git_oid_ncmp(id, &candidates->prefix, candidates->length) != 0)
		return 0;
	if (git_odb_read_header(&size, &type, candidates->repository->odb, id) || type != GIT_OBJECT_COMMIT)
		return 0;
	if (candidates->count == 0 || !git_oid_equal(&candidates->found, id))
		candidates->count++;
	candidates->found = *id;
	return 0;
}

bool revision_check_short(const struct repository *repository, const char *text,
	const struct revision *revision, struct error *err)
{
	struct error none = {0};
	git_oid commit;
	if (!revision_find_short(repository, text, &commit, &none))
		return none.kind == ERROR_MISSING ||
			error_set(err, ERROR_INVALID,
				"\"%s\" is ambiguous: it is the name of %s and begins several commits; write %s as the "
				"revision, or the whole id of a commit",
				text, revision->ref, revision->ref);
	if (git_oid_equal(&commit, &revision->id))
		return true;
	return error_set(err, ERROR_INVALID,
		"\"%s\" is ambiguous: it is the name of %s and begins commit %s; write one of them as the revision",
		text, revision->ref, git_oid_tostr_s(&commit));
}

bool revision_find_short(const struct repository *repository, const char *text, git_oid *id, struct error *err)
{
	struct candidates candidates = {.repository = repository, .length = strlen(text)};
	if (git_oid_fromstrn(&candidates.prefix, text, candidates.length))
		return error_set(err, ERROR_INVALID, "\"%s\" is no commit id", text);
	/* The quick answer first; an ambiguous one is looked at more closely. */
	int code = git_odb_exists_prefix(
		&candidates.found, repository->odb, &candidates.prefix, candidates.length);
	if (code == GIT_ENOTFOUND)
		return error_set(err, ERROR_MISSING, "no commit begins with \"%s\"", text);
	git_odb_foreach(repository->odb, consider, &candidates);
	if (!candidates.count)
		return error_set(err, ERROR_MISSING, "no commit begins with \"%s\"", text);
	if (candidates.count > 1)
		return error_set(
			err, ERROR_INVALID, "several commits begin with \"%s\": give more digits", text);
	*id = candidates.found;
	return true;
}
