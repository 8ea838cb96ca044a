#include "agent/hook/trust.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

enum { KNOWN_BYTES = 64 * 1024, VERSIONS_BYTES = 4 * 1024 * 1024, VERSIONS_AT_ONCE = 32 };

#define NEXT_STEP                                                                                                     \
	"`pgitops seal cert` asks the cluster and takes its own; or compare the fingerprint with whoever changed it " \
	"(git log -- %s), then: pgitops seal cert --trust %s"

static const char *known_file(const struct checkout *checkout, struct arena *mem)
{
	return arena_printf(mem, "%s/pgitops/certificates", checkout->common);
}

static bool read_known(const struct checkout *checkout, struct arena *mem, struct buf *known, struct error *err)
{
	return file_read(known_file(checkout, mem), known, err) || err->kind == ERROR_MISSING;
}

static bool is_known(struct buf *known, const char *fingerprint)
{
	const char *text = buf_string(known);
	for (const char *at = text; (at = strstr(at, fingerprint)); at++)
		if ((at == text || at[-1] == '\n') &&
			(!at[DIGEST_HEX_SIZE - 1] || at[DIGEST_HEX_SIZE - 1] == '\n'))
			return true;
	return false;
}

static bool is_below(const char *path, const char *root)
{
	char file[PATH_MAX];
	size_t length = strlen(root);
	if (!realpath(path, file))
		return true; /* what cannot be told is asked about */
	return text_starts(file, root) && (!file[length] || file[length] == '/' || root[length - 1] == '/');
}

/* Whether the way to the file leads through the checkout: a link in it is Git's to change, wherever it leads to. */
static bool is_of_checkout(const struct checkout *checkout, const char *path)
{
	char root[PATH_MAX], way[PATH_MAX];
	size_t length = strlen(path), at = 0;
	if (!realpath(checkout->root, root) || length >= sizeof(way))
		return true;
	memcpy(way, path, length + 1);
	while (text_starts(way + at, "../"))
		at += 3;
	if (*path != '/') { /* where it begins: here, or so many folders above */
		char first = way[at];
		way[at] = '\0';
		bool below = is_below(at ? way : ".", root);
		way[at] = first;
		if (below)
			return true;
	}
	for (at += *path == '/'; at < length; at++) {
		if (way[at] != '/')
			continue;
		way[at] = '\0';
		bool below = is_below(way, root);
		way[at] = '/';
		if (below)
			return true;
	}
	return is_below(way, root);
}

/* ---- before the first sealing: what Git says of the file ---- */

struct version {
	const char *commit, *author, *date;
};

struct versions {
	struct version *items; /* HEAD's, then each that any way of history had; the order of their dates is whoever made them's to choose */
	size_t count;
};

static void add_version(struct versions *versions, const struct version *version, struct arena *mem)
{
	versions->items = arena_grow(mem, versions->items, versions->count, sizeof(*versions->items));
	versions->items[versions->count++] = *version;
}

static const char *listed(const char *path, struct arena *mem)
{
	CLEANUP(buf_done) struct buf name = BUF(PATH_MAX);
	struct error ignored;
	bool told = git_ask(&name, &ignored, "ls-files", "-z", "--full-name", "--", path, NULL);
	return told ? arena_copy(mem, buf_string(&name)) : "";
}

/* The file's name from the root, "" = Git does not have it. Where links lead to another file of the checkout, that one is meant. */
static const char *tracked_name(const char *path, struct arena *mem)
{
	char file[PATH_MAX];
	const char *name = realpath(path, file) ? listed(file, mem) : "";
	return *name ? name : listed(path, mem);
}

/* Of each way that history took: a merge must not hide what was there before. */
static bool read_versions(const char *name, struct arena *mem, struct versions *versions, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(VERSIONS_BYTES);
	const char *what = arena_printf(mem, ":(top,literal)%s", name);
	if (!*git_head_name(mem))
		return true;
	if (!git_ask(&out, err, "-c", "log.showSignature=false", "log", "-z", "--full-history",
		    "--topo-order", "--format=%H%x00%an%x00%cs", "--", what, NULL))
		return false;
	if (!out.length)
		return true;
	add_version(versions, &(struct version){.commit = "HEAD"}, mem);
	const char *at = arena_copy_n(mem, out.data, out.length), *end = at + out.length;
	while (at < end) {
		struct version version = {.commit = at};
		at += strlen(at) + 1;
		version.author = at < end ? at : "";
		at += strlen(version.author) + 1;
		version.date = at < end ? at : "";
		at += strlen(version.date) + 1;
		add_version(versions, &version, mem);
	}
	return true;
}

/* The key that a text holds; false, and a digest of the text, where it is no certificate: a link, say. */
static bool key_of(const struct buf *text, char fingerprint[DIGEST_HEX_SIZE])
{
	CLEANUP(certificate_done) struct certificate certificate = {0};
	struct error ignored;
	if (certificate_read("", buf_string(text), text->length, &certificate, &ignored)) {
		memcpy(fingerprint, certificate.fingerprint, DIGEST_HEX_SIZE);
		return true;
	}
	digest_sha256_hex(buf_string(text), text->length, fingerprint);
	return false;
}

static bool is_shallow(const struct checkout *checkout, struct arena *mem)
{
	return access(arena_printf(mem, "%s/shallow", checkout->common), F_OK) == 0;
}

struct history {
	struct versions versions;
	size_t other;              /* the first version of another key; their count = there is none */
	char key[DIGEST_HEX_SIZE]; /* of that one */
	bool own;                  /* the file is not HEAD's: whoever seals has put it there */
};

/* Judges the next versions. `first` is the key that HEAD's holds. */
static bool judge_versions(const char *name, const char *fingerprint, size_t at, char *first,
	struct arena *mem, struct history *history, struct error *err)
{
	struct buf texts[VERSIONS_AT_ONCE], *into[VERSIONS_AT_ONCE] = {NULL};
	const char *asked[VERSIONS_AT_ONCE] = {NULL};
	bool exists[VERSIONS_AT_ONCE] = {false};
	size_t left = history->versions.count - at, count = left < VERSIONS_AT_ONCE ? left : VERSIONS_AT_ONCE;
	for (size_t i = 0; i < count; i++) {
		texts[i] = (struct buf)BUF(LIMIT_SECRET_FILE);
		into[i] = &texts[i];
		asked[i] = arena_printf(mem, "%s:%s", history->versions.items[at + i].commit, name);
	}
	bool ok = git_blobs(asked, count, into, exists, err);
	for (size_t i = 0; ok && i < count && history->other == history->versions.count; i++) {
		bool certified = exists[i] && key_of(&texts[i], history->key);
		if (at + i == 0) {
			history->own = !exists[i] || (certified && strcmp(history->key, fingerprint) != 0);
			memcpy(first, history->key, DIGEST_HEX_SIZE);
		}
		if (exists[i] && strcmp(first, history->key) != 0)
			history->other = at + i;
	}
	for (size_t i = 0; i < count; i++)
		buf_done(&texts[i]);
	return ok;
}

static bool read_history(const char *path, const char *fingerprint, struct arena *mem,
	struct history *history, struct error *err)
{
	char first[DIGEST_HEX_SIZE] = "";
	const char *name = tracked_name(path, mem);
	bool ok = !*name || read_versions(name, mem, &history->versions, err);
	history->other = history->versions.count;
	for (size_t at = 0; ok && !history->own && at < history->versions.count &&
		history->other == history->versions.count;
		at += VERSIONS_AT_ONCE)
		ok = judge_versions(name, fingerprint, at, first, mem, history, err);
	history->own = history->own || !history->versions.count;
	return ok || error_prefix(err, "what Git knows of %s cannot be read", path);
}

/* Nothing was sealed with yet: Git's history says whether somebody has put another key into the place of an earlier one. */
static bool judge_first(const char *path, const char *fingerprint, struct arena *mem, struct error *err)
{
	struct history history = {0};
	if (!read_history(path, fingerprint, mem, &history, err))
		return false;
	if (history.own || history.other == history.versions.count)
		return true;
	const struct version *by = &history.versions.items[history.other > 1 ? history.other - 1 : 1];
	return error_set(err, ERROR_DENIED,
		"%s is not a certificate that this clone has sealed with (it has sealed with none yet), and commit %.10s of %s (%s) put "
		"it into the place of another one (%.16s): whoever did may hold its key and read what is sealed. " NEXT_STEP,
		path, by->commit, by->author, by->date, history.key, path, fingerprint);
}

const char *trust_first(
	const struct checkout *checkout, const char *path, const char *fingerprint, struct arena *mem)
{
	struct history history = {0};
	struct error ignored;
	if (!trust_is_new(checkout, path, mem) || !read_history(path, fingerprint, mem, &history, &ignored) ||
		history.own)
		return NULL;
	const struct version *by = &history.versions.items[history.versions.count - 1];
	return arena_printf(mem,
		"this clone seals for the first time and takes %s as it is: key %s, there since commit %.10s of %s (%s)%s; compare it "
		"with the cluster's (pgitops seal cert)",
		path, fingerprint, by->commit, by->author, by->date,
		is_shallow(checkout, mem) ? ", and what was before is not in this shallow clone" : "");
}

bool trust_is_new(const struct checkout *checkout, const char *path, struct arena *mem)
{
	CLEANUP(buf_done) struct buf known = BUF(KNOWN_BYTES);
	struct error ignored;
	return checkout && is_of_checkout(checkout, path) && read_known(checkout, mem, &known, &ignored) &&
		!known.length;
}

/* ---- */

static const char *last_known(struct buf *known)
{
	const char *text = buf_string(known), *last = text;
	for (const char *at = text; *at; at++)
		if (*at == '\n' && at[1])
			last = at + 1;
	return last;
}

bool trust_check(const struct checkout *checkout, const char *path, const char *fingerprint,
	struct arena *mem, struct error *err)
{
	CLEANUP(buf_done) struct buf known = BUF(KNOWN_BYTES);
	if (!checkout || !is_of_checkout(checkout, path))
		return true;
	if (!read_known(checkout, mem, &known, err))
		return error_prefix(err, "which certificates this clone has sealed with cannot be read");
	if (is_known(&known, fingerprint))
		return true;
	if (!known.length)
		return judge_first(path, fingerprint, mem, err);
	return error_set(err, ERROR_DENIED,
		"%s is not a certificate that this clone has sealed with (the last one is %.16s): whoever put it there may hold its key "
		"and read what is sealed. " NEXT_STEP,
		path, last_known(&known), path, fingerprint);
}

bool trust_note(const struct checkout *checkout, const char *path, const char *fingerprint, struct arena *mem,
	struct error *err)
{
	CLEANUP(buf_done) struct buf known = BUF(KNOWN_BYTES);
	if (!checkout || (path && !is_of_checkout(checkout, path)))
		return true;
	if (!read_known(checkout, mem, &known, err))
		return false;
	if (is_known(&known, fingerprint))
		return true;
	if (known.length && buf_string(&known)[known.length - 1] != '\n')
		buf_char(&known, '\n');
	buf_printf(&known, "%s\n", fingerprint);
	if (buf_failed(&known))
		return error_set(err, ERROR_INVALID, "%s holds too many fingerprints: take out old ones",
			known_file(checkout, mem));
	return file_make_folder(arena_printf(mem, "%s/pgitops", checkout->common), err) &&
		file_replace(known_file(checkout, mem), buf_string(&known), known.length, 0600, err);
}

bool trust_read(const char *text, char fingerprint[DIGEST_HEX_SIZE], struct error *err)
{
	size_t length = 0;
	const char *at = text;
	for (; *at && length < DIGEST_HEX_SIZE - 1; at++) {
		if (*at == ':')
			continue;
		if (!isxdigit((unsigned char)*at))
			break;
		fingerprint[length++] = (char)tolower((unsigned char)*at);
	}
	fingerprint[length] = '\0';
	return (length == DIGEST_HEX_SIZE - 1 && !*at) ||
		error_set(err, ERROR_INVALID,
			"--trust wants the whole fingerprint of the certificate's key, 64 hexadecimal digits, as "
			"`pgitops seal cert --cert FILE` shows it");
}
