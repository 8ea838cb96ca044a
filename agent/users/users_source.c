#include "agent/users/users_source.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/sealed/open.h"

const struct object *users_source_object(const struct desired *desired, const struct database_config *database)
{
	for (size_t i = 0; i < desired->objects.count; i++) {
		const struct object_key *key = &desired->objects.items[i].key;
		if (!*key->group && strcmp(key->kind, "ConfigMap") == 0 &&
			strcmp(key->name, database->config_map) == 0)
			return &desired->objects.items[i];
	}
	return NULL;
}

/* Most users have the roles and databases of the one before: texts of the file stand once in memory. */
static const char *copy_text(const char *text, const char *before, struct arena *mem)
{
	return text_equal(text, before) ? before : arena_copy(mem, text);
}

static const char **copy_list(const char *const *list, size_t count, const char *const *before,
	size_t before_count, struct arena *mem)
{
	const char **copy = arena_array(mem, count, sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = copy_text(list[i], i < before_count ? before[i] : NULL, mem);
	return copy;
}

static struct role_options *copy_options(const struct role_options *options, size_t count, struct arena *mem)
{
	struct role_options *copy = options ? arena_array(mem, count, sizeof(*copy)) : NULL;
	for (size_t i = 0; copy && i < count; i++)
		copy[i] = options[i];
	return copy;
}

static struct parameter *copy_parameters(const struct user *user, const struct user *before, struct arena *mem)
{
	static const struct parameter nothing;
	struct parameter *copy = arena_array(mem, user->parameter_count, sizeof(*copy));
	for (size_t i = 0; i < user->parameter_count; i++) {
		const struct parameter *from = &user->parameters[i],
				       *same = i < before->parameter_count ? &before->parameters[i] : &nothing;
		copy[i] = (struct parameter){copy_text(from->database, same->database, mem),
			copy_text(from->name, same->name, mem), copy_text(from->value, same->value, mem),
			copy_text(from->sql, same->sql, mem)};
	}
	return copy;
}

static void copy_grant(const struct grant *from, const struct grant *before, struct arena *mem, struct grant *to)
{
	*to = *from; /* `privilege` and `grantor` are words of the program */
	to->database = copy_text(from->database, before->database, mem);
	to->role = copy_text(from->role, before->role, mem);
	to->schema = copy_text(from->schema, before->schema, mem);
	to->name = copy_text(from->name, before->name, mem);
	to->column = copy_text(from->column, before->column, mem);
}

static void copy_grants(const struct grants_wanted *from, struct arena *mem, struct grants_wanted *to)
{
	static const struct grant nothing;
	*to = *from;
	to->grants.items = arena_array(mem, from->grants.count, sizeof(*to->grants.items));
	for (size_t i = 0; i < from->grants.count; i++)
		copy_grant(&from->grants.items[i], i ? &to->grants.items[i - 1] : &nothing, mem,
			&to->grants.items[i]);
	to->roles = copy_list(from->roles, from->role_count, from->roles, 0, mem);
	to->users = copy_list(from->users, from->user_count, from->users, 0, mem);
	to->kept = copy_list(from->kept, from->kept_count, from->kept, 0, mem);
	to->told = copy_list(from->told, from->told_count, from->told, 0, mem);
}

static void copy_groups(const struct users *from, struct arena *mem, struct users *to)
{
	to->groups = arena_array(mem, from->group_count, sizeof(*to->groups));
	for (size_t i = 0; i < from->group_count; i++) {
		const struct group_role *group = &from->groups[i];
		to->groups[i] = *group;
		to->groups[i].name = arena_copy(mem, group->name);
		to->groups[i].comment = arena_copy(mem, group->comment);
		to->groups[i].roles = copy_list(group->roles, group->role_count, group->roles, 0, mem);
		to->groups[i].role_options = copy_options(group->role_options, group->role_count, mem);
	}
}

static void copy_databases(const struct users *from, struct arena *mem, struct users *to)
{
	to->databases = arena_array(mem, from->database_count, sizeof(*to->databases));
	for (size_t i = 0; i < from->database_count; i++) {
		const struct wanted_database *database = &from->databases[i];
		struct wanted_database *copy = &to->databases[i];
		*copy = *database;
		copy->name = copy_text(database->name, NULL, mem);
		copy->owner = copy_text(database->owner, NULL, mem);
		copy->comment = copy_text(database->comment, NULL, mem);
		copy->encoding = copy_text(database->encoding, NULL, mem);
		copy->locale = copy_text(database->locale, NULL, mem);
		copy->extensions = arena_array(mem, database->extension_count, sizeof(*copy->extensions));
		for (size_t e = 0; e < database->extension_count; e++)
			copy->extensions[e] = (struct wanted_extension){
				.name = copy_text(database->extensions[e].name, NULL, mem),
				.schema = copy_text(database->extensions[e].schema, NULL, mem),
			};
	}
}

static void copy_password(const struct user_password *from, const struct user_password *before,
	struct arena *mem, struct user_password *to)
{
	*to = *from;
	to->secret = copy_text(from->secret, before->secret, mem);
	to->key = copy_text(from->key, before->key, mem);
	to->namespace = from->namespace ? copy_text(from->namespace, before->namespace, mem) : NULL;
}

/* What is kept as long as the users are in force: the tree of the file is many times as large. */
static void copy_users(const struct users *from, struct arena *mem, struct users *to)
{
	static const struct user none;
	*to = *from;
	to->items = arena_array(mem, from->count, sizeof(*to->items));
	for (size_t i = 0; i < from->count; i++) {
		const struct user *user = &from->items[i], *before = i ? &to->items[i - 1] : &none;
		to->items[i] = *user;
		to->items[i].name = arena_copy(mem, user->name);
		to->items[i].fields = user_fields_copy(&user->fields, mem);
		copy_password(&user->password, &before->password, mem, &to->items[i].password);
		to->items[i].databases = copy_list(user->databases, user->database_count, before->databases,
			before->database_count, mem);
		to->items[i].roles =
			copy_list(user->roles, user->role_count, before->roles, before->role_count, mem);
		to->items[i].role_options = copy_options(user->role_options, user->role_count, mem);
		to->items[i].parameters = copy_parameters(user, before, mem);
	}
	users_renamed_index(to, mem);
	copy_groups(from, mem, to);
	copy_databases(from, mem, to);
	copy_grants(&from->grants, mem, &to->grants);
}

bool users_source_read(const struct desired *desired, const struct database_config *database,
	struct arena *mem, struct users *users, struct mistakes *mistakes)
{
	const struct object *object = users_source_object(desired, database);
	CLEANUP(json_done) json_t *tree = NULL;
	struct error ignored;

	if (!object || !json_read(object->json, object->json_length, &tree, &ignored))
		return false;
	const json_t *text = json_object_get(json_object_get(tree, "data"), database->key);
	if (!json_is_string(text))
		return false;
	CLEANUP(arena_freep) struct arena *scratch = arena_new(LIMIT_PASS_MEMORY);
	struct users read;
	users_read(object->file, object->text_line ? object->text_line : object->line,
		json_string_value(text), json_string_length(text),
		database->database ? database->database : "", &database->policy, scratch, &read, mistakes);
	if (arena_full(scratch))
		mistakes_add(mistakes, object->file, object->line, 0,
			"the users of this file need more than %ld MiB of memory", LIMIT_PASS_MEMORY >> 20);
	copy_users(&read, mem, users);
	return true;
}

size_t users_source_of(const struct desired *desired, const struct database_config *database)
{
	const struct object *object = users_source_object(desired, database);
	return object ? object->source : 0;
}

void users_source_hash(const struct config *config, const struct desired *desired, struct content_users *users)
{
	const char *database = users->database->database;
	CLEANUP(buf_done) struct buf parts = BUF(LIMIT_STORE_TEXT);

	buf_printf(&parts, "%s %s\n", users->users.hash, database ? database : "");
	for (size_t i = 0; config->sealing_key_count && i < desired->objects.count; i++)
		if (sealed_is(&desired->objects.items[i].key))
			buf_text(&parts, desired->objects.items[i].hash);
	digest_sha256_hex(buf_string(&parts), parts.length, users->hash);
}
