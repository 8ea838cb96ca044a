#include "agent/show/view.h"

#include "base/json.h"

json_t *view_unmanaged(struct store *store, struct error *err)
{
	CLEANUP(json_done) json_t *all = view_databases(store, err);
	const json_t *database;
	json_int_t count = 0;
	size_t i;
	if (!all)
		return NULL;
	json_t *items = json_array();
	json_array_foreach (json_object_get(all, "items"), i, database) {
		count += json_number_at(database, "unmanaged.count", 0);
		json_array_extend(items, json_at(database, "unmanaged.items"));
	}
	return json_pack("{s:I, s:o}", "count", count, "items", items);
}
