/*
 * lenient.c - Validate=false: server-side apply refuses unknown fields whatever fieldValidation says, so they are dropped here,
 * as the server names them: "failed to create typed patch object (team/web; apps/v1, Kind=Deployment): .spec.template.spec.
 * containers[name="web"].imge: field not declared in schema"
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reconcile/kubernetes/write_internal.h"

static const char unknown[] = ": field not declared in schema";

/* The longest key of the map that the path goes on with: keys may hold dots. */
static const char *key_in(const json_t *map, const char *path)
{
	const char *best = NULL;
	const char *key;
	json_t *value;
	void *rest;
	json_t *all = (json_t *)(uintptr_t)map;
	json_object_foreach_safe (all, rest, key, value) {
		size_t length = strlen(key);
		bool fits = strncmp(path, key, length) == 0 &&
			(path[length] == '.' || path[length] == '[' || !path[length]);
		if (fits && (!best || length > strlen(best)))
			best = key;
	}
	return best;
}

/* The length of the JSON value at the beginning: a string with its quotes, or what ends before a comma. */
static size_t value_length(const char *at, size_t left)
{
	size_t length = 0;
	bool quoted = false;
	for (; length < left && (quoted || at[length] != ','); length++) {
		if (quoted && at[length] == '\\' && length + 1 < left)
			length++;
		else if (at[length] == '"')
			quoted = !quoted;
	}
	return length;
}

static bool equals_text(const json_t *value, const char *text, size_t length)
{
	struct error ignored;
	CLEANUP(json_done) json_t *other = NULL;
	return json_read(text, length, &other, &ignored) && json_equal(value, other);
}

/* `containerPort=80,protocol="TCP"` names the element: key fields with their values as JSON. How many of them it has; 0 when one is
   another. What the server filled in (protocol) may be absent in what was written. */
static int keys_fitting(const json_t *element, const char *names, size_t length)
{
	const char *end = names + length;
	int fitting = 0;
	while (names < end) {
		const char *equals = memchr(names, '=', (size_t)(end - names));
		if (!equals)
			return 0;
		CLEANUP(memory_freep) char *field = memory_printf("%.*s", (int)(equals - names), names);
		const json_t *found = json_object_get(element, field);
		const char *value = equals + 1;
		size_t size = value_length(value, (size_t)(end - value));
		if (found && !equals_text(found, value, size))
			return 0;
		fitting += found != NULL;
		names = value + size + (value + size < end);
	}
	return fitting;
}

/* Of two with port 53 the one that has protocol UDP, too, before the one that says nothing of it. */
static json_t *element_in(const json_t *list, const char *names, size_t length)
{
	json_t *best = NULL;
	int most = 0;
	size_t index;
	json_t *element;
	if (*names >= '0' && *names <= '9')
		return json_array_get(list, strtoul(names, NULL, 10));
	json_array_foreach (list, index, element) {
		int fitting = keys_fitting(element, names, length);
		if (fitting > most)
			best = element;
		most = fitting > most ? fitting : most;
	}
	return best;
}

static void drop(json_t *object, const char *path)
{
	while (object && *path) {
		const char *end = *path == '[' ? strchr(path, ']') : NULL;
		if (end) {
			object = element_in(object, path + 1, (size_t)(end - path - 1));
			path = end + 1;
			continue;
		}
		path += *path == '.';
		const char *key = key_in(object, path);
		if (!key)
			return;
		path += strlen(key);
		if (!*path) {
			json_object_del(object, key);
			return;
		}
		object = json_object_get(object, key);
	}
}

/* One is said behind the "): " itself, several in lines of their own under "errors:". */
bool lenient_note(struct job *job, const json_t *answer)
{
	static const char behind[] = "): ";
	const char *at = strstr(json_text_at(answer, "message", ""), behind);
	size_t before = job->unknown_count;
	if (!job->write->lenient || !at)
		return false;
	at += strlen(behind);
	for (const char *end; (end = strstr(at, unknown)) && job->unknown_count < LENIENT_FIELDS;
		at = end + strlen(unknown)) {
		const char *line = memrchr(at, '\n', (size_t)(end - at));
		const char *start = line ? line + 1 : at;
		start += strspn(start, " ");
		job->unknown = arena_grow(job->mem, job->unknown, job->unknown_count, sizeof(*job->unknown));
		job->unknown[job->unknown_count++] = arena_copy_n(job->mem, start, (size_t)(end - start));
	}
	return job->unknown_count > before;
}

void lenient_drop(const struct job *job, json_t *object)
{
	for (size_t i = 0; i < job->unknown_count; i++)
		drop(object, job->unknown[i]);
}
