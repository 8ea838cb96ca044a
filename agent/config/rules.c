#include "agent/config/rules.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define ARGO "argoproj.io"
#define RBAC "rbac.authorization.k8s.io"
#define LABEL "app.kubernetes.io/name"
#define INSTALLATION "pgitops"

static const struct rule_config *find(const struct config *config, const char *application)
{
	for (size_t i = 0; i < config->rule_count; i++)
		if (text_glob(config->rules[i].application, application))
			return &config->rules[i];
	return NULL;
}

/* "ConfigMap", "postgresql.acid.zalan.do": as `kinds` names them. */
static const char *kind_text(const struct object_key *key, struct arena *mem)
{
	return *key->group ? arena_printf(mem, "%s.%s", key->kind, key->group) : key->kind;
}

/* ---- the walls ---- */

enum place { ANYWHERE, AGENT_NAMESPACE };

/* The agent itself, as manifests/install.yaml names it. */
static const struct {
	const char *group, *kind, *name;
	enum place place;
} installation[] = {
	{"apps", "Deployment", INSTALLATION, AGENT_NAMESPACE},
	{"", "ServiceAccount", INSTALLATION, AGENT_NAMESPACE},
	{"", "ConfigMap", INSTALLATION, AGENT_NAMESPACE},
	{"", "Secret", INSTALLATION, AGENT_NAMESPACE},
	{"", "Service", INSTALLATION, AGENT_NAMESPACE},
	{"", "PersistentVolumeClaim", INSTALLATION, AGENT_NAMESPACE},
	{RBAC, "Role", INSTALLATION, ANYWHERE},
	{RBAC, "RoleBinding", INSTALLATION, ANYWHERE},
	{RBAC, "ClusterRole", INSTALLATION, ANYWHERE},
	{RBAC, "ClusterRoleBinding", INSTALLATION, ANYWHERE},
	{"apiextensions.k8s.io", "CustomResourceDefinition", "applications." ARGO, ANYWHERE},
	{"apiextensions.k8s.io", "CustomResourceDefinition", "appprojects." ARGO, ANYWHERE},
};

static bool is_installation(const struct config *config, const struct object_key *key)
{
	if (!*key->group && strcmp(key->kind, "Namespace") == 0)
		return strcmp(key->name, config->namespace) == 0;
	for (size_t i = 0; i < COUNT_OF(installation); i++)
		if (strcmp(installation[i].kind, key->kind) == 0 &&
			strcmp(installation[i].group, key->group) == 0 &&
			strcmp(installation[i].name, key->name) == 0)
			return installation[i].place == ANYWHERE ||
				strcmp(key->namespace, config->namespace) == 0;
	return false;
}

/* A glob takes no wall down: the kind stands there letter by letter. */
static bool names_kind(const struct rule_config *rule, const char *kind)
{
	for (size_t i = 0; rule && i < rule->kind_count; i++)
		if (strcmp(rule->kinds[i], kind) == 0)
			return true;
	return false;
}

static bool is_argo(const struct config *config, const struct object_key *key, const char *kind)
{
	return strcmp(key->group, ARGO) == 0 && strcmp(key->kind, kind) == 0 &&
		strcmp(key->namespace, config->namespace) == 0;
}

/* The wall this object stands behind and this rule leaves standing, as a sentence; NULL = none. */
static const char *wall(const struct config *config, const struct rule_config *rule,
	const struct object_key *key, struct arena *mem)
{
	bool project = is_argo(config, key, "AppProject");
	if (is_argo(config, key, "Application"))
		return rule && text_glob_any(rule->applications, rule->application_count, key->name)
			? NULL
			: "it is in the agent's own namespace, and no rule of the agent file names it in `applications`";
	if (!project && !is_installation(config, key))
		return NULL;
	const char *kind = kind_text(key, mem);
	if (names_kind(rule, kind))
		return NULL;
	return arena_printf(mem, "it %s, and no rule of the agent file names %s in `kinds`",
		project ? "is in the agent's own namespace" : "belongs to the agent's own installation", kind);
}

/* ---- the questions ---- */

static const char *place_of(const struct config *config, const struct rule_config *rule, struct arena *mem)
{
	return arena_printf(mem, "%s:%d", config->file, rule->line);
}

bool rules_allow_destination(const struct config *config, const char *application, const char *namespace,
	struct arena *mem, const char **why)
{
	const struct rule_config *rule = find(config, application);
	if (!rule || !rule->namespaces || !*namespace ||
		text_glob_any(rule->namespaces, rule->namespace_count, namespace))
		return true;
	*why = arena_printf(mem,
		"spec.destination.namespace \"%s\" is not among the namespaces of the rule at %s", namespace,
		place_of(config, rule, mem));
	return false;
}

/* An object without a namespace is not inside any: where namespaces are narrowed its kind must be listed. A Namespace is inside
   itself. */
static bool in_namespaces(const struct rule_config *rule, const struct object_key *key)
{
	bool is_namespace = !*key->group && strcmp(key->kind, "Namespace") == 0;
	const char *namespace = is_namespace ? key->name : key->namespace;
	if (!rule->namespaces)
		return true;
	if (!*namespace)
		return rule->kinds != NULL;
	return text_glob_any(rule->namespaces, rule->namespace_count, namespace);
}

/* Why the rule does not let this object through, as the rest of a sentence; NULL = it does. */
static const char *beyond_rule(const struct rule_config *rule, const struct object_key *key, struct arena *mem)
{
	if (rule->kinds && !text_glob_any(rule->kinds, rule->kind_count, kind_text(key, mem)))
		return arena_printf(mem, "%s is not among the kinds of the rule", kind_text(key, mem));
	if (in_namespaces(rule, key))
		return NULL;
	if (*key->namespace)
		return arena_printf(mem, "%s is not among the namespaces of the rule", key->namespace);
	return "it is in no namespace of the rule";
}

bool rules_allow_object(const struct config *config, const char *application, const struct object_key *key,
	struct arena *mem, const char **why)
{
	const struct rule_config *rule = find(config, application);
	const char *standing = wall(config, rule, key, mem);
	if (standing) {
		*why = arena_printf(mem, "%s is not written: %s", object_key_text(key, mem), standing);
		return false;
	}
	/* An Application that `applications` names is allowed by that. */
	const char *beyond = rule && !is_argo(config, key, "Application") ? beyond_rule(rule, key, mem) : NULL;
	if (!beyond)
		return true;
	*why = arena_printf(mem, "%s is not written: %s at %s", object_key_text(key, mem), beyond,
		place_of(config, rule, mem));
	return false;
}

/* ---- what an object holds ---- */

struct judge {
	const struct config *config;
	const struct rule_config *rule;
	const struct object *object;
	struct mistakes *refused, *warned;
};

static void say(struct judge *judge, enum rule_answer answer, const char *what)
{
	struct mistakes *to = answer == RULE_REFUSE ? judge->refused : judge->warned;
	if (answer == RULE_ALLOW)
		return;
	mistakes_add(to, judge->object->file, judge->object->line, 0, "%s: %s by the rule at %s:%d", what,
		answer == RULE_REFUSE ? "refused" : "warned of", judge->config->file, judge->rule->line);
}

static bool is_filled(const json_t *value)
{
	return json_array_size(value) || json_object_size(value) ||
		(json_is_string(value) && *json_string_value(value));
}

static void judge_superusers(struct judge *judge, const json_t *spec)
{
	const struct postgresql_rule *rule = &judge->rule->postgresql;
	const char *name;
	json_t *flags, *flag;
	size_t i;
	if (!rule->superusers)
		return;
	json_object_foreach (json_object_get(spec, "users"), name, flags) {
		bool superuser = false, listed = false;
		json_array_foreach (flags, i, flag)
			superuser = superuser ||
				(json_is_string(flag) && strcasecmp(json_string_value(flag), "superuser") == 0);
		for (i = 0; i < rule->superuser_count; i++)
			listed = listed || strcmp(rule->superusers[i], name) == 0;
		if (superuser && !listed)
			say(judge, RULE_REFUSE,
				arena_printf(judge->refused->mem, "spec.users.%s: superuser", name));
	}
}

static void judge_postgresql(struct judge *judge, const json_t *spec)
{
	const struct postgresql_rule *rule = &judge->rule->postgresql;
	const struct {
		const char *path;
		enum rule_answer answer;
	} parts[] = {
		{"patroni.pg_hba", rule->pg_hba},
		{"sidecars", rule->sidecars},
		{"initContainers", rule->sidecars},
		{"init_containers", rule->sidecars},
		{"additionalVolumes", rule->volumes},
		{"env", rule->env},
		{"envFrom", rule->env},
	};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (is_filled(json_at(spec, parts[i].path)))
			say(judge, parts[i].answer,
				arena_printf(judge->refused->mem, "spec.%s", parts[i].path));
	judge_superusers(judge, spec);
}

static void judge_label(struct judge *judge, const json_t *document)
{
	const struct object_key *key = &judge->object->key;
	struct arena *mem = judge->refused->mem;
	const json_t *label = json_object_get(json_at(document, "metadata.labels"), LABEL);
	const char *kind = kind_text(key, mem);
	if (*key->namespace && strcmp(key->namespace, judge->config->namespace) != 0)
		return;
	if (json_is_string(label) && strcmp(json_string_value(label), INSTALLATION) == 0 &&
		!names_kind(judge->rule, kind))
		mistakes_add(judge->refused, judge->object->file, judge->object->line, 0,
			"%s is not written: its label says that it belongs to the agent's own installation, and no rule of the "
			"agent file names %s in `kinds`",
			object_key_text(key, mem), kind);
}

void rules_judge_object(const struct config *config, const char *application, const struct object *object,
	struct mistakes *refused, struct mistakes *warned)
{
	struct judge judge = {config, find(config, application), object, refused, warned};
	struct error err;
	CLEANUP(json_done) json_t *document = NULL;
	bool postgresql = judge.rule && strcmp(object->key.kind, "postgresql") == 0 &&
		strcmp(object->key.group, "acid.zalan.do") == 0;
	/* The text is canonical: what does not stand in it so need not be taken apart. */
	bool labelled = strstr(object->json, "\"" LABEL "\":\"" INSTALLATION "\"") != NULL;
	if (!postgresql && !labelled)
		return;
	if (!json_read(object->json, object->json_length, &document, &err)) {
		mistakes_add(refused, object->file, object->line, 0, "%s", err.text);
		return;
	}
	judge_label(&judge, document);
	if (postgresql)
		judge_postgresql(&judge, json_object_get(document, "spec"));
}
