#include "agent/config/powers.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

struct search {
	struct arena *mem;
	struct power *items;
	size_t count;
};

static const char *const settings[POWER_PARTS] = {
	[POWER_SUPERUSERS] = "superusers",
	[POWER_PG_HBA] = "pgHba",
	[POWER_SIDECARS] = "sidecars",
	[POWER_VOLUMES] = "volumes",
	[POWER_ENV] = "env",
	[POWER_COMMANDS] = "commands",
};

const char *power_setting(enum power_part part)
{
	return settings[part];
}

static void add(struct search *search, enum power_part part, const char *path, const char *what)
{
	search->items = arena_grow(search->mem, search->items, search->count, sizeof(*search->items));
	search->items[search->count++] = (struct power){part, path, what};
}

/* ---- users ---- */

static void find_superusers(struct search *search, const json_t *spec)
{
	const char *name;
	json_t *list, *flag;
	size_t i;
	json_object_foreach (json_object_get(spec, "users"), name, list)
		json_array_foreach (list, i, flag)
			if (json_is_string(flag) && strcasecmp(json_string_value(flag), "superuser") == 0) {
				add(search, POWER_SUPERUSERS,
					arena_printf(search->mem, "spec.users.%s", name), "is a superuser");
				break;
			}
}

/* ---- pg_hba ---- */

/* "host all all 10.0.0.0/8 trust", and with a mask of its own one word later; a quoted word is a name. */
static bool trusts(const char *line)
{
	size_t words = 0;
	line += strspn(line, " \t");
	for (const char *at = line; *at && *at != '#'; words++) {
		size_t length = strcspn(at, " \t#");
		if (words >= 3 && length == 5 && strncasecmp(at, "trust", 5) == 0)
			return true;
		at += length;
		at += strspn(at, " \t");
	}
	return false;
}

static void find_trust(struct search *search, const json_t *spec)
{
	json_t *line;
	size_t i;
	json_array_foreach (json_at(spec, "patroni.pg_hba"), i, line)
		if (json_is_string(line) && trusts(json_string_value(line)))
			add(search, POWER_PG_HBA, arena_printf(search->mem, "spec.patroni.pg_hba[%zu]", i),
				"lets in without a password (trust)");
}

/* ---- containers ---- */

static const char *privilege(const json_t *container)
{
	const json_t *context = json_object_get(container, "securityContext");
	const json_t *user = json_object_get(context, "runAsUser");
	if (json_is_true(json_object_get(context, "privileged")))
		return "runs privileged";
	if (json_is_true(json_object_get(context, "allowPrivilegeEscalation")))
		return "may take more privileges";
	if (json_is_integer(user) && json_integer_value(user) == 0)
		return "runs as root";
	return json_array_size(json_at(context, "capabilities.add")) ? "has added capabilities" : NULL;
}

static void find_privileged(struct search *search, const json_t *spec)
{
	static const char *const lists[] = {"sidecars", "initContainers", "init_containers"};
	json_t *container;
	size_t i;
	for (size_t list = 0; list < COUNT_OF(lists); list++)
		json_array_foreach (json_object_get(spec, lists[list]), i, container) {
			const char *what = privilege(container);
			if (what)
				add(search, POWER_SIDECARS,
					arena_printf(search->mem, "spec.%s[%zu]", lists[list], i), what);
		}
}

static void find_node_folders(struct search *search, const json_t *spec)
{
	json_t *volume;
	size_t i;
	json_array_foreach (json_object_get(spec, "additionalVolumes"), i, volume)
		if (json_at(volume, "volumeSource.hostPath"))
			add(search, POWER_VOLUMES, arena_printf(search->mem, "spec.additionalVolumes[%zu]", i),
				"is a folder of the node (hostPath)");
}

/* ---- variables and commands ---- */

static void find_variables(struct search *search, const json_t *spec)
{
	static const char *const powerful[] = {
		"SPILO_CONFIGURATION", "PATRONI_*", "PGUSER_*", "PGPASSWORD_*", "LD_PRELOAD"};
	json_t *variable;
	size_t i;
	json_array_foreach (json_object_get(spec, "env"), i, variable) {
		const char *name = json_text_at(variable, "name", "");
		for (size_t j = 0; j < COUNT_OF(powerful); j++)
			if (text_glob(powerful[j], name))
				add(search, POWER_ENV, arena_printf(search->mem, "spec.env[%zu] (%s)", i, name),
					"overrules what the operator and Spilo configure");
	}
}

static void find_commands(struct search *search, const json_t *spec)
{
	const char *name;
	json_t *value;
	json_object_foreach (json_at(spec, "postgresql.parameters"), name, value)
		if (text_ends(name, "_command") && json_is_string(value) && *json_string_value(value))
			add(search, POWER_COMMANDS,
				arena_printf(search->mem, "spec.postgresql.parameters.%s", name),
				"is a command that the server runs");
}

size_t powers_find(const json_t *spec, struct arena *mem, struct power **items)
{
	static void (*const searches[])(struct search * search, const json_t *spec) = {find_superusers,
		find_trust, find_privileged, find_node_folders, find_variables, find_commands};
	struct search search = {.mem = mem};
	for (size_t i = 0; i < COUNT_OF(searches); i++)
		searches[i](&search, spec);
	*items = search.items;
	return search.count;
}

/* ---- whole fields ---- */

static const struct {
	enum power_part part;
	const char *path;
} fields[] = {
	{POWER_PG_HBA, "patroni.pg_hba"},
	{POWER_SIDECARS, "sidecars"},
	{POWER_SIDECARS, "initContainers"},
	{POWER_SIDECARS, "init_containers"},
	{POWER_VOLUMES, "additionalVolumes"},
	{POWER_ENV, "env"},
	{POWER_ENV, "envFrom"},
};

static bool is_filled(const json_t *value)
{
	return json_array_size(value) || json_object_size(value) ||
		(json_is_string(value) && *json_string_value(value));
}

size_t powers_fields(const json_t *spec, struct arena *mem, struct power **items)
{
	struct search search = {.mem = mem};
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (is_filled(json_at(spec, fields[i].path)))
			add(&search, fields[i].part, arena_printf(mem, "spec.%s", fields[i].path), "is there");
	find_superusers(&search, spec);
	find_commands(&search, spec);
	*items = search.items;
	return search.count;
}
