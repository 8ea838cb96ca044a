/*
 * users_copy.c - users on their own: what is kept as long as they are in force, as the tree of their file is many times as large
 *
 * Each text of struct users, struct user and what hangs on them is copied here. Whatever is forgotten would be read after the tree is gone, so
 * the driver of the tests on real servers goes this way, too.
 */
#include "base/text.h"
#include "reconcile/roles/users.h"

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
	to->allowed = copy_list(from->allowed, from->allowed_count, from->allowed, 0, mem);
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

void users_copy(const struct users *from, struct arena *mem, struct users *to)
{
	static const struct user none;
	*to = *from;
	to->secret_template = NULL;
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
