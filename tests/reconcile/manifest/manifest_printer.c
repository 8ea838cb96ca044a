/*
 * manifest_printer.c - what pgitops makes of manifest files, for tests that compare it with another reader
 *
 *	manifest_printer FILE...    for each file one line of JSON:
 *	                            {"documents": [...], "mistakes": ["FILE:LINE:..."], "objects": [...], "refusals": ["FILE:LINE:..."]}
 *
 * "documents" and "mistakes" are those of YAML, "objects" and "refusals" those of an Application's path.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/manifest/manifest.h"
#include "reconcile/manifest/stream.h"

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static json_t *texts(const struct mistakes *mistakes)
{
	json_t *list = json_array();
	for (size_t i = 0; i < mistakes->count; i++)
		json_array_append_new(list, json_string(mistake_text(&mistakes->items[i], mistakes->mem)));
	return list;
}

static void add_documents(json_t *answer, const char *name, const struct buf *content, struct arena *mem)
{
	struct mistakes mistakes = {.mem = mem};
	struct yaml_documents documents;
	json_t *list = json_array();
	manifest_stream_read(name, buf_string(content), content->length, mem, &documents, &mistakes);
	for (size_t i = 0; i < documents.count; i++)
		json_array_append_new(list, yaml_to_json(documents.items[i]));
	json_object_set_new(answer, "documents", list);
	json_object_set_new(answer, "mistakes", texts(&mistakes));
}

static void add_objects(json_t *answer, const char *name, const struct buf *content, struct arena *mem)
{
	struct desired desired = {.mistakes = {.mem = mem}, .warnings = {.mem = mem}};
	json_t *list = json_array();
	manifest_read(name, buf_string(content), content->length, mem, &desired);
	for (size_t i = 0; i < desired.objects.count; i++)
		json_array_append_new(list, json_loads(desired.objects.items[i].json, 0, NULL));
	json_object_set_new(answer, "objects", list);
	json_object_set_new(answer, "refusals", texts(&desired.mistakes));
}

int main(int count, char **paths)
{
	for (int i = 1; i < count; i++) {
		struct error err;
		CLEANUP(buf_done) struct buf content = BUF((size_t)LIMIT_FILE_BYTES + 2);
		CLEANUP(arena_freep) struct arena *mem = arena_new(256u << 20);
		if (!file_read(paths[i], &content, &err)) {
			fprintf(stderr, "manifest_printer: %s\n", err.text);
			return 2;
		}
		CLEANUP(json_done) json_t *answer = json_object();
		add_documents(answer, name_of(paths[i]), &content, mem);
		add_objects(answer, name_of(paths[i]), &content, mem);
		json_dumpf(answer, stdout, JSON_COMPACT | JSON_SORT_KEYS);
		putchar('\n');
	}
	return 0;
}
