#include "agent/hook/trust.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum { KNOWN_BYTES = 64 * 1024 };

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
	if (!known.length || is_known(&known, fingerprint))
		return true;
	return error_set(err, ERROR_DENIED,
		"%s is not a certificate that this clone has sealed with (the last one is %.16s): whoever put it there may hold its key "
		"and read what is sealed. `pgitops seal cert` asks the cluster and takes its own; or compare the fingerprint with "
		"whoever changed it (git log -- %s), then: pgitops seal cert --trust %s",
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
