#include "agent/config/project_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"

struct entry {
	struct arena *mem; /* of an object of the cluster; NULL = `folder` holds it */
	struct project project;
};

struct project_set {
	struct entry *entries;
	size_t count;
	struct arena *folder;
	bool known;
	char *trouble;
};

struct project_set *project_set_new(void)
{
	return memory_alloc(sizeof(struct project_set));
}

static void forget_all(struct project_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		arena_free(set->entries[i].mem);
	arena_free(set->folder);
	set->folder = NULL;
	memory_freep(&set->entries);
	set->count = 0;
}

void project_set_free(struct project_set *set)
{
	if (!set)
		return;
	forget_all(set);
	free(set->trouble);
	free(set);
}

static void remove_entry(struct project_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->entries[i].project.name, name) == 0) {
			arena_free(set->entries[i].mem);
			set->entries[i] = set->entries[--set->count];
			return;
		}
}

static void add_entry(struct project_set *set, struct arena *mem, const struct project *project)
{
	set->entries = memory_resize(set->entries, (set->count + 1) * sizeof(*set->entries));
	set->entries[set->count++] = (struct entry){mem, *project};
}

void project_set_put(struct project_set *set, const json_t *document, bool gone)
{
	const char *name = json_text_at(document, "metadata.name", "");
	struct project project;
	struct error err;
	remove_entry(set, name);
	if (gone)
		return;
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	if (project_read(document, NULL, mem, &project, &err)) {
		add_entry(set, mem, &project);
		return;
	}
	log_error("an AppProject object cannot be read", "name", name, "error", err.text, NULL);
	arena_free(mem);
}

bool project_set_load(struct project_set *set, const char *folder, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct mistakes mistakes = {.mem = mem};
	struct project *items;
	size_t count;
	const char *text = "";

	if (!project_read_folder(folder, mem, &items, &count, &mistakes, err))
		return false;
	for (size_t i = 0; i < mistakes.count; i++)
		text = arena_join(mem, text, "; ", mistake_text(&mistakes.items[i], mem));
	if (mistakes.count)
		return error_set(err, ERROR_INVALID, "%s", text);
	forget_all(set);
	for (size_t i = 0; i < count; i++)
		add_entry(set, NULL, &items[i]);
	set->folder = mem;
	mem = NULL;
	return true;
}

bool project_set_known(struct project_set *set, const char *trouble)
{
	bool known = !trouble;
	if (known == set->known && (known || (set->trouble && strcmp(set->trouble, trouble) == 0)))
		return false;
	free(set->trouble);
	set->trouble = memory_copy(trouble);
	set->known = known;
	return true;
}

const struct project *project_set_find(
	const struct project_set *set, const char *name, struct arena *mem, const char **why)
{
	for (size_t i = 0; set->known && i < set->count; i++)
		if (strcmp(set->entries[i].project.name, name) == 0)
			return &set->entries[i].project;
	if (set->known && strcmp(name, PROJECT_DEFAULT) == 0)
		return project_allow_all();
	*why = set->known ? arena_printf(mem, "spec.project: there is no AppProject \"%s\"", name)
			  : arena_printf(mem, "the AppProjects are not known yet%s%s",
				    set->trouble ? ": " : "", set->trouble ? set->trouble : "");
	return NULL;
}
