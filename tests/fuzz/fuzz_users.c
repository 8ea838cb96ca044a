/*
 * fuzz_users.c - any bytes as users.yaml: users or mistakes, never both, and never a name that PostgreSQL would change
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct users *users)
{
	for (size_t i = 0; i < users->count; i++) {
		const struct user *user = &users->items[i];
		size_t length = strlen(user->name);
		if (!length || length > LIMIT_ROLE_NAME || !text_is_utf8(user->name, length))
			abort();
		if (i && strcmp(users->items[i - 1].name, user->name) >= 0)
			abort();
		if (!user->password.secret || !user->password.key)
			abort();
	}
}

/* Names reach SQL as they are; of a function the types are only compared. */
static void check_grants(const struct users *users)
{
	for (size_t i = 1; i < users->group_count; i++)
		if (strcmp(users->groups[i - 1].name, users->groups[i].name) >= 0)
			abort();
	for (size_t i = 0; i < users->grants.grants.count; i++) {
		const struct grant *grant = &users->grants.grants.items[i];
		if (!*grant->role || !*grant->database || !*grant->name ||
			strlen(grant->name) > LIMIT_ROLE_NAME || grant_refusal(grant) ||
			grant_privilege(grant->on, grant->privilege) != grant->privilege ||
			(!grant->column && grant->on != GRANT_ON_FUNCTION))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct mistakes mistakes = {.mem = mem};
	struct roles_policy policy = {0};
	struct users users;
	users_read(&(struct users_place){"users.yaml", 1, 0}, (const char *)data, size, "postgres", &policy,
		mem, &users, &mistakes);
	if ((users.count || users.group_count || users.grants.grants.count) && mistakes.count)
		abort();
	check(&users);
	check_grants(&users);
	arena_free(mem);
	return 0;
}
