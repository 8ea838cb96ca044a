#include "reconcile/kubernetes/operator_settings.h"

#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/kube_list.h"
#include "reconcile/kubernetes/postgresql.h"

/* ---- one object ---- */

/* "acid, other" as the ConfigMap has it, or a list. */
static const char *teams_of(const json_t *value, struct arena *mem)
{
	char *teams = arena_printf(mem, ",%s,", json_is_string(value) ? json_string_value(value) : "");
	const json_t *team;
	size_t i, kept = 0;
	json_array_foreach (value, i, team)
		teams = arena_printf(
			mem, "%s%.63s,", teams, json_is_string(team) ? json_string_value(team) : "");
	for (size_t at = 0; teams[at]; at++)
		if (teams[at] != ' ')
			teams[kept++] = teams[at];
	teams[kept] = '\0';
	return teams;
}

static const char *text_of(const json_t *section, const char *field, const char *otherwise, struct arena *mem)
{
	const char *text = json_string_value(json_object_get(section, field));
	return text && *text ? arena_printf(mem, "%.40s", text) : otherwise;
}

/* What is not said is the default of operator 2. */
static struct operator_settings settings_of(
	const json_t *object, const char *kind, const json_t *section, struct arena *mem)
{
	const char *namespace = json_text_at(object, "metadata.namespace", "");
	return (struct operator_settings){
		.upgrade_mode = text_of(section, "major_version_upgrade_mode", "manual", mem),
		.teams = teams_of(json_object_get(section, "major_version_upgrade_team_allow_list"), mem),
		.minimal = text_of(section, "minimal_major_version", "14", mem),
		.target = text_of(section, "target_major_version", "18", mem),
		.where = arena_printf(mem, "%s %.63s%s%.100s", kind, namespace, *namespace ? "/" : "",
			json_text_at(object, "metadata.name", "")),
	};
}

static bool say_the_same(const struct operator_settings *a, const struct operator_settings *b)
{
	return text_equal(a->upgrade_mode, b->upgrade_mode) && text_equal(a->teams, b->teams) &&
		text_equal(a->minimal, b->minimal) && text_equal(a->target, b->target);
}

/* ---- all of them ---- */

static const struct {
	const char *kind, *section;
} kinds[] = {
	{"ConfigMap", "data"},
	{"OperatorConfiguration", "configuration.major_version_upgrade"},
};

static void take_one(
	struct operator_settings *settings, const struct operator_settings *found, struct arena *mem)
{
	bool first = !settings->where;
	if (first)
		*settings = *found;
	else if (settings->upgrade_mode && !say_the_same(settings, found)) {
		settings->why =
			arena_printf(mem, "%s and %s say different things", settings->where, found->where);
		settings->upgrade_mode = NULL;
	}
}

void operator_settings_of(const json_t *maps, const json_t *configurations, struct arena *mem,
	struct operator_settings *settings)
{
	const json_t *lists[] = {maps, configurations}, *object;
	size_t i;
	*settings = (struct operator_settings){
		.why = "no ConfigMap postgres-operator and no OperatorConfiguration is there"};
	for (size_t kind = 0; kind < COUNT_OF(kinds); kind++)
		json_array_foreach (lists[kind], i, object) {
			const struct operator_settings found = settings_of(
				object, kinds[kind].kind, json_at(object, kinds[kind].section), mem);
			take_one(settings, &found, mem);
		}
}

/* ---- asking ---- */

/* Only what is called so may be listed by a Role that names it. */
static const struct {
	const char *api, *plural, *query, *right;
} lists[] = {
	{"/api/v1", "configmaps", "?fieldSelector=metadata.name%3Dpostgres-operator",
		"configmaps with the name postgres-operator"},
	{"/apis/acid.zalan.do/v1", "operatorconfigurations", "", "operatorconfigurations"},
};

static void take(void *context, json_t *object)
{
	json_array_append(context, object);
}

/* Why not, in `mem`; NULL = `found` is what is there. A kind that the cluster does not have has no objects. */
static const char *read(struct kube *kube, size_t which, const char *namespace, struct arena *mem, json_t *found)
{
	struct error err;
	const char *place = namespace ? arena_printf(mem, "/namespaces/%s", namespace) : "";
	const char *path = arena_printf(
		mem, "%s%s/%s%s", lists[which].api, place, lists[which].plural, lists[which].query);
	if (kube_list_each(kube, path, NULL, take, found, &err) || err.kind == ERROR_MISSING)
		return NULL;
	return err.kind == ERROR_DENIED ? arena_printf(mem, "the agent may not list %s", lists[which].right)
					: arena_copy(mem, err.text);
}

/* What one of the two says is enough: an operator has one. */
static bool ask_in(
	struct kube *kube, const char *namespace, struct arena *mem, struct operator_settings *settings)
{
	CLEANUP(json_done) json_t *maps = json_array();
	CLEANUP(json_done) json_t *configurations = json_array();
	const char *no_maps = read(kube, 0, namespace, mem, maps);
	const char *no_configurations = read(kube, 1, namespace, mem, configurations);
	operator_settings_of(maps, configurations, mem, settings);
	if (!settings->where && (no_maps || no_configurations))
		settings->why = arena_join(mem, no_maps, no_maps && no_configurations ? ", and " : "",
			no_configurations ? no_configurations : "");
	return settings->where != NULL;
}

const struct operator_settings *operator_settings_for(
	struct kube *kube, const char *namespace, const json_t *wanted, const json_t *live, struct arena *mem)
{
	if (!postgresql_asks_settings(wanted, live))
		return NULL;
	struct operator_settings *settings = arena_alloc(mem, sizeof(*settings));
	if (!ask_in(kube, namespace, mem, settings))
		(void)!ask_in(kube, NULL, mem, settings);
	return settings;
}
