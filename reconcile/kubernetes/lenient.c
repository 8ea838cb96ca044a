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

/* "name=\"web\",port=80" names the element: a key field whose value stands in it as JSON. */
static bool element_fits(const json_t *element, const char *names, size_t length)
{
	const char *equals = memchr(names, '=', length);
	struct error ignored;
	if (!equals)
		return false;
	CLEANUP(memory_freep) char *field = memory_printf("%.*s", (int)(equals - names), names);
	size_t size = (size_t)(names + length - equals - 1);
	const char *comma = memmem(equals, size + 1, "\",", 2);
	if (comma)
		size = (size_t)(comma - equals);
	CLEANUP(json_done) json_t *value = NULL;
	return json_read(equals + 1, size, &value, &ignored) &&
		json_equal(json_object_get(element, field), value);
}

static json_t *element_in(const json_t *list, const char *names, size_t length)
{
	size_t index;
	json_t *element;
	size_t place = strtoul(names, NULL, 10);
	if (*names >= '0' && *names <= '9')
		return json_array_get(list, place);
	json_array_foreach (list, index, element)
		if (element_fits(element, names, length))
			return element;
	return NULL;
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

bool lenient_note(struct job *job, const json_t *answer)
{
	const char *message = json_text_at(answer, "message", "");
	const char *end = strstr(message, unknown);
	const char *start = strstr(message, "): ");
	if (!job->write->lenient || !end || !start || start > end || job->unknown_count == LENIENT_FIELDS)
		return false;
	start += strlen("): ");
	job->unknown = arena_grow(job->mem, job->unknown, job->unknown_count, sizeof(*job->unknown));
	job->unknown[job->unknown_count++] = arena_copy_n(job->mem, start, (size_t)(end - start));
	return true;
}

void lenient_drop(const struct job *job, json_t *object)
{
	for (size_t i = 0; i < job->unknown_count; i++)
		drop(object, job->unknown[i]);
}
