/*
 * content.h - the answer of a repository becomes an Application's desired state, or its mistakes
 */
#pragma once

#include "agent/run/agent.h"
#include "agent/run/fetch.h"

/*
 * Takes one path's content over into the app: completes it, checks the users it holds for any database of the agent file,
 * and either replaces `desired` (good) or sets `broken` and keeps the last good one. The fetch's arena is shared by all
 * Applications of the repository, so the content is copied.
 */
void content_take(struct agent *agent, struct app *app, const struct source_result *result,
	const struct source_content *content);

/* The content of the commit in force, for an app that has none because the newest commit is broken, which stays said. */
void content_take_last_good(struct agent *agent, struct app *app, const struct source_result *result,
	const struct source_content *content);

/* The text of the ConfigMap key that holds this database's users, from a complete desired state. False when there is none. */
struct content_users {
	const char *file;
	int line;         /* of its first line in the file */
	const char *text; /* in `mem` */
	size_t length;
	const char *namespace; /* of the ConfigMap */
};
bool content_users(const struct desired *desired, const struct database_config *database, struct arena *mem,
	struct content_users *users);
