#include "agent/users/users_warnings.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"

/* What the last pass warned of: a new reference, or NULL. */
static json_t *known_warnings(const struct users_pass *pass)
{
	const char *name = pass->database->config->name;
	struct store_database *items;
	struct error ignored;
	size_t count;
	json_t *warnings = NULL;

	if (!store_database_list(pass->agent->store, pass->mem, &items, &count, &ignored))
		return NULL;
	for (size_t i = 0; i < count && !warnings; i++) {
		CLEANUP(json_done) json_t *document = NULL;
		if (strcmp(items[i].name, name) == 0 &&
			json_read(items[i].document, strlen(items[i].document), &document, &ignored))
			warnings = json_incref(json_object_get(document, "warnings"));
	}
	return warnings;
}

static bool is_among(const json_t *list, const json_t *text)
{
	const json_t *item;
	size_t i;
	json_array_foreach (list, i, item)
		if (json_equal(item, text))
			return true;
	return false;
}

json_t *users_warnings(const struct users_pass *pass, const struct roles_plan *plan)
{
	CLEANUP(json_done) json_t *before = known_warnings(pass);
	json_t *list = json_array();
	for (size_t i = 0; i < plan->warning_count; i++) {
		json_t *text = json_string(plan->warnings[i]);
		if (!is_among(before, text))
			log_warning("users", "database", pass->database->config->name, "warning",
				json_string_value(text), NULL);
		json_array_append_new(list, text);
	}
	return list;
}
