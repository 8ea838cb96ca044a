#include "agent/hook/seal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hook/certificate_choice.h"
#include "agent/hook/trust.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/sealed/sealed_join.h"
#include "reconcile/sealed/users_password.h"

enum { NAMES_SHOWN = 12 };

/* The certificate matters only when something is sealed with it, so its absence or expiry is told by whoever needs it. */
static bool read_certificate(const struct seal_run *run, struct certificate *certificate,
	struct seal_outcome *outcome, struct error *err)
{
	const char *path = run->certificate ? run->certificate : run->files->certificate;
	if (!path)
		return error_set(err, ERROR_MISSING,
			"no certificate: put the controller's " LAYOUT_CERTIFICATE
			" beside %s or in a folder above it (`pgitops seal cert -w " LAYOUT_CERTIFICATE "`)",
			run->files->edit);
	if (!certificate_read_file(path, certificate, err))
		return false;
	outcome->days_left = certificate_days_left(certificate, clock_now());
	memcpy(outcome->fingerprint, certificate->fingerprint, sizeof(outcome->fingerprint));
	if (run->doubt)
		*err = *run->doubt;
	if (!run->doubt && certificate_valid(certificate, path, clock_now(), err) &&
		trust_check(run->place->checkout, path, certificate->fingerprint, run->place->mem, err))
		return true;
	certificate_done(certificate);
	return false;
}

static void complain(struct mistakes *mistakes, const char *file, const struct error *err)
{
	mistakes_add(mistakes, file, 0, 0, "%s", err->text);
}

/* ---- users whom the index lacks and HEAD has ---- */

static bool is_missing(const void *context, const char *secret)
{
	const struct users_merge *merge = context;
	for (size_t i = 0; i < merge->count; i++)
		if (merge->items[i].given && strcmp(merge->items[i].given->secret, secret) == 0)
			return !merge->items[i].git && merge->items[i].from == MERGE_FROM_EDIT;
	return false;
}

static bool may_choose(const void *context, const char *secret)
{
	(void)context;
	(void)secret;
	return true; /* it is the index that is sealed on */
}

/* `joined` says whether `out` is another text than Git's. */
static bool join_sealed(const struct seal_run *run, const struct users_merge *merge, struct buf *out,
	bool *joined, struct mistakes *mistakes)
{
	const struct sealed_join join = {
		.file = run->files->sealed,
		.ours = buf_string(&run->git->sealed),
		.theirs = run->head ? buf_string(&run->head->sealed) : "",
		.may_choose = may_choose,
		.is_wanted = is_missing,
		.context = merge,
	};
	bool missing = false;
	for (size_t i = 0; run->head && i < merge->count; i++)
		missing = missing ||
			(merge->items[i].given && is_missing(merge, merge->items[i].given->secret));
	*joined = missing;
	return !missing || sealed_join(&join, run->place->mem, out, mistakes);
}

static bool make_sealed(const struct seal_run *run, const struct users_merge *merge,
	struct seal_outcome *outcome, struct mistakes *mistakes)
{
	CLEANUP(certificate_done) struct certificate certificate = {0};
	CLEANUP(buf_done) struct buf now = BUF(LIMIT_PATH_BYTES);
	struct error why = {0};
	bool usable = read_certificate(run, &certificate, outcome, &why), joined;
	if (!join_sealed(run, merge, &now, &joined, mistakes))
		return false;
	const struct buf *text = joined ? &now : &run->git->sealed;
	const struct sealed_users_input input = {
		.users = merge->edit_changes ? &outcome->edit : merge->input.edit,
		.file = run->files->sealed,
		.text = buf_string(text),
		.length = text->length,
		.parse = joined ? NULL : run->git->values.parse,
		.certificate = usable ? &certificate : NULL,
		.receipts = run->place->receipts,
		.reseal = run->reseal,
		.generate = run->generate,
		.only = run->only,
		.only_count = run->only_count,
		.choose = users_merge_choice,
		.context = merge,
		.removed = merge->removed,
		.removed_count = merge->removed_count,
	};
	if (sealed_users_make(&input, run->place->mem, &outcome->sealing, &outcome->sealed, mistakes)) {
		outcome->sealing.changed = outcome->sealed.length != run->git->sealed.length ||
			(outcome->sealed.length &&
				memcmp(outcome->sealed.data, run->git->sealed.data, outcome->sealed.length) !=
					0);
		return true;
	}
	if (!usable)
		complain(mistakes, run->files->edit, &why);
	return false;
}

/* ---- all texts ---- */

/* Who stands on both sides of this sealing was in a sealed state of the edit file. */
static void note_seen(const struct users_merge *merge, struct users_base *base)
{
	for (size_t i = 0; i < merge->count; i++) {
		const struct merge_user *user = &merge->items[i];
		const struct base_user *found = users_base_find(base, user->name);
		if (found && user->edit && user->git && user->from != MERGE_FROM_GIT)
			base->items[found - base->items].seen = true;
	}
}

/* Said when a value is sealed: else nothing depends on it. */
static void note_first(const struct seal_run *run, struct seal_outcome *outcome)
{
	const char *path = run->certificate ? run->certificate : run->files->certificate;
	const char *first = path && outcome->sealing.sealed.count
		? trust_first(run->place->checkout, path, outcome->fingerprint, run->place->mem)
		: NULL;
	if (first)
		mistakes_add(&outcome->notes, run->files->edit, 0, 0, "%s", first);
}

static void note_choice(const struct seal_run *run, struct seal_outcome *outcome)
{
	const char *choice = run->certificate || !outcome->sealing.sealed.count
		? NULL
		: certificate_choice_of(run->place->mem, run->files, outcome->fingerprint);
	if (choice)
		mistakes_add(&outcome->notes, run->files->edit, 0, 0, "%s", choice);
}

/* The passwords that were made stand in the edit file before anything that is sealed with them is written. */
static bool give_passwords(const struct seal_run *run, const struct users_merge *merge,
	struct seal_outcome *outcome, struct mistakes *mistakes)
{
	const struct sealed_users *sealing = &outcome->sealing;
	CLEANUP(buf_wipe) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	struct error err;
	if (!sealing->given_count)
		return true;
	if (!edit_users_give(merge->edit_changes ? &outcome->edit : merge->input.edit, sealing->given,
		    sealing->given_count, &text, &err)) {
		complain(mistakes, run->files->edit, &err);
		return false;
	}
	buf_wipe(&outcome->edit_text);
	outcome->edit_text = text;
	text = (struct buf)BUF(0);
	outcome->edit_changed = true;
	return true;
}

static bool make_texts(const struct seal_run *run, const struct users_merge *merge,
	struct seal_outcome *outcome, struct mistakes *mistakes)
{
	struct error err;
	if (!users_merge_edit(merge, &outcome->edit_text, &err) ||
		!users_merge_public(merge, &outcome->users, &outcome->dropped_comments, &err)) {
		complain(mistakes, run->files->edit, &err);
		return false;
	}
	outcome->edit_changed = merge->edit_changes;
	if ((merge->edit_changes &&
		    !edit_users_read(run->files->edit, buf_string(&outcome->edit_text),
			    outcome->edit_text.length, run->files->namespace, &outcome->edit, mistakes)) ||
		!make_sealed(run, merge, outcome, mistakes) || !give_passwords(run, merge, outcome, mistakes))
		return false;
	users_merge_notes(merge, &outcome->notes);
	note_first(run, outcome);
	note_choice(run, outcome);
	outcome->users_changed = outcome->users.length != run->git->users.length ||
		(outcome->users.length &&
			memcmp(outcome->users.data, run->git->users.data, outcome->users.length) != 0);
	return true;
}

static bool is_own(const struct seal_run *run)
{
	const struct buf *users = &run->git->users;
	return run->place->receipts && users->length &&
		receipts_file_match(run->place->receipts,
			seal_file_name(run->place->checkout, run->files->users, run->place->mem),
			buf_string(users), users->length);
}

static bool merge_and_make(const struct seal_run *run, const struct edit_users *edit, struct arena *secret,
	struct seal_outcome *outcome, struct mistakes *mistakes)
{
	struct ancestor ancestor = {.base = run->base};
	struct users_merge merge;
	const char *file;
	struct error err;
	const char *head = run->place->checkout ? ancestor_head(run->place->mem) : "";
	size_t before = mistakes->count + mistakes->dropped;
	if (!ancestor_file(run->place->checkout, run->files->edit, run->place->mem, &file, &err) ||
		!ancestor_find(file, head, run->files, edit, run->place->receipts, run->place->mem, &ancestor,
			&err)) {
		complain(mistakes, run->files->edit, &err);
		return false;
	}
	/* Where no commit says that users went, a users file that is not there says nothing: it is made again. */
	bool lost = !run->place->checkout && !run->git->users.length && ancestor.base.known;
	if (lost)
		ancestor.base = (struct users_base){0};
	const struct users_merge_input input = {
		.edit = edit,
		.git = run->git->exists ? &run->git->read : NULL,
		.sealed = &run->git->values,
		.base = &ancestor.base,
		.receipts = run->place->receipts,
		.mine = run->mine,
		.sideways = ancestor.sideways,
		.reseal = run->reseal,
		.own = is_own(run),
		.staged = run->head != NULL,
	};
	if (!users_merge_make(&input, secret, &merge, mistakes, &err)) {
		complain(mistakes, run->files->edit, &err);
		return false;
	}
	if (mistakes->count + mistakes->dropped != before || !make_texts(run, &merge, outcome, mistakes))
		return false;
	if (lost)
		mistakes_add(&outcome->notes, run->files->edit, 0, 0,
			"%s is not there any more, or empty: it is made again of this file", run->files->users);
	outcome->even = !run->place->checkout && !outcome->sealing.given_count &&
		users_merge_even(&merge, &outcome->sealing.values, run->place->mem, &outcome->base);
	if (!outcome->even) {
		outcome->base = run->base;
		if (!run->base.known)
			users_base_read(file, run->place->mem, &outcome->base);
		note_seen(&merge, &outcome->base);
	}
	seal_note_settled(run, outcome);
	return true;
}

bool seal_users_make(const struct seal_run *run, struct seal_outcome *outcome, struct mistakes *mistakes)
{
	CLEANUP(arena_wipep) struct arena *secret = arena_new(LIMIT_PASS_MEMORY);
	CLEANUP(edit_users_done) struct edit_users edit = {0};
	struct seal_outcome made = {
		.edit_before = BUF(LIMIT_FILE_BYTES),
		.edit_text = BUF(2 * LIMIT_FILE_BYTES),
		.users = BUF(2 * LIMIT_FILE_BYTES),
		.sealed = BUF(LIMIT_PATH_BYTES),
		.notes = {.mem = run->place->mem},
		.days_left = -1,
	};
	struct error err;
	bool ok = file_read(run->files->edit, &made.edit_before, &err);
	if (!ok)
		complain(mistakes, "", &err);
	ok = ok &&
		edit_users_read(run->files->edit, buf_string(&made.edit_before), made.edit_before.length,
			run->files->namespace, &edit, mistakes) &&
		merge_and_make(run, &edit, secret, &made, mistakes);
	if (ok)
		*outcome = made;
	else
		seal_outcome_done(&made);
	return ok;
}

void seal_outcome_done(struct seal_outcome *outcome)
{
	if (outcome->edit.mem)
		edit_users_done(&outcome->edit);
	sealed_users_done(&outcome->sealing);
	buf_wipe(&outcome->edit_before);
	buf_wipe(&outcome->edit_text);
	buf_done(&outcome->users);
	buf_done(&outcome->sealed);
}

bool seal_edit_write(
	const struct layout_users *files, const struct buf *before, const struct buf *text, struct error *err)
{
	CLEANUP(buf_wipe) struct buf now = BUF(LIMIT_FILE_BYTES);
	if (!file_read(files->edit, &now, err))
		return false;
	if (now.length != before->length || (now.length && memcmp(now.data, before->data, now.length) != 0))
		return error_set(err, ERROR_CONFLICT,
			"%s was written to meanwhile: nothing was done, try again", files->edit);
	return file_update(files->edit, buf_string(text), text->length, 0600, err);
}

static bool note(const struct seal_run *run, const struct seal_outcome *outcome, struct error *err)
{
	const struct seal_place *place = run->place;
	const char *file;
	if (!place->receipts)
		return true;
	receipts_file_note(place->receipts, seal_file_name(place->checkout, run->files->users, place->mem),
		buf_string(&outcome->users), outcome->users.length);
	receipts_file_note(place->receipts, seal_file_name(place->checkout, run->files->sealed, place->mem),
		buf_string(&outcome->sealed), outcome->sealed.length);
	return receipts_write(place->receipts, err) &&
		(!outcome->base.known || outcome->even ||
			(ancestor_file(place->checkout, run->files->edit, place->mem, &file, err) &&
				users_base_write(file, &outcome->base, err)));
}

/* The ancestor that says both sides are alike comes after the files that make it true. */
static bool write_even(const struct seal_run *run, const struct seal_outcome *outcome, struct error *err)
{
	const char *file;
	return !outcome->even ||
		(ancestor_file(run->place->checkout, run->files->edit, run->place->mem, &file, err) &&
			users_base_write(file, &outcome->base, err));
}

/* What was sealed with is what the next sealing may use. */
static bool note_certificate(const struct seal_run *run, const struct seal_outcome *outcome, struct error *err)
{
	const char *path = run->certificate ? run->certificate : run->files->certificate;
	return !outcome->sealing.sealed.count || !path ||
		trust_note(run->place->checkout, path, outcome->fingerprint, run->place->mem, err);
}

bool seal_users_write(const struct seal_run *run, const struct seal_outcome *outcome, struct error *err)
{
	const struct layout_users *files = run->files;
	return note_certificate(run, outcome, err) && note(run, outcome, err) &&
		(!outcome->edit_changed ||
			seal_edit_write(files, &outcome->edit_before, &outcome->edit_text, err)) &&
		(!(outcome->sealing.changed || run->sealed_stale) ||
			file_update(files->sealed, buf_string(&outcome->sealed), outcome->sealed.length, 0644,
				err)) &&
		(!(outcome->users_changed || run->users_stale) ||
			file_update(files->users, buf_string(&outcome->users), outcome->users.length, 0644,
				err)) &&
		write_even(run, outcome, err);
}

void seal_written(const struct layout_users *files, const char *paths[3])
{
	size_t count = 0;
	if (access(files->users, F_OK) == 0)
		paths[count++] = files->users;
	if (access(files->sealed, F_OK) == 0)
		paths[count++] = files->sealed;
	paths[count] = NULL;
}

static void list_names(struct buf *out, const char *verb, const struct name_list *list)
{
	if (!list->count)
		return;
	buf_printf(out, "%s%s ", out->length ? "; " : "", verb);
	for (size_t i = 0; i < list->count && i < NAMES_SHOWN; i++)
		buf_printf(out, "%s%s", i ? ", " : "", list->items[i]);
	if (list->count > NAMES_SHOWN)
		buf_printf(out, " and %zu more", list->count - NAMES_SHOWN);
}

const char *seal_users_summary(const struct seal_outcome *outcome, struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(65536);
	list_names(&out, "sealed", &outcome->sealing.sealed);
	list_names(&out, "removed", &outcome->sealing.removed);
	if (outcome->sealing.kept)
		buf_printf(&out, "%s%zu unchanged", out.length ? "; " : "", outcome->sealing.kept);
	return arena_copy(mem, out.length ? buf_string(&out) : "no users");
}

const char *seal_file_name(const struct checkout *checkout, const char *path, struct arena *mem)
{
	char folder[PATH_MAX];
	if (*path == '/')
		return path;
	if (checkout)
		return arena_printf(mem, "%s %s", checkout->folder, path);
	return arena_printf(mem, "%s/%s", getcwd(folder, sizeof(folder)) ? folder : "", path);
}

bool seal_state_folder(
	const struct checkout *checkout, struct arena *mem, const char **folder, struct error *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (checkout)
		*folder = arena_printf(mem, "%s/pgitops", checkout->common);
	else if (state && *state == '/')
		*folder = arena_printf(mem, "%s/pgitops", state);
	else if (home && *home == '/')
		*folder = arena_printf(mem, "%s/.local/state/pgitops", home);
	else
		return error_set(err, ERROR_MISSING,
			"neither XDG_STATE_HOME nor HOME says where to remember what was sealed");
	return true;
}

bool seal_receipts_open(const struct checkout *checkout, struct receipts **receipts, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(65536);
	const char *folder;
	return seal_state_folder(checkout, mem, &folder, err) &&
		receipts_open(arena_printf(mem, "%s/receipts", folder), receipts, err);
}
