#include "agent/users/users_entry.h"

#include <stdlib.h>
#include <string.h>

#include "agent/users/users_source.h"
#include "base/text.h"
#include "reconcile/grants/grants.h"
#include "reconcile/roles/users_check.h"

enum { GRANTS_TOLD = 100 /* objects of one role */ };

static int compare_grants(const void *a, const void *b)
{
	const struct grant *left = *(const struct grant *const *)a, *right = *(const struct grant *const *)b;
	int order = strcmp(left->role, right->role);
	return order ? order : grant_compare(left, right);
}

void users_entries_read(const struct users_pass *pass, struct users_entries *entries)
{
	const struct database_config *config = pass->database->config;
	const struct object *object =
		pass->content ? users_source_object(pass->content->desired, config) : NULL;
	*entries = (struct users_entries){.file = object && object->file ? object->file : "",
		.namespace = pass->namespace ? pass->namespace : ""};
	if (!pass->content)
		return;
	entries->users = &content_users(pass->content, config)->users;
	const struct grants *grants = &entries->users->grants.grants;
	entries->count = grants->count;
	entries->grants = arena_array(pass->mem, grants->count + 1, sizeof(const struct grant *));
	for (size_t i = 0; i < grants->count; i++)
		entries->grants[i] = &grants->items[i];
	if (grants->count)
		qsort(entries->grants, grants->count, sizeof(*entries->grants), compare_grants);
}

/* ---- what it is wanted to be ---- */

static json_t *memberships_of(const char **roles, const struct role_options *options, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct role_options plain = ROLE_OPTIONS_PLAIN, *is = options ? &options[i] : &plain;
		json_array_append_new(list,
			json_pack("{s:o, s:b, s:b, s:b}", "role", json_text(roles[i]), "admin", is->admin,
				"inherit", is->inherit, "set", is->set));
	}
	return list;
}

static json_t *names_of(const char **names, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_text(names[i]));
	return list;
}

static json_t *attributes_of(const struct user *user)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		enum role_attribute attribute = (enum role_attribute)i;
		bool has = user_has_attribute(user, attribute);
		if (has != role_attribute_usual(attribute))
			json_array_append_new(list,
				json_pack("{s:s, s:b}", "name", role_attribute_word(attribute), "wanted", has));
	}
	return list;
}

static json_t *password_of(const struct users_entries *entries, const struct user *user)
{
	static const char *const kinds[] = {
		[PASSWORD_SECRET] = "secret",
		[PASSWORD_VERIFIER] = "verifier",
		[PASSWORD_GENERATE] = "generate",
		[PASSWORD_DISABLED] = "disabled",
		[PASSWORD_IGNORE] = "ignore",
	};
	const struct user_password *password = &user->password;
	json_t *document = json_pack("{s:s}", "kind", kinds[password->kind]);
	if (password->kind == PASSWORD_DISABLED || password->kind == PASSWORD_IGNORE)
		return document;
	json_set_text(document, "namespace", password->namespace ? password->namespace : entries->namespace);
	json_set_text(document, "secret", password->secret);
	json_set_text(document, "key", password->key);
	return document;
}

static json_t *user_entry(const struct users_entries *entries, const struct user *user)
{
	const struct user_fields *fields = &user->fields;
	json_t *document = json_pack("{s:i, s:s, s:o, s:o, s:o}", "line", user->line, "ensure",
		user_ensure_name(user->ensure), "databases", names_of(user->databases, user->database_count),
		"memberships", memberships_of(user->roles, user->role_options, user->role_count),
		"attributes", attributes_of(user));
	if (fields->limited)
		json_object_set_new(document, "connectionLimit", json_integer(fields->connection_limit));
	json_set_text(document, "until", fields->until);
	json_set_text(document, "validUntil", fields->until ? NULL : fields->valid_until);
	json_object_set_new(document, "login", json_boolean(!fields->no_login));
	if (!fields->no_login)
		json_object_set_new(document, "password", password_of(entries, user));
	return document;
}

static json_t *group_entry(const struct users_entries *entries, const char *name)
{
	const struct group_role *group = users_find_group(entries->users, name);
	if (!group)
		return NULL;
	json_t *document = json_pack("{s:i}", "line", group->line);
	if (group->lists_roles)
		json_object_set_new(document, "memberships",
			memberships_of(group->roles, group->role_options, group->role_count));
	return document;
}

/* ---- what it is wanted to have ---- */

/* The first of this role's, or where it would be. */
static size_t first_grant(const struct users_entries *entries, const char *role)
{
	size_t low = 0, high = entries->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(entries->grants[middle]->role, role) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_of(const struct users_entries *entries, size_t at, const char *role)
{
	return at < entries->count && strcmp(entries->grants[at]->role, role) == 0;
}

static bool is_same_object(const struct grant *a, const struct grant *b)
{
	return a->on == b->on && text_equal(a->database, b->database) && text_equal(a->schema, b->schema) &&
		text_equal(a->name, b->name) && text_equal(a->column, b->column);
}

/* All privileges on one object beside each other. */
static void add_grants(
	const struct users_entries *entries, const char *role, struct arena *mem, json_t *document)
{
	CLEANUP(json_done) json_t *list = json_array();
	const struct grant *last = NULL;
	size_t at = first_grant(entries, role), objects = 0;
	json_t *item = NULL;
	for (; is_of(entries, at, role); at++) {
		const struct grant *grant = entries->grants[at];
		bool same = last && is_same_object(grant, last);
		if (!same && objects++ < GRANTS_TOLD) {
			item = json_pack("{s:o, s:[], s:i}", "object", json_text(grant_describe(grant, mem)),
				"privileges", "line", grant->line);
			json_array_append_new(list, item);
		}
		last = grant;
		if (objects <= GRANTS_TOLD)
			json_array_append_new(json_object_get(item, "privileges"), json_text(grant->privilege));
	}
	if (json_array_size(list))
		json_object_set(document, "grants", list);
	if (objects > GRANTS_TOLD)
		json_object_set_new(document, "moreGrants", json_integer((json_int_t)(objects - GRANTS_TOLD)));
}

json_t *users_entry(const struct users_entries *entries, const struct role_report *report, struct arena *mem)
{
	const struct user *user =
		entries->users && !report->database ? users_find(entries->users, report->name) : NULL;
	json_t *document = NULL;
	if (!entries->users)
		return NULL;
	if (report->database) {
		for (size_t i = 0; i < entries->users->database_count && !document; i++)
			if (text_equal(report->name, database_subject(entries->users->databases[i].name, mem)))
				document = json_pack("{s:i}", "line", entries->users->databases[i].line);
	} else {
		document = user ? user_entry(entries, user) : group_entry(entries, report->name);
	}
	if (!document)
		return NULL;
	json_set_text(document, "file", entries->file);
	if (!report->database)
		add_grants(entries, report->name, mem, document);
	return document;
}
