/* Where nothing moved there is nothing to do: told by one question to git and two digests, not by reading all files. */
#include <string.h>

#include "agent/hook/ancestor.h"
#include "agent/hook/seal.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

bool git_names(const char *const *asked, size_t count, const char *index, struct arena *mem, const char **names)
{
	static const char *const arguments[] = {"cat-file", "--batch-check=%(objectname)", NULL};
	CLEANUP(buf_done) struct buf input = BUF(65536);
	CLEANUP(buf_done) struct buf out = BUF(65536);
	struct error ignored;
	for (size_t i = 0; i < count; i++) {
		if (strchr(asked[i], '\n')) /* git reads names by lines */
			return false;
		buf_printf(&input, "%s\n", asked[i]);
	}
	const struct git_call call = {.arguments = arguments,
		.index = index,
		.input = buf_string(&input),
		.input_length = input.length};
	if (buf_failed(&input) || !git_run(&call, &out, NULL, &ignored))
		return false;
	const char *line = buf_string(&out);
	for (size_t i = 0; i < count; i++) {
		size_t length = strcspn(line, "\n");
		if (!line[length])
			return false;
		/* "NAME missing", "NAME ambiguous": no object's name has a space */
		names[i] = memchr(line, ' ', length) ? "" : arena_copy_n(mem, line, length);
		line += length + 1;
	}
	return true;
}

/* ---- before a commit ---- */

bool seal_is_settled(const struct seal_place *place, const struct layout_users *files, const struct buf *edit)
{
	struct arena *mem = place->mem;
	struct users_base base;
	struct error ignored;
	const char *names[5], *file;
	const char *const asked[] = {"HEAD", arena_printf(mem, "HEAD:%s", files->users),
		arena_printf(mem, "HEAD:%s", files->sealed), arena_printf(mem, ":%s", files->users),
		arena_printf(mem, ":%s", files->sealed)};
	if (!place->receipts ||
		!receipts_file_match(place->receipts, seal_file_name(place->checkout, files->edit, mem),
			buf_string(edit), edit->length) ||
		!ancestor_file(place->checkout, files->edit, mem, &file, &ignored) ||
		!git_names(asked, COUNT_OF(asked), NULL, mem, names))
		return false;
	users_base_read(file, mem, &base);
	return base.known && *names[0] && strcmp(base.commit, names[0]) == 0 &&
		strcmp(names[1], names[3]) == 0 && strcmp(names[2], names[4]) == 0;
}

/* ---- sealing ---- */

static void add_part(struct buf *all, const char *bytes, size_t length)
{
	buf_printf(all, "%zu\n", length);
	buf_append(all, bytes, length);
}

const char *seal_digest(
	const struct seal_run *run, const struct buf *edit, const struct buf *users, const struct buf *sealed)
{
	CLEANUP(buf_wipe) struct buf all = BUF(8 * LIMIT_FILE_BYTES);
	CLEANUP(buf_done) struct buf certificate = BUF(LIMIT_FILE_BYTES);
	const char *path = run->certificate ? run->certificate : run->files->certificate;
	char digest[DIGEST_HEX_SIZE];
	struct error ignored;
	if (!run->place->receipts || (path && !file_read(path, &certificate, &ignored)))
		return "";
	add_part(&all, buf_string(edit), edit->length);
	add_part(&all, buf_string(users), users->length);
	add_part(&all, buf_string(sealed), sealed->length);
	add_part(&all, buf_string(&certificate), certificate.length);
	if (buf_failed(&all))
		return "";
	receipts_digest(run->place->receipts, "settled", buf_string(&all), all.length, digest);
	return arena_copy(run->place->mem, digest);
}

bool seal_has_nothing_to_do(struct seal_run *run, size_t *kept)
{
	CLEANUP(buf_wipe) struct buf edit = BUF(LIMIT_FILE_BYTES);
	const struct seal_place *place = run->place;
	struct users_base *base = &run->base;
	struct error ignored;
	const char *file;
	if (run->reseal || run->generate || run->mine || run->users_stale || run->sealed_stale ||
		!ancestor_file(place->checkout, run->files->edit, place->mem, &file, &ignored))
		return false;
	users_base_read(file, place->mem, base);
	if (!base->known || !*base->settled || !base->kept ||
		(place->checkout && strcmp(base->commit, ancestor_head(place->mem)) != 0) ||
		!file_read(run->files->edit, &edit, &ignored))
		return false;
	*kept = base->kept;
	return strcmp(base->settled, seal_digest(run, &edit, &run->git->users, &run->git->sealed)) == 0;
}

void seal_note_settled(const struct seal_run *run, struct seal_outcome *outcome)
{
	const struct sealed_users *sealing = &outcome->sealing;
	bool changed = sealing->changed || outcome->users_changed || outcome->edit_changed;
	outcome->base.settled = "";
	if (!outcome->base.known || (changed && !outcome->even) || outcome->notes.count ||
		outcome->dropped_comments || sealing->other_certificate)
		return;
	outcome->base.settled = seal_digest(run, &outcome->edit_text, &outcome->users, &outcome->sealed);
	outcome->base.kept = sealing->kept + sealing->sealed.count;
}

/* ---- after a commit ---- */

/* Every user is in both, as they were committed here: a commit more says nothing new of any. */
static bool is_even(const struct users_base *base)
{
	for (size_t i = 0; i < base->count; i++) {
		const struct base_user *user = &base->items[i];
		if (!user->edit || !user->git || !user->seen || user->aside)
			return false;
	}
	return base->known && *base->commit;
}

static bool is_noted(const struct seal_place *place, const struct layout_users *files)
{
	CLEANUP(buf_wipe) struct buf edit = BUF(LIMIT_FILE_BYTES);
	struct error ignored;
	return place->receipts && file_read(files->edit, &edit, &ignored) &&
		receipts_file_match(place->receipts, seal_file_name(place->checkout, files->edit, place->mem),
			buf_string(&edit), edit.length);
}

bool seal_stands_still(const struct seal_place *place, const struct layout_users *files, const char *file)
{
	struct arena *mem = place->mem;
	struct users_base base;
	struct error ignored;
	const char *names[5];
	users_base_read(file, mem, &base);
	if (!is_even(&base) || !is_noted(place, files))
		return false;
	const char *const asked[] = {"HEAD", arena_printf(mem, "HEAD:%s", files->users),
		arena_printf(mem, "HEAD:%s", files->sealed),
		arena_printf(mem, "%s:%s", base.commit, files->users),
		arena_printf(mem, "%s:%s", base.commit, files->sealed)};
	if (!git_names(asked, COUNT_OF(asked), NULL, mem, names) || !*names[0] || !*names[1] ||
		strcmp(names[1], names[3]) != 0 || strcmp(names[2], names[4]) != 0)
		return false;
	if (strcmp(names[0], base.commit) == 0)
		return true;
	base.commit = names[0];
	return users_base_write(file, &base, &ignored);
}
