#include "reconcile/grants/present.h"

#include <stdlib.h>
#include <string.h>

int grant_object_compare(const void *a, const void *b)
{
	const struct grant_object *left = a, *right = b;
	int order = strcmp(left->database, right->database);
	if (!order)
		order = (left->on > right->on) - (left->on < right->on);
	if (!order)
		order = strcmp(left->schema, right->schema);
	if (!order)
		order = strcmp(left->name, right->name);
	return order ? order : strcmp(left->arguments, right->arguments);
}

const struct grant *grant_row(const struct grants *rows, const struct grant *key)
{
	return rows->count ? bsearch(key, rows->items, rows->count, sizeof(*rows->items), grant_compare) : NULL;
}

size_t grant_count(const struct grants *rows, const struct grant *first)
{
	const struct grant *end = first + 1;
	while (end < rows->items + rows->count && grant_compare(first, end) == 0)
		end++;
	return (size_t)(end - first);
}

const struct grant *grant_rows(const struct grants *rows, const struct grant *key, size_t *count)
{
	const struct grant *first = grant_row(rows, key);
	while (first && first > rows->items && grant_compare(first - 1, key) == 0)
		first--;
	*count = first ? grant_count(rows, first) : 0;
	return first;
}

struct grants grants_found(const struct grants_present *present)
{
	return present->grants;
}
