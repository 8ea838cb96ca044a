#include "agent/config/project_set.h"

#include <pthread.h>
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
	pthread_mutex_t lock;
	json_t *seen; /* behind lock: by name, the newest document, or null for what is gone */
	struct entry *entries;
	size_t count;
	struct arena *folder;
	bool known, changed; /* `changed`: what is known is another thing than at the last take */
	char *trouble;
};

struct project_set *project_set_new(void)
{
	struct project_set *set = memory_alloc(sizeof(*set));
	pthread_mutex_init(&set->lock, NULL);
	set->seen = json_object();
	return set;
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
	json_decref(set->seen);
	pthread_mutex_destroy(&set->lock);
	free(set);
}

void project_set_seen(struct project_set *set, const json_t *document, bool gone)
{
	const char *name = json_text_at(document, "metadata.name", "");
	pthread_mutex_lock(&set->lock);
	/* Names come from the API server, so there are no more of them than objects. */
	json_object_set_new(set->seen, name, gone ? json_null() : json_deep_copy(document));
	pthread_mutex_unlock(&set->lock);
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

static void take_document(struct project_set *set, const char *name, const json_t *document)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct project project;
	struct error err;
	remove_entry(set, name);
	if (!json_is_null(document) && project_read(document, NULL, mem, &project, &err)) {
		add_entry(set, mem, &project);
		return;
	}
	if (!json_is_null(document))
		log_error("an AppProject object cannot be read", "name", name, "error", err.text, NULL);
	arena_free(mem);
}

void project_set_take(struct project_set *set, void (*changed)(void *context, const char *name), void *context)
{
	const char *name;
	json_t *document;

	pthread_mutex_lock(&set->lock);
	CLEANUP(json_done) json_t *seen = set->seen;
	set->seen = json_object();
	pthread_mutex_unlock(&set->lock);
	json_object_foreach (seen, name, document) {
		take_document(set, name, document);
		changed(context, name);
	}
	if (set->changed)
		changed(context, "");
	set->changed = false;
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
	set->changed = true;
	return true;
}

void project_set_known(struct project_set *set, const char *trouble)
{
	bool known = !trouble;
	if (known == set->known && (known || (set->trouble && strcmp(set->trouble, trouble) == 0)))
		return;
	free(set->trouble);
	set->trouble = memory_copy(trouble);
	set->known = known;
	set->changed = true;
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
