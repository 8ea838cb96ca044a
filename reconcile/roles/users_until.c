/*
 * users_until.c - version 2: access that ends by itself
 *
 * `until` is VALID UNTIL of the role, so that PostgreSQL itself lets nobody in with the password from then on, whether the agent runs or
 * not; and once it has passed the entry counts as `ensure: absent`, which is all that the plan knows of it. So an end that was written
 * down needs no confirmation and does not count for maxDeletions, `retirement: hold` and onRemove hold as for any leaver, and a later
 * `until` brings back whoever is not gone yet, as its line does.
 *
 * The clock is the server's, that of the same snapshot as the roles: agents and their clocks may differ, and with VALID UNTIL it is one.
 */
#include <string.h>

#include "base/text.h"
#include "reconcile/roles/users_check.h"

static void check(const char *file, const struct user *user, struct mistakes *mistakes)
{
	const struct user_fields *fields = &user->fields;
	int line = fields->until_line, column = fields->until_column;
	if (user_field_is_said(fields, "validUntil"))
		mistakes_add(mistakes, file, line, column,
			"user \"%s\" has until and validUntil: until sets PostgreSQL's VALID UNTIL, too; leave validUntil out, or "
			"until, if the role is to stay",
			user->name);
	if (user->ensure == USER_ABSENT)
		mistakes_add(mistakes, file, line, column,
			"user \"%s\" has until and ensure: absent: leave until out, or ensure, if it is to stay until then",
			user->name);
	else if (user->on_remove == ON_REMOVE_KEEP)
		mistakes_add(mistakes, file, line, column,
			"user \"%s\" has until and onRemove: keep, which would leave it its login: give it onRemove: retire or "
			"lock, or validUntil instead of until",
			user->name);
}

void users_check_until(const char *file, const struct users *users, struct mistakes *mistakes)
{
	for (size_t i = 0; i < users->count; i++)
		if (users->items[i].fields.until)
			check(file, &users->items[i], mistakes);
}

static bool ends_by(const struct user *user, int64_t now)
{
	return user->fields.until && user->fields.end <= now;
}

const struct users *users_at(const struct users *users, int64_t now, struct arena *mem)
{
	size_t first = 0;
	while (first < users->count && !ends_by(&users->items[first], now))
		first++;
	if (first == users->count)
		return users;
	struct users *copy = arena_alloc(mem, sizeof(*copy));
	*copy = *users;
	copy->items = arena_array(mem, users->count, sizeof(*copy->items));
	for (size_t i = 0; i < users->count; i++) {
		copy->items[i] = users->items[i];
		if (ends_by(&copy->items[i], now))
			copy->items[i].ensure = USER_ABSENT;
	}
	users_renamed_index(copy, mem);
	return copy;
}

bool user_has_ended(const struct user *user)
{
	return user->fields.until && user->ensure == USER_ABSENT;
}

bool users_end_former(const struct users *users, const char *name)
{
	for (size_t i = 0; i < users->count; i++)
		if (user_has_ended(&users->items[i]) && text_equal(users->items[i].fields.renamed_from, name))
			return true;
	return false;
}
