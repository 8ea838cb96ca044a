#include "reconcile/roles/users_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/parameters.h"

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
			"\"%s\" cannot be a user or group here: the name belongs to PostgreSQL, the operator or the "
			"agent's policy",
			name);
	if (ends_like_a_rotated_user(name))
		return arena_printf(mem,
			"\"%s\" cannot be a user or group here: it ends in six digits, and the operator's password "
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

static struct role_list roles_of(const struct user *user)
{
	return (struct role_list){user->roles, user->role_options, user->role_count};
}

static void set_roles(struct user *user, const struct role_list *roles)
{
	user->roles = roles->names;
	user->role_options = roles->options;
	user->role_count = roles->count;
}

static void sort_roles(const char *file, struct user *user, struct arena *mem, struct mistakes *mistakes)
{
	struct role_list roles = roles_of(user);
	const char *twice = role_list_sort(&roles, mem);
	if (twice)
		mistakes_add(mistakes, file, user->line, user->column,
			"user \"%s\" has role \"%s\" twice, with different options", user->name, twice);
	set_roles(user, &roles);
}

static void sort_parameters(const char *file, struct user *user, struct mistakes *mistakes)
{
	const char *twice = parameters_sort(user);
	if (twice)
		mistakes_add(mistakes, file, user->line, user->column,
			"user \"%s\" has parameter %s twice, with different values", user->name, twice);
}

static void merge_memberships(
	const char *file, struct user *user, const struct user *more, struct mistakes *mistakes)
{
	if (user->memberships_said && more->memberships_said && user->memberships != more->memberships)
		mistakes_add(mistakes, file, more->line, more->column,
			"user \"%s\" has other memberships: in another entry (line %d)", user->name,
			user->line);
	if (more->memberships_said)
		user->memberships = more->memberships;
	user->memberships_said |= more->memberships_said;
}

const char *user_ensure_name(enum user_ensure ensure)
{
	return ensure == USER_PRESENT ? "present" : ensure == USER_LOCKED ? "locked" : "absent";
}

/* Which entry says it does not matter; false when two say different things. */
static bool password_merge(struct user_password *into, const struct user_password *more)
{
	if (!into->line && more->line)
		*into = *more;
	return !more->line ||
		(into->kind == more->kind && text_equal(into->secret, more->secret) &&
			text_equal(into->key, more->key) && text_equal(into->namespace, more->namespace));
}

static void merge_into(const char *file, struct user *user, const struct user *more, struct arena *mem,
	struct mistakes *mistakes)
{
	const char *twice;
	if (user->ensure != more->ensure) {
		mistakes_add(mistakes, file, more->line, more->column,
			"user \"%s\" is %s in one entry and %s in another (line %d)", user->name,
			user_ensure_name(more->ensure), user_ensure_name(user->ensure), user->line);
	} else if (user->on_remove != more->on_remove) {
		mistakes_add(mistakes, file, more->line, more->column,
			"user \"%s\" has onRemove: %s in one entry and %s in another (line %d)", user->name,
			on_remove_name(more->on_remove), on_remove_name(user->on_remove), user->line);
	} else if (same_databases(user, more)) {
		mistakes_add(mistakes, file, more->line, more->column,
			"user \"%s\" is listed twice for the same database (line %d too)", user->name,
			user->line);
	} else if ((twice = user_fields_merge(&user->fields, &more->fields))) {
		mistakes_add(mistakes, file, more->line, more->column,
			"%s of user \"%s\" stands in another entry, too (line %d): leave it in one of them",
			twice, user->name, user->line);
	} else if (!password_merge(&user->password, &more->password)) {
		mistakes_add(mistakes, file, more->password.line, more->password.column,
			"user \"%s\" has another password in line %d: a user has one, in all databases",
			user->name, user->password.line);
	} else {
		append_all(mem, &user->databases, &user->database_count, more->databases, more->database_count);
		struct role_list roles = roles_of(user);
		const struct role_list others = roles_of(more);
		role_list_append(&roles, &others, mem);
		set_roles(user, &roles);
		parameters_merge(user, more, mem);
		merge_memberships(file, user, more, mistakes);
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
		sort_roles(file, user, mem, mistakes);
		sort_parameters(file, user, mistakes);
		if (!user->password.secret)
			user->password.secret = users_secret_name(user->name, mem);
		if (!user->password.key)
			user->password.key = "password";
	}
}

static int compare_name(const void *key, const void *user)
{
	return strcmp(key, ((const struct user *)user)->name);
}

const struct user *users_find(const struct users *users, const char *name)
{
	if (!users->count)
		return NULL;
	return bsearch(name, users->items, users->count, sizeof(*users->items), compare_name);
}

static bool has_secret(const struct user *user)
{
	return user->password.kind != PASSWORD_DISABLED && user->password.kind != PASSWORD_IGNORE;
}

/* Who names it comes last: next to each other are two that both do, or one that does not and is told. */
static int compare_secrets(const void *a, const void *b)
{
	const struct user *const *left = a, *const *right = b;
	const struct user_password *one = &(*left)->password, *two = &(*right)->password;
	int order = strcmp(one->secret, two->secret);
	if (!order)
		order = strcmp(one->key, two->key);
	if (!order)
		order = one->named - two->named;
	return order ? order : strcmp((*left)->name, (*right)->name);
}

static void check_secrets(
	const char *file, const struct users *users, struct arena *mem, struct mistakes *mistakes)
{
	const struct user **sorted = arena_array(mem, users->count ? users->count : 1, sizeof(*sorted));
	size_t count = 0;
	for (size_t i = 0; i < users->count; i++)
		if (has_secret(&users->items[i]))
			sorted[count++] = &users->items[i];
	if (count)
		qsort(sorted, count, sizeof(*sorted), compare_secrets);
	for (size_t i = 1; i < count; i++) {
		const struct user *one = sorted[i - 1], *two = sorted[i];
		const struct user_password *password = &two->password;
		if (strcmp(one->password.secret, password->secret) == 0 &&
			strcmp(one->password.key, password->key) == 0 && !one->password.named)
			mistakes_add(mistakes, file, two->line, two->column,
				"users \"%s\" and \"%s\" (line %d) would share the Secret %s: "
				"rename one of them, or let both name it under password (version: 2)",
				two->name, one->name, one->line, password->secret);
	}
}

/* Depth-first over users and groups that are roles of others, without recursion: a chain may be as long as the list. First come the
   users, then the groups. */
struct walk {
	const struct users *users;
	unsigned char *state; /* 0 not seen, 1 on the path, 2 done */
	size_t *path;         /* from the start to here */
	size_t *next;         /* role of path[i] that comes next */
	size_t depth;
};

static int compare_group_name(const void *key, const void *group)
{
	return strcmp(key, ((const struct group_role *)group)->name);
}

const struct group_role *users_find_group(const struct users *users, const char *name)
{
	return users->group_count
		? bsearch(name, users->groups, users->group_count, sizeof(*users->groups), compare_group_name)
		: NULL;
}

bool users_lists_group(const struct users *users, const char *name)
{
	return users_find_group(users, name) != NULL;
}

/* What a walk knows of a user or a group. */
struct place {
	const char *what, *name;
	const char **roles;
	size_t role_count;
	int line, column;
};

static struct place place_at(const struct walk *walk, size_t at)
{
	const struct users *users = walk->users;
	if (at < users->count) {
		const struct user *user = &users->items[at];
		return (struct place){
			"user", user->name, user->roles, user->role_count, user->line, user->column};
	}
	const struct group_role *group = &users->groups[at - users->count];
	return (struct place){
		"group", group->name, group->roles, group->role_count, group->line, group->column};
}

static bool find_place(const struct walk *walk, const char *name, size_t *at)
{
	const struct user *user = users_find(walk->users, name);
	const struct group_role *group = user ? NULL : users_find_group(walk->users, name);
	if (user)
		*at = (size_t)(user - walk->users->items);
	else if (group)
		*at = walk->users->count + (size_t)(group - walk->users->groups);
	return user || group;
}

static void step_into(struct walk *walk, size_t at)
{
	walk->state[at] = 1;
	walk->path[walk->depth] = at;
	walk->next[walk->depth++] = 0;
}

static void walk_from(struct walk *walk, size_t start, const char *file, struct mistakes *mistakes)
{
	step_into(walk, start);
	while (walk->depth) {
		size_t at = walk->path[walk->depth - 1], index;
		const struct place here = place_at(walk, at);
		if (walk->next[walk->depth - 1] == here.role_count) {
			walk->state[at] = 2;
			walk->depth--;
			continue;
		}
		const char *role = here.roles[walk->next[walk->depth - 1]++];
		if (!find_place(walk, role, &index))
			continue;
		if (walk->state[index] == 0)
			step_into(walk, index);
		else if (walk->state[index] == 1)
			mistakes_add(mistakes, file, here.line, here.column,
				"%s \"%s\" is a member of \"%s\", which is a member of \"%s\" "
				"again: break the circle",
				here.what, here.name, role, here.name);
	}
}

static void check_memberships(
	const char *file, const struct users *users, struct arena *mem, struct mistakes *mistakes)
{
	size_t count = users->count + users->group_count, room = count ? count : 1;
	struct walk walk = {
		.users = users,
		.state = arena_array(mem, room, sizeof(*walk.state)),
		.path = arena_array(mem, room, sizeof(*walk.path)),
		.next = arena_array(mem, room, sizeof(*walk.next)),
	};
	for (size_t i = 0; i < count; i++)
		if (walk.state[i] == 0)
			walk_from(&walk, i, file, mistakes);
}

static void check_absent_roles(const char *file, const struct users *users, struct mistakes *mistakes)
{
	for (size_t i = 0; i < users->count; i++) {
		const struct user *user = &users->items[i];
		for (size_t r = 0; user->ensure != USER_ABSENT && r < user->role_count; r++) {
			const struct user *role = users_find(users, user->roles[r]);
			if (role && role->ensure == USER_ABSENT)
				mistakes_add(mistakes, file, user->line, user->column,
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
