/*
 * `<<: *base` gives a map the pairs of another; the map's own pairs win, of several bases the first. kubectl applies
 * pairs and merges one after the other, so a merge that comes behind a pair would replace it there: that order is a
 * mistake here instead of a surprise.
 */
#include "reconcile/manifest/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct candidate {
	const struct yaml_pair *pair;
	size_t rank; /* 0 = the map's own, then the bases in order */
};

static int compare(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;
	int order = strcmp(left->pair->key, right->pair->key);
	if (!order)
		order = (left->rank > right->rank) - (left->rank < right->rank);
	if (!order)
		order = (left->pair > right->pair) - (left->pair < right->pair);
	return order;
}

/* The maps that `<<` names; false when it names something else. */
static bool bases_of(const struct yaml_node *merge, struct yaml_node *const **bases, size_t *count,
	struct yaml_node *const *single)
{
	*bases = single;
	*count = 1;
	if (merge->kind == YAML_MAP)
		return true;
	if (merge->kind != YAML_LIST)
		return false;
	*bases = merge->items;
	*count = merge->count;
	for (size_t i = 0; i < merge->count; i++)
		if (merge->items[i]->kind != YAML_MAP)
			return false;
	return true;
}

static bool stands_before(const struct yaml_pair *pair, const struct mapping *mapping)
{
	return pair->line < mapping->merge_line ||
		(pair->line == mapping->merge_line && pair->column < mapping->merge_column);
}

/* Counted from the mistake, as the text may begin in the middle of a file. */
static const char *above(const struct yaml_pair *pair, int line, struct arena *mem)
{
	if (pair->line == line)
		return "in this line";
	return line - pair->line == 1 ? "in the line above"
				      : arena_printf(mem, "%d lines above", line - pair->line);
}

/* `first` and `second` have one key and stand next to each other in the sorted candidates. */
static void refuse_repeats(const struct mapping *mapping, const struct candidate *first,
	const struct candidate *second, struct mistakes *mistakes)
{
	if (second->rank == 0)
		mistakes_add(mistakes, mapping->file, second->pair->line, second->pair->column,
			"key \"%s\" is already set %s: remove one of them", second->pair->key,
			above(first->pair, second->pair->line, mistakes->mem));
	else if (first->pair->key_kind != second->pair->key_kind)
		mistakes_add(mistakes, mapping->file, mapping->merge_line, mapping->merge_column,
			"the merge sets key \"%s\" a second time, as %s and as %s: both become one text, and which value wins is "
			"chance to kubectl; write both as texts",
			first->pair->key, yaml_kind_name(first->pair->key_kind),
			yaml_kind_name(second->pair->key_kind));
	else if (first->rank == 0 && stands_before(first->pair, mapping))
		mistakes_add(mistakes, mapping->file, mapping->merge_line, mapping->merge_column,
			"the merge would replace key \"%s\" set before it %s: put \"<<\" first",
			first->pair->key, above(first->pair, mapping->merge_line, mistakes->mem));
}

/* The winners among the merged pairs are appended to the map. */
static void choose(const struct mapping *mapping, struct candidate *candidates, size_t count,
	struct arena *mem, struct mistakes *mistakes)
{
	struct yaml_node *map = mapping->map;
	struct yaml_pair *pairs = arena_array(mem, count, sizeof(*pairs));
	size_t kept = map->count;
	qsort(candidates, count, sizeof(*candidates), compare);
	if (kept)
		memcpy(pairs, map->pairs, kept * sizeof(*pairs));
	const struct candidate *first = NULL;
	for (size_t i = 0; i < count; i++) {
		if (first && strcmp(first->pair->key, candidates[i].pair->key) == 0) {
			if (candidates[i].rank == 0 || first == &candidates[i - 1]) /* once for several bases */
				refuse_repeats(mapping, first, &candidates[i], mistakes);
			continue;
		}
		first = &candidates[i];
		if (first->rank)
			pairs[kept++] = *first->pair;
	}
	map->pairs = pairs;
	map->count = kept;
}

/* Most maps are small and merge nothing. */
static bool plainly_unique(const struct yaml_node *map)
{
	if (map->count > 8)
		return false;
	for (size_t i = 0; i < map->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(map->pairs[i].key, map->pairs[j].key) == 0)
				return false;
	return true;
}

void mapping_finish(const struct mapping *mapping, struct arena *mem, struct mistakes *mistakes)
{
	struct yaml_node *const single[1] = {(struct yaml_node *)(uintptr_t)mapping->merge};
	struct yaml_node *const *bases = NULL;
	size_t base_count = 0, total = mapping->map->count, filled = 0;

	if (mapping->merge && !bases_of(mapping->merge, &bases, &base_count, single)) {
		mistakes_add(mistakes, mapping->file, mapping->merge_line, mapping->merge_column,
			"\"<<\" merges a map or a list of maps, and its value is neither");
		base_count = 0;
	}
	if (!base_count && plainly_unique(mapping->map))
		return;
	for (size_t i = 0; i < base_count; i++)
		total += bases[i]->count;
	CLEANUP(memory_freep) struct candidate *candidates = memory_alloc((total + 1) * sizeof(*candidates));
	for (size_t i = 0; i < mapping->map->count; i++)
		candidates[filled++] = (struct candidate){&mapping->map->pairs[i], 0};
	for (size_t i = 0; i < base_count; i++)
		for (size_t j = 0; j < bases[i]->count; j++)
			candidates[filled++] = (struct candidate){&bases[i]->pairs[j], i + 1};
	choose(mapping, candidates, filled, mem, mistakes);
}
