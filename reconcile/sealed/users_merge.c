/* The decisions: who changed what since the common ancestor. */
#include "reconcile/sealed/users_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

struct deciding {
	struct users_merge *merge;
	const struct edit_user **given; /* of the edit file, sorted by name */
	size_t given_count;
	struct mistakes *conflicts;
};

static int by_user(const void *a, const void *b)
{
	return strcmp((*(const struct edit_user *const *)a)->name, (*(const struct edit_user *const *)b)->name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct merge_user *const *)a)->name, (*(struct merge_user *const *)b)->name);
}

static const struct edit_user *find_given(const struct deciding *deciding, const char *name)
{
	const struct edit_user key = {.name = name}, *at = &key;
	const struct edit_user **found = deciding->given_count
		? bsearch(&at, deciding->given, deciding->given_count, sizeof(*deciding->given), by_user)
		: NULL;
	return found ? *found : NULL;
}

static const char *place_of(const struct users_merge *merge, const struct edit_user *user)
{
	const struct edit_users *users = merge->input.edit;
	return arena_printf(merge->mem, "%s/%s/%s", users->namespace, user->secret, users->item);
}

/* ---- one user's entries ---- */

static const char *text_of(const struct users_part *part)
{
	return part ? part->text : NULL;
}

static bool same_meaning(const struct users_part *a, const struct users_part *b)
{
	return a && b && strcmp(a->meaning, b->meaning) == 0;
}

static bool has_password(const struct merge_user *user)
{
	return user->given && user->given->password;
}

static enum merge_from decide_unknown(const struct merge_user *user)
{
	if (!user->git)
		return MERGE_FROM_EDIT;
	if (!user->edit)
		return MERGE_FROM_GIT;
	return same_meaning(user->edit, user->git) ? MERGE_KEEP : MERGE_CONFLICT;
}

static enum merge_from decide_entry(
	const struct users_merge *merge, struct merge_user *user, bool other_password)
{
	const struct base_user *base = user->base;
	if (!base)
		return decide_unknown(user);
	bool edited = !text_equal(user->bare, base->edit) || (!user->git && other_password);
	bool changed = !text_equal(text_of(user->git), base->git);
	user->put_back = !user->edit && base->edit && user->git && !base->seen;
	if (user->put_back)
		return MERGE_FROM_GIT;
	if (merge->input.staged && !user->git && base->git)
		return user->edit ? MERGE_FROM_EDIT : MERGE_KEEP;
	if (!edited && !changed)
		return user->edit && !user->git ? MERGE_ASIDE : MERGE_KEEP;
	if (same_meaning(user->edit, user->git))
		return edited == changed || text_equal(user->bare, text_of(user->git)) ? MERGE_KEEP
			: edited                                                       ? MERGE_FROM_EDIT
										       : MERGE_FROM_GIT;
	if (!edited)
		return user->git || !has_password(user) ? MERGE_FROM_GIT : MERGE_ASIDE;
	if (!changed)
		return MERGE_FROM_EDIT;
	return user->edit || user->git ? MERGE_CONFLICT : MERGE_KEEP;
}

/* ---- its password ---- */

/* Made once: of a thousand users it is what takes the time. */
static const char *password_digest(const struct users_merge *merge, const struct merge_user *user)
{
	char digest[DIGEST_HEX_SIZE];
	if (!has_password(user) || !merge->input.receipts)
		return "";
	receipts_digest(merge->input.receipts, place_of(merge, user->given), user->given->password,
		user->given->password_length, digest);
	return arena_copy(merge->mem, digest);
}

static bool is_as_before(const struct merge_user *user)
{
	return user->base && *user->base->password && *user->password &&
		strlen(user->base->password) == DIGEST_HEX_SIZE - 1 &&
		digest_equal(user->password, user->base->password, DIGEST_HEX_SIZE);
}

static bool is_sealed_as_before(const struct merge_user *user)
{
	char digest[DIGEST_HEX_SIZE];
	digest_sha256_hex(user->ciphertext, strlen(user->ciphertext), digest);
	return user->base && strcmp(digest, user->base->sealed) == 0;
}

static bool is_receipted(const struct users_merge *merge, const struct merge_user *user)
{
	return *user->password &&
		receipts_match_digest(merge->input.receipts, place_of(merge, user->given), user->password,
			user->ciphertext);
}

static enum sealed_choice decide_password(const struct users_merge *merge, struct merge_user *user)
{
	if (!has_password(user) || merge->input.reseal)
		return merge->input.reseal ? SEALED_ANEW : SEALED_KEPT;
	if (!user->ciphertext)
		return SEALED_ANEW;
	if (is_receipted(merge, user))
		return SEALED_KEPT;
	if (is_as_before(user)) {
		user->outdated = true;
		return merge->input.mine && (user->base->aside || merge->input.sideways) ? SEALED_ANEW
											 : SEALED_KEPT;
	}
	if (!merge->input.base->known || merge->input.mine || is_sealed_as_before(user))
		return SEALED_ANEW;
	user->password_conflict = true;
	return SEALED_KEPT;
}

/* ---- conflicts ---- */

/* Which fields differ, where both have one entry. */
static const char *differences(const struct users_merge *merge, const struct merge_user *user)
{
	CLEANUP(json_done) json_t *edit = NULL;
	CLEANUP(json_done) json_t *git = NULL;
	struct error ignored;
	const char *list = "", *key;
	json_t *value;
	if (!user->edit || !user->git ||
		!json_read(user->edit->meaning, strlen(user->edit->meaning), &edit, &ignored) ||
		!json_read(user->git->meaning, strlen(user->git->meaning), &git, &ignored) ||
		json_array_size(edit) != 1 || json_array_size(git) != 1)
		return "";
	json_t *mine = json_array_get(edit, 0), *theirs = json_array_get(git, 0);
	json_object_foreach (mine, key, value)
		if (!json_equal(value, json_object_get(theirs, key)))
			list = arena_join(merge->mem, list, ", ", key);
	json_object_foreach (theirs, key, value)
		if (!json_object_get(mine, key))
			list = arena_join(merge->mem, list, ", ", key);
	return arena_printf(merge->mem, " (%s)", list);
}

static void add_conflict(const struct deciding *deciding, const char *name, int line, const char *what)
{
	deciding->merge->conflicts++;
	mistakes_add(deciding->conflicts, deciding->merge->input.edit->file, line, 0,
		"%s%s%s %s; if this file is right, run `pgitops seal users --resolve`", name ? "user \"" : "",
		name ? name : "", name ? "\"" : "", what);
}

static void tell_conflict(const struct deciding *deciding, const struct merge_user *user)
{
	const struct users_merge *merge = deciding->merge;
	int line = user->given ? user->given->line : 0;
	const char *users = merge->input.git ? merge->input.git->file : "Git";
	if (user->from == MERGE_CONFLICT && !user->edit)
		add_conflict(deciding, user->name, line,
			arena_printf(merge->mem,
				"was taken out of this file, and changed in %s since: take the entry of %s over to keep "
				"the user",
				users, users));
	else if (user->from == MERGE_CONFLICT && !user->git)
		add_conflict(deciding, user->name, line,
			arena_printf(merge->mem,
				"was taken out of %s, and changed in this file since: take the entry out here too",
				users));
	else if (user->from == MERGE_CONFLICT)
		add_conflict(deciding, user->name, line,
			arena_printf(merge->mem,
				"is not the same in %s%s: both were changed, make the entry here like that one",
				users, differences(merge, user)));
	if (user->password_conflict)
		add_conflict(deciding, user->name, line,
			"has another password here, and Git has one that was sealed elsewhere since: take the line out to keep Git's");
}

/* ---- all of them ---- */

static void add_user(const struct deciding *deciding, const char *name, const struct users_part *edit,
	const struct users_part *git)
{
	struct users_merge *merge = deciding->merge;
	const struct users_part *bare = edit ? users_parts_find(&merge->bare, name) : NULL;
	merge->items = arena_grow(merge->mem, merge->items, merge->count, sizeof(*merge->items));
	merge->items[merge->count++] = (struct merge_user){
		.name = name,
		.edit = edit,
		.git = git,
		.bare = bare ? bare->text : NULL,
		.given = edit ? find_given(deciding, name) : NULL,
		.base = users_base_find(merge->input.base, name),
	};
}

static const char *secret_of_git(const struct users_merge *merge, const char *name)
{
	const struct edit_users *git = merge->input.git;
	for (size_t i = 0; git && i < git->count; i++)
		if (strcmp(git->items[i].name, name) == 0)
			return git->items[i].secret;
	return NULL;
}

static void decide(const struct deciding *deciding, struct merge_user *user)
{
	struct users_merge *merge = deciding->merge;
	const char *secret = user->given ? user->given->secret : NULL;
	user->ciphertext = secret ? sealed_values_find(merge->input.sealed, secret) : NULL;
	user->password = password_digest(merge, user);
	user->from = decide_entry(merge, user, *user->password && !is_as_before(user));
	if (merge->input.mine && (user->from == MERGE_CONFLICT || user->from == MERGE_ASIDE))
		user->from = MERGE_FROM_EDIT;
	user->choice = user->from == MERGE_ASIDE ? SEALED_SKIPPED : decide_password(merge, user);
	if (user->from == MERGE_CONFLICT || user->password_conflict)
		tell_conflict(deciding, user);
	if (user->from == MERGE_FROM_EDIT && !user->edit && user->git) {
		merge->removed =
			arena_grow(merge->mem, merge->removed, merge->removed_count, sizeof(*merge->removed));
		merge->removed[merge->removed_count++] = secret_of_git(merge, user->name);
	}
	merge->edit_changes = merge->edit_changes || user->from == MERGE_FROM_GIT;
	merge->git_changes =
		merge->git_changes || user->from == MERGE_FROM_EDIT || (user->git && user->git->repeated);
}

static const char *digest_of(const char *text, struct arena *mem)
{
	char digest[DIGEST_HEX_SIZE];
	digest_sha256_hex(text, strlen(text), digest);
	return arena_copy(mem, digest);
}

static void decide_frame(const struct deciding *deciding)
{
	struct users_merge *merge = deciding->merge;
	const struct users_base *base = merge->input.base;
	bool edited = !base->known || strcmp(digest_of(merge->edit.frame, merge->mem), base->frame_edit) != 0;
	bool changed = !base->known || strcmp(digest_of(merge->git.frame, merge->mem), base->frame_git) != 0;
	if (strcmp(merge->edit.frame, merge->git.frame) == 0 || (!edited && !changed))
		merge->frame = MERGE_KEEP;
	else if (!edited || !changed)
		merge->frame = edited ? MERGE_FROM_EDIT : MERGE_FROM_GIT;
	else
		merge->frame = merge->input.mine ? MERGE_FROM_EDIT : MERGE_CONFLICT;
	if (merge->frame == MERGE_CONFLICT)
		add_conflict(deciding, NULL, 0,
			arena_printf(merge->mem,
				"is not as %s beside the users (version, defaults, policy, metadata, ...): both were changed, "
				"make them alike",
				merge->input.git->file));
	merge->edit_changes = merge->edit_changes || merge->frame == MERGE_FROM_GIT;
	merge->git_changes = merge->git_changes || merge->frame == MERGE_FROM_EDIT;
}

static void index_names(struct users_merge *merge)
{
	merge->by_name = arena_array(merge->mem, merge->count + 1, sizeof(*merge->by_name));
	for (size_t i = 0; i < merge->count; i++)
		merge->by_name[i] = &merge->items[i];
	qsort(merge->by_name, merge->count, sizeof(*merge->by_name), by_name);
}

/* The edit file as Git might have it: what the ancestor's entries are compared with, and often what Git gets. */
static bool read_bare(struct users_merge *merge, struct error *err)
{
	struct edit_users_bare bare = {.known = merge->input.git};
	CLEANUP(buf_done) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	bool ok = edit_users_public(merge->input.edit, &text, &bare, err);
	if (ok && bare.is_known)
		merge->bare = merge->git;
	else if (ok)
		ok = users_parts_read(&bare.read, merge->mem, &merge->bare, err);
	merge->bare_text = arena_copy_n(merge->mem, buf_string(&text), text.length);
	merge->bare_dropped = bare.dropped;
	edit_users_done(&bare.read);
	return ok;
}

bool users_merge_make(const struct users_merge_input *input, struct arena *mem, struct users_merge *merge,
	struct mistakes *conflicts, struct error *err)
{
	struct users_merge made = {.input = *input, .mem = mem};
	struct deciding deciding = {.merge = &made, .conflicts = conflicts};
	if (!users_parts_read(input->edit, mem, &made.edit, err) ||
		(input->git && !users_parts_read(input->git, mem, &made.git, err)) || !read_bare(&made, err))
		return false;
	deciding.given = arena_array(mem, input->edit->count + 1, sizeof(*deciding.given));
	for (size_t i = 0; i < input->edit->count; i++)
		deciding.given[deciding.given_count++] = &input->edit->items[i];
	qsort(deciding.given, deciding.given_count, sizeof(*deciding.given), by_user);
	for (size_t i = 0; i < made.edit.count; i++)
		add_user(&deciding, made.edit.items[i].name, &made.edit.items[i],
			users_parts_find(&made.git, made.edit.items[i].name));
	for (size_t i = 0; i < made.git.count; i++)
		if (!users_parts_find(&made.edit, made.git.items[i].name))
			add_user(&deciding, made.git.items[i].name, NULL, &made.git.items[i]);
	for (size_t i = 0; i < made.count; i++)
		decide(&deciding, &made.items[i]);
	if (input->git)
		decide_frame(&deciding);
	index_names(&made);
	*merge = made;
	return true;
}

enum sealed_choice users_merge_choice(const void *context, const char *name)
{
	const struct users_merge *merge = context;
	struct merge_user key = {.name = name}, *at = &key;
	struct merge_user **found = merge->count
		? bsearch(&at, merge->by_name, merge->count, sizeof(*merge->by_name), by_name)
		: NULL;
	return found ? (*found)->choice : SEALED_BY_RECEIPT;
}

void users_merge_notes(const struct users_merge *merge, struct mistakes *notes)
{
	const char *file = merge->input.edit->file, *users = merge->input.git ? merge->input.git->file : "Git";
	for (size_t i = 0; i < merge->count; i++) {
		const struct merge_user *user = &merge->items[i];
		int line = user->given ? user->given->line : 0;
		if (user->from == MERGE_ASIDE)
			mistakes_add(notes, file, line, 0,
				"user \"%s\" is not in %s %s: left out of Git, and in this file for the password. Take the entry out, or run "
				"`pgitops seal users --resolve` to have the user in Git",
				user->name, users,
				merge->input.sideways || (user->base && user->base->aside) ? "of this branch"
											   : "any more");
		else if (user->outdated && user->choice == SEALED_KEPT)
			mistakes_add(notes, file, line, 0,
				"the password of user \"%s\" is not the one that is sealed %s: Git's stays. Take the line out, or give another "
				"one to change it",
				user->name,
				user->base->aside || merge->input.sideways ? "on this branch"
									   : "since others changed it");
		if (user->put_back)
			mistakes_add(notes, file, 0, 0,
				"user \"%s\" came with Git's changes and was not in this file: put in again. Take the entry out once more if the "
				"user is to go",
				user->name);
	}
}
