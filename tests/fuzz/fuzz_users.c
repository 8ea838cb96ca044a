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
		if (!text_starts(user->secret, "user-") || strchr(user->secret, '_'))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct mistakes mistakes = {.mem = mem};
	struct roles_policy policy = {0};
	struct users users;
	users_read("users.yaml", 1, (const char *)data, size, "postgres", &policy, mem, &users, &mistakes);
	if (users.count && mistakes.count)
		abort();
	check(&users);
	arena_free(mem);
	return 0;
}
