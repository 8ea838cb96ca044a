#include "agent/commits.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

bool commits_add(char commits[COMMITS_SIZE], const char *commit)
{
	size_t length = strlen(commits);
	if (strlen(commit) > COMMIT_LENGTH || commits_count(commits) == LIMIT_SOURCES)
		return false;
	snprintf(commits + length, COMMITS_SIZE - length, "%s%s", length ? "," : "", commit);
	return true;
}

size_t commits_count(const char *commits)
{
	size_t count = *commits != '\0';
	for (; *commits; commits++)
		count += *commits == ',';
	return count;
}

/* The next one, or NULL after the last. */
static const char *next(const char *commit)
{
	const char *comma = strchr(commit, ',');
	return comma ? comma + 1 : NULL;
}

void commits_at(const char *commits, size_t source, char commit[COMMIT_SIZE])
{
	while (commits && source--)
		commits = next(commits);
	snprintf(commit, COMMIT_SIZE, "%.*s", commits ? (int)strcspn(commits, ",") : 0, commits ? commits : "");
}

bool commits_are_whole(const char *commits)
{
	for (const char *at = commits; at; at = next(at))
		if (strcspn(at, ",") != COMMIT_LENGTH || strspn(at, "0123456789abcdef") != COMMIT_LENGTH)
			return false;
	return commits_count(commits) <= LIMIT_SOURCES;
}

const char *commits_short(const char *commits, int digits, struct arena *mem)
{
	const char *text = "";
	for (const char *at = commits; at; at = next(at)) {
		int length = (int)strcspn(at, ",");
		text = arena_printf(mem, "%s%s%.*s", text, at == commits ? "" : ", ",
			length < digits ? length : digits, at);
	}
	return text;
}

bool commits_have(const char *commits, const char *start)
{
	for (const char *at = commits; at; at = next(at))
		if (text_starts(at, start))
			return true;
	return false;
}

json_t *commits_list(const char *commits)
{
	json_t *list = json_array();
	for (const char *at = *commits ? commits : NULL; at; at = next(at))
		json_array_append_new(list, json_stringn(at, strcspn(at, ",")));
	return list;
}

void commits_read(const json_t *document, char commits[COMMITS_SIZE])
{
	const json_t *list = json_object_get(document, "revisions");
	size_t i;
	json_t *item;
	bool good = true;

	commits[0] = '\0';
	if (!json_array_size(list)) {
		snprintf(commits, COMMITS_SIZE, "%.*s", COMMIT_LENGTH, json_text_at(document, "revision", ""));
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)list, i, item)
		good = good && json_is_string(item) && commits_add(commits, json_string_value(item));
	if (!good)
		commits[0] = '\0';
}
