#include "reconcile/sealed/sealed_join.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/sealed/splice.h"

/* One document of a text: a SealedSecret has a name. */
struct document {
	const char *name, *text, *value;
	int line;
};

struct documents {
	struct document *items;
	size_t count;
};

static const char *text_at(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->kind == YAML_STRING ? node->text : NULL;
}

/* Equal for equal values of all items. */
static const char *values_of(const struct yaml_node *root, struct arena *mem)
{
	CLEANUP(json_done) json_t *spec = yaml_to_json(root);
	char *text = json_canonical(json_at(spec, "spec.encryptedData"));
	const char *copy = arena_copy(mem, text);
	free(text);
	return copy;
}

static bool read_one(const char *file, const char *text, size_t length, struct arena *mem,
	struct document *document, struct mistakes *mistakes)
{
	struct yaml_documents parsed = {0};
	size_t before = mistakes->count + mistakes->dropped;
	yaml_read(file, text, length, mem, &parsed, mistakes);
	*document = (struct document){.text = arena_copy_n(mem, text, length)};
	if (mistakes->count + mistakes->dropped != before)
		return false;
	if (parsed.count != 1 || !text_equal(text_at(parsed.items[0], "kind"), SEALED_KIND))
		return true;
	const struct yaml_node *metadata = yaml_get(parsed.items[0], "metadata");
	const char *name = text_at(metadata, "name"), *namespace = text_at(metadata, "namespace");
	document->name = name ? arena_printf(mem, "%s/%s", namespace ? namespace : "", name) : NULL;
	document->value = values_of(parsed.items[0], mem);
	return true;
}

static bool read_all(const char *file, const char *text, struct arena *mem, struct documents *documents,
	struct mistakes *mistakes)
{
	struct span *spans;
	size_t count = splice_documents(text, strlen(text), mem, &spans);
	documents->items = arena_array(mem, count + 1, sizeof(*documents->items));
	documents->count = 0;
	for (size_t i = 0; i < count; i++)
		if (!read_one(file, text + spans[i].start, spans[i].end - spans[i].start, mem,
			    &documents->items[documents->count++], mistakes))
			return false;
	return true;
}

/* The last of that name that differs from `base`, else the last: of "keep both" the one that was changed. */
static const struct document *find(const struct documents *documents, const char *name, const char *base)
{
	const struct document *found = NULL;
	for (size_t i = 0; i < documents->count; i++)
		if (text_equal(documents->items[i].name, name) &&
			(!found || !base || strcmp(documents->items[i].value, base) != 0))
			found = &documents->items[i];
	return found;
}

static bool is_first(const struct documents *documents, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (text_equal(documents->items[i].name, documents->items[at].name))
			return false;
	return true;
}

/* The same name twice on one side with values that both differ from the ancestor's. */
static bool is_torn(const struct documents *documents, const char *name, const char *base)
{
	const char *value = NULL;
	for (size_t i = 0; i < documents->count; i++) {
		const struct document *document = &documents->items[i];
		if (!text_equal(document->name, name) || text_equal(document->value, base))
			continue;
		if (value && strcmp(value, document->value) != 0)
			return true;
		value = document->value;
	}
	return false;
}

static const char *secret_of(const char *name)
{
	return strchr(name, '/') + 1;
}

struct joining {
	const struct sealed_join *join;
	struct documents base, ours, theirs;
	struct buf *out;
	size_t start;
	struct mistakes *mistakes;
};

static void add(struct joining *joining, const struct document *document)
{
	struct buf *out = joining->out;
	if (out->length > joining->start && out->data[out->length - 1] != '\n')
		buf_char(out, '\n');
	if (out->length > joining->start && !text_starts(document->text, "---"))
		buf_text(out, "---\n");
	buf_text(out, document->text);
}

static void join_one(struct joining *joining, const char *name)
{
	const struct document *base = find(&joining->base, name, NULL);
	const char *was = base ? base->value : NULL;
	const struct document *ours = find(&joining->ours, name, was),
			      *theirs = find(&joining->theirs, name, was);
	bool we = !text_equal(ours ? ours->value : NULL, was),
	     they = !text_equal(theirs ? theirs->value : NULL, was);
	bool torn = is_torn(&joining->ours, name, was) || is_torn(&joining->theirs, name, was) ||
		(we && they && ours && theirs && strcmp(ours->value, theirs->value) != 0);
	const struct sealed_join *join = joining->join;
	if (torn && !(join->may_choose && join->may_choose(join->context, secret_of(name)))) {
		mistakes_add(joining->mistakes, join->file, 0, 0,
			"the password in SealedSecret \"%s\" was sealed on both sides, differently: give the user's password in the edit "
			"file, and it is sealed once more; or keep one of the two in %s (`git checkout --ours` or `--theirs`, "
			"then `git add`) and run this again",
			secret_of(name), join->file);
		return;
	}
	const struct document *chosen = we == they ? (ours ? ours : theirs) : we ? ours : theirs;
	if (!chosen && join->is_kept && join->is_kept(join->context, secret_of(name)))
		chosen = ours ? ours : theirs;
	if (chosen)
		add(joining, chosen);
}

bool sealed_join(const struct sealed_join *join, struct arena *mem, struct buf *out, struct mistakes *mistakes)
{
	struct joining joining = {.join = join, .out = out, .start = out->length, .mistakes = mistakes};
	size_t before = mistakes->count + mistakes->dropped;
	if (!read_all(join->file, join->base ? join->base : "", mem, &joining.base, mistakes) ||
		!read_all(join->file, join->ours, mem, &joining.ours, mistakes) ||
		!read_all(join->file, join->theirs, mem, &joining.theirs, mistakes))
		return false;
	for (size_t i = 0; i < joining.ours.count; i++)
		if (!joining.ours.items[i].name)
			add(&joining, &joining.ours.items[i]);
		else if (is_first(&joining.ours, i))
			join_one(&joining, joining.ours.items[i].name);
	for (size_t i = 0; i < joining.theirs.count; i++) {
		const char *name = joining.theirs.items[i].name;
		if (name && is_first(&joining.theirs, i) && !find(&joining.ours, name, NULL) &&
			(!join->is_wanted || join->is_wanted(join->context, secret_of(name))))
			join_one(&joining, name);
	}
	if (buf_failed(out))
		mistakes_add(mistakes, join->file, 0, 0, "both sides together are too large");
	return mistakes->count + mistakes->dropped == before;
}

/* ---- conflict markers ---- */

static char marker_of(const char *line, size_t left)
{
	char first = left >= 7 ? *line : '\0';
	if (!first || !strchr("<|=>", first))
		return '\0';
	for (int i = 1; i < 7; i++)
		if (line[i] != first)
			return '\0';
	return left == 7 || strchr(" \r\n", line[7]) ? first : '\0';
}

int conflict_line(const char *text, size_t length)
{
	int number = 1;
	for (size_t at = 0; at < length; at = splice_line_end(text, length, at), number++) {
		char marker = marker_of(text + at, length - at);
		if (marker && marker != '=')
			return number;
	}
	return 0;
}

bool conflict_side(const char *text, size_t length, int side, struct buf *out)
{
	char inside = '\0';
	for (size_t at = 0, next; at < length; at = next) {
		char marker = marker_of(text + at, length - at);
		next = splice_line_end(text, length, at);
		if (marker) {
			bool follows = marker == '<' ? !inside
				: marker == '|'      ? inside == '<'
				: marker == '='      ? inside == '<' || inside == '|'
						     : inside == '=';
			if (!follows && marker != '=')
				return false;
			inside = !follows ? inside : marker == '>' ? '\0' : marker;
			continue;
		}
		if (!inside || (inside == '<' && side == 0) || (inside == '=' && side == 1))
			buf_append(out, text + at, next - at);
	}
	return !inside && !buf_failed(out);
}
