#include "agent/hook/allow.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"

#define CLONE_FILE "allow.yaml"

struct entry {
	const char *path, *fingerprint;
	enum leak_rule rule;
};

const char *allow_word(const struct finding *finding, struct arena *mem)
{
	char fingerprint[LEAK_FINGERPRINT + 1];
	leak_fingerprint(finding->blob->path, finding->leak.rule, finding->leak.digest, fingerprint);
	return arena_printf(
		mem, "%s:%s:%s", finding->blob->path, leak_rule_name(finding->leak.rule), fingerprint);
}

/* A path may hold colons, rule and fingerprint do not. */
static bool read_word(struct arena *mem, const char *word, struct entry *entry, struct error *err)
{
	char *path = arena_copy(mem, word), *last = strrchr(path, ':'), *rule = NULL;
	if (last) {
		*last = '\0';
		rule = strrchr(path, ':');
	}
	if (rule)
		*rule++ = '\0';
	if (!rule || !*path || leak_rule_of(rule) == LEAK_RULES || strlen(last + 1) != LEAK_FINGERPRINT ||
		strspn(last + 1, "0123456789abcdef") != LEAK_FINGERPRINT)
		return error_set(err, ERROR_INVALID,
			"--allow takes PATH:RULE:FINGERPRINT as a refusal prints it, not \"%s\"", word);
	*entry = (struct entry){path, last + 1, leak_rule_of(rule)};
	return true;
}

/* As a YAML text in single quotes. */
static const char *quoted(struct arena *mem, const char *text)
{
	CLEANUP(buf_done) struct buf out = BUF(2 * strlen(text) + 3);
	buf_char(&out, '\'');
	for (; *text; text++) {
		buf_char(&out, *text);
		if (*text == '\'')
			buf_char(&out, '\'');
	}
	buf_char(&out, '\'');
	return arena_copy(mem, buf_string(&out));
}

static const char *entry_text(struct arena *mem, const struct entry *entry)
{
	return arena_printf(mem, "{path: %s, rule: %s, fingerprint: '%s'}", quoted(mem, entry->path),
		leak_rule_name(entry->rule), entry->fingerprint);
}

/* ---- where in .pgitops.yaml ---- */

static size_t offset_of(const char *text, size_t length, int line, int column)
{
	size_t at = 0;
	for (int i = 1; i < line && at < length; i++) {
		const char *end = memchr(text + at, '\n', length - at);
		at = end ? (size_t)(end - text) + 1 : length;
	}
	return at + (size_t)(column > 0 ? column - 1 : 0);
}

static size_t line_start(const char *text, size_t at)
{
	while (at > 0 && text[at - 1] != '\n')
		at--;
	return at;
}

struct place {
	size_t offset;
	const char *before, *after; /* of each entry */
	const char *head, *tail;    /* of all of them */
};

/* Before the first entry of the list, whatever style it has; else as the first key of `sealing`; else at the end. */
static bool find_place(
	struct arena *mem, const char *text, size_t length, const struct yaml_node *root, struct place *place)
{
	const struct yaml_node *sealing = yaml_get(root, "sealing"), *allow = yaml_get(sealing, "allow");
	*place = (struct place){
		.offset = length, .before = "    - ", .after = "\n", .head = "sealing:\n  allow:\n", .tail = ""};
	if (allow && allow->kind == YAML_LIST) {
		size_t at = offset_of(text, length, allow->line, allow->column);
		if (at < length && text[at] == '[') {
			*place = (struct place){at + 1, "", allow->count ? ", " : "", "", ""};
			return true;
		}
		if (!allow->count)
			return false;
		at = offset_of(text, length, allow->items[0]->line, allow->items[0]->column);
		size_t start = line_start(text, at), dash = start + strspn(text + start, " ");
		if (text[dash] != '-')
			return false;
		*place = (struct place){
			start, arena_printf(mem, "%.*s- ", (int)(dash - start), text + start), "\n", "", ""};
		return true;
	}
	if (sealing && sealing->kind == YAML_MAP && sealing->count && !allow) {
		size_t at = offset_of(text, length, sealing->pairs[0].line, sealing->pairs[0].column);
		size_t start = line_start(text, at), indent = at - start;
		if (strspn(text + start, " ") < indent) { /* {in braces} */
			*place = (struct place){at, "", ", ", "allow: [", "], "};
			return true;
		}
		const char *blanks = arena_copy_n(mem, text + start, indent);
		*place = (struct place){start, arena_printf(mem, "%s  - ", blanks), "\n",
			arena_printf(mem, "%sallow:\n", blanks), ""};
		return true;
	}
	return !sealing && (!length || text[length - 1] == '\n');
}

/* Without a comma behind the last entry of a new list in brackets. */
static void insert(struct arena *mem, struct buf *out, const struct place *place, const struct entry *entries,
	size_t count)
{
	bool closes = strchr(place->tail, ']') != NULL || (!*place->before && !*place->after);
	buf_text(out, place->head);
	for (size_t i = 0; i < count; i++) {
		buf_text(out, place->before);
		buf_text(out, entry_text(mem, &entries[i]));
		buf_text(out, closes ? i + 1 < count ? ", " : "" : place->after);
	}
	buf_text(out, place->tail);
}

static bool has_entry(const struct layout *layout, const struct entry *entry)
{
	for (size_t i = 0; i < layout->allowed_count; i++)
		if (layout->allowed[i].rule == entry->rule &&
			strcmp(layout->allowed[i].path, entry->path) == 0 &&
			strcmp(layout->allowed[i].fingerprint, entry->fingerprint) == 0)
			return true;
	return false;
}

static bool says_all(struct arena *mem, const struct buf *text, const struct entry *entries, size_t count)
{
	struct layout layout;
	struct mistakes mistakes = {.mem = mem};
	if (buf_failed(text) || !layout_parse(buf_string(text), text->length, mem, &layout, &mistakes))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!has_entry(&layout, &entries[i]))
			return false;
	return true;
}

static bool write_layout(struct hook *hook, const struct entry *entries, size_t count, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	CLEANUP(buf_done) struct buf out = BUF(LIMIT_CONFIG_BYTES);
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = hook->mem};
	struct place place;
	if (!file_read(LAYOUT_FILE, &text, err)) {
		if (err->kind != ERROR_MISSING)
			return false;
		buf_text(&text, "version: 1\n");
	}
	yaml_read(LAYOUT_FILE, buf_string(&text), text.length, hook->mem, &documents, &mistakes);
	if (documents.count == 1 &&
		find_place(hook->mem, buf_string(&text), text.length, documents.items[0], &place)) {
		buf_append(&out, text.data, place.offset);
		insert(hook->mem, &out, &place, entries, count);
		buf_append(&out, text.data + place.offset, text.length - place.offset);
		if (says_all(hook->mem, &out, entries, count))
			return file_update(LAYOUT_FILE, buf_string(&out), out.length, 0644, err);
	}
	return error_set(err, ERROR_INVALID,
		LAYOUT_FILE
		" is written in a way that this cannot add to: add under sealing.allow the line `- %s`",
		entry_text(hook->mem, &entries[0]));
}

/* ---- the clone's own ---- */

static const char *clone_file(const struct hook *hook)
{
	return arena_printf(hook->mem, "%s/pgitops/" CLONE_FILE, hook->checkout.common);
}

static bool write_clone(struct hook *hook, const struct entry *entries, size_t count, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	const char *file = clone_file(hook);
	if (!file_read(file, &text, err) && err->kind != ERROR_MISSING)
		return false;
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "- %s\n", entry_text(hook->mem, &entries[i]));
	return !buf_failed(&text)
		? file_make_folder(arena_printf(hook->mem, "%s/pgitops", hook->checkout.common), err) &&
			file_replace(file, buf_string(&text), text.length, 0600, err)
		: error_set(err, ERROR_INVALID, "%s is too large", file);
}

bool allow_read(struct hook *hook, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = hook->mem};
	const char *file = clone_file(hook);
	if (!file_read(file, &text, err))
		return err->kind == ERROR_MISSING;
	yaml_read(file, buf_string(&text), text.length, hook->mem, &documents, &mistakes);
	for (size_t i = 0; !mistakes.count && documents.count && i < documents.items[0]->count; i++)
		if (documents.items[0]->kind != YAML_LIST ||
			!layout_read_allowed(
				file, documents.items[0]->items[i], hook->mem, &hook->layout, &mistakes))
			break;
	return !mistakes.count ||
		error_set(err, ERROR_INVALID, "%s", mistake_text(&mistakes.items[0], hook->mem));
}

bool allow_write(struct hook *hook, size_t count, char **words, struct error *err)
{
	struct entry *shared = arena_array(hook->mem, count + 1, sizeof(*shared));
	struct entry *own = arena_array(hook->mem, count + 1, sizeof(*own));
	size_t shared_count = 0, own_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct entry entry;
		if (!read_word(hook->mem, words[i], &entry, err))
			return false;
		if (has_entry(&hook->layout, &entry))
			continue;
		if (entry.rule == LEAK_KNOWN)
			own[own_count++] = entry;
		else
			shared[shared_count++] = entry;
	}
	return (!shared_count || write_layout(hook, shared, shared_count, err)) &&
		(!own_count || write_clone(hook, own, own_count, err));
}
