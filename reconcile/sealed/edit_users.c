#include "reconcile/sealed/edit_users.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define DEFAULT_TEMPLATE "user-{name}-secret"

static const char *const top_keys[] = {
	"version", "timestamp", "defaults", "policy", "groups", "databases", "users"};
static const char *const user_keys[] = {"username", "database", "databases", "roles", "privileges",
	"password", "ensure", "renamedFrom", "comment", "login", "attributes", "connectionLimit",
	"validUntil", "parameters", "parametersIn", "grants", "onRemove", "reassignOwnedTo"};
static const char *const password_keys[] = {
	"secretRef", "verifierSecretRef", "generate", "disabled", "ignore", "passthrough"};

struct reading {
	struct edit_users *users;
	struct mistakes *mistakes;
	int shift;         /* lines in front of the inner text */
	size_t *slots;     /* index + 1 of the user of a Secret's name, by hash */
	size_t slot_count; /* a power of two, at most half full */
};

static void complain(const struct reading *reading, const struct yaml_node *at, const char *text)
{
	mistakes_add(reading->mistakes, reading->users->file, at->line + reading->shift, 0, "%s", text);
}

static bool is_text(const struct yaml_node *node)
{
	return node && node->kind == YAML_STRING;
}

static bool is_known(const char *key, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void check_keys(const struct reading *reading, const struct yaml_node *map, const char *const *keys,
	size_t count, const char *what)
{
	for (size_t i = 0; i < map->count; i++)
		if (!is_known(map->pairs[i].key, keys, count))
			mistakes_add(reading->mistakes, reading->users->file,
				map->pairs[i].line + reading->shift, 0,
				"unknown field \"%s\" of %s: it would go into Git as it stands",
				map->pairs[i].key, what);
}

/* The template with {name} replaced; '_' is no character of a Kubernetes name. */
static const char *secret_name(const struct reading *reading, const char *user)
{
	CLEANUP(buf_done) struct buf name = BUF(1024);
	const char *place = strstr(reading->users->template, "{name}");
	buf_append(&name, reading->users->template,
		place ? (size_t)(place - reading->users->template) : strlen(reading->users->template));
	for (const char *at = user; place && *at; at++)
		buf_char(&name, *at == '_' ? '-' : *at);
	buf_text(&name, place ? place + strlen("{name}") : "");
	return arena_copy(reading->users->mem, buf_string(&name));
}

/* A password as text: what YAML would take for a number or a boolean must be quoted, or it would silently become another
   password than the one that was typed. */
static void read_password(const struct reading *reading, const struct yaml_node *node, struct edit_user *user)
{
	const char *wrong = NULL;
	if (node->kind != YAML_STRING)
		wrong = "is not text: put it in quotes";
	else if (node->length == 0)
		wrong = "is empty: give one, or remove the line to keep the sealed one";
	else if (node->length > LIMIT_PASSWORD)
		wrong = "is longer than 1024 bytes";
	else if (strlen(node->text) != node->length || strpbrk(node->text, "\n\r"))
		wrong = "holds a line break or a NUL";
	if (wrong)
		mistakes_add(reading->mistakes, reading->users->file, node->line + reading->shift, 0,
			"the password of user \"%s\" %s", user->name, wrong);
	user->password = wrong ? NULL : node->text;
	user->password_length = wrong ? 0 : node->length;
}

static void read_password_field(
	const struct reading *reading, const struct yaml_node *entry, struct edit_user *user)
{
	const struct yaml_node *node = yaml_get(entry, "password");
	if (!node || node->kind == YAML_NULL)
		return;
	if (node->kind != YAML_MAP) {
		read_password(reading, node, user);
		return;
	}
	check_keys(reading, node, password_keys, COUNT_OF(password_keys), "a password");
	const struct yaml_node *reference = yaml_get(node, "secretRef"), *name = yaml_get(reference, "name");
	if (is_text(name))
		user->secret = arena_copy(reading->users->mem, name->text);
	const struct yaml_node *generate = yaml_get(node, "generate");
	user->generate = generate && generate->kind == YAML_BOOL && generate->boolean;
	user->sealed = false; /* kept where it is, if it is one of ours at all */
}

static void check_secret(
	const struct reading *reading, const struct yaml_node *entry, const struct edit_user *user)
{
	if (!text_is_dns_subdomain(user->secret))
		mistakes_add(reading->mistakes, reading->users->file, entry->line + reading->shift, 0,
			"user \"%s\": \"%s\" cannot be the name of a Secret (lower-case letters, digits and '-' only); "
			"rename the user or name a Secret with password.secretRef.name",
			user->name, user->secret);
}

/* FNV-1a; where a Secret's name stands in the table, or the free place for it. */
static size_t slot_of(const struct reading *reading, const char *secret)
{
	uint32_t hash = 2166136261u;
	for (const char *at = secret; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	size_t slot = hash & (reading->slot_count - 1);
	const struct edit_user *items = reading->users->items;
	while (items && reading->slots[slot] && strcmp(items[reading->slots[slot] - 1].secret, secret) != 0)
		slot = (slot + 1) & (reading->slot_count - 1);
	return slot;
}

/* Two users of one Secret would share one password; the same user in two databases is one user. */
static void keep_user(const struct reading *reading, const struct yaml_node *entry, const struct edit_user *user)
{
	struct edit_users *users = reading->users;
	size_t slot = slot_of(reading, user->secret);
	struct edit_user *same = reading->slots[slot] ? &users->items[reading->slots[slot] - 1] : NULL;
	if (same && strcmp(same->name, user->name) != 0) {
		mistakes_add(reading->mistakes, users->file, user->line, 0,
			"users \"%s\" (line %d) and \"%s\" would share the Secret \"%s\", and so one password: rename one",
			same->name, same->line, user->name, user->secret);
	} else if (same && user->password && same->password && strcmp(same->password, user->password) != 0) {
		mistakes_add(reading->mistakes, users->file, user->line, 0,
			"user \"%s\" stands in line %d with another password: a user has one password in all databases",
			user->name, same->line);
	} else if (same && user->password) {
		same->password = user->password;
		same->password_length = user->password_length;
	} else if (!same) {
		check_secret(reading, entry, user);
		users->items = arena_grow(users->mem, users->items, users->count, sizeof(*users->items));
		users->items[users->count++] = *user;
		reading->slots[slot] = users->count;
	}
}

static void read_user(const struct reading *reading, const struct yaml_node *entry)
{
	const struct yaml_node *name = yaml_get(entry, "username"), *renamed = yaml_get(entry, "renamedFrom"),
			       *ensure = yaml_get(entry, "ensure");
	if (entry->kind != YAML_MAP) {
		complain(reading, entry, "a user is a map with \"username\"");
		return;
	}
	check_keys(reading, entry, user_keys, COUNT_OF(user_keys), "a user");
	if (!is_text(name) || name->length == 0) {
		complain(reading, entry, "user without \"username\" (a number must be put in quotes)");
		return;
	}
	struct edit_user user = {
		.name = arena_copy(reading->users->mem, name->text),
		.secret = secret_name(reading, name->text),
		.sealed = true,
		.renamed_from = is_text(renamed) ? arena_copy(reading->users->mem, renamed->text) : NULL,
		.line = entry->line + reading->shift,
	};
	read_password_field(reading, entry, &user);
	if (is_text(ensure) && strcmp(ensure->text, "absent") == 0)
		user.sealed = user.password != NULL; /* it needs no password any more */
	keep_user(reading, entry, &user);
}

/* version 2: defaults.passwordSecret {namespace, nameTemplate, key}. */
static void read_defaults(struct reading *reading, const struct yaml_node *root)
{
	const struct yaml_node *secret = yaml_get(yaml_get(root, "defaults"), "passwordSecret");
	const struct yaml_node *namespace = yaml_get(secret, "namespace"),
			       *template = yaml_get(secret, "nameTemplate"), *key = yaml_get(secret, "key");
	if (is_text(namespace))
		reading->users->namespace = namespace->text;
	if (is_text(key))
		reading->users->item = key->text;
	if (is_text(template) && strstr(template->text, "{name}"))
		reading->users->template = template->text;
	else if (is_text(template))
		complain(reading, template, "nameTemplate without {name}: all users would share one Secret");
}

static void read_list(struct reading *reading, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "users");
	if (root->kind != YAML_MAP || !list) {
		complain(reading, root, "no \"users\" list");
		return;
	}
	check_keys(reading, root, top_keys, COUNT_OF(top_keys), "the users file");
	if (list->kind == YAML_NULL)
		return;
	if (list->kind != YAML_LIST) {
		complain(reading, list, "\"users\" is not a list");
		return;
	}
	if (list->count > LIMIT_USERS) {
		complain(reading, list, "more than 20000 users");
		return;
	}
	reading->users->list = list;
	read_defaults(reading, root);
	reading->slot_count = 16;
	while (reading->slot_count < 2 * list->count)
		reading->slot_count *= 2;
	reading->slots = arena_array(reading->users->mem, reading->slot_count, sizeof(*reading->slots));
	for (size_t i = 0; i < list->count; i++)
		read_user(reading, list->items[i]);
}

/* The ConfigMap's own namespace is the Secrets' as well, and its text the list. */
static const struct yaml_node *unwrap(struct reading *reading, const struct yaml_node *outer)
{
	struct edit_users *users = reading->users;
	const struct yaml_node *data = yaml_get(outer, "data"),
			       *namespace = yaml_get(yaml_get(outer, "metadata"), "namespace");
	if (is_text(namespace))
		users->namespace = namespace->text;
	for (size_t i = 0; data && data->kind == YAML_MAP && i < data->count; i++)
		if (strcmp(data->pairs[i].key, "users.yaml") == 0 && is_text(data->pairs[i].value)) {
			users->block = data->pairs[i].value;
			users->block_column = data->pairs[i].column;
		}
	if (!users->block) {
		complain(reading, outer, "ConfigMap without data.\"users.yaml\" as text");
		return NULL;
	}
	struct yaml_documents documents = {0};
	struct mistakes inside = {.mem = users->mem};
	reading->shift = users->block->block ? users->block->line : users->block->line - 1;
	users->inner = users->block->text;
	users->inner_length = users->block->length;
	yaml_read(users->file, users->inner, users->inner_length, users->mem, &documents, &inside);
	for (size_t i = 0; i < inside.count; i++)
		mistakes_add(reading->mistakes, users->file, inside.items[i].line + reading->shift,
			inside.items[i].column, "%s", inside.items[i].text);
	if (inside.count == 0 && documents.count != 1)
		complain(reading, users->block,
			"data.\"users.yaml\" must hold one document with a \"users\" list");
	return inside.count == 0 && documents.count == 1 ? documents.items[0] : NULL;
}

bool edit_users_read(const char *file, const char *bytes, size_t length, const char *namespace,
	struct edit_users *users, struct mistakes *mistakes)
{
	struct edit_users read = {
		.mem = arena_new(LIMIT_PASS_MEMORY),
		.namespace = namespace ? namespace : EDIT_USERS_NAMESPACE,
		.item = "password",
		.template = DEFAULT_TEMPLATE,
	};
	struct reading reading = {.users = &read, .mistakes = mistakes};
	struct yaml_documents documents = {0};
	size_t before = mistakes->count + mistakes->dropped;
	read.file = arena_copy(read.mem, file);
	read.text = read.inner = arena_copy_n(read.mem, bytes, length);
	read.length = read.inner_length = length;
	yaml_read(file, read.text, length, read.mem, &documents, mistakes);
	if (mistakes->count + mistakes->dropped == before && documents.count != 1)
		mistakes_add(mistakes, file, 0, 0, "expected one document with a \"users\" list, found %zu",
			documents.count);
	if (mistakes->count + mistakes->dropped == before) {
		const struct yaml_node *kind = yaml_get(documents.items[0], "kind");
		read.outer = read.root = documents.items[0];
		if (is_text(kind) && strcmp(kind->text, "ConfigMap") == 0)
			read.root = unwrap(&reading, read.outer);
		if (read.root)
			read_list(&reading, read.root);
	}
	if (mistakes->count + mistakes->dropped != before) {
		edit_users_done(&read);
		return false;
	}
	*users = read;
	return true;
}

void edit_users_done(struct edit_users *users)
{
	arena_wipe(users->mem);
	*users = (struct edit_users){0};
}

bool edit_users_has_password(const struct edit_users *users)
{
	for (size_t i = 0; i < users->count; i++)
		if (users->items[i].password)
			return true;
	return false;
}
