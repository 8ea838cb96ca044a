#include "agent/hook/seal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

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
	if (certificate_valid(certificate, path, clock_now(), err))
		return true;
	certificate_done(certificate);
	return false;
}

static void complain(struct mistakes *mistakes, const char *file, const struct error *err)
{
	mistakes_add(mistakes, file, 0, 0, "%s", err->text);
}

static bool make_sealed(const struct seal_run *run, const struct certificate *certificate,
	const struct error *why, struct arena *mem, struct seal_outcome *outcome, struct mistakes *mistakes)
{
	struct sealed_users_input input = {
		.users = &outcome->edit,
		.file = run->files->sealed,
		.text = run->sealed_now,
		.length = run->sealed_now_length,
		.certificate = certificate,
		.receipts = run->receipts,
		.reseal = run->reseal,
		.generate = run->generate,
		.keep_removed = run->careful,
	};
	if (sealed_users_make(&input, mem, &outcome->sealing, &outcome->sealed, mistakes))
		return true;
	if (!certificate)
		complain(mistakes, run->files->edit, why);
	return false;
}

bool seal_users_make(const struct seal_run *run, struct arena *mem, struct seal_outcome *outcome,
	struct mistakes *mistakes)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_FILE_BYTES);
	CLEANUP(certificate_done) struct certificate certificate = {0};
	struct seal_outcome made = {
		.users = BUF(2 * LIMIT_FILE_BYTES), .sealed = BUF(LIMIT_PATH_BYTES), .days_left = -1};
	struct error err, no_certificate = {0};
	if (!file_read(run->files->edit, &text, &err)) {
		complain(mistakes, run->files->edit, &err);
		return false;
	}
	if (!edit_users_read(run->files->edit, buf_string(&text), text.length, run->files->namespace,
		    &made.edit, mistakes))
		return false;
	bool ok = edit_users_public(&made.edit, &made.users, &made.dropped_comments, &err);
	if (!ok)
		complain(mistakes, run->files->edit, &err);
	bool usable = ok && read_certificate(run, &certificate, &made, &no_certificate);
	ok = ok && make_sealed(run, usable ? &certificate : NULL, &no_certificate, mem, &made, mistakes);
	if (!ok) {
		seal_outcome_done(&made);
		return false;
	}
	made.users_changed = made.users.length != run->users_now_length ||
		(made.users.length && memcmp(made.users.data, run->users_now, made.users.length) != 0);
	*outcome = made;
	return true;
}

void seal_outcome_done(struct seal_outcome *outcome)
{
	edit_users_done(&outcome->edit);
	buf_done(&outcome->users);
	buf_done(&outcome->sealed);
}

bool seal_users_write(const struct layout_users *files, const struct seal_outcome *outcome, struct error *err)
{
	if (outcome->sealing.changed &&
		!file_replace(files->sealed, buf_string(&outcome->sealed), outcome->sealed.length, 0644, err))
		return false;
	return !outcome->users_changed ||
		file_replace(files->users, buf_string(&outcome->users), outcome->users.length, 0644, err);
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

void seal_note(struct receipts *receipts, const struct checkout *checkout, const struct layout_users *files,
	const struct seal_outcome *outcome, struct arena *mem)
{
	receipts_file_note(receipts, seal_file_name(checkout, files->edit, mem), outcome->edit.text,
		outcome->edit.length);
	receipts_file_note(receipts, seal_file_name(checkout, files->users, mem), buf_string(&outcome->users),
		outcome->users.length);
	receipts_file_note(receipts, seal_file_name(checkout, files->sealed, mem),
		buf_string(&outcome->sealed), outcome->sealed.length);
}

bool seal_receipts_open(const struct checkout *checkout, struct receipts **receipts, struct error *err)
{
	if (checkout) {
		CLEANUP(memory_freep) char *file = memory_printf("%s/pgitops/receipts", checkout->common);
		return receipts_open(file, receipts, err);
	}
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if ((!state || *state != '/') && (!home || *home != '/'))
		return error_set(err, ERROR_MISSING,
			"neither XDG_STATE_HOME nor HOME says where to remember what was sealed");
	CLEANUP(memory_freep)
	char *file = state && *state == '/' ? memory_printf("%s/pgitops/receipts", state)
					    : memory_printf("%s/.local/state/pgitops/receipts", home);
	return receipts_open(file, receipts, err);
}
