/*
 * content.h - the answer of a repository becomes an Application's desired state, or its mistakes
 */
#pragma once

#include "agent/agent.h"
#include "agent/loop/fetch.h"

/*
 * Takes one path's content over into the app: completes it, checks the users it holds for any database of the agent file,
 * and either replaces `content` (good) or sets `broken` and keeps the last good one. The fetch's arena is shared by all
 * Applications of the repository, so the content is copied.
 */
void content_take(struct agent *agent, struct app *app, const struct source_result *result,
	const struct source_content *content);

/* The answer to a question for another revision: into the lookup, nothing else changes. */
void content_take_lookup(struct agent *agent, struct app *app, struct lookup *lookup,
	const struct source_result *result, const struct source_content *content);

/* The content of the commit in force, for an app that has none because the newest commit is broken, which stays said. */
void content_take_last_good(struct agent *agent, struct app *app, const struct source_result *result,
	const struct source_content *content);

/* The kinds that its CustomResourceDefinitions define. Once for a content: these are the largest objects there are, and a pass would have to
   take each of them apart. */
void content_find_definitions(struct content *content);
