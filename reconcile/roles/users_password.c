/*
 * users_password.c - `password` of a user of version 2, and what `defaults` says of passwords
 *
 * What stands under `password` may be the password itself, misplaced or half sealed: no text of it goes into a mistake, but for
 * words that are known here.
 *
 * `passthrough` (clear text, so that a check_password hook can judge it) is known and refused: the server's log can be silenced for
 * what it logs itself, but pg_stat_statements, pgaudit and other extensions keep statements by settings of their own, and no client can
 * know which are there. A password is judged where it is made.
 */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/users_reader.h"

#define DEFAULT_TEMPLATE "user-{name}-secret"
#define PLACE "{name}"

static const char *const reference_keys[] = {"name", "key", "namespace"};
static const char *const default_keys[] = {"nameTemplate", "key", "trim", "namespace"};

/* As reader_refuse_unknown_keys(), and does not say what stands there. */
static void refuse_unknown(struct users_reader *reader, const struct yaml_node *map, const char *what,
	const char *const *keys, size_t count)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_pair *pair = &map->pairs[i];
		struct yaml_node at = {.line = pair->line, .column = pair->column};
		bool known = false;
		for (size_t k = 0; k < count; k++)
			known = known || strcmp(keys[k], pair->key) == 0;
		if (!known)
			reader_wrong(reader, &at,
				arena_printf(reader->mem, "a key of %s that is not known: %s", what,
					reader_instead(reader, pair->key, keys, count)));
	}
}

/* A name of Kubernetes, or NULL: then a mistake has been told, or there is none under this key. */
static const char *name_at(struct users_reader *reader, const struct yaml_node *map, const char *key,
	bool (*is_right)(const char *text), const char *form)
{
	const struct yaml_node *node = yaml_get(map, key);
	if (!node)
		return NULL;
	if (node->kind == YAML_STRING && strlen(node->text) == node->length && is_right(node->text))
		return node->text;
	reader_wrong(reader, node, arena_printf(reader->mem, "%s must be %s", key, form));
	return NULL;
}

/* As Kubernetes has it: letters, digits, '-', '_' and '.'. */
static bool is_key(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t length = strspn(text, allowed);
	return length && !text[length] && length <= 253;
}

static const char *key_at(struct users_reader *reader, const struct yaml_node *map)
{
	return name_at(reader, map, "key", is_key, "a key of a Secret: letters, digits, '-', '_' and '.'");
}

static const char *namespace_at(struct users_reader *reader, const struct yaml_node *map)
{
	return name_at(reader, map, "namespace", text_is_dns_label,
		"the name of a namespace: lower-case letters, digits and '-'");
}

/* --- of one user --- */

static void read_reference(
	struct users_reader *reader, const struct yaml_node *node, struct user_password *password)
{
	if (node->kind != YAML_MAP) {
		reader_wrong(reader, node,
			"this must be a map that names a Secret, as in {name: user-alice-secret, key: password}; the "
			"password itself does not belong in Git");
		return;
	}
	refuse_unknown(reader, node, "a reference", reference_keys, COUNT_OF(reference_keys));
	const char *key = key_at(reader, node), *namespace = namespace_at(reader, node);
	password->secret = name_at(reader, node, "name", text_is_dns_subdomain,
		"the name of a Secret: lower-case letters, digits, '-' and '.'");
	if (!yaml_get(node, "name"))
		reader_wrong(reader, node, "this names no Secret: name is missing");
	password->key = key ? key : "password";
	password->namespace = namespace;
	password->named = true;
}

static void read_verifier(
	struct users_reader *reader, const struct yaml_node *node, struct user_password *password)
{
	read_reference(reader, node, password);
	password->kind = PASSWORD_VERIFIER;
	password->keep_line_end = true;
}

static void must_be_true(struct users_reader *reader, const struct yaml_node *node)
{
	if (node->kind != YAML_BOOL || !node->boolean)
		reader_wrong(reader, node, "this must be true; leave it out where it is not meant");
}

static void read_generate(
	struct users_reader *reader, const struct yaml_node *node, struct user_password *password)
{
	must_be_true(reader, node);
	password->kind = PASSWORD_GENERATE;
}

static void read_disabled(
	struct users_reader *reader, const struct yaml_node *node, struct user_password *password)
{
	must_be_true(reader, node);
	password->kind = PASSWORD_DISABLED;
}

static void read_ignore(
	struct users_reader *reader, const struct yaml_node *node, struct user_password *password)
{
	must_be_true(reader, node);
	password->kind = PASSWORD_IGNORE;
}

static void refuse_passthrough(
	struct users_reader *reader, const struct yaml_node *node, struct user_password *password)
{
	(void)password;
	reader_wrong(reader, node,
		"passthrough is not offered: the server would get the password in clear text, which pg_stat_statements, "
		"pgaudit and others keep by settings of their own; let what makes the password judge it, and use secretRef");
}

/* Exactly one of them. */
static const struct {
	const char *key;
	void (*read)(struct users_reader *reader, const struct yaml_node *node, struct user_password *password);
} kinds[] = {
	{"secretRef", read_reference},
	{"verifierSecretRef", read_verifier},
	{"generate", read_generate},
	{"disabled", read_disabled},
	{"ignore", read_ignore},
	{"passthrough", refuse_passthrough},
};

/* A text here is told where all passwords in Git are: reader_refuse_unknown_keys(). */
void reader_password(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	struct user_password *password = &user->password;
	const char *names[COUNT_OF(kinds)];
	size_t said = 0;
	if (node->kind != YAML_MAP || !reader_needs_version(reader, node, "password"))
		return;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		names[i] = kinds[i].key;
		said += yaml_get(node, kinds[i].key) != NULL;
	}
	refuse_unknown(reader, node, "a password", names, COUNT_OF(kinds));
	*password = (struct user_password){.keep_line_end = reader->keep_line_end,
		.line = reader_line(reader, node->line),
		.column = reader_column(reader, node->column)};
	if (said != 1)
		reader_wrong(reader, node,
			"password is exactly one of secretRef, verifierSecretRef, generate, disabled and ignore, as in {secretRef: {name: billing-db}}");
	for (size_t i = 0; said == 1 && i < COUNT_OF(kinds); i++)
		if (yaml_get(node, kinds[i].key))
			kinds[i].read(reader, yaml_get(node, kinds[i].key), password);
}

/* The template with the user's name in its place; '_' is no character of a Kubernetes name. */
const char *reader_secret_name(const char *template, const char *user, struct arena *mem)
{
	if (!template)
		template = DEFAULT_TEMPLATE;
	const char *place = strstr(template, PLACE);
	char *name = arena_copy(mem, user);
	for (char *at = name; *at; at++)
		if (*at == '_')
			*at = '-';
	return arena_printf(mem, "%.*s%s%s", (int)(place - template), template, name, place + strlen(PLACE));
}

void reader_finish_password(struct users_reader *reader, struct user *user)
{
	struct user_password *password = &user->password;
	if (!password->line)
		password->keep_line_end = reader->keep_line_end;
	if (password->named || !user->name)
		return;
	password->secret = reader_secret_name(reader->users->secret_template, user->name, reader->mem);
	password->key = reader->secret_key ? reader->secret_key : "password";
	password->namespace = reader->secret_namespace;
}

/* --- of all users --- */

/* With a name in it, it has to be one that Kubernetes takes. */
static bool is_template(const char *text)
{
	char name[512];
	const char *place = strstr(text, PLACE);
	if (!place || strlen(text) > LIMIT_ROLE_NAME + 200 || strstr(place + 1, PLACE))
		return false;
	size_t before = (size_t)(place - text);
	memcpy(name, text, before);
	name[before] = 'x';
	memcpy(name + before + 1, place + strlen(PLACE), strlen(place + strlen(PLACE)) + 1);
	return text_is_dns_subdomain(name);
}

static void read_trim(struct users_reader *reader, const struct yaml_node *map)
{
	const struct yaml_node *node = yaml_get(map, "trim");
	const char *word = node && node->kind == YAML_STRING ? node->text : "";
	if (!node)
		return;
	reader->keep_line_end = strcmp(word, "none") == 0;
	if (!reader->keep_line_end && strcmp(word, "newline") != 0)
		reader_wrong(reader, node, "trim must be newline (one line end at the end is dropped) or none");
}

void reader_default_secret(struct users_reader *reader, const struct yaml_node *node)
{
	if (node->kind != YAML_MAP) {
		reader_wrong(reader, node,
			"passwordSecret must be a map, as in {nameTemplate: \"user-{name}-secret\", key: password}");
		return;
	}
	refuse_unknown(reader, node, "passwordSecret", default_keys, COUNT_OF(default_keys));
	reader->users->secret_template = name_at(reader, node, "nameTemplate", is_template,
		"the name of a Secret with {name} once in it, as in \"user-{name}-secret\": without it all users would share "
		"one Secret");
	reader->secret_key = key_at(reader, node);
	reader->secret_namespace = namespace_at(reader, node);
	read_trim(reader, node);
}

void reader_default_iterations(struct users_reader *reader, const struct yaml_node *node)
{
	if (node->kind == YAML_INTEGER && node->integer >= 1 && node->integer <= LIMIT_SCRAM_ITERATIONS)
		reader->users->scram_iterations = (int)node->integer;
	else
		reader_wrong(reader, node,
			arena_printf(reader->mem, "scramIterations must be a number from 1 to %d",
				LIMIT_SCRAM_ITERATIONS));
}

/* md5 is gone from a coming PostgreSQL and said to be by 18; so a new one is never made, on any version. */
void reader_default_encryption(struct users_reader *reader, const struct yaml_node *node)
{
	const char *word = node->kind == YAML_STRING ? node->text : "";
	reader->users->keep_md5 = strcmp(word, "keep") == 0;
	if (strcmp(word, "md5") == 0)
		reader_wrong(reader, node,
			"no new md5 hash is made: PostgreSQL 18 warns of each, and a later one has none; "
			"passwordEncryption: keep leaves those that are there");
	else if (!reader->users->keep_md5 && strcmp(word, "scram-sha-256") != 0)
		reader_wrong(reader, node, "passwordEncryption must be scram-sha-256 or keep");
}
