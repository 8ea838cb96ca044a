#include "agent/hook/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/sealed/sealed_join.h"

/* The three states of one file. */
struct states {
	struct buf base, ours, theirs;
	bool has_base, unmerged, torn; /* in the index; between markers or twice in one text */
};

static void states_done(struct states *states)
{
	buf_done(&states->base);
	buf_done(&states->ours);
	buf_done(&states->theirs);
}

static void complain(struct mistakes *mistakes, const char *file, const struct error *err)
{
	mistakes_add(mistakes, file, 0, 0, "%s", err->text);
}

/* ":2:PATH" and ":3:PATH" are the sides of a merge that goes on. */
static bool read_stages(struct arena *mem, const char *path, struct states *states, struct error *err)
{
	const char *const asked[] = {arena_printf(mem, ":1:%s", path), arena_printf(mem, ":2:%s", path),
		arena_printf(mem, ":3:%s", path)};
	struct buf *const texts[] = {&states->base, &states->ours, &states->theirs};
	bool there[COUNT_OF(asked)];
	if (!git_blobs(asked, COUNT_OF(asked), texts, there, err))
		return false;
	states->has_base = there[0];
	states->unmerged = there[1] || there[2];
	return true;
}

static bool read_states(
	const struct seal_place *place, const char *path, struct states *states, struct error *err)
{
	CLEANUP(buf_done) struct buf here = BUF(LIMIT_PATH_BYTES);
	*states = (struct states){
		.base = BUF(LIMIT_PATH_BYTES), .ours = BUF(LIMIT_PATH_BYTES), .theirs = BUF(LIMIT_PATH_BYTES)};
	if (place->checkout && !read_stages(place->mem, path, states, err))
		return false;
	if (states->unmerged)
		return true;
	if (!file_read(path, &here, err))
		return err->kind == ERROR_MISSING;
	states->torn = conflict_line(buf_string(&here), here.length) != 0;
	if (!states->torn) {
		buf_append(&states->ours, buf_string(&here), here.length);
		buf_append(&states->theirs, buf_string(&here), here.length);
		return true;
	}
	if (conflict_side(buf_string(&here), here.length, 0, &states->ours) &&
		conflict_side(buf_string(&here), here.length, 1, &states->theirs))
		return true;
	return error_set(err, ERROR_INVALID,
		"%s: its conflict markers do not pair: take one side with `git checkout --ours` "
		"or put them right",
		path);
}

/* ---- users.yaml ---- */

/* The ancestor of both sides, as what one of them had. */
static bool read_base(const struct layout_users *files, const struct states *states, struct arena *mem,
	struct users_base *base, struct mistakes *mistakes)
{
	CLEANUP(edit_users_done) struct edit_users read = {0};
	struct users_parts parts;
	struct error err;
	char digest[DIGEST_HEX_SIZE];
	*base = (struct users_base){.commit = "", .frame_edit = "", .frame_git = "", .settled = ""};
	if (!states->has_base || !states->base.length)
		return true;
	if (!edit_users_read(files->users, buf_string(&states->base), states->base.length, files->namespace,
		    &read, mistakes))
		return false;
	if (!users_parts_read(&read, mem, &parts, &err)) {
		complain(mistakes, files->users, &err);
		return false;
	}
	digest_sha256_hex(parts.frame, strlen(parts.frame), digest);
	base->known = true;
	base->frame_edit = base->frame_git = arena_copy(mem, digest);
	base->items = arena_array(mem, parts.count + 1, sizeof(*base->items));
	for (size_t i = 0; i < parts.count; i++) /* by name, as users_base_find() wants them */
		base->items[base->count++] = (struct base_user){parts.by_name[i]->name,
			parts.by_name[i]->text, parts.by_name[i]->text, "", "", true, false};
	return true;
}

static bool join_users(const struct layout_users *files, const struct states *states, struct arena *mem,
	struct buf *out, struct mistakes *mistakes)
{
	CLEANUP(edit_users_done) struct edit_users ours = {0};
	CLEANUP(edit_users_done) struct edit_users theirs = {0};
	const struct sealed_values none = {0};
	struct users_base base;
	struct users_merge merge;
	struct error err;
	size_t dropped;
	const struct buf *first = &states->ours, *second = &states->theirs;
	if (!first->length || !second->length) {
		first = first->length ? first : second;
		buf_append(out, buf_string(first), first->length);
		return true;
	}
	if (!edit_users_read(files->users, buf_string(first), first->length, files->namespace, &ours, mistakes) ||
		!edit_users_read(files->users, buf_string(second), second->length, files->namespace, &theirs,
			mistakes) ||
		!read_base(files, states, mem, &base, mistakes))
		return false;
	const struct users_merge_input input = {
		.edit = &ours, .git = &theirs, .sealed = &none, .base = &base, .mine = true};
	if (users_merge_make(&input, mem, &merge, mistakes, &err) &&
		users_merge_public(&merge, out, &dropped, &err))
		return true;
	complain(mistakes, files->users, &err);
	return false;
}

/* ---- sealed-users.yaml ---- */

struct sealed_context {
	struct edit_users edit, joined; /* the edit file, and users.yaml as both sides together have it */
};

static const struct edit_user *find_secret(const struct edit_users *users, const char *secret)
{
	for (size_t i = 0; i < users->count; i++)
		if (strcmp(users->items[i].secret, secret) == 0)
			return &users->items[i];
	return NULL;
}

/* Who has a password in the edit file, by Secret. */
static bool has_password(const void *context, const char *secret)
{
	const struct edit_user *user = find_secret(&((const struct sealed_context *)context)->edit, secret);
	return user && user->password;
}

/* A user whom one side took out and the other changed stays, and so does the only copy of the password. */
static bool is_user(const void *context, const char *secret)
{
	return find_secret(&((const struct sealed_context *)context)->joined, secret) != NULL;
}

/* What cannot be read has no users. */
static void read_users(const char *file, const char *namespace, const struct buf *text, struct arena *mem,
	struct edit_users *users)
{
	struct mistakes ignored = {.mem = mem};
	if (!text->length || !edit_users_read(file, buf_string(text), text->length, namespace, users, &ignored))
		*users = (struct edit_users){0};
}

static bool keep_ours(const void *context, const char *secret)
{
	(void)context;
	(void)secret;
	return true;
}

enum { SIDES = 4 };
struct sides {
	struct buf texts[SIDES]; /* of sealed-users.yaml */
	bool there[SIDES];
};

static void sides_done(struct sides *sides)
{
	for (size_t i = 0; i < SIDES; i++)
		buf_done(&sides->texts[i]);
}

/* Whatever is going on has them. A side that cannot be had is not there. */
static void read_sides(const struct layout_users *files, struct arena *mem, struct sides *sides)
{
	static const char *const names[SIDES] = {"HEAD", "MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD"};
	const char *asked[SIDES];
	struct buf *texts[SIDES];
	struct error ignored;
	for (size_t i = 0; i < SIDES; i++) {
		asked[i] = arena_printf(mem, "%s:%s", names[i], files->sealed);
		sides->texts[i] = (struct buf)BUF(LIMIT_PATH_BYTES);
		texts[i] = &sides->texts[i];
	}
	if (!git_blobs(asked, SIDES, texts, sides->there, &ignored))
		memset(sides->there, 0, sizeof(sides->there));
}

/* Git merged the sealed file by itself, and the removal on one side took a document along whose user stays: either side has it. */
static bool add_lost(const struct sealed_context *context, const struct layout_users *files,
	struct arena *mem, const struct buf *joined, struct buf *out, struct mistakes *mistakes)
{
	const char *text = arena_copy(mem, buf_string(joined));
	CLEANUP(sides_done) struct sides sides = {0};
	if (context->joined.mem)
		read_sides(files, mem, &sides);
	for (size_t i = 0; context->joined.mem && i < SIDES; i++) {
		const struct buf *side = &sides.texts[i];
		CLEANUP(buf_done) struct buf more = BUF(LIMIT_PATH_BYTES);
		if (!sides.there[i] || conflict_line(buf_string(side), side->length))
			continue;
		const struct sealed_join join = {.file = files->sealed,
			.ours = text,
			.theirs = buf_string(side),
			.may_choose = keep_ours,
			.is_wanted = is_user,
			.context = context};
		if (!sealed_join(&join, mem, &more, mistakes))
			return false;
		text = arena_copy(mem, buf_string(&more));
	}
	buf_text(out, text);
	return true;
}

static bool join_sealed(const struct layout_users *files, const struct states *states,
	const struct buf *users, struct arena *mem, struct buf *out, struct mistakes *mistakes)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_FILE_BYTES);
	struct sealed_context context = {0};
	struct error err;
	if (file_read(files->edit, &text, &err))
		read_users(files->edit, files->namespace, &text, mem, &context.edit);
	read_users(files->users, files->namespace, users, mem, &context.joined);
	const struct sealed_join join = {
		.file = files->sealed,
		.base = states->has_base ? buf_string(&states->base) : NULL,
		.ours = buf_string(&states->ours),
		.theirs = buf_string(&states->theirs),
		.may_choose = has_password,
		.is_kept = is_user,
		.context = &context,
	};
	CLEANUP(buf_done) struct buf joined = BUF(LIMIT_PATH_BYTES);
	bool ok = sealed_join(&join, mem, &joined, mistakes) &&
		add_lost(&context, files, mem, &joined, out, mistakes);
	if (context.edit.mem)
		edit_users_done(&context.edit);
	if (context.joined.mem)
		edit_users_done(&context.joined);
	return ok;
}

static bool differs(const char *path, const struct buf *text)
{
	CLEANUP(buf_done) struct buf here = BUF(LIMIT_PATH_BYTES);
	struct error ignored;
	return !file_read(path, &here, &ignored) || here.length != text->length ||
		(here.length && memcmp(here.data, text->data, here.length) != 0);
}

/* Staged as well: what was half merged is often staged or even committed. */
static bool write_one(const char *path, const struct states *states, const struct buf *text, bool checkout,
	bool *mended, struct error *err)
{
	if (!states->unmerged && !differs(path, text))
		return true;
	*mended = true;
	return (!differs(path, text) || file_update(path, buf_string(text), text->length, 0644, err)) &&
		(!checkout || git_ask(NULL, err, "--literal-pathspecs", "add", "--", path, NULL));
}

bool resolve_files(const struct seal_place *place, const struct layout_users *files, bool *mended,
	struct mistakes *mistakes)
{
	CLEANUP(arena_wipep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	CLEANUP(states_done) struct states users = {0};
	CLEANUP(states_done) struct states sealed = {0};
	CLEANUP(buf_done) struct buf users_text = BUF(2 * LIMIT_FILE_BYTES);
	CLEANUP(buf_done) struct buf sealed_text = BUF(LIMIT_PATH_BYTES);
	struct mistakes wrong = {.mem = place->mem};
	struct error err;
	*mended = false;
	if (!read_states(place, files->users, &users, &err) ||
		!read_states(place, files->sealed, &sealed, &err)) {
		complain(mistakes, files->edit, &err);
		return false;
	}
	bool ok = (!users.ours.length && !users.theirs.length) ||
		join_users(files, &users, mem, &users_text, &wrong);
	ok = join_sealed(files, &sealed, &users_text, mem, &sealed_text, &wrong) && ok;
	for (size_t i = 0; i < wrong.count; i++)
		mistakes_add(mistakes, arena_copy(place->mem, wrong.items[i].file), wrong.items[i].line, 0,
			"%s", wrong.items[i].text);
	if (!ok)
		return false;
	if ((users_text.length && !write_one(files->users, &users, &users_text, place->checkout, mended, &err)) ||
		((sealed_text.length || sealed.unmerged) &&
			!write_one(files->sealed, &sealed, &sealed_text, place->checkout, mended, &err))) {
		complain(mistakes, files->edit, &err);
		return false;
	}
	return true;
}
