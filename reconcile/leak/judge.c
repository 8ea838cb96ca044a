/* A tree that may be a manifest: what in it is a secret. */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/leak/internal.h"

enum { LONGEST_NAME = 253 }; /* of a Kubernetes object, and of a key in its data */

const char *leak_text_at(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node && node->kind == YAML_STRING ? node->text : "";
}

static bool is_scalar(const struct yaml_node *node)
{
	return node->kind != YAML_MAP && node->kind != YAML_LIST && node->kind != YAML_NULL && node->length > 0;
}

/* As a finding says it: of what is broken, a name may be a whole line with the value in it. */
static const char *shown(const char *name)
{
	return strlen(name) > LONGEST_NAME || strpbrk(name, ":=\"'{}\r\n") ? "..." : name;
}

static const char *name_of(const struct yaml_node *object)
{
	const char *name = leak_text_at(yaml_get(object, "metadata"), "name");
	return *name ? shown(name) : "without name";
}

/* In prose and source an object counts when it is whole. */
static bool is_complete(const struct look *look, const struct yaml_node *object, const char *version)
{
	return !leak_is_example(look->place) || strstr(leak_text_at(object, "apiVersion"), version);
}

/* ---- Secret ---- */

static const char *const fields[] = {"data", "stringData"};

static bool is_public_entry(const struct look *look, size_t field, const struct yaml_node *value)
{
	bool example = leak_is_example(look->place);
	return field == 0 ? public_data(value->text, value->length, example)
			  : public_value(value->text, value->length, example);
}

/* Somebody who leaves the password to another program may say the user's name; and the repositories of Argo CD that need none. */
static bool leaves_secrets_elsewhere(const struct look *look, const struct yaml_node *secret)
{
	const struct yaml_node *labels = yaml_get(yaml_get(secret, "metadata"), "labels");
	if (*leak_text_at(labels, "argocd.argoproj.io/secret-type"))
		return true;
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const struct yaml_node *map = yaml_get(secret, fields[i]);
		for (size_t k = 0; map && map->kind == YAML_MAP && k < map->count; k++)
			if (is_scalar(map->pairs[k].value) && is_public_entry(look, i, map->pairs[k].value))
				return true;
	}
	return false;
}

static bool has_user_info(const struct yaml_node *value)
{
	const char *scheme = memmem(value->text, value->length, "://", 3);
	return scheme && memchr(scheme, '@', value->length - (size_t)(scheme - value->text));
}

static void judge_field(const struct look *look, const struct yaml_node *secret, size_t field, bool elsewhere)
{
	const struct yaml_node *map = yaml_get(secret, fields[field]);
	if (map && is_scalar(map) && !public_value(map->text, map->length, true))
		leak_found(look, LEAK_UNREADABLE, map->line, map->text, map->length,
			"Secret \"%s\" has a %s that cannot be read: seal it with `pgitops seal`",
			name_of(secret), fields[field]);
	for (size_t k = 0; map && map->kind == YAML_MAP && k < map->count; k++) {
		const struct yaml_pair *pair = &map->pairs[k];
		if (!is_scalar(pair->value) || is_public_entry(look, field, pair->value) ||
			(elsewhere && public_is_identity(pair->key) && !has_user_info(pair->value)))
			continue;
		leak_found(look, LEAK_SECRET, pair->line, pair->value->text, pair->value->length,
			"Secret \"%s\" holds the plain value of \"%s\": seal it with `pgitops seal`",
			name_of(secret), shown(pair->key));
	}
}

static void judge_secret(const struct look *look, const struct yaml_node *secret)
{
	if (!is_complete(look, secret, "v1"))
		return;
	bool elsewhere = leaves_secrets_elsewhere(look, secret);
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		judge_field(look, secret, i, elsewhere);
}

/* Its items need not say what they are. */
static void judge_list(const struct look *look, const struct yaml_node *list)
{
	const struct yaml_node *items = yaml_get(list, "items");
	for (size_t i = 0; items && items->kind == YAML_LIST && i < items->count; i++)
		for (size_t k = 0; k < COUNT_OF(fields); k++)
			judge_field(look, items->items[i], k, false);
}

/* ---- SealedSecret ---- */

static void judge_encrypted(const struct look *look, const struct yaml_node *object, const char *key,
	int line, const struct yaml_node *value)
{
	if (is_scalar(value) && !public_value(value->text, value->length, leak_is_example(look->place)) &&
		!public_is_sealed(value->text, value->length))
		leak_found(look, LEAK_SEALED, line, value->text, value->length,
			"SealedSecret \"%s\" holds in \"%s\" what no sealing made: a plain value, or a part of one. Seal it with "
			"`pgitops seal`",
			name_of(object), shown(key));
}

static void judge_template(const struct look *look, const struct yaml_node *object, const struct yaml_node *map)
{
	for (size_t k = 0; map && map->kind == YAML_MAP && k < map->count; k++) {
		const struct yaml_pair *pair = &map->pairs[k];
		if (is_scalar(pair->value) &&
			!public_template(pair->key, pair->value->text, pair->value->length,
				leak_is_example(look->place)))
			leak_found(look, LEAK_SEALED, pair->line, pair->value->text, pair->value->length,
				"SealedSecret \"%s\" holds the plain value of \"%s\" in its template: seal it with `pgitops seal`",
				name_of(object), shown(pair->key));
	}
}

static void judge_sealed(const struct look *look, const struct yaml_node *object)
{
	const struct yaml_node *spec = yaml_get(object, "spec"), *values = yaml_get(spec, "encryptedData"),
			       *blob = yaml_get(spec, "data");
	if (!is_complete(look, object, "bitnami.com"))
		return;
	for (size_t k = 0; values && values->kind == YAML_MAP && k < values->count; k++)
		judge_encrypted(
			look, object, values->pairs[k].key, values->pairs[k].line, values->pairs[k].value);
	if (blob)
		judge_encrypted(look, object, "data", blob->line, blob);
	for (size_t k = 0; blob && blob->kind == YAML_MAP && k < blob->count; k++)
		judge_encrypted(look, object, blob->pairs[k].key, blob->pairs[k].line, blob->pairs[k].value);
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		judge_template(look, object, yaml_get(yaml_get(spec, "template"), fields[i]));
		judge_template(look, object, yaml_get(object, fields[i]));
		if (i)
			judge_template(look, object, yaml_get(spec, fields[i]));
	}
}

/* ---- users, kubeconfig, secretGenerator ---- */

static const char *user_of(const struct yaml_node *user)
{
	static const char *const keys[] = {"username", "name", "user", "login", "role"};
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (*leak_text_at(user, keys[i]))
			return leak_text_at(user, keys[i]);
	return NULL;
}

/* In prose and source a list of users is an example more often than not. */
static void judge_user(const struct look *look, const struct yaml_node *user, const char *name)
{
	bool example = leak_is_example(look->place);
	for (size_t k = 0; name && user->kind == YAML_MAP && k < user->count; k++) {
		const struct yaml_pair *pair = &user->pairs[k];
		if (public_names_password(pair->key, strlen(pair->key)) && is_scalar(pair->value) &&
			!public_value(pair->value->text, pair->value->length, example))
			leak_found(look, example ? LEAK_LOOKS : LEAK_USERS, pair->line, pair->value->text,
				pair->value->length,
				"user \"%s\" has a plain password in \"%s\": keep it in edit-users.yaml outside Git and run "
				"`pgitops seal users`",
				shown(name), shown(pair->key));
	}
}

void leak_judge_users(const struct look *look, const struct yaml_node *users)
{
	for (size_t i = 0; users && users->kind == YAML_LIST && i < users->count; i++)
		judge_user(look, users->items[i], user_of(users->items[i]));
	for (size_t i = 0; users && users->kind == YAML_MAP && i < users->count; i++)
		if (user_of(users->pairs[i].value))
			judge_user(look, users->pairs[i].value, users->pairs[i].key);
}

void leak_judge_kubeconfig(const struct look *look, const struct yaml_node *root)
{
	static const char *const keys[] = {"token", "password", "client-key-data"};
	const struct yaml_node *list = yaml_get(root, "users");
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++)
		for (size_t k = 0; k < COUNT_OF(keys); k++) {
			const struct yaml_node *value = yaml_get(yaml_get(list->items[i], "user"), keys[k]);
			if (value && is_scalar(value) &&
				!public_data(value->text, value->length, leak_is_example(look->place)))
				leak_found(look, LEAK_KUBECONFIG, value->line, value->text, value->length,
					"a kubeconfig with the %s of \"%s\": whoever reads it has that access",
					keys[k], shown(leak_text_at(list->items[i], "name")));
		}
}

/* kustomize: "KEY=value" */
static void judge_generator(const struct look *look, const struct yaml_node *list)
{
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
		const struct yaml_node *literals = yaml_get(list->items[i], "literals");
		for (size_t k = 0; literals && literals->kind == YAML_LIST && k < literals->count; k++) {
			const struct yaml_node *node = literals->items[k];
			const char *value = node->kind == YAML_STRING ? strchr(node->text, '=') : NULL;
			if (value && value[1] &&
				!public_value(value + 1, strlen(value + 1), leak_is_example(look->place)))
				leak_found(look, LEAK_GENERATOR, node->line, value + 1, strlen(value + 1),
					"secretGenerator \"%s\" holds the plain value of \"%.*s\": seal it with `pgitops seal`",
					shown(leak_text_at(list->items[i], "name")),
					(int)(value - node->text), node->text);
		}
	}
}

/* ---- the tree ---- */

static void judge_inside(const struct look *look, const char *key, const struct yaml_node *node)
{
	struct look inside = *look;
	if (look->depth >= LOOK_DEPTH || !leak_is_worth_reading(node->text, node->length))
		return;
	inside.depth++;
	if (leak_place_of(key) != PLACE_OTHER)
		inside.place = leak_place_of(key);
	if (node->block && !look->fixed)
		inside.shift += node->line;
	else if (!look->fixed)
		inside.fixed = node->line + look->shift;
	leak_text(&inside, NULL, node->text, node->length);
}

static bool judge_kind(const struct look *look, const struct yaml_node *map)
{
	const char *kind = leak_text_at(map, "kind");
	if (strcmp(kind, "Secret") == 0)
		judge_secret(look, map);
	else if (strcmp(kind, "SecretList") == 0)
		judge_list(look, map);
	else if (strcmp(kind, "SealedSecret") == 0)
		judge_sealed(look, map);
	else if (strcmp(kind, "Config") == 0 && yaml_get(map, "clusters"))
		leak_judge_kubeconfig(look, map);
	else
		return false;
	return true;
}

/* The parser bounds the depth. A Secret's values were judged with it. */
void leak_judge(const struct look *look, const struct yaml_node *node)
{
	if (node->kind == YAML_LIST)
		for (size_t i = 0; i < node->count; i++)
			leak_judge(look, node->items[i]);
	if (node->kind == YAML_STRING)
		judge_inside(look, "", node);
	if (node->kind != YAML_MAP)
		return;
	bool judged = judge_kind(look, node);
	if (!judged)
		leak_judge_users(look, yaml_get(node, "users"));
	judge_generator(look, yaml_get(node, "secretGenerator"));
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_pair *pair = &node->pairs[i];
		if (judged && (strcmp(pair->key, "data") == 0 || strcmp(pair->key, "stringData") == 0))
			continue;
		if (pair->value->kind == YAML_STRING)
			judge_inside(look, pair->key, pair->value);
		else
			leak_judge(look, pair->value);
	}
}
