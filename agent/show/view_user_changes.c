#include "agent/show/view.h"

#include "base/clock.h"
#include "base/limits.h"

enum { MEMORY = 1024 * 1024 * 1024 /* what is in the store is bounded by limits.h */ };

/* null while it has not happened. */
static json_t *time_of(int64_t time)
{
	char text[CLOCK_TEXT_SIZE];
	if (!time)
		return json_null();
	clock_text(time, text);
	return json_string(text);
}

static json_t *document_of(const struct store_user_change *change)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "id", (json_int_t)change->id,
		"database", json_text(change->database), "user", json_text(change->user), "action",
		json_text(change->action), "statement", json_text(change->statement), "commit",
		json_text(change->commit), "started", time_of(change->started), "finished",
		time_of(change->finished), "outcome", json_text(change->outcome), "times",
		(json_int_t)change->times);
}

json_t *view_user_changes(struct store *store, const struct store_user_change_filter *filter, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(MEMORY);
	struct store_user_change_filter bounded = *filter;
	struct store_user_change *rows;
	size_t count;
	bounded.limit = LIMIT_HISTORY_ROWS;
	if (!store_user_change_list(store, &bounded, mem, &rows, &count, err))
		return NULL;
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, document_of(&rows[i]));
	return json_pack("{s:o}", "items", items);
}
