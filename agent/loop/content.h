/*
 * content.h - the answers of an Application's repositories become its desired state, or its mistakes
 *
 * Each answer is the part of one source (part.h). As soon as there is one of each source and none is broken, they are united in the
 * order of the sources: completed, checked with the users it holds for any database of the agent file, and in force from then on.
 * Until then the last good content stays.
 */
#pragma once

#include "agent/agent.h"

/* The commit of the content in force that a newer one may be read against (struct source_path), or NULL: not where anything about its
   objects depends on others of them, or on what is not in Git. */
const char *content_base(const struct app *app);

/* One source's answer; `content` NULL where nothing is wanted of it. content_unite() is to follow when all of an answer are taken. */
void content_take(struct app *app, size_t source, const struct source_result *result,
	const struct source_content *content);

/*
 * Replaces `content` (all is good) or sets `broken` and keeps the last good one. While a repository cannot be read, the newer
 * commits of the others wait for it: what belongs together comes together.
 */
void content_unite(struct agent *agent, struct app *app);

/* The sources are others than what was read. */
void content_forget_parts(struct app *app);

/* The kinds that its CustomResourceDefinitions define. Once for a content: these are the largest objects there are, and a pass would have to
   take each of them apart. */
void content_find_definitions(struct content *content);

/* All parts of the question are there: its answer, from the sources of this hash. Nothing else changes. */
void content_take_lookup(struct agent *agent, struct app *app, struct lookup *lookup);
