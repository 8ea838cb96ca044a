#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/roles/exporter.h"

/* --- privileges --- */

/* May the privileges on both stand in one entry, apart from what they are called? */
static bool same_place(const struct grant *a, const struct grant *b)
{
	return a->on == b->on && strcmp(a->database, b->database) == 0 && strcmp(a->schema, b->schema) == 0;
}

static bool same_object(const struct grant *a, const struct grant *b)
{
	return same_place(a, b) && strcmp(a->name, b->name) == 0 && strcmp(a->column, b->column) == 0;
}

/* The privileges on one object, which stand beside each other; `count` is how many rows they are. */
static json_t *privileges_of(const struct grant *rows, size_t left, size_t *count)
{
	json_t *list = json_array();
	for (*count = 0; *count < left && same_object(rows, &rows[*count]); ++*count)
		if (!*count || strcmp(rows[*count - 1].privilege, rows[*count].privilege) != 0)
			json_array_append_new(list, json_text(rows[*count].privilege));
	return list;
}

static const char *name_of(const struct grant *grant, struct arena *mem)
{
	return grant->on == GRANT_ON_FUNCTION ? arena_printf(mem, "%s(%s)", grant->name, grant->column)
					      : grant->name;
}

static void add_to(json_t *entry, const char *key, const char *text)
{
	json_t *list = json_object_get(entry, key);
	if (!list) {
		list = json_array();
		json_object_set_new(entry, key, list);
	}
	json_array_append_new(list, json_text(text));
}

static bool is_default(const struct grant *grant)
{
	return grant->on >= GRANT_DEFAULT_SCHEMAS;
}

/* {database, owner or names, on, schema}; the privileges come last. */
static json_t *new_entry(const struct grant *grant, struct arena *mem)
{
	bool column = grant->on == GRANT_ON_COLUMN;
	json_t *entry = json_object();
	json_set_text(entry, "database", grant->database);
	if (is_default(grant))
		json_set_text(entry, "owner", grant->name);
	json_set_text(entry, "on", grant_on_word(column ? GRANT_ON_TABLE : grant->on));
	if (*grant->schema)
		json_set_text(entry, "schema", grant->schema);
	if (!is_default(grant) && grant->on != GRANT_ON_DATABASE)
		add_to(entry, "names", name_of(grant, mem));
	if (column)
		add_to(entry, "columns", grant->column);
	return entry;
}

/* Objects of a place with the same privileges are one entry; so are the columns of a table. */
static bool joins(
	const struct grant *last, const struct grant *next, const json_t *entry, const json_t *privileges)
{
	if (!last || !same_place(last, next) || is_default(next) ||
		!json_equal(json_object_get(entry, "privileges"), privileges))
		return false;
	return next->on != GRANT_ON_COLUMN || strcmp(last->name, next->name) == 0;
}

static json_t *entries_of(const struct grant *rows, size_t count, bool defaults, struct arena *mem)
{
	json_t *list = json_array(), *entry = NULL;
	const struct grant *last = NULL;
	for (size_t i = 0, length; i < count; i += length) {
		json_t *privileges = privileges_of(&rows[i], count - i, &length);
		if (is_default(&rows[i]) != defaults) {
			json_decref(privileges);
			continue;
		}
		if (joins(last, &rows[i], entry, privileges)) {
			bool column = rows[i].on == GRANT_ON_COLUMN;
			add_to(entry, column ? "columns" : "names",
				column ? rows[i].column : name_of(&rows[i], mem));
			json_decref(privileges);
		} else {
			entry = new_entry(&rows[i], mem);
			json_object_set_new(entry, "privileges", privileges);
			json_array_append_new(list, entry);
		}
		last = &rows[i];
	}
	return list;
}

static int compare_role(const void *key, const void *row)
{
	return strcmp(key, ((const struct grant *)row)->role);
}

const struct grant *exporter_grants(const struct exporter *exporter, const char *role, size_t *count)
{
	const struct grants *grants = &exporter->grants;
	const struct grant *found = grants->count
		? bsearch(role, grants->items, grants->count, sizeof(*grants->items), compare_role)
		: NULL;
	*count = 0;
	if (!found)
		return NULL;
	while (found > grants->items && strcmp(found[-1].role, role) == 0)
		found--;
	while (found + *count < grants->items + grants->count && strcmp(found[*count].role, role) == 0)
		++*count;
	return found;
}

void exporter_set_list(json_t *entry, const char *key, json_t *list)
{
	if (json_array_size(list))
		json_object_set(entry, key, list);
	json_decref(list);
}

static void set_grants(const struct exporter *exporter, const struct candidate *candidate, json_t *entry)
{
	size_t count, kept = 0;
	const struct grant *rows = exporter_grants(exporter, candidate->role->name, &count);
	struct grant *own = arena_array(exporter->mem, count + 1, sizeof(*own));
	if (candidate->without_grants)
		return;
	for (size_t i = 0; i < count; i++) /* CONNECT of a user is what its databases say */
		if (candidate->group || rows[i].on != GRANT_ON_DATABASE ||
			strcmp(rows[i].privilege, "CONNECT") != 0)
			own[kept++] = rows[i];
	exporter_set_list(entry, "grants", entries_of(own, kept, false, exporter->mem));
	if (candidate->group)
		exporter_set_list(entry, "defaultPrivileges", entries_of(own, kept, true, exporter->mem));
}

/* --- users and groups --- */

/* The name alone where it has the options that a plain entry has; all rows of one role count together. */
static json_t *membership_of(const struct role *of, const struct membership *rows, size_t count)
{
	bool admin = false, inherits = false, can_set = false;
	for (size_t i = 0; i < count && rows[i].role == rows[0].role; i++) {
		admin |= rows[i].admin;
		inherits |= rows[i].inherits;
		can_set |= rows[i].can_set;
	}
	if (!admin && inherits && can_set)
		return json_text(of->name);
	json_t *entry = json_object();
	json_set_text(entry, "name", of->name);
	if (admin)
		json_object_set_new(entry, "admin", json_true());
	if (!inherits)
		json_object_set_new(entry, "inherit", json_false());
	if (!can_set)
		json_object_set_new(entry, "set", json_false());
	return entry;
}

static void set_roles(const struct exporter *exporter, const struct role *role, const char *key, json_t *entry)
{
	size_t count;
	const struct membership *rows = present_memberships(exporter->present, role->oid, &count);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct role *of = present_role_by_oid(exporter->present, rows[i].role);
		if (of && (!i || rows[i - 1].role != rows[i].role))
			json_array_append_new(list, membership_of(of, &rows[i], count - i));
	}
	exporter_set_list(entry, key, list);
}

static void set_databases(const struct exporter *exporter, const struct role *role, json_t *entry)
{
	size_t count;
	const struct connect_grant *rows = present_connects(exporter->present, role->oid, &count);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct database *database = present_database_by_oid(exporter->present, rows[i].database);
		if (database && (!i || rows[i - 1].database != rows[i].database))
			json_array_append_new(list, json_text(database->name));
	}
	json_object_set_new(entry, "databases", list); /* none is to be said, too */
}

static json_t *user_entry(const struct exporter *exporter, const struct candidate *candidate)
{
	const struct role *role = candidate->role;
	json_t *entry = json_object();
	json_set_text(entry, "username", role->name);
	exporter_set_fields(exporter, role, entry);
	exporter_set_comment(exporter, role, entry);
	set_roles(exporter, role, "roles", entry);
	set_databases(exporter, role, entry);
	if (!candidate->without_parameters)
		exporter_set_parameters(exporter, role, entry);
	set_grants(exporter, candidate, entry);
	return entry;
}

static json_t *group_entry(const struct exporter *exporter, const struct candidate *candidate)
{
	json_t *entry = json_object();
	json_set_text(entry, "name", candidate->role->name);
	exporter_set_comment(exporter, candidate->role, entry);
	if (!candidate->without_roles)
		set_roles(exporter, candidate->role, "memberOf", entry);
	set_grants(exporter, candidate, entry);
	return entry;
}

json_t *exporter_document(const struct exporter *exporter)
{
	json_t *document = json_object(), *groups = json_array(), *users = json_array();
	json_object_set_new(document, "version", json_integer(2));
	for (size_t i = 0; i < exporter->count; i++) {
		const struct candidate *candidate = &exporter->candidates[i];
		if (candidate->left_out)
			continue;
		if (candidate->group)
			json_array_append_new(groups, group_entry(exporter, candidate));
		else
			json_array_append_new(users, user_entry(exporter, candidate));
	}
	exporter_set_list(document, "groups", groups);
	json_object_set_new(document, "users", users);
	return document;
}
