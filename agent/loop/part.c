#include "agent/loop/part.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum { TEXT_BYTES = 64 * 1024 }; /* of joined mistakes */

/* ---- where a source lies ---- */

static bool same_repository(
	const struct application_source *a, const struct application_source *b, struct arena *mem)
{
	return text_equal(source_url_plain(a->repo_url, mem), source_url_plain(b->repo_url, mem));
}

static bool same_revision(const struct application_source *a, const struct application_source *b)
{
	return text_equal(a->revision, b->revision) && text_equal(a->tag_prefix, b->tag_prefix);
}

/* "https://git.example.org/team/db", and "@v1" where another source is the same repository at another revision. */
static const char *name_of(const struct part_answer *answer, struct arena *mem)
{
	const struct application_source *own = &answer->sources[answer->source];
	const char *shown = source_url_shown(own->repo_url, mem);
	for (size_t i = 0; i < answer->source_count; i++)
		if (same_repository(&answer->sources[i], own, mem) && !same_revision(&answer->sources[i], own))
			return arena_printf(mem, "%s@%s", shown, *own->revision ? own->revision : "HEAD");
	return shown;
}

/* What stands before the name of each file: nothing where one name can mean one file alone. */
static const char *prefix_of(const struct part_answer *answer, struct arena *mem)
{
	const struct application_source *own = &answer->sources[answer->source];
	for (size_t i = 0; i < answer->source_count; i++) {
		const struct application_source *other = &answer->sources[i];
		if (!other->files_only && !(same_repository(other, own, mem) && same_revision(other, own)))
			return arena_printf(mem, "%s//", name_of(answer, mem));
	}
	return "";
}

/* ---- mistakes ---- */

static void copy_mistakes(const struct mistakes *from, const char *prefix, struct mistakes *to)
{
	for (size_t i = 0; i < from->count; i++)
		mistakes_add(to, arena_printf(to->mem, "%s%s", prefix, from->items[i].file),
			from->items[i].line, from->items[i].column, "%s", from->items[i].text);
	to->dropped += from->dropped;
}

void part_copy_mistakes(const struct mistakes *from, struct mistakes *to)
{
	copy_mistakes(from, "", to);
}

char *part_join_mistakes(struct mistakes *mistakes, struct arena *mem)
{
	struct buf text = BUF(TEXT_BYTES);
	mistakes_sort(mistakes);
	for (size_t i = 0; i < mistakes->count; i++)
		buf_printf(&text, "%s%s", i ? "; " : "", mistake_text(&mistakes->items[i], mem));
	if (mistakes->dropped)
		buf_printf(&text, "; and %zu more", mistakes->dropped);
	char *joined = memory_copy(buf_string(&text));
	buf_done(&text);
	return joined;
}

/* ---- the copy ---- */

static void copy_object(
	const struct object *from, const char *prefix, unsigned source, struct desired *to, struct arena *mem)
{
	struct object *object = &to->objects.items[to->objects.count++];
	*object = *from;
	object->key = object_key_copy(&from->key, mem);
	object->version = arena_copy(mem, from->version);
	object->file = *prefix ? arena_printf(mem, "%s%s", prefix, from->file) : arena_copy(mem, from->file);
	object->source = source;
	object->json = arena_copy_n(mem, from->json, from->json_length);
	to->bytes += from->json_length;
}

/* ---- what is as it was at the base ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The file itself, or a folder above it. */
static bool is_changed(const struct source_content *content, const char *file, struct arena *mem)
{
	char *name = arena_copy(mem, file);
	for (char *end = strchr(name, '/');; end = strchr(end + 1, '/')) {
		if (end)
			*end = '\0';
		if (bsearch(&(const char *){name}, content->changed, content->changed_count,
			    sizeof(*content->changed), compare_names))
			return true;
		if (!end)
			return false;
		*end = '/';
	}
}

/* One source alone has a base, so the names of its files have no prefix. */
static void keep_unchanged(const struct part_answer *answer, struct desired *to, struct arena *mem)
{
	const struct source_content *content = answer->content;
	const struct objects *objects = &answer->base->objects;
	const char *last = "";
	bool changed = false;
	CLEANUP(arena_freep) struct arena *names = arena_new(LIMIT_CONFIG_BYTES);
	if (content->changed_count)
		qsort(content->changed, content->changed_count, sizeof(*content->changed), compare_names);
	for (size_t i = 0; i < objects->count; i++) {
		const struct object *object = &objects->items[i];
		if (strcmp(object->file, last) != 0) {
			arena_reset(names);
			changed = content->changed_count && is_changed(content, object->file, names);
			last = object->file;
		}
		if (!changed)
			copy_object(object, "", (unsigned)answer->source, to, mem);
	}
}

/* As the reader of all files does it. */
static void check_size(const struct part_answer *answer, struct desired *desired)
{
	const char *path = answer->sources[answer->source].directory.path;
	if (desired->objects.count > LIMIT_OBJECTS)
		mistakes_add(&desired->mistakes, path, 0, 0,
			"more than %d objects in one path: split the Application", LIMIT_OBJECTS);
	if (desired->bytes > (size_t)LIMIT_PATH_BYTES)
		mistakes_add(&desired->mistakes, path, 0, 0,
			"the objects of this path are larger than %ld bytes: split the Application",
			LIMIT_PATH_BYTES);
}

static struct desired *copy_desired(
	const struct part_answer *answer, const struct desired *from, const char *prefix, struct arena *mem)
{
	const struct desired *base = answer->content && answer->content->based ? answer->base : NULL;
	struct desired *to = arena_alloc(mem, sizeof(*to));
	to->files = from->files;
	to->rendered = from->rendered;
	to->objects.items = arena_array(
		mem, from->objects.count + (base ? base->objects.count : 0), sizeof(*to->objects.items));
	if (base)
		keep_unchanged(answer, to, mem);
	for (size_t i = 0; i < from->objects.count; i++)
		copy_object(&from->objects.items[i], prefix, (unsigned)answer->source, to, mem);
	to->mistakes.mem = to->warnings.mem = mem;
	copy_mistakes(&from->mistakes, prefix, &to->mistakes);
	copy_mistakes(&from->warnings, prefix, &to->warnings);
	if (base)
		check_size(answer, to);
	return to;
}

static const struct desired nothing;

struct part *part_make(const struct part_answer *answer, char **why)
{
	const struct source_result *result = answer->result;
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	const char *name = name_of(answer, mem);

	if (answer->content && !answer->content->found) {
		*why = memory_printf("path %s does not exist at commit %.12s of %s",
			answer->sources[answer->source].directory.path, result->commit, name);
		arena_free(mem);
		return NULL;
	}
	struct part *part = arena_alloc(mem, sizeof(*part));
	*part = (struct part){
		.references = 1,
		.mem = mem,
		.desired = copy_desired(answer, answer->content ? &answer->content->desired : &nothing,
			prefix_of(answer, mem), mem),
		.author = arena_copy(mem, result->author),
		.message = arena_copy(mem, result->message),
		.author_time = result->author_time,
	};
	memcpy(part->commit, result->commit, sizeof(part->commit));
	struct mistakes *mistakes = &part->desired->mistakes;
	if (arena_full(mem))
		mistakes_add(mistakes, answer->sources[answer->source].directory.path, 0, 0,
			"the manifests of this path need more than %ld MiB of memory", LIMIT_PASS_MEMORY >> 20);
	if (!mistakes->count)
		return part;
	CLEANUP(memory_freep) char *all = part_join_mistakes(mistakes, mem);
	*why = answer->source_count > 1
		? memory_printf("commit %.12s of %s cannot be used: %s", result->commit, name, all)
		: memory_printf("commit %.12s cannot be used: %s", result->commit, all);
	part_release(part);
	return NULL;
}
