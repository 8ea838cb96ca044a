#include "reconcile/source/revision.h"

#include <string.h>

#include "base/text.h"
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

static bool looks_like_short_id(const char *text)
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

static bool resolve_head(struct remote *remote, struct arena *mem, struct revision *revision, struct error *err)
{
	static const char *const head[] = {"HEAD"};
	struct remote_refs refs = {0};
	if (!remote_refs(remote, head, COUNT_OF(head), &refs, err))
		return false;
	const struct remote_ref *found = find(&refs, "HEAD");
	if (!found)
		return error_set(err, ERROR_MISSING,
			"the repository has no HEAD: it is empty, or its default branch does not exist; push a first commit or "
			"name a branch");
	take(revision, found, mem);
	return true;
}

bool revision_resolve(struct remote *remote, const char *text, struct arena *mem, struct revision *revision,
	struct error *err)
{
	struct remote_refs refs = {0};
	*revision = (struct revision){0};
	if (!*text || strcmp(text, "HEAD") == 0)
		return resolve_head(remote, mem, revision, err);
	if (!is_possible_name(text))
		return error_set(
			err, ERROR_INVALID, "\"%.100s\" cannot be the name of a branch, tag or commit", text);
	const char *names[] = {
		text_starts(text, "refs/") ? text : arena_printf(mem, "refs/heads/%s", text),
		arena_printf(mem, "refs/tags/%s", text),
	};
	size_t count = text_starts(text, "refs/") ? 1 : COUNT_OF(names);
	if (!remote_refs(remote, names, count, &refs, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct remote_ref *found = find(&refs, names[i]);
		if (found) {
			take(revision, found, mem);
			return true;
		}
	}
	revision->is_short = looks_like_short_id(text);
	return revision->is_short || missing(remote, text, mem, err);
}

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
