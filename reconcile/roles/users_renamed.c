/*
 * users_renamed.c - `renamedFrom` of users: who was called what before, and what of it cannot be meant
 *
 * The line may stay in the file for ever, and is read again after a restore or by an agent that was away: so the old name must not mean
 * anybody else in the same file. A user who is listed under a name that another one had would be taken for it wherever the new role is
 * not there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/roles/users_check.h"
#include "reconcile/roles/users_reader.h"

static int compare_former(const void *a, const void *b)
{
	const struct user *left = *(const struct user *const *)a, *right = *(const struct user *const *)b;
	int order = strcmp(left->fields.renamed_from, right->fields.renamed_from);
	return order ? order : strcmp(left->name, right->name);
}

/* Who is to be absent is not renamed before. */
void users_renamed_index(struct users *users, struct arena *mem)
{
	users->renamed = arena_array(mem, users->count + 1, sizeof(*users->renamed));
	users->renamed_count = 0;
	for (size_t i = 0; i < users->count; i++)
		if (users->items[i].fields.renamed_from && users->items[i].ensure != USER_ABSENT)
			users->renamed[users->renamed_count++] = &users->items[i];
	if (users->renamed_count)
		qsort(users->renamed, users->renamed_count, sizeof(*users->renamed), compare_former);
}

static int compare_name(const void *name, const void *user)
{
	return strcmp(name, (*(const struct user *const *)user)->fields.renamed_from);
}

const struct user *users_former(const struct users *users, const char *name)
{
	const struct user *const *found = users->renamed_count
		? bsearch(name, users->renamed, users->renamed_count, sizeof(*users->renamed), compare_name)
		: NULL;
	return found ? *found : NULL;
}

static void check_name(
	const char *file, const struct users *users, const struct user *user, struct mistakes *mistakes)
{
	const char *from = user->fields.renamed_from;
	int line = user->fields.renamed_line, column = user->fields.renamed_column;
	const struct user *other = users_find(users, from);
	if (other == user)
		mistakes_add(mistakes, file, line, column, "renamedFrom of user \"%s\" is its own name",
			user->name);
	else if (other)
		mistakes_add(mistakes, file, line, column,
			"user \"%s\" is renamed from \"%s\", which is listed as a user itself (line %d): take renamedFrom away "
			"once the role has its new name, or that user",
			user->name, from, other->line);
	for (size_t i = 0; i < users->group_count; i++)
		if (strcmp(users->groups[i].name, from) == 0)
			mistakes_add(mistakes, file, line, column,
				"user \"%s\" is renamed from \"%s\", which is listed as a group (line %d): a group does not "
				"become a user",
				user->name, from, users->groups[i].line);
}

static void check_roles(
	const char *file, const struct users *users, const struct user *user, struct mistakes *mistakes)
{
	for (size_t i = 0; i < user->role_count; i++) {
		const struct user *now = users_former(users, user->roles[i]);
		if (now)
			mistakes_add(mistakes, file, user->line, user->column,
				"user \"%s\" has role \"%s\", which is renamed to \"%s\" (line %d): list it by that name",
				user->name, user->roles[i], now->name, now->fields.renamed_line);
	}
}

/* The password of before holds until the new Secret is there; not one that is somebody else's. */
static void find_secrets(struct users *users, struct arena *mem)
{
	size_t count = users->count;
	const char **secrets = arena_array(mem, count + 1, sizeof(*secrets));
	for (size_t i = 0; i < count; i++)
		secrets[i] = users->items[i].password.secret;
	text_sort_unique(secrets, &count);
	for (size_t i = 0; i < users->count; i++) {
		struct user_fields *fields = &users->items[i].fields;
		bool named = !fields->renamed_from || users->items[i].password.named;
		const char *former =
			named ? NULL : reader_secret_name(users->secret_template, fields->renamed_from, mem);
		if (former && !text_is_listed(secrets, count, former))
			fields->former_secret = former;
	}
}

void users_check_renamed(const char *file, struct users *users, struct arena *mem, struct mistakes *mistakes)
{
	users_renamed_index(users, mem);
	if (!users->renamed_count)
		return;
	for (size_t i = 0; i < users->renamed_count; i++) {
		const struct user *user = users->renamed[i], *last = i ? users->renamed[i - 1] : NULL;
		if (last && strcmp(last->fields.renamed_from, user->fields.renamed_from) == 0)
			mistakes_add(mistakes, file, user->fields.renamed_line, user->fields.renamed_column,
				"users \"%s\" and \"%s\" (line %d) are both renamed from \"%s\": it can become one of them",
				user->name, last->name, last->fields.renamed_line, user->fields.renamed_from);
		check_name(file, users, user, mistakes);
	}
	for (size_t i = 0; i < users->count; i++)
		check_roles(file, users, &users->items[i], mistakes);
	find_secrets(users, mem);
}
