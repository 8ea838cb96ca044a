/* The texts that come of a merge, and the ancestor of the next one. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/users_merge.h"
#include "reconcile/sealed/users_password.h"

/* ---- an entry with its private comments ---- */

/* Comments of the edit file that its public text does not have (they tell of a password) stay with the user. */
static const char *with_private_comments(
	const char *text, const struct users_part *before, const char *public, struct arena *mem)
{
	CLEANUP(buf_wipe) struct buf out = BUF(LIMIT_FILE_BYTES);
	for (const char *line = before->text; *line;) {
		size_t length = strcspn(line, "\n"), start = strspn(line, " ");
		const char *comment = line[start] == '#' ? line + start : memmem(line, length, " #", 2);
		comment = comment && *comment == ' ' ? comment + 1 : comment;
		const char *words =
			comment ? arena_copy_n(mem, comment, length - (size_t)(comment - line)) : NULL;
		if (words && !strstr(public, words) && !strstr(text, words))
			buf_printf(&out, "%s\n", words);
		line += length + (line[length] == '\n');
	}
	buf_text(&out, text);
	return buf_failed(&out) ? text : arena_copy(mem, buf_string(&out));
}

/* ---- the order ---- */

/* The users of a new text: those of its own file in their order, and each new one behind whom it stands behind in the other file. */
struct chosen {
	const char *name, *text;
	struct chosen *next;
};

struct line_up {
	struct chosen first; /* before all; its `next` is the list */
	struct chosen **sorted;
	size_t count;
	struct arena *mem;
};

static int by_chosen_name(const void *a, const void *b)
{
	return strcmp((*(struct chosen *const *)a)->name, (*(struct chosen *const *)b)->name);
}

static struct chosen *find_chosen(const struct line_up *line, const char *name)
{
	struct chosen key = {.name = name}, *at = &key;
	struct chosen **found = line->count
		? bsearch(&at, line->sorted, line->count, sizeof(*line->sorted), by_chosen_name)
		: NULL;
	return found ? *found : NULL;
}

typedef const char *text_for(const struct users_merge *merge, const struct merge_user *user);

static struct chosen *put(const struct line_up *line, struct chosen *after, const char *name, const char *text)
{
	struct chosen *chosen = arena_alloc(line->mem, sizeof(*chosen));
	*chosen = (struct chosen){name, text, after->next};
	after->next = chosen;
	return chosen;
}

static const struct merge_user *find_user(const struct users_merge *merge, const char *name)
{
	struct merge_user key = {.name = name}, *at = &key;
	size_t low = 0, high = merge->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(merge->by_name[middle]->name, at->name);
		if (order == 0)
			return merge->by_name[middle];
		low = order < 0 ? middle + 1 : low;
		high = order < 0 ? high : middle;
	}
	return NULL;
}

/* `own` has its order kept, `other` gives places to those that `own` does not have. */
static void line_up(const struct users_merge *merge, const struct users_parts *own,
	const struct users_parts *other, text_for *choose, struct line_up *line)
{
	struct chosen *last = &line->first;
	line->sorted = arena_array(merge->mem, merge->count + 1, sizeof(*line->sorted));
	for (size_t i = 0; i < own->count; i++) {
		const char *name = own->items[i].name, *text = choose(merge, find_user(merge, name));
		if (!text)
			continue;
		last = put(line, last, name, text);
		line->sorted[line->count++] = last;
	}
	qsort(line->sorted, line->count, sizeof(*line->sorted), by_chosen_name);
	struct chosen *before = &line->first;
	for (size_t i = 0; i < other->count; i++) {
		const char *name = other->items[i].name;
		struct chosen *there = find_chosen(line, name);
		const char *text =
			there || users_parts_find(own, name) ? NULL : choose(merge, find_user(merge, name));
		before = text ? put(line, before, name, text) : there ? there : before;
	}
}

static void write_line_up(const struct users_merge *merge, const struct users_parts *frame,
	const struct line_up *line, struct buf *out)
{
	size_t count = 0;
	const char **texts = arena_array(merge->mem, merge->count + 1, sizeof(*texts));
	for (const struct chosen *chosen = line->first.next; chosen; chosen = chosen->next)
		texts[count++] = chosen->text;
	users_parts_write(frame, texts, count, out);
}

/* ---- the edit file ---- */

static const char *for_edit(const struct users_merge *merge, const struct merge_user *user)
{
	if (user->from != MERGE_FROM_GIT)
		return user->edit ? user->edit->text : NULL;
	if (!user->git)
		return NULL;
	const char *text = user->git->text;
	if (user->given && user->given->password)
		text = users_part_with_password(
			text, user->given->password, user->given->password_length, merge->mem);
	return user->edit ? with_private_comments(text, user->edit, user->bare, merge->mem) : text;
}

static const char *meant(const struct merge_user *user)
{
	const struct users_part *part = user->from == MERGE_FROM_GIT ? user->git : user->edit;
	return part ? part->meaning : NULL;
}

/* Does the text say what was decided, of every user, with every password? */
static bool says(const struct users_merge *merge, const struct buf *text)
{
	CLEANUP(edit_users_done) struct edit_users read = {0};
	struct mistakes ignored = {.mem = merge->mem};
	struct users_parts parts;
	struct error err;
	size_t expected = 0, passwords = 0;
	if (!edit_users_read(merge->input.edit->file, buf_string(text), text->length,
		    merge->input.edit->namespace, &read, &ignored) ||
		!users_parts_read(&read, merge->mem, &parts, &err))
		return false;
	for (size_t i = 0; i < merge->count; i++) {
		const struct users_part *part = users_parts_find(&parts, merge->items[i].name);
		const char *wanted = meant(&merge->items[i]);
		expected += wanted != NULL;
		passwords += wanted && merge->items[i].given && merge->items[i].given->password;
		if (!text_equal(part ? part->meaning : NULL, wanted))
			return false;
	}
	for (size_t i = 0; i < read.count; i++) {
		const struct merge_user *user = find_user(merge, read.items[i].name);
		if (read.items[i].password &&
			(!user || !user->given || !text_equal(user->given->password, read.items[i].password)))
			return false;
		passwords -= read.items[i].password != NULL;
	}
	const char *frame = merge->frame == MERGE_FROM_GIT ? merge->git.frame : merge->edit.frame;
	return parts.count == expected && passwords == 0 && strcmp(parts.frame, frame) == 0;
}

bool users_merge_edit(const struct users_merge *merge, struct buf *out, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	struct line_up line = {.mem = merge->mem};
	if (!merge->edit_changes) {
		buf_append(out, merge->input.edit->text, merge->input.edit->length);
		return true;
	}
	line_up(merge, &merge->edit, &merge->git, for_edit, &line);
	write_line_up(merge, merge->frame == MERGE_FROM_GIT ? &merge->git : &merge->edit, &line, &text);
	if (buf_failed(&text) || !says(merge, &text))
		return error_set(err, ERROR_INVALID,
			"%s: what others changed in %s cannot be put into this layout: write each user's fields on lines of their own",
			merge->input.edit->file, merge->input.git->file);
	buf_append(out, buf_string(&text), text.length);
	return true;
}

/* ---- Git's file ---- */

static const char *for_git(const struct users_merge *merge, const struct merge_user *user)
{
	(void)merge;
	switch (user->from) {
	case MERGE_ASIDE:
		return NULL;
	case MERGE_FROM_EDIT:
		return user->bare;
	default:
		return user->git ? user->git->text : NULL;
	}
}

/* Only what is not aside, as the edit file has it. */
static const char *for_first(const struct users_merge *merge, const struct merge_user *user)
{
	(void)merge;
	return user->from != MERGE_ASIDE && user->edit ? user->edit->text : NULL;
}

/* A text of the edit file's form, with passwords, as Git may have it. */
static bool make_public(const struct users_merge *merge, const char *text, size_t length, struct buf *out,
	size_t *dropped, struct error *err)
{
	CLEANUP(edit_users_done) struct edit_users read = {0};
	struct edit_users_bare bare = {0};
	struct mistakes wrong = {.mem = merge->mem};
	if (!edit_users_read(merge->input.edit->file, text, length, merge->input.edit->namespace, &read, &wrong))
		return error_set(err, ERROR_INVALID, "%s", mistake_text(&wrong.items[0], merge->mem));
	bool ok = edit_users_public(&read, out, &bare, err);
	*dropped = bare.dropped;
	edit_users_done(&bare.read);
	return ok;
}

static bool has_aside(const struct users_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		if (merge->items[i].from == MERGE_ASIDE)
			return true;
	return false;
}

/* Git's text is made of the edit file's. */
static bool is_first(const struct users_merge *merge)
{
	return !merge->input.git || (merge->input.own && !merge->edit_changes);
}

bool users_merge_public(const struct users_merge *merge, struct buf *out, size_t *dropped, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	struct line_up line = {.mem = merge->mem};
	*dropped = 0;
	if (merge->input.git && !merge->git_changes && !merge->input.own) {
		buf_append(out, merge->input.git->text, merge->input.git->length);
		return true;
	}
	bool first = is_first(merge);
	if (first && !has_aside(merge)) {
		buf_text(out, merge->bare_text);
		*dropped = merge->bare_dropped;
		return true;
	}
	const struct users_parts *frame = first || merge->frame == MERGE_FROM_EDIT ? &merge->edit : &merge->git;
	line_up(merge, first ? &merge->edit : &merge->git, first ? &merge->git : &merge->edit,
		first ? for_first : for_git, &line);
	write_line_up(merge, frame, &line, &text);
	return (!buf_failed(&text) ||
		       error_set(err, ERROR_INVALID, "%s is too large", merge->input.edit->file)) &&
		make_public(merge, buf_string(&text), text.length, out, dropped, err);
}

/* ---- the next ancestor ---- */

static const char *sealed_digest(const char *ciphertext, struct arena *mem)
{
	char digest[DIGEST_HEX_SIZE];
	if (!ciphertext)
		return "";
	digest_sha256_hex(ciphertext, strlen(ciphertext), digest);
	return arena_copy(mem, digest);
}

/* What the two sides have of the password now; `next` begins as the old record. */
static void note_password(const struct users_merge *merge, const struct merge_user *user,
	struct base_user *next, struct arena *mem)
{
	const struct edit_user *given = user->given;
	if (user->outdated) {
		next->aside = (user->base && user->base->aside) || merge->input.sideways;
		next->sealed = sealed_digest(user->ciphertext, mem);
		return;
	}
	if (user->password_conflict || (given && given->password && user->choice == SEALED_ANEW && user->base))
		return; /* still to be sealed: what was stays the ancestor */
	next->sealed = sealed_digest(user->ciphertext, mem);
	next->password = user->choice == SEALED_ANEW ? "" : arena_copy(mem, user->password);
	next->aside = user->from == MERGE_ASIDE && ((user->base && user->base->aside) || merge->input.sideways);
}

static bool note_user(const struct users_merge *merge, const struct merge_user *user, bool committed,
	struct arena *mem, struct base_user *next)
{
	bool open = user->from == MERGE_FROM_EDIT || user->from == MERGE_CONFLICT;
	if (open && !user->base)
		return false;
	*next = user->base ? *user->base : (struct base_user){.password = "", .sealed = ""};
	next->name = arena_copy(mem, user->name);
	next->edit = arena_copy(mem, next->edit);
	next->git = arena_copy(mem, next->git);
	next->password = arena_copy(mem, next->password);
	next->sealed = arena_copy(mem, next->sealed);
	if (open)
		return true;
	next->git = arena_copy(mem, user->git ? user->git->text : NULL);
	next->edit = user->from == MERGE_FROM_GIT ? next->git : arena_copy(mem, user->bare);
	next->seen = user->edit && (next->seen || (committed && user->git));
	note_password(merge, user, next, mem);
	return next->edit || next->git;
}

static int by_base_name(const void *a, const void *b)
{
	return strcmp(((const struct base_user *)a)->name, ((const struct base_user *)b)->name);
}

static const char *frame_digest(const char *frame, struct arena *mem)
{
	char digest[DIGEST_HEX_SIZE];
	digest_sha256_hex(frame, strlen(frame), digest);
	return arena_copy(mem, digest);
}

void users_merge_base(const struct users_merge *merge, const char *commit, bool committed, struct arena *mem,
	struct users_base *base)
{
	const struct users_base *before = merge->input.base;
	struct users_base next = {.known = true, .commit = arena_copy(mem, commit), .settled = ""};
	bool open = merge->frame == MERGE_FROM_EDIT || merge->frame == MERGE_CONFLICT || !merge->input.git;
	next.items = arena_array(mem, merge->count + 1, sizeof(*next.items));
	for (size_t i = 0; i < merge->count; i++)
		next.count += note_user(merge, &merge->items[i], committed, mem, &next.items[next.count]);
	qsort(next.items, next.count, sizeof(*next.items), by_base_name);
	next.frame_edit = open
		? arena_copy(mem, before->frame_edit)
		: frame_digest(merge->frame == MERGE_FROM_GIT ? merge->git.frame : merge->edit.frame, mem);
	next.frame_git = open ? arena_copy(mem, before->frame_git) : frame_digest(merge->git.frame, mem);
	*base = next;
}

bool users_merge_even(const struct users_merge *merge, const struct sealed_values *values, struct arena *mem,
	struct users_base *base)
{
	struct users_base next = {.known = true, .commit = "", .settled = ""};
	if (merge->edit_changes || merge->conflicts || !is_first(merge) || has_aside(merge))
		return false;
	next.items = arena_array(mem, merge->count + 1, sizeof(*next.items));
	for (size_t i = 0; i < merge->count; i++) {
		const struct merge_user *user = &merge->items[i];
		if (user->outdated || user->password_conflict || (user->edit && user->edit->repeated))
			return false;
		if (!user->edit)
			continue;
		const char *bare = arena_copy(mem, user->bare);
		next.items[next.count++] = (struct base_user){
			.name = arena_copy(mem, user->name),
			.edit = bare,
			.git = bare,
			.password = arena_copy(mem, user->password),
			.sealed = sealed_digest(
				user->given ? sealed_values_find(values, user->given->secret) : NULL, mem),
			.seen = true,
		};
	}
	qsort(next.items, next.count, sizeof(*next.items), by_base_name);
	next.frame_edit = frame_digest(merge->edit.frame, mem);
	next.frame_git = frame_digest(merge->bare.frame, mem);
	*base = next;
	return true;
}
