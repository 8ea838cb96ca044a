/* The contents, read through one `git cat-file --batch` each, piece by piece. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hook/guard.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum { HEADER_MAX = 256 };

/* "ID TYPE SIZE\n" bytes "\n", in the order that was asked. */
struct batch {
	void (*begin)(struct batch *batch, size_t index);
	void (*bytes)(struct batch *batch, const char *bytes, size_t length);
	void (*end)(struct batch *batch, size_t index);
	size_t count; /* that were asked for */
	size_t index; /* that is being read */
	char header[HEADER_MAX];
	size_t header_length;
	uintmax_t left; /* of its content, with the line break behind it */
	bool inside, wrong;
	struct guard *guard;
	const struct blob *const *blobs;
	struct leaks leaks; /* of the one that is being read */
	struct leaks *kept; /* of each */
	struct leak_scan *scan;
	struct buf message;
};

/* One line of a header, as far as it is there. */
static size_t take_header(struct batch *batch, const char *bytes, size_t length)
{
	const char *end = memchr(bytes, '\n', length);
	size_t part = end ? (size_t)(end - bytes) : length;
	if (batch->header_length + part >= HEADER_MAX || batch->index >= batch->count) {
		batch->wrong = true;
		return length;
	}
	memcpy(batch->header + batch->header_length, bytes, part);
	batch->header_length += part;
	if (!end)
		return length;
	batch->header[batch->header_length] = '\0';
	const char *size = strrchr(batch->header, ' ');
	char *behind = NULL;
	batch->left = size && isdigit((unsigned char)size[1]) ? strtoumax(size + 1, &behind, 10) + 1 : 0;
	batch->wrong = !behind || *behind;
	batch->inside = !batch->wrong;
	batch->header_length = 0;
	if (batch->inside)
		batch->begin(batch, batch->index);
	return part + 1;
}

static size_t take_content(struct batch *batch, const char *bytes, size_t length)
{
	size_t part = batch->left < length ? (size_t)batch->left : length;
	size_t content = part == batch->left ? part - 1 : part; /* without the line break */
	if (content)
		batch->bytes(batch, bytes, content);
	batch->left -= part;
	if (batch->left == 0) {
		batch->inside = false;
		batch->end(batch, batch->index++);
	}
	return part;
}

static void take(void *context, const char *bytes, size_t length)
{
	struct batch *batch = context;
	while (length && !batch->wrong) {
		size_t used = batch->inside ? take_content(batch, bytes, length)
					    : take_header(batch, bytes, length);
		bytes += used;
		length -= used;
	}
}

static bool run(struct batch *batch, const struct buf *names, struct error *err)
{
	static const char *const arguments[] = {"cat-file", "--batch", NULL};
	struct git_call call = {.arguments = arguments,
		.input = names->data,
		.input_length = names->length,
		.sink = take,
		.context = batch};
	if (!batch->count)
		return true;
	bool ok = git_run(&call, NULL, NULL, err);
	if (batch->scan)
		leak_scan_end(batch->scan);
	batch->scan = NULL;
	if (ok && (batch->wrong || batch->index != batch->count))
		return error_set(err, ERROR_INVALID, "git cat-file does not give all contents: %.100s",
			batch->wrong ? batch->header : "it ends early");
	return ok;
}

/* ---- files ---- */

static void begin_file(struct batch *batch, size_t index)
{
	batch->leaks = (struct leaks){.mem = batch->guard->mem};
	batch->scan = leak_scan_new(batch->guard->known, batch->blobs[index]->path, &batch->leaks);
}

static void file_bytes(struct batch *batch, const char *bytes, size_t length)
{
	leak_scan_feed(batch->scan, bytes, length);
}

static void end_file(struct batch *batch, size_t index)
{
	leak_scan_end(batch->scan);
	batch->scan = NULL;
	batch->kept[index] = batch->leaks;
}

/* Reads them, each under its blob's path. `kept` gets the findings of each. */
static bool read_files(struct guard *guard, const struct blob *const *blobs, const char *const *ids,
	size_t count, struct leaks *kept, struct error *err)
{
	CLEANUP(buf_done) struct buf names = BUF(count * 80 + 1);
	struct batch batch = {.begin = begin_file,
		.bytes = file_bytes,
		.end = end_file,
		.count = count,
		.guard = guard,
		.blobs = blobs,
		.kept = kept};
	for (size_t i = 0; i < count; i++)
		buf_printf(&names, "%s\n", ids[i]);
	return run(&batch, &names, err);
}

/* ---- what counts ---- */

static bool is_allowed(const struct guard *guard, const struct blob *blob, const struct leak *leak)
{
	char fingerprint[LEAK_FINGERPRINT + 1] = "";
	for (size_t i = 0; i < guard->layout->allowed_count; i++) {
		const struct layout_allowed *allowed = &guard->layout->allowed[i];
		if (allowed->rule != leak->rule || strcmp(allowed->path, blob->path) != 0)
			continue;
		if (!*fingerprint)
			leak_fingerprint(blob->path, leak->rule, leak->digest, fingerprint);
		if (strcmp(allowed->fingerprint, fingerprint) == 0)
			return true;
	}
	return false;
}

static void keep(struct guard *guard, const struct blob *blob, const struct leaks *leaks)
{
	for (size_t i = 0; i < leaks->count; i++) {
		const struct finding finding = {blob, leaks->items[i]};
		if (is_allowed(guard, blob, &finding.leak))
			continue;
		if (finding.leak.rule == LEAK_LOOKS) {
			guard->warnings = arena_grow(
				guard->mem, guard->warnings, guard->warning_count, sizeof(*guard->warnings));
			guard->warnings[guard->warning_count++] = finding;
		} else {
			guard->findings = arena_grow(
				guard->mem, guard->findings, guard->count, sizeof(*guard->findings));
			guard->findings[guard->count++] = finding;
		}
	}
}

/* Takes out what the files before had, for those that have findings. */
static bool subtract_before(
	struct guard *guard, const struct blobs *blobs, struct leaks *found, struct error *err)
{
	const struct blob **of = NULL;
	const char **ids = NULL;
	size_t *index = NULL, count = 0;
	for (size_t i = 0; i < blobs->count; i++)
		for (size_t k = 0; found[i].count && blobs->items[i].before && blobs->items[i].before[k]; k++) {
			of = arena_grow(guard->mem, of, count, sizeof(*of));
			ids = arena_grow(guard->mem, ids, count, sizeof(*ids));
			index = arena_grow(guard->mem, index, count, sizeof(*index));
			of[count] = &blobs->items[i];
			ids[count] = blobs->items[i].before[k];
			index[count++] = i;
		}
	struct leaks *before = arena_array(guard->mem, count + 1, sizeof(*before));
	if (!read_files(guard, of, ids, count, before, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		leak_subtract(&found[index[i]], &before[i]);
		leak_done(&before[i]);
	}
	return true;
}

static void judge_name(struct guard *guard, const struct blob *blob)
{
	struct leaks leaks = {.mem = guard->mem};
	struct known_hit hit = {0};
	if (!blob->is_new || !known_find(guard->known, blob->path, strlen(blob->path), false, 0, &hit))
		return;
	leak_read(guard->known, "", blob->path, strlen(blob->path), &leaks);
	for (size_t i = 0; i < leaks.count; i++) {
		leaks.items[i].text = arena_printf(guard->mem, "the name %s", leaks.items[i].text);
		leaks.items[i].line = 0;
	}
	keep(guard, blob, &leaks);
}

/* ---- messages ---- */

void guard_text(struct guard *guard, const char *path, const char *commit, const char *text, size_t length)
{
	struct leaks leaks = {.mem = guard->mem};
	leak_read(guard->known, "message.md", text, length, &leaks);
	if (!leaks.count)
		return;
	struct blob *blob = arena_alloc(guard->mem, sizeof(*blob));
	*blob = (struct blob){.path = path, .commit = commit};
	for (size_t i = 0; i < leaks.count && strcmp(path, GUARD_MESSAGE) != 0; i++)
		leaks.items[i].line = 0; /* of a name */
	keep(guard, blob, &leaks);
}

static void begin_message(struct batch *batch, size_t index)
{
	(void)index;
	buf_clear(&batch->message);
}

static void message_bytes(struct batch *batch, const char *bytes, size_t length)
{
	buf_append(&batch->message, bytes, length);
}

/* "author NAME ...\n...\n\nMESSAGE": the names are published, too. */
static void end_message(struct batch *batch, size_t index)
{
	const char *text = buf_string(&batch->message), *empty = strstr(text, "\n\n");
	const char *id = batch->guard->mem && batch->header[0] ? batch->header : "";
	const char *commit = arena_copy_n(batch->guard->mem, id, strcspn(id, " "));
	size_t head = empty ? (size_t)(empty - text) + 2 : 0;
	struct known_hit hit;
	(void)index;
	if (known_find(batch->guard->known, text, head, false, 0, &hit))
		guard_text(batch->guard, GUARD_AUTHOR, commit, text, head);
	guard_text(batch->guard, GUARD_MESSAGE, commit, text + head, batch->message.length - head);
}

static bool read_messages(struct guard *guard, const struct buf *commits, struct error *err)
{
	struct batch batch = {.begin = begin_message,
		.bytes = message_bytes,
		.end = end_message,
		.guard = guard,
		.message = BUF(LIMIT_PATH_BYTES)};
	for (size_t i = 0; i < commits->length; i++)
		batch.count += commits->data[i] == '\n';
	bool ok = run(&batch, commits, err);
	if (ok && buf_failed(&batch.message))
		ok = error_set(err, ERROR_INVALID, "the message of a commit is larger than %ld bytes",
			LIMIT_PATH_BYTES);
	buf_wipe(&batch.message);
	return ok;
}

/* ---- all of it ---- */

bool guard_scan(struct guard *guard, const struct blobs *blobs, struct error *err)
{
	const struct blob **of = arena_array(guard->mem, blobs->count + 1, sizeof(*of));
	const char **ids = arena_array(guard->mem, blobs->count + 1, sizeof(*ids));
	struct leaks *found = arena_array(guard->mem, blobs->count + 1, sizeof(*found));
	for (size_t i = 0; i < blobs->count; i++) {
		of[i] = &blobs->items[i];
		ids[i] = blobs->items[i].id;
	}
	if (!read_files(guard, of, ids, blobs->count, found, err) || !subtract_before(guard, blobs, found, err))
		return false;
	for (size_t i = 0; i < blobs->count; i++) {
		judge_name(guard, &blobs->items[i]);
		keep(guard, &blobs->items[i], &found[i]);
		leak_done(&found[i]);
	}
	return !blobs->commits.length || read_messages(guard, &blobs->commits, err);
}

void guard_done(struct guard *guard)
{
	for (size_t i = 0; i < guard->count; i++)
		explicit_bzero(guard->findings[i].leak.digest, DIGEST_SIZE);
	for (size_t i = 0; i < guard->warning_count; i++)
		explicit_bzero(guard->warnings[i].leak.digest, DIGEST_SIZE);
	guard->count = guard->warning_count = 0;
}

const char *guard_shown(const struct guard *guard, const char *name)
{
	struct known_hit hit;
	while (known_find(guard->known, name, strlen(name), false, 0, &hit))
		name = arena_printf(guard->mem, "%.*s***%s", (int)hit.offset, name, name + hit.end);
	return name;
}
