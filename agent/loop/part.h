/*
 * part.h - the answer of a repository becomes what one source of an Application wants
 */
#pragma once

#include "agent/agent.h"

struct part_answer {
	const struct application_source *sources; /* all of the Application */
	size_t source_count, source;              /* the one that was asked for */
	const struct source_result *result;
	const struct source_content *content; /* NULL = nothing is wanted of it, only its commit counts */
	const struct desired *base;           /* what `content` is based on, when it is */
};

/* A copy, for the arena of a fetch is shared by all that it was about. Where several sources lie in different repositories, or at
   different revisions of one, their files are named by both. NULL with the reason, which the caller frees. */
struct part *part_make(const struct part_answer *answer, char **why);

/* Appends mistakes to others; what was beyond the limit is counted. */
void part_copy_mistakes(const struct mistakes *from, struct mistakes *to);

/* All of them as one text of bounded length, sorted. The caller frees it. */
char *part_join_mistakes(struct mistakes *mistakes, struct arena *mem);
