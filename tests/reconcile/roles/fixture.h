/*
 * fixture.h - a text that is read as users.yaml, for the tests of what it says
 */
#pragma once

#include <string.h>

#include "reconcile/roles/users.h"

struct reading {
	struct arena *mem; /* of the users and the mistakes; the test frees it */
	struct users users;
	struct mistakes mistakes;
};

/* `database` is where entries are that name none. */
static inline void read_text(
	struct reading *reading, const char *text, const char *database, const struct roles_policy *policy)
{
	reading->mem = arena_new(64 << 20);
	reading->mistakes = (struct mistakes){.mem = reading->mem};
	users_read(&(struct users_place){"users.yaml", 1, 0}, text, strlen(text), database, policy,
		reading->mem, &reading->users, &reading->mistakes);
}
