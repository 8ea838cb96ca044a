#include "agent/loop/part.h"

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

static struct desired *copy_desired(
	const struct desired *from, const char *prefix, unsigned source, struct arena *mem)
{
	struct desired *to = arena_alloc(mem, sizeof(*to));
	to->files = from->files;
	to->rendered = from->rendered;
	to->objects.count = from->objects.count;
	to->objects.items = arena_array(mem, from->objects.count, sizeof(*to->objects.items));
	for (size_t i = 0; i < from->objects.count; i++) {
		const struct object *object = &from->objects.items[i];
		to->objects.items[i] = *object;
		to->objects.items[i].key = object_key_copy(&object->key, mem);
		to->objects.items[i].version = arena_copy(mem, object->version);
		to->objects.items[i].file = *prefix ? arena_printf(mem, "%s%s", prefix, object->file)
						    : arena_copy(mem, object->file);
		to->objects.items[i].source = source;
		to->objects.items[i].json = arena_copy_n(mem, object->json, object->json_length);
	}
	to->mistakes.mem = to->warnings.mem = mem;
	copy_mistakes(&from->mistakes, prefix, &to->mistakes);
	copy_mistakes(&from->warnings, prefix, &to->warnings);
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
		.desired = copy_desired(answer->content ? &answer->content->desired : &nothing,
			prefix_of(answer, mem), (unsigned)answer->source, mem),
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
