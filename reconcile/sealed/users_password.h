/*
 * users_password.h - a password put into a user's entry of the edit file
 */
#pragma once

#include "reconcile/sealed/users_parts.h"

/* The text of a part (users_parts.h) with this password behind the username, on a line of its own or in the same braces; `password:` without
   a value gets it. The same text where one is there already, or where the layout is not understood: whoever asks reads the result. In `mem`,
   which is wiped. */
const char *users_part_with_password(const char *text, const char *password, size_t length, struct arena *mem);

/* The whole edit file with the passwords of `given` (name and password count), all else as it is. Read again and compared: an error, never a
   wrong file. */
bool edit_users_give(const struct edit_users *users, const struct edit_user *given, size_t count,
	struct buf *out, struct error *err) MUST_CHECK;
