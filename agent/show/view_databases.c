#include "agent/show/view.h"

json_t *view_join_reasons(json_t *databases)
{
	json_t *database;
	size_t i;
	json_array_foreach (databases, i, database) {
		const char *reason = json_text_at(database, "reason", "");
		const char *pending = json_text_at(database, "pending", "");
		if (*pending)
			json_object_set_new(database, "reason",
				json_sprintf("%s%s%s", reason, *reason ? "; " : "", pending));
	}
	return json_incref(databases);
}
