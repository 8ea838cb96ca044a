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
	[POWER_IMAGES] = "images",
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

/* The next word of a line as PostgreSQL reads it (next_token() in hba.c): quotes belong to no word, and end none. */
static bool hba_word(const char **at, char *word, size_t size)
{
	bool quoted = false;
	size_t length = 0;
	*at += strspn(*at, " \t\r");
	if (!**at || **at == '\n' || **at == '#')
		return false;
	for (; **at && (quoted || !strchr(" \t\r\n#", **at)); (*at)++) {
		if (**at == '\n')
			break;
		if (**at == '"')
			quoted = !quoted;
		else if (length + 1 < size)
			word[length++] = **at;
	}
	word[length] = '\0';
	return true;
}

/* "host all all 10.0.0.0/8 trust", and with a mask of its own one word later. */
static const char *line_power(const char *at)
{
	char word[64];
	for (size_t words = 0; hba_word(&at, word, sizeof(word)); words++) {
		if (!words && text_starts(word, "include"))
			return "takes lines from another file (include)";
		if (words >= 3 && strcasecmp(word, "trust") == 0)
			return "lets in without a password (trust)";
	}
	return NULL;
}

/* An item is written to the file as it is, so it may be several lines; one that ends with a backslash goes on in the next. */
static const char *hba_power(const char *item, struct arena *mem)
{
	const char *what = NULL;
	char *text = arena_copy(mem, item), *to = text;
	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] == '\n')
			from++;
		else
			*to++ = *from;
	}
	*to = '\0';
	for (const char *line = text; line && !what; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		what = line_power(line);
	return what;
}

static void find_trust(struct search *search, const json_t *spec)
{
	json_t *line;
	size_t i;
	json_array_foreach (json_at(spec, "patroni.pg_hba"), i, line) {
		const char *what =
			json_is_string(line) ? hba_power(json_string_value(line), search->mem) : NULL;
		if (what)
			add(search, POWER_PG_HBA, arena_printf(search->mem, "spec.patroni.pg_hba[%zu]", i),
				what);
	}
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

/* The database's own container: its program, and its user. */
static void find_program(struct search *search, const json_t *spec)
{
	static const char *const operators[] = {"ghcr.io/zalando/*", "registry.opensource.zalan.do/acid/*",
		"container-registry.zalando.net/acid/*"};
	static const char *const paths[] = {"dockerImage", "connectionPooler.dockerImage"};
	const json_t *user = json_object_get(spec, "spiloRunAsUser");
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		const char *image = json_text_at(spec, paths[i], "");
		if (*image && !text_glob_any(operators, COUNT_OF(operators), image))
			add(search, POWER_IMAGES, arena_printf(search->mem, "spec.%s", paths[i]),
				"is a program that is not the operator's, with all data and its superuser's password");
	}
	if (json_is_integer(user) && json_integer_value(user) == 0)
		add(search, POWER_IMAGES, "spec.spiloRunAsUser", "runs the database as root");
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
	static const char *const powerful[] = {"SPILO_CONFIGURATION", "PATRONI_*", "PGUSER_*", "PGPASSWORD_*",
		"USE_ADMIN", "ALLOW_NOSSL", "PAM_OAUTH2", "CRONTAB", "CALLBACK_SCRIPT", "KUBERNETES_*",
		"ETCD*", "LD_*", "PYTHON*", "BASH_ENV", "PATH"};
	json_t *variable;
	size_t i;
	json_array_foreach (json_object_get(spec, "env"), i, variable) {
		const char *name = json_text_at(variable, "name", "");
		for (size_t j = 0; j < COUNT_OF(powerful); j++)
			if (text_glob(powerful[j], name))
				add(search, POWER_ENV, arena_printf(search->mem, "spec.env[%zu] (%s)", i, name),
					"overrules what the operator and Spilo configure");
	}
	json_array_foreach (json_object_get(spec, "envFrom"), i, variable)
		add(search, POWER_ENV, arena_printf(search->mem, "spec.envFrom[%zu]", i),
			"brings variables that do not stand here, which may overrule what the operator and Spilo configure");
}

/* PostgreSQL and Patroni take these names in any case. */
static const struct {
	const char *pattern;
	enum power_part part;
	const char *what;
} parameters[] = {
	{"*_command", POWER_COMMANDS, "is a command that the server runs"},
	{"hba_file", POWER_PG_HBA, "takes who may log in from another file"},
	{"ident_file", POWER_PG_HBA, "takes who may log in as whom from another file"},
};

static const char *lower_case(const char *name, struct arena *mem)
{
	char *text = arena_copy(mem, name);
	for (char *c = text; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	return text;
}

static void find_commands(struct search *search, const json_t *spec)
{
	const char *name;
	json_t *value;
	json_object_foreach (json_at(spec, "postgresql.parameters"), name, value) {
		const char *lower = lower_case(name, search->mem);
		for (size_t i = 0;
			json_is_string(value) && *json_string_value(value) && i < COUNT_OF(parameters); i++)
			if (text_glob(parameters[i].pattern, lower))
				add(search, parameters[i].part,
					arena_printf(search->mem, "spec.postgresql.parameters.%s", name),
					parameters[i].what);
	}
}

size_t powers_find(const json_t *spec, struct arena *mem, struct power **items)
{
	static void (*const searches[])(struct search * search, const json_t *spec) = {find_superusers,
		find_trust, find_privileged, find_program, find_node_folders, find_variables, find_commands};
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
	{POWER_IMAGES, "dockerImage"},
	{POWER_IMAGES, "connectionPooler.dockerImage"},
	{POWER_IMAGES, "spiloRunAsUser"},
};

static bool is_filled(const json_t *value)
{
	return json_array_size(value) || json_object_size(value) || json_is_integer(value) ||
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
