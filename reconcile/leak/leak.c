#include "reconcile/leak/leak.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/leak/encoding.h"
#include "reconcile/leak/internal.h"

/* More of them in one file tell nobody more. */
enum { FINDINGS_MAX = 5000, SHORTEST_KNOWN = 6, SHORTEST_MANIFEST = 40 };

struct leak_scan {
	const struct known *known;
	const char *path;
	enum leak_place place;
	struct leaks *leaks;
	size_t before; /* findings that were there */
	char *window;
	size_t used, room;
	int line;            /* of the window's first byte */
	bool later;          /* it is not the first window */
	size_t window_first; /* findings of earlier windows */
};

static const char *const names[] = {
	"known", "secret", "sealed", "users", "kubeconfig", "generator", "unreadable", "looks"};

const char *leak_rule_name(enum leak_rule rule)
{
	return names[rule];
}

enum leak_rule leak_rule_of(const char *name)
{
	enum leak_rule rule = 0;
	while (rule < LEAK_RULES && strcmp(names[rule], name) != 0)
		rule++;
	return rule;
}

static bool is_there(const struct leak_scan *scan, const struct look *look, const struct leak *leak)
{
	for (size_t i = scan->before; i < scan->leaks->count; i++) {
		const struct leak *other = &scan->leaks->items[i];
		if (memcmp(other->digest, leak->digest, DIGEST_SIZE) == 0 &&
			(other->line == leak->line ? other->rule == leak->rule || look->decoded : look->decoded))
			return true;
	}
	return false;
}

static void add(struct leaks *leaks, const struct leak *leak)
{
	leaks->items = arena_grow(leaks->mem, leaks->items, leaks->count, sizeof(*leaks->items));
	leaks->items[leaks->count++] = *leak;
}

/* What the end of the window before cut off is there as a whole now. */
static bool is_cut_before(const struct leak_scan *scan, const struct leak *leak)
{
	for (size_t i = scan->before; leak->rule != LEAK_KNOWN && i < scan->window_first; i++) {
		struct leak *other = &scan->leaks->items[i];
		if (other->line == leak->line && other->rule != LEAK_KNOWN) {
			*other = *leak;
			return true;
		}
	}
	return false;
}

/* Whatever a finding quotes is not a password. */
static void hide_known(const struct known *known, char *text)
{
	struct known_hit hit = {0};
	while (known_find(known, text, strlen(text), false, hit.end, &hit))
		memset(text + hit.offset, '*', hit.end - hit.offset);
}

void leak_found(const struct look *look, enum leak_rule rule, int line, const void *value, size_t length,
	const char *format, ...)
{
	struct leak_scan *scan = look->scan;
	struct leak leak = {.rule = rule, .line = look->fixed ? look->fixed : line + look->shift};
	char text[ERROR_TEXT_SIZE];
	va_list args;
	if (scan->leaks->count - scan->before >= FINDINGS_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	hide_known(scan->known, text);
	const char *bytes = value;
	while (length && strchr(" \t\r\n", bytes[length - 1]) && bytes[length - 1])
		length--;
	digest_sha256(bytes, length, leak.digest);
	if (is_there(scan, look, &leak))
		return;
	leak.text = arena_copy(scan->leaks->mem, text);
	if (!is_cut_before(scan, &leak))
		add(scan->leaks, &leak);
}

/* ---- one window ---- */

static void look_for_known(const struct look *look, const struct view *view)
{
	struct known_hit hit = {0};
	bool in_base64 = view->origin != NULL;
	while (known_find(look->scan->known, view->bytes, view->length, view->base64, hit.end, &hit))
		leak_found(look, LEAK_KNOWN, view_line(view, hit.offset), hit.value, hit.length,
			"holds the %spassword of user \"%s\"%s", in_base64 || view->parent ? "" : "plain ",
			hit.who,
			in_base64              ? " in base64"
				: view->parent ? " with escapes or in another encoding"
					       : "");
}

/* Is there a manifest behind these escapes, or are they somewhere in one that was read already? */
static bool hides_kind(const struct view *outside)
{
	static const char *const forms[] = {"kind\\\"", "kind\\'", "kind&quot;", "kind&#", "kind%22",
		"kind%27", "kind%3A", "kind%3a", "\\nkind:", "\\n  kind:", "\\n- kind:", "kind\\u0022",
		"%0Akind", "%0akind"};
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		if (memmem(outside->bytes, outside->length, forms[i], strlen(forms[i])))
			return true;
	return false;
}

static void look_at_view(void *context, const struct view *view)
{
	struct look look = *(const struct look *)context;
	look.decoded = view->parent != NULL;
	look_for_known(&look, view);
	/* The text itself is read as what it is; of what was decoded only a manifest says something. */
	if (!view->parent || view->length < SHORTEST_MANIFEST / 2 ||
		(view->marks && !view->origin && !hides_kind(view->parent)) ||
		!leak_is_worth_reading(view->bytes, view->length))
		return;
	look.mem = arena_new(LIMIT_PASS_MEMORY);
	if (view->origin) {
		look.place = PLACE_OTHER;
		look.fixed = view_line(view, 0);
		look.decoded = false; /* so it is read by the parser, too */
	}
	leak_text(&look, view->origin ? NULL : view, view->bytes, view->length);
	arena_wipe(look.mem);
}

static void read_structure(struct leak_scan *scan, const struct look *from)
{
	struct look look = *from;
	CLEANUP(buf_wipe) struct buf text = BUF(4 * scan->used + 16);
	bool binary = encoding_is_binary(scan->window, scan->used);
	look.shift = scan->line - 1;
	encoding_text(scan->window, scan->used, &text);
	if (leak_is_worth_reading(buf_string(&text), text.length)) {
		look.mem = arena_new(LIMIT_PASS_MEMORY);
		leak_text(&look, NULL, buf_string(&text), text.length);
		arena_wipe(look.mem);
	}
	if (!scan->later && (!binary || memchr(scan->window, '\0', scan->used)) &&
		scan->leaks->count == scan->before)
		leak_looks(&look, buf_string(&text), text.length);
}

static void read_window(struct leak_scan *scan)
{
	struct look look = {.scan = scan, .place = scan->place};
	scan->window_first = scan->leaks->count;
	views_walk(scan->window, scan->used, scan->line,
		known_count(scan->known) ? SHORTEST_KNOWN : SHORTEST_MANIFEST, look_at_view, &look);
	read_structure(scan, &look);
}

/* ---- the file ---- */

struct leak_scan *leak_scan_new(const struct known *known, const char *path, struct leaks *leaks)
{
	struct leak_scan *scan = memory_alloc(sizeof(*scan));
	*scan = (struct leak_scan){.known = known,
		.path = path,
		.place = leak_place_of(path),
		.leaks = leaks,
		.before = leaks->count,
		.line = 1};
	return scan;
}

static void make_room(struct leak_scan *scan, size_t more)
{
	size_t room = scan->room ? scan->room : 4096;
	while (room < scan->used + more && room < LEAK_WINDOW)
		room *= 2;
	if (room == scan->room)
		return;
	char *window = memory_alloc(room);
	if (scan->used)
		memcpy(window, scan->window, scan->used);
	if (scan->window)
		explicit_bzero(scan->window, scan->used);
	free(scan->window);
	scan->window = window;
	scan->room = room;
}

/* The next window begins at a line, if there is one, and at an even place, as UTF-16 needs it. */
static void move_window(struct leak_scan *scan)
{
	size_t from = scan->used - LEAK_OVERLAP;
	for (size_t i = from; i < from + 65536; i++)
		if (scan->window[i] == '\n') {
			from = i + 1;
			break;
		}
	from -= from % 2;
	for (size_t i = 0; i < from; i++)
		scan->line += scan->window[i] == '\n';
	memmove(scan->window, scan->window + from, scan->used - from);
	scan->used -= from;
	scan->later = true;
}

void leak_scan_feed(struct leak_scan *scan, const void *bytes, size_t length)
{
	const char *at = bytes;
	while (length) {
		make_room(scan, length);
		size_t part = scan->room - scan->used < length ? scan->room - scan->used : length;
		memcpy(scan->window + scan->used, at, part);
		scan->used += part;
		at += part;
		length -= part;
		if (scan->used == LEAK_WINDOW && length) {
			read_window(scan);
			move_window(scan);
		}
	}
}

static int by_line(const void *a, const void *b)
{
	const struct leak *left = a, *right = b;
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->rule == right->rule ? memcmp(left->digest, right->digest, DIGEST_SIZE)
					 : (int)left->rule - (int)right->rule;
}

void leak_scan_end(struct leak_scan *scan)
{
	struct leaks *leaks = scan->leaks;
	if (scan->used)
		read_window(scan);
	if (leaks->count - scan->before >= FINDINGS_MAX) {
		struct leak more = {.rule = LEAK_UNREADABLE,
			.text = "holds so many secrets that the rest was not looked at"};
		add(leaks, &more);
	}
	if (leaks->count > scan->before)
		qsort(leaks->items + scan->before, leaks->count - scan->before, sizeof(*leaks->items), by_line);
	if (scan->window)
		explicit_bzero(scan->window, scan->room);
	free(scan->window);
	free(scan);
}

void leak_read(
	const struct known *known, const char *path, const void *bytes, size_t length, struct leaks *leaks)
{
	struct leak_scan *scan = leak_scan_new(known, path, leaks);
	leak_scan_feed(scan, bytes, length);
	leak_scan_end(scan);
}

/* ---- findings ---- */

void leak_subtract(struct leaks *leaks, const struct leaks *before)
{
	bool *taken = memory_alloc(before->count + 1);
	size_t kept = 0;
	for (size_t i = 0; i < leaks->count; i++) {
		size_t k = 0;
		while (k < before->count &&
			(taken[k] || before->items[k].rule != leaks->items[i].rule ||
				memcmp(before->items[k].digest, leaks->items[i].digest, DIGEST_SIZE) != 0))
			k++;
		if (k < before->count)
			taken[k] = true;
		else
			leaks->items[kept++] = leaks->items[i];
	}
	leaks->count = kept;
	free(taken);
}

void leak_done(struct leaks *leaks)
{
	for (size_t i = 0; i < leaks->count; i++)
		explicit_bzero(leaks->items[i].digest, DIGEST_SIZE);
	leaks->count = 0;
}

void leak_fingerprint(const char *path, enum leak_rule rule, const unsigned char digest[DIGEST_SIZE],
	char out[LEAK_FINGERPRINT + 1])
{
	CLEANUP(memory_freep)
	char *salt = memory_printf("pgitops allow 1\n%s\n%s", leak_rule_name(rule), path);
	unsigned char derived[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	digest_slow(digest, DIGEST_SIZE, salt, strlen(salt), derived);
	text_hex(derived, sizeof(derived), hex);
	memcpy(out, hex, LEAK_FINGERPRINT);
	out[LEAK_FINGERPRINT] = '\0';
}
