/*
 * commits.h - what was read of an Application: the commit of each of its sources, in their order
 *
 * One text, "COMMIT" or "COMMIT,COMMIT,...": it is compared, recorded and said as one, and an Application of one source needs nothing
 * more. In documents it is `revision` for spec.source and the list `revisions` for spec.sources, as Argo CD has them (argocd.md 2.2).
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/limits.h"

enum { COMMIT_LENGTH = 40, COMMIT_SIZE = COMMIT_LENGTH + 1, COMMITS_SIZE = LIMIT_SOURCES * COMMIT_SIZE };

/* False, and `commits` as it was, when there are LIMIT_SOURCES of them or `commit` is longer than one. */
bool commits_add(char commits[COMMITS_SIZE], const char *commit) MUST_CHECK;

/* How many; "" has none. */
size_t commits_count(const char *commits);

/* That of one source; "" = there is none. */
void commits_at(const char *commits, size_t source, char commit[COMMIT_SIZE]);

/* Each is 40 hexadecimal digits, and there is at least one. */
bool commits_are_whole(const char *commits);

/* So many digits of each, for people: "1a2b3c4, 2b3c4d5". In `mem`. */
const char *commits_short(const char *commits, int digits, struct arena *mem);

/* One of them begins so. */
bool commits_have(const char *commits, const char *start);

/* A list of them; a new reference. */
json_t *commits_list(const char *commits);

/* The `revisions` of the document, else its `revision`; "" = it has neither, or what no text of commits can hold. */
void commits_read(const json_t *document, char commits[COMMITS_SIZE]);
