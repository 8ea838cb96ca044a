#include "reconcile/roles/users_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

enum { ROTATION_DIGITS = 6 };

const char *name_problem(const char *name, size_t length)
{
	if (!length)
		return "is empty";
	if (strlen(name) != length)
		return "has a NUL inside";
	if (length > LIMIT_ROLE_NAME)
		return "is longer than 63 bytes: PostgreSQL would cut it";
	if (!text_is_utf8(name, length))
		return "is not UTF-8";
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return "has a control character inside";
	return NULL;
}

/* The operator's password rotation drops every role LIKE 'user%' that ends in six digits (zalando-operator.md 3.2). */
static bool ends_like_a_rotated_user(const char *name)
{
	size_t digits = 0, length = strlen(name);
	while (digits < length && isdigit((unsigned char)name[length - digits - 1]))
		digits++;
	return digits >= ROTATION_DIGITS;
}

const char *user_name_problem(const struct roles_policy *policy, const char *name, struct arena *mem)
{
	if (roles_policy_protects(policy, name))
		return arena_printf(mem,
			"\"%s\" cannot be a user here: the name belongs to PostgreSQL, the operator or the "
			"agent's policy",
			name);
	if (ends_like_a_rotated_user(name))
		return arena_printf(mem,
			"\"%s\" cannot be a user here: it ends in six digits, and the operator's password "
			"rotation would drop it",
			name);
	return NULL;
}

static int compare_entries(const void *a, const void *b)
{
	const struct user *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order ? order : (left->line > right->line) - (left->line < right->line);
}

static bool same_databases(const struct user *a, const struct user *b)
{
	if (!a->database_count || !b->database_count)
		return a->database_count == b->database_count;
	for (size_t i = 0; i < a->database_count; i++)
		for (size_t j = 0; j < b->database_count; j++)
			if (strcmp(a->databases[i], b->databases[j]) == 0)
				return true;
	return false;
}

static void append_all(
	struct arena *mem, const char ***list, size_t *count, const char **more, size_t more_count)
{
	const char **both = arena_array(mem, *count + more_count, sizeof(*both));
	if (*count)
		memcpy(both, *list, *count * sizeof(*both));
	if (more_count)
		memcpy(both + *count, more, more_count * sizeof(*both));
	*list = both;
	*count += more_count;
}

static void merge_into(const char *file, struct user *user, const struct user *more, struct arena *mem,
	struct mistakes *mistakes)
{
	if (user->ensure != more->ensure) {
		mistakes_add(mistakes, file, more->line, 0,
			"user \"%s\" is absent in one entry and present in another (line %d)", user->name,
			user->line);
	} else if (user->on_remove != more->on_remove) {
		mistakes_add(mistakes, file, more->line, 0,
			"user \"%s\" has onRemove: %s in one entry and %s in another (line %d)", user->name,
			on_remove_name(more->on_remove), on_remove_name(user->on_remove), user->line);
	} else if (same_databases(user, more)) {
		mistakes_add(mistakes, file, more->line, 0,
			"user \"%s\" is listed twice for the same database (line %d too)", user->name,
			user->line);
	} else {
		append_all(mem, &user->databases, &user->database_count, more->databases, more->database_count);
		append_all(mem, &user->roles, &user->role_count, more->roles, more->role_count);
	}
}

const char *users_secret_name(const char *user, struct arena *mem)
{
	char *name = arena_printf(mem, "user-%s-secret", user);
	for (char *c = name; *c; c++)
		if (*c == '_')
			*c = '-';
	return name;
}

void users_merge(const char *file, struct user *entries, size_t count, struct arena *mem, struct users *users,
	struct mistakes *mistakes)
{
	*users = (struct users){.items = arena_array(mem, count ? count : 1, sizeof(*users->items))};
	if (count)
		qsort(entries, count, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < count; i++) {
		struct user *last = users->count ? &users->items[users->count - 1] : NULL;
		if (last && strcmp(last->name, entries[i].name) == 0)
			merge_into(file, last, &entries[i], mem, mistakes);
		else
			users->items[users->count++] = entries[i];
	}
	for (size_t i = 0; i < users->count; i++) {
		struct user *user = &users->items[i];
		text_sort_unique(user->databases, &user->database_count);
		text_sort_unique(user->roles, &user->role_count);
		user->secret = users_secret_name(user->name, mem);
	}
}

static int compare_name(const void *key, const void *user)
{
	return strcmp(key, ((const struct user *)user)->name);
}

static int compare_group(const void *name, const void *group)
{
	return strcmp(name, ((const struct group_role *)group)->name);
}

bool users_lists_group(const struct users *users, const char *name)
{
	return users->group_count &&
		bsearch(name, users->groups, users->group_count, sizeof(*users->groups), compare_group);
}

const struct user *users_find(const struct users *users, const char *name)
{
	if (!users->count)
		return NULL;
	return bsearch(name, users->items, users->count, sizeof(*users->items), compare_name);
}

static int compare_secrets(const void *a, const void *b)
{
	const struct user *const *left = a, *const *right = b;
	int order = strcmp((*left)->secret, (*right)->secret);
	return order ? order : strcmp((*left)->name, (*right)->name);
}

static void check_secrets(
	const char *file, const struct users *users, struct arena *mem, struct mistakes *mistakes)
{
	const struct user **sorted = arena_array(mem, users->count ? users->count : 1, sizeof(*sorted));
	for (size_t i = 0; i < users->count; i++)
		sorted[i] = &users->items[i];
	if (users->count)
		qsort(sorted, users->count, sizeof(*sorted), compare_secrets);
	for (size_t i = 1; i < users->count; i++) {
		const struct user *one = sorted[i - 1], *two = sorted[i];
		if (strcmp(one->secret, two->secret) == 0)
			mistakes_add(mistakes, file, two->line, 0,
				"users \"%s\" and \"%s\" (line %d) would share the Secret %s: "
				"rename one of them",
				two->name, one->name, one->line, two->secret);
	}
}

/* Depth-first over users that are roles of other users, without recursion: a chain may be as long as the list. */
struct walk {
	const struct users *users;
	unsigned char *state; /* 0 not seen, 1 on the path, 2 done */
	size_t *path;         /* users from the start to here */
	size_t *next;         /* role of path[i] that comes next */
	size_t depth;
};

static void step_into(struct walk *walk, size_t user)
{
	walk->state[user] = 1;
	walk->path[walk->depth] = user;
	walk->next[walk->depth++] = 0;
}

static void walk_from(struct walk *walk, size_t start, const char *file, struct mistakes *mistakes)
{
	step_into(walk, start);
	while (walk->depth) {
		size_t at = walk->path[walk->depth - 1];
		const struct user *user = &walk->users->items[at];
		if (walk->next[walk->depth - 1] == user->role_count) {
			walk->state[at] = 2;
			walk->depth--;
			continue;
		}
		const struct user *role = users_find(walk->users, user->roles[walk->next[walk->depth - 1]++]);
		if (!role)
			continue;
		size_t index = (size_t)(role - walk->users->items);
		if (walk->state[index] == 0)
			step_into(walk, index);
		else if (walk->state[index] == 1)
			mistakes_add(mistakes, file, user->line, 0,
				"user \"%s\" is a member of \"%s\", which is a member of \"%s\" "
				"again: break the circle",
				user->name, role->name, user->name);
	}
}

static void check_memberships(
	const char *file, const struct users *users, struct arena *mem, struct mistakes *mistakes)
{
	size_t room = users->count ? users->count : 1;
	struct walk walk = {
		.users = users,
		.state = arena_array(mem, room, sizeof(*walk.state)),
		.path = arena_array(mem, room, sizeof(*walk.path)),
		.next = arena_array(mem, room, sizeof(*walk.next)),
	};
	for (size_t i = 0; i < users->count; i++)
		if (walk.state[i] == 0)
			walk_from(&walk, i, file, mistakes);
}

static void check_absent_roles(const char *file, const struct users *users, struct mistakes *mistakes)
{
	for (size_t i = 0; i < users->count; i++) {
		const struct user *user = &users->items[i];
		for (size_t r = 0; user->ensure == USER_PRESENT && r < user->role_count; r++) {
			const struct user *role = users_find(users, user->roles[r]);
			if (role && role->ensure == USER_ABSENT)
				mistakes_add(mistakes, file, user->line, 0,
					"user \"%s\" has role \"%s\", which is to be absent (line %d)",
					user->name, role->name, role->line);
		}
	}
}

void users_check(const char *file, const struct users *users, struct arena *mem, struct mistakes *mistakes)
{
	check_secrets(file, users, mem, mistakes);
	check_memberships(file, users, mem, mistakes);
	check_absent_roles(file, users, mistakes);
}
