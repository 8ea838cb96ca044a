#include "agent/users/users_warnings.h"

#include <string.h>

#include "base/log.h"

/* What the last pass warned of, as keys: a new reference. */
static json_t *known_warnings(const struct users_pass *pass)
{
	const char *name = pass->database->config->name;
	struct store_database *items;
	struct error ignored;
	size_t count, j;
	const json_t *text;
	json_t *known = json_object();

	if (!store_database_list(pass->agent->store, pass->mem, &items, &count, &ignored))
		return known;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(json_done) json_t *document = NULL;
		if (strcmp(items[i].name, name) != 0 ||
			!json_read(items[i].document, strlen(items[i].document), &document, &ignored))
			continue;
		json_array_foreach (json_object_get(document, "warnings"), j, text)
			json_object_set_new(known, json_string_value(text), json_true());
	}
	return known;
}

json_t *users_warnings(const struct users_pass *pass, const struct roles_plan *plan)
{
	CLEANUP(json_done) json_t *before = known_warnings(pass);
	json_t *list = json_array();
	for (size_t i = 0; i < plan->warning_count; i++) {
		json_t *text = json_string(plan->warnings[i]);
		if (!json_object_get(before, json_string_value(text)))
			log_warning("users", "database", pass->database->config->name, "warning",
				json_string_value(text), NULL);
		json_array_append_new(list, text);
	}
	return list;
}
