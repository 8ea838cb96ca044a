#include "reconcile/source/history.h"

#include <string.h>

/*
 * Not libgit2's walk: it ends with an error at the first commit whose parents are not here, before it names that
 * commit, and in a repository that was cut this is the very one that is looked for.
 */

enum { COMMITS_SEEN = 20000, SLOTS = 65536 };

struct walk {
	git_oid *queue; /* COMMITS_SEEN */
	size_t first, count;
	uint32_t *slots; /* index in the queue + 1, by the id's first bytes */
	bool cut;        /* somewhere the parents are not here, or there were too many */
};

static void visit(struct walk *walk, const git_oid *id)
{
	uint32_t slot;
	memcpy(&slot, id->id, sizeof(slot));
	for (slot %= SLOTS; walk->slots[slot]; slot = (slot + 1) % SLOTS)
		if (git_oid_equal(&walk->queue[walk->slots[slot] - 1], id))
			return;
	if (walk->count == COMMITS_SEEN) {
		walk->cut = true;
		return;
	}
	git_oid_cpy(&walk->queue[walk->count++], id);
	walk->slots[slot] = (uint32_t)walk->count;
}

static void visit_parents(struct walk *walk, const struct repository *repository, const git_oid *id)
{
	git_commit *commit = NULL;
	if (git_commit_lookup(&commit, repository->git, id)) {
		walk->cut = true;
		return;
	}
	for (unsigned i = 0; i < git_commit_parentcount(commit); i++)
		visit(walk, git_commit_parent_id(commit, i));
	git_commit_free(commit);
}

enum history history_between(const struct repository *repository, const git_oid *from, const git_oid *to)
{
	struct walk walk = {
		.queue = arena_array(repository->mem, COMMITS_SEEN, sizeof(*walk.queue)),
		.slots = arena_array(repository->mem, SLOTS, sizeof(*walk.slots)),
	};
	visit(&walk, to);
	while (walk.first < walk.count) {
		git_oid id = walk.queue[walk.first++];
		if (git_oid_equal(&id, from))
			return HISTORY_CONTINUED;
		visit_parents(&walk, repository, &id);
	}
	return walk.cut ? HISTORY_UNKNOWN : HISTORY_REWRITTEN;
}
