/*
 * A `postgresql` object as the operator takes it (zalando-operator.md 2, 2.2). The API server checks the schema, but only
 * when it is asked; and there is much that it lets pass and the operator answers with silence. What needs the live
 * object is asked in reconcile/kubernetes/postgresql.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/manifest/inspect.h"
#include "reconcile/manifest/postgresql_fields.h"

enum { LONGEST_CLUSTER_NAME = 52 };

static const char *const flags[] = {
	"superuser", "inherit", "login", "createrole", "createdb", "replication", "bypassrls"};

static void report(const struct inspection *inspection, const struct yaml_node *at, const char *before,
	const char *name, const char *after)
{
	mistakes_add(
		inspection->mistakes, inspection->file, at->line, at->column, "%s%s%s", before, name, after);
}

static void report_unknown(const struct inspection *inspection, const struct yaml_pair *pair)
{
	const char *names[80];
	size_t count = 0;
	for (size_t i = 0; i < postgresql_field_count && count < COUNT_OF(names); i++)
		if (postgresql_fields[i].kinds != FIELD_REMOVED)
			names[count++] = postgresql_fields[i].name;
	const char *near = text_nearest(pair->key, names, count);
	mistakes_add(inspection->mistakes, inspection->file, pair->line, pair->column,
		"spec has no field \"%s\"%s%s%s", pair->key, near ? ": did you mean \"" : "",
		near ? near : "", near ? "\"?" : "");
}

static const struct postgresql_field *find_field(const char *name)
{
	for (size_t i = 0; i < postgresql_field_count; i++)
		if (strcmp(postgresql_fields[i].name, name) == 0)
			return &postgresql_fields[i];
	return NULL;
}

static const char *wanted_kind(int kinds)
{
	for (int kind = YAML_BOOL; kind <= YAML_MAP; kind++)
		if (kinds & 1 << kind)
			return inspect_article((enum yaml_kind)kind);
	return "nothing";
}

static void inspect_fields(const struct inspection *inspection, const struct yaml_node *spec)
{
	for (size_t i = 0; i < spec->count; i++) {
		const struct yaml_pair *pair = &spec->pairs[i];
		const struct postgresql_field *field = find_field(pair->key);
		if (!field)
			report_unknown(inspection, pair);
		else if (field->kinds == FIELD_REMOVED)
			mistakes_add(inspection->mistakes, inspection->file, pair->line, pair->column,
				"operator 2 has no field \"%s\" any more: use \"%s\"", pair->key,
				field->instead);
		else if (pair->value->kind != YAML_NULL && !(field->kinds & 1 << pair->value->kind))
			mistakes_add(inspection->mistakes, inspection->file, pair->value->line,
				pair->value->column, "spec.%s is %s and must be %s%s", pair->key,
				inspect_article(pair->value->kind), wanted_kind(field->kinds),
				field->kinds == FIELD_TEXT && pair->value->kind < YAML_LIST ? ": put it in quotes"
											    : "");
	}
}

/* A text below spec; missing or of another kind is a mistake at `holder`. */
static void need_text(const struct inspection *inspection, const struct yaml_pair *holder, const char *key)
{
	const struct yaml_pair *pair = holder ? inspect_pair(holder->value, key) : NULL;
	if (!holder || holder->value->kind != YAML_MAP)
		return;
	if (!pair)
		mistakes_add(inspection->mistakes, inspection->file, holder->line, holder->column,
			"spec.%s.%s is missing", holder->key, key);
	else if (pair->value->kind != YAML_STRING)
		mistakes_add(inspection->mistakes, inspection->file, pair->value->line, pair->value->column,
			"spec.%s.%s is %s and must be a string%s", holder->key, key,
			inspect_article(pair->value->kind),
			pair->value->kind < YAML_LIST ? ": put it in quotes" : "");
}

static void inspect_required(const struct inspection *inspection, const struct yaml_pair *spec)
{
	static const char *const required[] = {"teamId", "numberOfInstances", "postgresql", "volume"};
	for (size_t i = 0; i < COUNT_OF(required); i++) {
		const struct yaml_pair *pair = inspect_pair(spec->value, required[i]);
		if (!pair || pair->value->kind == YAML_NULL)
			mistakes_add(inspection->mistakes, inspection->file, spec->line, spec->column,
				"spec.%s is missing", required[i]);
	}
	need_text(inspection, inspect_pair(spec->value, "postgresql"), "version");
	need_text(inspection, inspect_pair(spec->value, "volume"), "size");
	const struct yaml_pair *server = inspect_pair(spec->value, "postgresql");
	if (server)
		inspect_texts(
			inspection, inspect_pair(server->value, "parameters"), "spec.postgresql.parameters");
	inspect_texts(inspection, inspect_pair(spec->value, "databases"), "spec.databases");
	const struct yaml_node *instances = yaml_get(spec->value, "numberOfInstances");
	if (instances && instances->kind == YAML_INTEGER && instances->integer < 0)
		report(inspection, instances, "", "spec.numberOfInstances", " may not be negative");
}

/* [a-z0-9]([-_a-z0-9]*[a-z0-9])? in parts between dots: one bad name blocks all users of the cluster. */
static bool is_user_name(const char *name)
{
	const char *inner = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t length = strlen(name);
	if (length > 63)
		return false;
	while (true) {
		size_t part = strspn(name, inner);
		if (!part || strchr("-_", name[0]) || strchr("-_", name[part - 1]))
			return false;
		if (!name[part])
			return true;
		if (name[part] != '.')
			return false;
		name += part + 1;
	}
}

/* The flag's place in `flags`, or -1; `no` says whether it is the negated form. */
static int flag_index(const char *text, bool *no)
{
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		*no = false;
		if (strcasecmp(text, flags[i]) == 0)
			return (int)i;
		*no = true;
		if (strncasecmp(text, "no", 2) == 0 && strcasecmp(text + 2, flags[i]) == 0)
			return (int)i;
	}
	return -1;
}

static void inspect_flags(const struct inspection *inspection, const struct yaml_pair *user)
{
	unsigned seen[2] = {0};
	for (size_t i = 0; i < user->value->count; i++) {
		const struct yaml_node *item = user->value->items[i];
		bool no = false;
		int index = item->kind == YAML_STRING ? flag_index(item->text, &no) : -1;
		if (index < 0) {
			report(inspection, item, "user \"", user->key,
				"\": not a role flag such as createdb or nologin");
			continue;
		}
		seen[no] |= 1u << index;
		if (seen[!no] & 1u << index)
			report(inspection, item, "user \"", user->key, "\": this flag contradicts another one");
	}
}

static bool same_secret(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
			return false;
	return !*a && !*b;
}

/* Of the operator and of Spilo: in spec.users it passes over them without a word. */
static bool is_system(const char *name)
{
	static const char *const names[] = {
		"postgres", "standby", "admin", "cron_admin", "zalandos", "robot_zmon", "pooler"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void inspect_user(const struct inspection *inspection, const struct yaml_node *users, size_t index)
{
	const struct yaml_pair *user = &users->pairs[index];
	const struct yaml_node at = {.line = user->line, .column = user->column};
	if (!is_user_name(user->key))
		report(inspection, &at, "user \"", user->key,
			"\": the operator takes lower-case letters, digits, '-', '_' and '.' only, and stops for all users");
	else if (is_system(user->key) || text_starts(user->key, "pg_"))
		report(inspection, &at, "user \"", user->key, "\" belongs to PostgreSQL or the operator");
	for (size_t i = 0; i < index; i++)
		if (same_secret(users->pairs[i].key, user->key)) {
			mistakes_add(inspection->mistakes, inspection->file, user->line, user->column,
				"user \"%s\" would share its Secret with \"%s\" (line %d): '-' and '_' are equal there",
				user->key, users->pairs[i].key, users->pairs[i].line);
			break;
		}
	if (user->value->kind == YAML_NULL)
		report(inspection, &at, "user \"", user->key,
			"\" has no flags (null) and would not be created: write \"[]\"");
	else if (user->value->kind != YAML_LIST)
		report(inspection, user->value, "user \"", user->key, "\": its flags must be a list");
	else
		inspect_flags(inspection, user);
}

static void inspect_users(const struct inspection *inspection, const struct yaml_node *spec)
{
	enum { MOST_USERS = 2000 }; /* each is compared with all before it */
	const struct yaml_node *users = yaml_get(spec, "users");
	if (!users || users->kind != YAML_MAP)
		return;
	if (users->count > MOST_USERS) {
		mistakes_add(inspection->mistakes, inspection->file, users->line, users->column,
			"more than %d users in one postgresql object", MOST_USERS);
		return;
	}
	for (size_t i = 0; i < users->count; i++)
		inspect_user(inspection, users, i);
}

/* ^[a-zA-Z_][a-zA-Z0-9_]*$: the operator passes over every other database with a line in its log. */
static bool is_database_name(const char *name)
{
	const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	return *name && !(*name >= '0' && *name <= '9') && !name[strspn(name, letters)] && strlen(name) <= 63;
}

static void inspect_databases(
	const struct inspection *inspection, const struct yaml_node *spec, const char *field)
{
	const struct yaml_node *databases = yaml_get(spec, field);
	for (size_t i = 0; databases && databases->kind == YAML_MAP && i < databases->count; i++) {
		const struct yaml_pair *pair = &databases->pairs[i];
		if (!is_database_name(pair->key))
			mistakes_add(inspection->mistakes, inspection->file, pair->line, pair->column,
				"spec.%s: \"%s\": the operator takes letters, digits and '_' only", field,
				pair->key);
	}
}

static void inspect_schemas(const struct inspection *inspection, const struct yaml_node *spec)
{
	const struct yaml_node *databases = yaml_get(spec, "preparedDatabases");
	for (size_t i = 0; databases && databases->kind == YAML_MAP && i < databases->count; i++) {
		const struct yaml_node *schemas = yaml_get(databases->pairs[i].value, "schemas");
		for (size_t j = 0; schemas && schemas->kind == YAML_MAP && j < schemas->count; j++)
			if (!is_database_name(schemas->pairs[j].key))
				mistakes_add(inspection->mistakes, inspection->file, schemas->pairs[j].line,
					schemas->pairs[j].column,
					"spec.preparedDatabases.%s.schemas: \"%s\": the operator takes letters, digits and '_' only",
					databases->pairs[i].key, schemas->pairs[j].key);
	}
}

/* With a user of another name each time Pods would be locked out; nothing excludes system users (zalando-operator.md 2.2). */
static void inspect_rotation(const struct inspection *inspection, const struct yaml_node *spec)
{
	const struct yaml_node *list = yaml_get(spec, "usersWithSecretRotation");
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
		const struct yaml_node *item = list->items[i];
		if (item->kind == YAML_STRING && is_system(item->text))
			report(inspection, item, "spec.usersWithSecretRotation: \"", item->text,
				"\" is a system user: its Secret would name a new user, and the Pods are locked out");
	}
}

/* The versions of operator 2; the API server refuses others, but only when it is asked. */
static void inspect_version(const struct inspection *inspection, const struct yaml_node *spec)
{
	static const char *const versions[] = {"14", "15", "16", "17", "18"};
	const struct yaml_node *version = yaml_get(yaml_get(spec, "postgresql"), "version");
	bool known = !version || version->kind != YAML_STRING;
	for (size_t i = 0; !known && i < COUNT_OF(versions); i++)
		known = strcmp(versions[i], version->text) == 0;
	if (!known)
		mistakes_add(inspection->warnings, inspection->file, version->line, version->column,
			"spec.postgresql.version \"%s\": operator 2.0 knows 14 to 18", version->text);
}

/* "Sat:22:00-23:30" or "01:00-06:00". */
static void inspect_windows(const struct inspection *inspection, const struct yaml_node *spec)
{
	const struct yaml_node *windows = yaml_get(spec, "maintenanceWindows");
	for (size_t i = 0; windows && windows->kind == YAML_LIST && i < windows->count; i++) {
		const struct yaml_node *item = windows->items[i];
		const char *text = item->kind == YAML_STRING ? item->text : "";
		int from_hour, from_minute, to_hour, to_minute, used = 0;
		if (*text < '0' || *text > '9')
			text += strcspn(text, ":") + (strchr(text, ':') != NULL);
		if (sscanf(text, "%2d:%2d-%2d:%2d%n", &from_hour, &from_minute, &to_hour, &to_minute, &used) !=
				4 ||
			text[used])
			report(inspection, item,
				"spec.maintenanceWindows: ", "write 01:00-06:00 or Sat:01:00-06:00", "");
		else if (to_hour * 60 + to_minute < from_hour * 60 + from_minute)
			report(inspection, item,
				"spec.maintenanceWindows: ", "the window ends before it starts", "");
	}
}

static void inspect_cluster_name(
	const struct inspection *inspection, const struct object_key *key, const struct yaml_node *document)
{
	const struct yaml_node *name = yaml_get(yaml_get(document, "metadata"), "name");
	if (strlen(key->name) > LONGEST_CLUSTER_NAME)
		mistakes_add(inspection->mistakes, inspection->file, name->line, name->column,
			"the name has %zu characters: pods of a cluster whose name has more than %d cannot start",
			strlen(key->name), LONGEST_CLUSTER_NAME);
	else if (!text_is_dns_label(key->name) || (*key->name >= '0' && *key->name <= '9'))
		report(inspection, name, "the name of a cluster", "",
			" must begin with a letter and hold lower-case letters, digits and '-' only, no dot");
}

void inspect_postgresql(
	const struct inspection *inspection, const struct object_key *key, const struct yaml_node *document)
{
	if (strcmp(key->group, "acid.zalan.do") != 0 || strcmp(key->kind, "postgresql") != 0)
		return;
	inspect_cluster_name(inspection, key, document);
	const struct yaml_pair *spec = inspect_pair(document, "spec");
	if (!spec || spec->value->kind != YAML_MAP) {
		report(inspection, spec ? spec->value : document, "", "spec",
			spec ? " must be a map" : " is missing");
		return;
	}
	inspect_fields(inspection, spec->value);
	inspect_required(inspection, spec);
	inspect_users(inspection, spec->value);
	inspect_databases(inspection, spec->value, "databases");
	inspect_databases(inspection, spec->value, "preparedDatabases");
	inspect_schemas(inspection, spec->value);
	inspect_rotation(inspection, spec->value);
	inspect_version(inspection, spec->value);
	inspect_windows(inspection, spec->value);
	const struct yaml_node *clone = yaml_get(spec->value, "clone");
	const struct yaml_node *source = yaml_get(clone, "cluster");
	if (source &&
		(source->kind != YAML_STRING || !text_is_dns_label(source->text) ||
			(*source->text >= '0' && *source->text <= '9')))
		report(inspection, source, "", "spec.clone.cluster", " is not the name of a cluster");
}
