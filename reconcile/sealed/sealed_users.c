#include "reconcile/sealed/sealed_users.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/sealed/sealed_documents.h"

struct making {
	const struct sealed_users_input *input;
	struct arena *mem;
	struct sealed_users *result;
	struct mistakes *mistakes;
	struct sealed_parse parse;
};

static const char *text_at(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->kind == YAML_STRING ? node->text : NULL;
}

static bool read_documents(struct making *making)
{
	const struct sealed_reading reading = {making->input, making->mem, making->mistakes, &making->parse};
	return sealed_documents_read(&reading);
}

static struct sealed_document *find(const struct making *making, const char *name)
{
	return sealed_documents_find(&making->parse, name);
}

static void mistake(const struct making *making, const struct edit_user *user, const char *text)
{
	mistakes_add(making->mistakes, making->input->users->file, user->line, 0, "user \"%s\" %s",
		user->name, text);
}

static void add_name(const struct making *making, struct name_list *list, const char *name)
{
	list->items = arena_grow(making->mem, list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = arena_copy(making->mem, name);
}

static const char *place_of(const struct making *making, const struct edit_user *user)
{
	return arena_printf(making->mem, "%s/%s/%s", making->input->users->namespace, user->secret,
		making->input->users->item);
}

static enum sealed_scope scope_of(const struct sealed_document *document)
{
	const struct yaml_node *annotations =
		document ? yaml_get(yaml_get(document->root, "metadata"), "annotations") : NULL;
	const char *cluster = text_at(annotations, SEALED_ANNOTATION_CLUSTER),
		   *namespace = text_at(annotations, SEALED_ANNOTATION_NAMESPACE);
	if (cluster && strcmp(cluster, "true") == 0)
		return SCOPE_CLUSTER;
	return namespace && strcmp(namespace, "true") == 0 ? SCOPE_NAMESPACE : SCOPE_STRICT;
}

static bool seal(const struct making *making, const struct edit_user *user, enum sealed_scope scope,
	struct buf *sealed)
{
	struct error err;
	char label[SEALED_LABEL_SIZE];
	if (!making->input->certificate) {
		mistake(making, user, "needs its password sealed, and there is no certificate");
		return false;
	}
	if (sealed_label(scope, making->input->users->namespace, user->secret, label, &err) &&
		sealed_value_seal(making->input->certificate, label, user->password, user->password_length,
			sealed, &err))
		return true;
	mistake(making, user, err.text);
	return false;
}

/* A new document as kubeseal lays it out. */
static void write_new(const struct making *making, const struct edit_user *user, const char *sealed,
	struct sealed_document *document)
{
	const char *namespace = making->input->users->namespace;
	CLEANUP(buf_done) struct buf yaml = BUF(SEALED_TEXT_MAX + 4096);
	CLEANUP(json_done)
	json_t *object = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:{s:s}, s:{s:{s:s, s:s}, s:s}}}",
		"apiVersion", SEALED_GROUP "/" SEALED_VERSION, "kind", SEALED_KIND, "metadata", "name",
		user->secret, "namespace", namespace, "spec", "encryptedData", making->input->users->item,
		sealed, "template", "metadata", "name", user->secret, "namespace", namespace, "type", "Opaque");
	buf_text(&yaml, "---\n");
	yaml_write(object, YAML_SORTED, &yaml);
	document->text = arena_copy_n(making->mem, buf_string(&yaml), yaml.length);
	document->length = yaml.length;
	document->written = true;
}

/* The document with another value, all other bytes as they were; false when the layout did not allow it, or a new one is the same. */
static bool write_value(const struct making *making, const char *sealed, struct sealed_document *document)
{
	if (!document->root)
		return false;
	struct span at = splice_scalar(&making->parse.places, document->value->value, document->value->column);
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_FILE_BYTES);
	struct yaml_documents parsed = {0};
	struct mistakes inside = {.mem = making->mem};
	at.start -= document->start;
	at.end -= document->start;
	buf_append(&text, document->text, at.start);
	buf_text(&text, sealed);
	buf_append(&text, document->text + at.end, document->length - at.end);
	if (buf_failed(&text))
		return false;
	yaml_read("", buf_string(&text), text.length, making->mem, &parsed, &inside);
	if (inside.count || parsed.count != 1)
		return false;
	CLEANUP(json_done) json_t *before = yaml_to_json(document->root);
	CLEANUP(json_done) json_t *after = yaml_to_json(parsed.items[0]);
	json_object_set_new(
		json_at(before, "spec.encryptedData"), making->input->users->item, json_string(sealed));
	if (!json_equal(before, after))
		return false;
	document->text = arena_copy_n(making->mem, buf_string(&text), text.length);
	document->length = text.length;
	document->written = true;
	return true;
}

static void note(const struct making *making, const struct edit_user *user, const char *sealed)
{
	add_name(making, &making->result->sealed, user->name);
	if (making->input->receipts)
		receipts_note(making->input->receipts, place_of(making, user), user->password,
			user->password_length, sealed, making->input->certificate->fingerprint);
}

static void keep(const struct making *making, const struct sealed_document *document)
{
	struct sealed_shape shape;
	struct error ignored;
	making->result->kept++;
	if (making->input->certificate &&
		sealed_value_inspect(document->value->value->text, document->value->value->length,
			making->input->certificate, &shape, &ignored))
		making->result->other_certificate += shape.other_certificate;
}

static bool is_unchanged(
	const struct making *making, const struct edit_user *user, const struct sealed_document *document)
{
	return making->input->receipts && !making->input->reseal &&
		receipts_match(making->input->receipts, place_of(making, user), user->password,
			user->password_length, document->value->value->text);
}

static enum sealed_choice choice_of(const struct making *making, const struct edit_user *user)
{
	const struct sealed_users_input *input = making->input;
	return input->choose ? input->choose(input->context, user->name) : SEALED_BY_RECEIPT;
}

/* No password was given: what is there stays. */
static void keep_or_complain(
	struct making *making, const struct edit_user *user, struct sealed_document *document)
{
	if (document && document->value)
		keep(making, document);
	else if (user->sealed && user->renamed_from)
		mistake(making, user,
			"was renamed, and its sealed password is bound to the old name: give the password once more");
	else if (user->sealed)
		mistake(making, user,
			"has no password, and there is no sealed one to keep: give one, or have it made (`pgitops seal users --generate`)");
}

static struct sealed_document *make_user(
	struct making *making, const struct edit_user *user, struct sealed_document *after);

/* A password is made for whoever gave none and has none sealed. Who was renamed has one, under the old name. */
static bool is_to_be_made(const struct making *making, const struct edit_user *user, bool has_none)
{
	const struct sealed_users_input *input = making->input;
	bool named = !input->only;
	for (size_t i = 0; i < input->only_count; i++)
		named = named || strcmp(input->only[i], user->name) == 0;
	return input->generate && named && has_none && !user->password && !user->renamed_from &&
		(user->generate || user->sealed);
}

/* The edit file gets it, too, unless it says `generate: true` there: then whoever may read the Secret finds it. */
static void give(struct making *making, const struct edit_user *with)
{
	struct sealed_users *result = making->result;
	add_name(making, &result->generated, with->name);
	if (with->generate)
		return;
	result->given = arena_grow(making->mem, result->given, result->given_count, sizeof(*result->given));
	result->given[result->given_count] = *with;
	result->given[result->given_count].name = arena_copy(making->mem, with->name);
	result->given[result->given_count++].password = memory_copy(with->password);
}

/* Shown to nobody. */
static struct sealed_document *make_generated(
	struct making *making, const struct edit_user *user, struct sealed_document *after)
{
	CLEANUP(secret_done) struct secret password = {0};
	struct edit_user with = *user;
	struct error err;
	if (!secret_random(&password, SECRET_GENERATED, &err)) {
		mistake(making, user, err.text);
		return NULL;
	}
	with.password = password.bytes;
	with.password_length = password.length;
	give(making, &with);
	return make_user(making, &with, after);
}

/* `after` is the document of the user before, NULL = none: where a new one goes. */
static struct sealed_document *make_user(
	struct making *making, const struct edit_user *user, struct sealed_document *after)
{
	CLEANUP(buf_done) struct buf sealed = BUF(SEALED_TEXT_MAX);
	struct sealed_document *document = find(making, user->secret);
	bool has_none = !document || !document->value;
	enum sealed_choice choice = choice_of(making, user);
	if (choice == SEALED_SKIPPED)
		return NULL;
	if (is_to_be_made(making, user, has_none))
		return make_generated(making, user, after);
	if (!user->password) {
		keep_or_complain(making, user, document);
		return document;
	}
	if (document && document->value && choice != SEALED_ANEW &&
		(choice == SEALED_KEPT || is_unchanged(making, user, document))) {
		keep(making, document);
		return document;
	}
	if (!seal(making, user, scope_of(document), &sealed))
		return document;
	if (!document) {
		document = arena_alloc(making->mem, sizeof(*document));
		write_new(making, user, buf_string(&sealed), document);
		sealed_documents_append(&making->parse, document, after);
	} else if (!document->value || !write_value(making, buf_string(&sealed), document)) {
		write_new(making, user, buf_string(&sealed), document);
	}
	document->name = user->secret;
	document->sealed = arena_copy(making->mem, buf_string(&sealed));
	note(making, user, document->sealed);
	return document;
}

/* Does a user of the list need this Secret? */
static bool is_wanted(const struct edit_users *users, const char *secret)
{
	for (size_t i = 0; i < users->count; i++)
		if (strcmp(users->items[i].secret, secret) == 0)
			return true;
	return false;
}

static void remove_named(struct making *making)
{
	const struct sealed_users_input *input = making->input;
	for (size_t i = 0; i < input->removed_count; i++) {
		struct sealed_document *document = find(making, input->removed[i]),
				       **link = &making->parse.first;
		if (!document || document->written || is_wanted(input->users, input->removed[i]))
			continue;
		while (*link != document)
			link = &(*link)->next;
		add_name(making, &making->result->removed, document->name);
		*link = document->next;
	}
}

static void write_out(const struct making *making, struct buf *out)
{
	size_t start = out->length;
	for (const struct sealed_document *document = making->parse.first; document; document = document->next) {
		const char *text = document->text;
		size_t length = document->length;
		if (out->length > start && out->data[out->length - 1] != '\n')
			buf_char(out, '\n');
		if (out->length > start && strncmp(text, "---", length < 3 ? length : 3) != 0)
			buf_text(out, "---\n");
		if (out->length == start && document->written && strncmp(text, "---\n", 4) == 0) {
			text += 4; /* the first document needs no marker */
			length -= 4;
		}
		buf_append(out, text, length);
	}
}

static int by_secret(const void *a, const void *b)
{
	return strcmp(((const struct sealed_value *)a)->secret, ((const struct sealed_value *)b)->secret);
}

static struct sealed_values list_values(const struct making *making)
{
	struct sealed_values found = {0};
	size_t count = 0;
	for (const struct sealed_document *document = making->parse.first; document; document = document->next)
		count++;
	found.items = arena_array(making->mem, count + 1, sizeof(*found.items));
	for (const struct sealed_document *document = making->parse.first; document; document = document->next)
		if (document->name && document->sealed)
			found.items[found.count++] = (struct sealed_value){
				arena_copy(making->mem, document->name), document->sealed};
	qsort(found.items, found.count, sizeof(*found.items), by_secret);
	return found;
}

bool sealed_users_values(const struct sealed_users_input *input, struct arena *mem,
	struct sealed_values *values, struct mistakes *mistakes)
{
	struct sealed_users ignored = {0};
	struct making making = {.input = input, .mem = mem, .result = &ignored, .mistakes = mistakes};
	if (!read_documents(&making))
		return false;
	struct sealed_parse *parse = arena_alloc(mem, sizeof(*parse));
	*parse = making.parse;
	parse->namespace = arena_copy(mem, input->users->namespace);
	parse->item = arena_copy(mem, input->users->item);
	*values = list_values(&making);
	values->parse = parse;
	return true;
}

const char *sealed_values_find(const struct sealed_values *values, const char *secret)
{
	const struct sealed_value key = {.secret = secret};
	const struct sealed_value *found =
		values->count ? bsearch(&key, values->items, values->count, sizeof(key), by_secret) : NULL;
	return found ? found->text : NULL;
}

bool sealed_users_make(const struct sealed_users_input *input, struct arena *mem, struct sealed_users *result,
	struct buf *out, struct mistakes *mistakes)
{
	struct sealed_users made = {0};
	struct making making = {.input = input, .mem = mem, .result = &made, .mistakes = mistakes};
	size_t before = mistakes->count + mistakes->dropped, start = out->length;
	struct sealed_document *last = NULL;
	if (!read_documents(&making))
		return false;
	for (size_t i = 0; i < input->users->count; i++) {
		struct sealed_document *document = make_user(&making, &input->users->items[i], last);
		last = document ? document : last;
	}
	remove_named(&making);
	bool ok = mistakes->count + mistakes->dropped == before;
	if (ok)
		write_out(&making, out);
	if (ok && buf_failed(out)) {
		mistakes_add(mistakes, input->file, 0, 0, "the sealed users do not fit into %zu bytes",
			out->maximum);
		ok = false;
	}
	if (!ok) {
		sealed_users_done(&made);
		return false;
	}
	made.changed = out->length - start != input->length ||
		(input->length && memcmp(out->data + start, input->text, input->length) != 0);
	made.values = list_values(&making);
	*result = made;
	return true;
}
