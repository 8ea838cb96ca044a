#include "agent/commands/users.h"

#include "base/clock.h"
#include "base/text.h"

const char *command_user_roles(const struct command_context *context, const json_t *user)
{
	if (text_equal(json_text_at(user, "kind", "user"), "database"))
		return "(a database)";
	return json_bool_at(user, "group", false) ? "(a group)"
						  : command_join(context, json_object_get(user, "roles"), "-");
}

/* How long that is from now is said here: what is kept of a user is to change with the user alone. */
const char *command_user_reason(const struct command_context *context, const json_t *user)
{
	const char *reason = json_text_at(user, "reason", ""), *until = json_text_at(user, "until", NULL);
	char text[16];
	int64_t end, now = clock_now();
	if (!until || json_bool_at(user, "held", false) || !clock_parse(until, &end) || end <= now ||
		!text_ends(reason, until))
		return reason;
	duration_text((end - now) / 1000, text);
	return arena_printf(context->mem, "%s, in %s", reason, text);
}
