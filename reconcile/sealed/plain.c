#include "reconcile/sealed/plain.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"

#define LAST_APPLIED "last-applied-configuration"

/* Texts inside texts: a List of ConfigMaps that hold YAML. */
enum { NESTING_MAX = 8 };

struct scanning {
	const struct plain_scan *scan;
	struct arena *mem; /* what is parsed; wiped */
	const char *path;
	int shift; /* lines in front of the text that is read now */
	int depth;
};

static void found(const struct scanning *scanning, int line, const char *format, ...) PRINTF_LIKE(3, 4);

static void found(const struct scanning *scanning, int line, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mistakes_add(scanning->scan->findings, arena_copy(scanning->scan->findings->mem, scanning->path),
		line ? line + scanning->shift : 0, 0, "%s", text);
}

static bool contains(const char *bytes, size_t length, const char *word)
{
	size_t size = strlen(word);
	char first[3] = {(char)tolower(word[0]), (char)toupper(word[0]), '\0'};
	for (size_t at = 0; at + size <= length; at++)
		if ((bytes[at] == first[0] || bytes[at] == first[1]) && strncasecmp(bytes + at, word, size) == 0)
			return true;
	return false;
}

static const char *text_at(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->kind == YAML_STRING ? node->text : "";
}

/* "password", "oldPassword", "passwd", "PGPASSWORD", "pwd", "pass", "passphrase" */
static bool names_a_password(const char *key)
{
	size_t length = strlen(key);
	return contains(key, length, "passw") || contains(key, length, "passphrase") ||
		strcasecmp(key, "pass") == 0 || contains(key, length, "pwd");
}

static bool has_value(const struct yaml_node *node)
{
	return node->kind != YAML_MAP && node->kind != YAML_LIST && node->kind != YAML_NULL && node->length > 0;
}

static void look_at_secret(const struct scanning *scanning, const struct yaml_node *secret)
{
	static const char *const fields[] = {"data", "stringData"};
	const char *name = text_at(yaml_get(secret, "metadata"), "name");
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const struct yaml_node *map = yaml_get(secret, fields[i]);
		for (size_t k = 0; map && map->kind == YAML_MAP && k < map->count; k++)
			if (has_value(map->pairs[k].value)) {
				found(scanning, map->pairs[k].line,
					"Secret \"%s\" holds the plain value of \"%s\": seal it with "
					"`pgitops seal`",
					*name ? name : "without name", map->pairs[k].key);
				return; /* one finding tells enough of an object */
			}
	}
}

/* A users file in any layout: a list `users` whose entries have a `username`. */
static void look_at_users(const struct scanning *scanning, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "users");
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
		const struct yaml_node *user = list->items[i], *name = yaml_get(user, "username");
		for (size_t k = 0; name && k < user->count; k++)
			if (names_a_password(user->pairs[k].key) && has_value(user->pairs[k].value)) {
				found(scanning, user->pairs[k].line,
					"user \"%s\" has a plain password in \"%s\": keep it in "
					"edit-users.yaml outside Git and run `pgitops seal users`",
					name->text ? name->text : "", user->pairs[k].key);
				break;
			}
	}
}

static void scan_text(const struct scanning *from, int shift, const char *text, size_t length);

/* Texts in a ConfigMap, and the copy of the object that kubectl apply leaves. */
static void look_inside(const struct scanning *scanning, const struct yaml_node *object)
{
	const struct yaml_node *data = yaml_get(object, "data"),
			       *annotations = yaml_get(yaml_get(object, "metadata"), "annotations");
	for (size_t i = 0; data && data->kind == YAML_MAP && i < data->count; i++) {
		const struct yaml_node *value = data->pairs[i].value;
		if (value->kind == YAML_STRING && contains(value->text, value->length, "username"))
			scan_text(scanning, value->block ? value->line : value->line - 1, value->text,
				value->length);
	}
	for (size_t i = 0; annotations && annotations->kind == YAML_MAP && i < annotations->count; i++) {
		const struct yaml_node *value = annotations->pairs[i].value;
		if (strstr(annotations->pairs[i].key, LAST_APPLIED) && value->kind == YAML_STRING)
			scan_text(scanning, value->line - 1, value->text, value->length);
	}
}

/* The depth of Lists in Lists is the parser's. */
static void look_at(const struct scanning *scanning, const struct yaml_node *node)
{
	const struct yaml_node *items = yaml_get(node, "items");
	if (node->kind == YAML_LIST)
		items = node;
	for (size_t i = 0; items && items->kind == YAML_LIST && i < items->count; i++)
		look_at(scanning, items->items[i]);
	if (node->kind != YAML_MAP)
		return;
	if (strcmp(text_at(node, "kind"), "Secret") == 0)
		look_at_secret(scanning, node);
	look_at_users(scanning, node);
	look_inside(scanning, node);
}

/* Where YAML cannot be read (a template, a broken file, a text with YAML in it), its lines still say enough. */
static void scan_lines(const struct scanning *scanning, const char *text, size_t length)
{
	bool secret = memmem(text, length, "kind: Secret\n", 13) || memmem(text, length, "\"Secret\"", 8);
	bool users = contains(text, length, "username");
	int line = 1;
	for (size_t at = 0; at < length; line++) {
		const char *end = memchr(text + at, '\n', length - at), *start = text + at;
		size_t size = end ? (size_t)(end - start) : length - at;
		const char *colon = memchr(start, ':', size);
		at += size + 1;
		if (!colon || !(secret || users) || memmem(colon, size - (size_t)(colon - start), "{{", 2))
			continue;
		size_t rest = size - (size_t)(colon - start) - 1;
		while (rest && strchr(" \t\r\"'", colon[1])) {
			colon++;
			rest--;
		}
		CLEANUP(memory_freep) char *key = memory_alloc((size_t)(colon - start) + 1);
		memcpy(key, start, (size_t)(colon - start));
		if (rest && *start != '#' && names_a_password(key)) {
			mistakes_add(scanning->scan->unsure,
				arena_copy(scanning->scan->unsure->mem, scanning->path),
				line + scanning->shift, 0,
				"this cannot be read as YAML, and the line looks like a plain password: correct "
				"the file, or allow it in .pgitops.yaml");
			return;
		}
	}
}

static void scan_text(const struct scanning *from, int shift, const char *text, size_t length)
{
	struct scanning scanning = *from;
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = from->mem};
	scanning.shift += shift;
	if (++scanning.depth > NESTING_MAX)
		return;
	yaml_read(from->path, text, length, from->mem, &documents, &mistakes);
	for (size_t i = 0; i < documents.count; i++)
		look_at(&scanning, documents.items[i]);
	if (mistakes.count)
		scan_lines(&scanning, text, length);
}

/* Anything that the structural rules could find has one of these words. */
static bool is_worth_parsing(const char *bytes, size_t length)
{
	return length <= LIMIT_FILE_BYTES && !memchr(bytes, '\0', length < 8000 ? length : 8000) &&
		(memmem(bytes, length, "Secret", 6) ||
			(contains(bytes, length, "username") &&
				(contains(bytes, length, "pass") || contains(bytes, length, "pwd"))));
}

/* The base64 digits that a password gives at each of the three alignments, without those that its neighbours change. */
static bool has_base64(const char *bytes, size_t length, const struct plain_known *known)
{
	for (size_t shift = 0; shift < 3; shift++) {
		size_t size = known->length + shift, digits = 4 * ((size + 2) / 3) + 1;
		unsigned char *raw = memory_alloc(size);
		char *text = memory_alloc(digits);
		memcpy(raw + shift, known->bytes, known->length);
		text_base64(raw, size, text);
		size_t first = (shift * 8 + 5) / 6, last = size * 8 / 6;
		bool hit = last > first + 8 && memmem(bytes, length, text + first, last - first);
		explicit_bzero(raw, size);
		explicit_bzero(text, digits);
		memory_freep(&raw);
		memory_freep(&text);
		if (hit)
			return true;
	}
	return false;
}

static void look_for_known(const struct scanning *scanning, const char *bytes, size_t length)
{
	for (size_t i = 0; i < scanning->scan->known_count; i++) {
		const struct plain_known *known = &scanning->scan->known[i];
		if (known->length < PLAIN_KNOWN_MIN || known->length > length)
			continue;
		const char *at = memmem(bytes, length, known->bytes, known->length);
		int line = 1;
		for (const char *c = bytes; at && c < at; c++)
			line += *c == '\n';
		if (at)
			found(scanning, line, "holds the plain password of user \"%s\"", known->user);
		else if (has_base64(bytes, length, known))
			found(scanning, 0, "holds the password of user \"%s\" in base64", known->user);
	}
}

void plain_scan(const struct plain_scan *scan, const char *path, const char *bytes, size_t length)
{
	struct scanning scanning = {.scan = scan, .path = path};
	look_for_known(&scanning, bytes, length);
	if (!is_worth_parsing(bytes, length))
		return;
	scanning.mem = arena_new(LIMIT_PASS_MEMORY);
	scan_text(&scanning, 0, bytes, length);
	arena_wipe(scanning.mem);
}
