/*
 * export_fields.c - what a role has by itself, as users.yaml says it
 *
 * What is as CREATE ROLE ... LOGIN has it is not written: the plan wants that where Git says nothing (plan_attributes.c). An attribute
 * that the agent file does not let Git give keeps the user out of the list, for without a word it would be taken away; settings that
 * users.yaml cannot have are left out together, for what is not listed beside others would be told for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/roles/exporter.h"
#include "reconcile/roles/parameters.h"

enum { LIST_BYTES = 65536 };

static bool has_attribute(const struct role *role, enum role_attribute attribute)
{
	static const size_t offsets[ATTRIBUTES] = {
		[ATTRIBUTE_CREATEDB] = offsetof(struct role, create_db),
		[ATTRIBUTE_CREATEROLE] = offsetof(struct role, create_role),
		[ATTRIBUTE_INHERIT] = offsetof(struct role, inherit),
		[ATTRIBUTE_REPLICATION] = offsetof(struct role, replication),
		[ATTRIBUTE_BYPASSRLS] = offsetof(struct role, bypass_rls),
		[ATTRIBUTE_SUPERUSER] = offsetof(struct role, super),
	};
	return *(const bool *)((const char *)role + offsets[attribute]);
}

static bool is_unusual(const struct role *role, enum role_attribute attribute)
{
	return has_attribute(role, attribute) != role_attribute_usual(attribute);
}

/* --- what cannot be said --- */

/* Four digits of a year since 1970, and the form that planner_expiry() gives what it understands. */
static bool is_expiry(const char *text)
{
	return strcmp(text, "infinity") == 0 ||
		(strlen(text) > 10 && text[4] == '-' && text[10] == 'T' && strcmp(text, "1970") >= 0);
}

const char *exporter_fields_problem(const struct exporter *exporter, const struct role *role)
{
	const struct roles_policy *policy = exporter->input->policy;
	const char *until = planner_expiry(role, exporter->mem);
	for (unsigned i = 0; i < ATTRIBUTES; i++)
		if (is_unusual(role, i) && !roles_policy_allows(policy, i))
			return arena_printf(exporter->mem,
				"it has %s%s, which users.yaml may say once policy.allowAttributes of this database in the agent "
				"file names %s",
				has_attribute(role, i) ? "" : "no ", role_attribute_word(i),
				role_attribute_word(i));
	if (!is_expiry(until))
		return arena_printf(exporter->mem,
			"validUntil: \"%s\" is not in the years 1970 to 9999, as users.yaml has them", until);
	return NULL;
}

static const char *where(const struct exporter *exporter, const struct role_setting *row)
{
	const struct database *database = present_database_by_oid(exporter->present, row->database);
	return database ? database->name : "";
}

static const char *setting_problem(const struct exporter *exporter, const struct role_setting *row)
{
	CLEANUP(buf_done) struct buf names = BUF(LIST_BYTES);
	const char *database = where(exporter, row);
	const char *problem = *database ? name_problem(database, strlen(database)) : NULL;
	if (problem)
		return arena_printf(exporter->mem, "the name of a database in them %s", problem);
	problem = parameter_problem(exporter->input->policy, row->name, exporter->mem);
	if (problem)
		return problem;
	bool sayable =
		strlen(row->value) <= PARAMETER_VALUE_BYTES && text_is_utf8(row->value, strlen(row->value));
	if (parameter_has_names(row->name))
		sayable = sayable && parameter_quote_names(row->value, &names) && !buf_failed(&names);
	return sayable ? NULL : arena_printf(exporter->mem, "the value of %s cannot be said here", row->name);
}

const char *exporter_parameters_problem(const struct exporter *exporter, const struct role *role)
{
	size_t count;
	const struct role_setting *rows = present_settings(exporter->present, role->oid, &count);
	const char *problem = NULL;
	for (size_t i = 0; i < count && !problem; i++)
		problem = setting_problem(exporter, &rows[i]);
	return problem;
}

/* --- what is said --- */

/* A password is nobody's to export: it stays whose it is, and no Secret is needed. Whether there is one at all, only a superuser sees. */
static void set_password(const struct exporter *exporter, const struct role *role, json_t *entry)
{
	json_t *password = json_object();
	bool none = !exporter->present->plain && !role->verifier;
	json_object_set_new(password, none ? "disabled" : "ignore", json_true());
	json_object_set_new(entry, "password", password);
}

static void set_attributes(const struct role *role, json_t *entry)
{
	json_t *attributes = json_object();
	for (unsigned i = 0; i < ATTRIBUTES; i++)
		if (is_unusual(role, i))
			json_object_set_new(
				attributes, role_attribute_word(i), json_boolean(has_attribute(role, i)));
	if (json_object_size(attributes))
		json_object_set(entry, "attributes", attributes);
	json_decref(attributes);
}

void exporter_set_fields(const struct exporter *exporter, const struct role *role, json_t *entry)
{
	const char *until = planner_expiry(role, exporter->mem);
	if (!role->login)
		json_object_set_new(entry, "login", json_false());
	set_password(exporter, role, entry);
	set_attributes(role, entry);
	if (role->connection_limit != -1)
		json_object_set_new(entry, "connectionLimit", json_integer(role->connection_limit));
	if (strcmp(until, "infinity") != 0)
		json_set_text(entry, "validUntil", until);
}

/* What people wrote. Where it cannot be said it is not, and stays: without the key it is not looked at. */
void exporter_set_comment(const struct exporter *exporter, const struct role *role, json_t *entry)
{
	const char *text = mark_people(role->comment, exporter->input->target);
	size_t length = strlen(text);
	if (length && !role->long_comment && length <= USER_COMMENT_BYTES && text_is_utf8(text, length) &&
		!text_starts(text, ROLES_MARK))
		json_set_text(entry, "comment", text);
}

/* "a", "b""c" -> [a, b"c] */
static json_t *list_of_names(const char *text)
{
	json_t *list = json_array();
	for (const char *at = text; *at == '"'; at += *at == ',' ? 2 : 0) {
		CLEANUP(buf_done) struct buf name = BUF(LIST_BYTES);
		for (at++; *at != '"' || at[1] == '"'; at++) {
			at += *at == '"';
			buf_char(&name, *at);
		}
		at++;
		json_array_append_new(list, json_text(buf_string(&name)));
	}
	return list;
}

static json_t *value_of(const struct role_setting *row)
{
	CLEANUP(buf_done) struct buf names = BUF(LIST_BYTES);
	if (!parameter_has_names(row->name) || !parameter_quote_names(row->value, &names))
		return json_text(row->value);
	return list_of_names(buf_string(&names));
}

/* parameters, and by database parametersIn. */
void exporter_set_parameters(const struct exporter *exporter, const struct role *role, json_t *entry)
{
	size_t count;
	const struct role_setting *rows = present_settings(exporter->present, role->oid, &count);
	json_t *everywhere = json_object(), *in = json_object();
	for (size_t i = 0; i < count; i++) {
		const char *database = where(exporter, &rows[i]);
		if (rows[i].database && !*database)
			continue;
		if (*database && !json_object_get(in, database))
			json_object_set_new(in, database, json_object());
		json_object_set_new(*database ? json_object_get(in, database) : everywhere, rows[i].name,
			value_of(&rows[i]));
	}
	if (json_object_size(everywhere))
		json_object_set(entry, "parameters", everywhere);
	if (json_object_size(in))
		json_object_set(entry, "parametersIn", in);
	json_decref(everywhere);
	json_decref(in);
}
