/*
 * users_parameters.c - `parameters` and `parametersIn` of a user: what ALTER ROLE ... SET is to say
 *
 * A YAML list is a list of PostgreSQL's: each item by itself, so that "$user" and public stay two schemas. A scalar is one value, as it is
 * written. Whether the server knows the parameter and takes the value is the server's to say.
 *
 * The agent is a superuser, and what it sets for a role comes into force at that role's login whoever it is: so Git could give what only
 * superusers may set. What leads to power, to code in the server, out of sight of who watches it or to damage is refused unless the agent
 * file allows it, whatever the value: by which a user is seen more and by which less differs by server and version.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/parameters.h"
#include "reconcile/roles/users_check.h"
#include "reconcile/roles/users_reader.h"

enum { NAME_BYTES = 63, MOST = 1000 };

static const struct {
	const char *glob, *why;
} dangers[] = {
	{"role", "the user would be another role in each of its sessions"},
	{"session_authorization", "the user would be another role in each of its sessions"},
	{"session_replication_role", "triggers and foreign keys would not be kept"},
	{"event_triggers", "event triggers would not run"},
	{"*_preload_libraries", "it loads code into the server"},
	{"dynamic_library_path", "it says where code is loaded from"},
	{"extension_control_path", "it says where code is loaded from"},
	{"pl{perl,tcl,tclu,python,python3,v8}.*", "it runs code in each of the user's sessions"},
	{"allow_system_table_mods", "catalogs could be destroyed"},
	{"ignore_system_indexes", "catalogs could be destroyed"},
	{"ignore_checksum_failure", "damaged data would be read and written on"},
	{"ignore_invalid_pages", "damaged data would be read and written on"},
	{"zero_damaged_pages", "damaged data would be destroyed"},
	{"lo_compat_privileges", "privileges on large objects would not be looked at"},
	{"log_*", "what the user does would not be in the server's log as for everybody"},
	{"{track_*,compute_query_id}",
		"what the user does would not be seen in the server's views as for everybody"},
	{"{pg_stat_*,auto_explain,pg_qualstats,pg_wait_sampling}.*",
		"what the user does would not be seen by what watches the server"},
	{"max_stack_depth", "the server could crash"},
	{"{pgaudit,sepgsql,anon,set_user,supautils,credcheck,pg_tle}.*",
		"it belongs to what guards or watches the server"},
};

/* Names that the server changes to others: what is set would never be found again. */
static const struct {
	const char *old, *now;
} renamed[] = {{"sort_mem", "work_mem"}, {"vacuum_mem", "maintenance_work_mem"}};

/* What pg_dump knows, too (variable_is_guc_list_quote): items of these are names, stored in quotes where they need them. */
bool parameter_has_names(const char *name)
{
	static const char *const names[] = {"search_path", "temp_tablespaces", "local_preload_libraries",
		"session_preload_libraries", "shared_preload_libraries", "unix_socket_directories"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

/* --- one name --- */

static bool is_name(const char *name)
{
	bool begins = true;
	for (; *name; name++) {
		bool letter = isalpha((unsigned char)*name) || *name == '_';
		if (begins ? !letter : !(letter || isdigit((unsigned char)*name) || strchr("$.", *name)))
			return false;
		begins = *name == '.';
	}
	return !begins;
}

static const char *lower(struct arena *mem, const char *name)
{
	char *copy = arena_printf(mem, "%s", name);
	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

const char *parameter_problem(const struct roles_policy *policy, const char *name, struct arena *mem)
{
	if (!is_name(name) || strlen(name) > NAME_BYTES)
		return arena_printf(mem,
			"\"%s\" is no parameter's name: letters, digits and _, or of an extension NAME.NAME",
			name);
	const char *small = lower(mem, name);
	for (size_t i = 0; i < COUNT_OF(renamed); i++)
		if (strcmp(renamed[i].old, small) == 0)
			return arena_printf(mem, "%s is called %s", name, renamed[i].now);
	for (size_t i = 0; i < COUNT_OF(dangers); i++)
		if (text_glob(dangers[i].glob, small) &&
			!text_glob_any(policy->parameters, policy->parameter_count, small))
			return arena_printf(mem,
				"parameter %s cannot be set from here: %s; the agent file can allow it in "
				"policy.allowParameters",
				name, dangers[i].why);
	return NULL;
}

/* --- one value --- */

static bool is_value(const struct yaml_node *node)
{
	return node->kind != YAML_NULL && node->kind != YAML_LIST && node->kind != YAML_MAP &&
		strlen(node->text) == node->length && node->length <= PARAMETER_VALUE_BYTES;
}

/* As the server keeps it, and as a statement says it: "a", b and 'a', 'b'. */
static bool read_items(struct users_reader *reader, const struct yaml_node *const *items, size_t count,
	struct parameter *parameter)
{
	struct arena *mem = reader->mem;
	bool names = parameter_has_names(parameter->name);
	const char *value = "", *sql = "";
	for (size_t i = 0; i < count; i++) {
		if (!is_value(items[i])) {
			reader_wrong(reader, items[i],
				arena_printf(mem, "a value of %s must be a text, a number or a boolean",
					parameter->name));
			return false;
		}
		const char *item = names ? sql_identifier(items[i]->text, mem) : items[i]->text;
		value = arena_printf(mem, "%s%s%s", value, i ? ", " : "", item);
		sql = arena_printf(mem, "%s%s%s", sql, i ? ", " : "", sql_literal(items[i]->text, mem));
	}
	parameter->value = count || !names ? value : "\"\"";
	parameter->sql = count ? sql : "''";
	return true;
}

static bool read_value(struct users_reader *reader, const struct yaml_node *node, struct parameter *parameter)
{
	bool names = parameter_has_names(parameter->name);
	if (node->kind == YAML_LIST && node->count <= MOST)
		return read_items(reader, (const struct yaml_node *const *)node->items, node->count, parameter);
	if (names && node->kind == YAML_STRING && strpbrk(node->text, ",\"")) {
		reader_wrong(reader, node,
			arena_printf(reader->mem,
				"%s is a list, and this would be one name with everything in it: write it as in "
				"%s: [\"$user\", public]",
				parameter->name, parameter->name));
		return false;
	}
	return read_items(reader, &node, 1, parameter);
}

/* --- the keys --- */

static void read_map(
	struct users_reader *reader, const struct yaml_node *map, const char *database, struct user *user)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_pair *pair = &map->pairs[i];
		struct parameter parameter = {.database = database, .name = pair->key};
		const char *problem = parameter_problem(reader->policy, pair->key, reader->mem);
		const struct yaml_node place = {.line = pair->line, .column = pair->column};
		if (problem)
			reader_wrong(reader, &place, problem);
		if (problem || !read_value(reader, pair->value, &parameter))
			continue;
		user->parameters = arena_grow(
			reader->mem, user->parameters, user->parameter_count, sizeof(*user->parameters));
		user->parameters[user->parameter_count++] = parameter;
	}
}

static bool is_map(
	struct users_reader *reader, const struct yaml_node *node, const char *what, const char *example)
{
	if (node->kind != YAML_MAP && node->kind != YAML_NULL)
		reader_wrong(
			reader, node, arena_printf(reader->mem, "%s must be a map, as in %s", what, example));
	return node->kind == YAML_MAP;
}

void reader_parameters(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	user->lists_parameters = true;
	if (is_map(reader, node, "parameters", "parameters: {statement_timeout: 30s}"))
		read_map(reader, node, "", user);
}

void reader_parameters_in(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	user->lists_parameters = true;
	if (!is_map(reader, node, "parametersIn", "parametersIn: {app: {work_mem: 64MB}}"))
		return;
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_pair *pair = &node->pairs[i];
		const struct yaml_node place = {.line = pair->line, .column = pair->column};
		const char *problem = name_problem(pair->key, strlen(pair->key));
		if (problem)
			reader_wrong(
				reader, &place, arena_printf(reader->mem, "the database's name %s", problem));
		else if (is_map(reader, pair->value, "what is set in a database",
				 "parametersIn: {app: {work_mem: 64MB}}"))
			read_map(reader, pair->value, pair->key, user);
	}
}

/* --- together --- */

static int compare_parameters(const void *a, const void *b)
{
	const struct parameter *left = a, *right = b;
	int order = strcmp(left->database, right->database);
	return order ? order : strcasecmp(left->name, right->name);
}

void parameters_merge(struct user *user, const struct user *more, struct arena *mem)
{
	struct parameter *both =
		arena_array(mem, user->parameter_count + more->parameter_count + 1, sizeof(*both));
	for (size_t i = 0; i < user->parameter_count; i++)
		both[i] = user->parameters[i];
	for (size_t i = 0; i < more->parameter_count; i++)
		both[user->parameter_count + i] = more->parameters[i];
	user->parameters = both;
	user->parameter_count += more->parameter_count;
	user->lists_parameters |= more->lists_parameters;
}

const char *parameters_sort(struct user *user)
{
	const char *twice = NULL;
	size_t kept = 0;
	if (user->parameter_count)
		qsort(user->parameters, user->parameter_count, sizeof(*user->parameters), compare_parameters);
	for (size_t i = 0; i < user->parameter_count; i++) {
		const struct parameter *last = kept ? &user->parameters[kept - 1] : NULL;
		bool again = last && compare_parameters(last, &user->parameters[i]) == 0;
		if (again && strcmp(last->value, user->parameters[i].value) != 0)
			twice = user->parameters[i].name;
		if (!again)
			user->parameters[kept++] = user->parameters[i];
	}
	user->parameter_count = kept;
	return twice;
}
