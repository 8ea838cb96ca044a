#include "agent/commands/common.h"

#include "base/limits.h"
#include "base/text.h"

enum { MOST_NAMES = LIMIT_USERS };

/* {"adopt": [...], "takeOver": ..., "database": ...}; a new reference. */
static json_t *request_of(int argc, char **argv, const char *database, const char *from)
{
	json_t *body = json_object();
	json_set_text(body, "database", database);
	json_set_text(body, "takeOver", from);
	if (argc)
		json_object_set_new(body, "adopt", command_names(argc, argv));
	return body;
}

int command_user_adopt(struct command_context *context, int argc, char **argv)
{
	const char *database = NULL, *timeout = NULL, *from = NULL;
	bool dry_run = false;
	int64_t milliseconds;
	const struct command_option options[] = {{"--database", NULL, &database}, {"--from", NULL, &from},
		{"--dry-run", &dry_run, NULL}, {"--timeout", NULL, &timeout}};
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, MOST_NAMES) ||
		!command_timeout(context, timeout, &milliseconds))
		return EXIT_NO_ANSWER;
	if (!argc && !from)
		return command_misused(context,
			"NAME says which role becomes ours, or --from MANAGER whose roles; `pgitops user list` and `pgitops "
			"status` say who needs it");
	CLEANUP(json_done) json_t *body = request_of(argc, argv, database, from);
	if (dry_run)
		return command_users_plan(context, body, milliseconds);
	return command_users_sync(context, body, milliseconds);
}
