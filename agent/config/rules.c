#include "agent/config/rules.h"

#include <string.h>

#include "agent/config/powers.h"
#include "base/buf.h"
#include "base/text.h"

static const struct rule_config *find(const struct config *config, const char *application)
{
	for (size_t i = 0; i < config->rule_count; i++)
		if (text_glob(config->rules[i].application, application))
			return &config->rules[i];
	return NULL;
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
	if (rule->kinds && !text_glob_any(rule->kinds, rule->kind_count, wall_kind(key, mem)))
		return arena_printf(mem, "%s is not among the kinds of the rule", wall_kind(key, mem));
	if (in_namespaces(rule, key))
		return NULL;
	if (*key->namespace)
		return arena_printf(mem, "%s is not among the namespaces of the rule", key->namespace);
	return "it is in no namespace of the rule";
}

static bool is_own_application(const struct config *config, const struct object_key *key)
{
	return strcmp(key->group, "argoproj.io") == 0 && strcmp(key->kind, "Application") == 0 &&
		strcmp(key->namespace, config->namespace) == 0;
}

bool rules_allow_object(const struct rules *rules, const char *application, const struct object_key *key,
	struct arena *mem, const char **why)
{
	const struct rule_config *rule = find(rules->config, application);
	const char *standing = wall_of_name(rules, rule, key, mem);
	if (standing) {
		*why = arena_printf(mem, "%s is not written: %s", object_key_text(key, mem), standing);
		return false;
	}
	/* An Application that `applications` names is allowed by that. */
	const char *beyond =
		rule && !is_own_application(rules->config, key) ? beyond_rule(rule, key, mem) : NULL;
	if (!beyond)
		return true;
	*why = arena_printf(mem, "%s is not written: %s at %s", object_key_text(key, mem), beyond,
		place_of(rules->config, rule, mem));
	return false;
}

bool rules_allow_live(const struct rules *rules, const char *application, const struct object_key *key,
	const struct wall_marks *marks, struct arena *mem, const char **why)
{
	const char *wall = wall_of_live(rules, find(rules->config, application), key, marks, mem);
	if (wall)
		*why = arena_printf(mem, "%s is not written: %s", object_key_text(key, mem), wall);
	return !wall;
}

/* ---- what an object holds ---- */

struct judge {
	const struct rules *rules;
	const struct rule_config *rule;
	const struct object *object;
	struct mistakes *refused, *warned;
};

static bool is_postgresql(const struct object_key *key)
{
	return strcmp(key->kind, "postgresql") == 0 && strcmp(key->group, "acid.zalan.do") == 0;
}

bool rules_may_warn(const struct object_key *key)
{
	return is_postgresql(key);
}

static void say(struct judge *judge, bool refuse, const char *text)
{
	mistakes_add(refuse ? judge->refused : judge->warned, judge->object->file, judge->object->line, 0,
		"%s", text);
}

static enum rule_answer answer_of(const struct judge *judge, const struct power *power)
{
	const struct postgresql_rule *rule = judge->rule ? &judge->rule->postgresql : NULL;
	const char *user = power->path + strlen("spec.users.");
	if (!rule)
		return RULE_UNSAID;
	if (power->part != POWER_SUPERUSERS)
		return rule->answers[power->part];
	if (!rule->superusers)
		return RULE_UNSAID;
	for (size_t i = 0; i < rule->superuser_count; i++)
		if (strcmp(rule->superusers[i], user) == 0)
			return RULE_ALLOW;
	return RULE_REFUSE;
}

/* What a rule has a word for. */
static void judge_fields(struct judge *judge, const json_t *spec)
{
	struct arena *mem = judge->refused->mem;
	struct power *items;
	size_t count = powers_fields(spec, mem, &items);
	for (size_t i = 0; i < count; i++) {
		enum rule_answer answer = answer_of(judge, &items[i]);
		bool refuse = answer == RULE_REFUSE;
		if (refuse || answer == RULE_WARN)
			say(judge, refuse,
				arena_printf(mem, "%s%s: %s by the rule at %s:%d", items[i].path,
					items[i].part == POWER_SUPERUSERS ? ": superuser" : "",
					refuse ? "refused" : "warned of", judge->rules->config->file,
					judge->rule->line));
	}
}

/* What none has a word for, and gives power. */
static void judge_powers(struct judge *judge, const json_t *spec)
{
	struct arena *mem = judge->refused->mem;
	struct power *items;
	size_t count = powers_find(spec, mem, &items);
	for (size_t i = 0; i < count; i++)
		if (answer_of(judge, &items[i]) == RULE_UNSAID)
			say(judge, false,
				arena_printf(mem,
					"%s %s; whether that may be, say in a rule of the agent file (postgresql.%s)",
					items[i].path, items[i].what, power_setting(items[i].part)));
}

static void judge_reach(struct judge *judge, const char *path, const char *namespace)
{
	struct arena *mem = judge->refused->mem;
	if (!text_is_dns_label(namespace) || text_equal(namespace, judge->object->key.namespace) ||
		text_glob_any(judge->rule->namespaces, judge->rule->namespace_count, namespace))
		return;
	say(judge, true,
		arena_printf(mem,
			"%s: the operator would write a Secret into %s (enable_cross_namespace_secret), which is not among "
			"the namespaces of the rule at %s",
			path, namespace, place_of(judge->rules->config, judge->rule, mem)));
}

/* The Secret of a user NAMESPACE.USER, and those of a prepared database's, are where the object says (zalando-operator.md 4). */
static void judge_namespaces(struct judge *judge, const json_t *spec)
{
	struct arena *mem = judge->refused->mem;
	const char *name;
	json_t *value;
	if (!judge->rule || !judge->rule->namespaces)
		return;
	json_object_foreach (json_object_get(spec, "users"), name, value) {
		const char *dot = strchr(name, '.');
		if (dot)
			judge_reach(judge, arena_printf(mem, "spec.users.%s", name),
				arena_copy_n(mem, name, (size_t)(dot - name)));
	}
	json_object_foreach (json_object_get(spec, "preparedDatabases"), name, value)
		judge_reach(judge, arena_printf(mem, "spec.preparedDatabases.%s.secretNamespace", name),
			json_text_at(value, "secretNamespace", ""));
}

void rules_judge_object(const struct rules *rules, const char *application, const struct object *object,
	struct mistakes *refused, struct mistakes *warned)
{
	struct judge judge = {rules, find(rules->config, application), object, refused, warned};
	struct error err;
	CLEANUP(json_done) json_t *document = NULL;
	bool postgresql = is_postgresql(&object->key);
	/* The text is canonical: what does not stand in it so need not be taken apart. */
	if (!postgresql && !wall_may_stand(object->json))
		return;
	if (!json_read(object->json, object->json_length, &document, &err)) {
		mistakes_add(refused, object->file, object->line, 0, "%s", err.text);
		return;
	}
	const char *wall = wall_of_content(rules, judge.rule, &object->key, document, refused->mem);
	if (wall)
		say(&judge, true,
			arena_printf(refused->mem, "%s is not written: %s",
				object_key_text(&object->key, refused->mem), wall));
	if (!postgresql)
		return;
	judge_namespaces(&judge, json_object_get(document, "spec"));
	judge_fields(&judge, json_object_get(document, "spec"));
	judge_powers(&judge, json_object_get(document, "spec"));
}

/* ---- for people ---- */

static void put_list(struct buf *text, const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(text, "%s%s", i ? ", " : "", items[i]);
	if (!count)
		buf_printf(text, "nothing");
}

static void put_postgresql(struct buf *text, const struct postgresql_rule *rule)
{
	static const char *const words[] = {
		[RULE_UNSAID] = "", [RULE_ALLOW] = "allowed", [RULE_WARN] = "warned of", [RULE_REFUSE] = "refused"};
	if (rule->superusers) {
		buf_printf(text, "; superusers: ");
		put_list(text, rule->superusers, rule->superuser_count);
	}
	for (enum power_part part = POWER_SUPERUSERS + 1; part < POWER_PARTS; part++)
		if (rule->answers[part] != RULE_UNSAID)
			buf_printf(text, "; %s %s", power_setting(part), words[rule->answers[part]]);
}

const char *rules_text(const struct config *config, const char *application, struct arena *mem)
{
	const struct rule_config *rule = find(config, application);
	CLEANUP(buf_done) struct buf text = BUF(1u << 16);
	if (!rule)
		return "whatever its AppProject and the agent's ServiceAccount allow, but for what is the agent's own or another "
		       "Application's (no rule of the agent file names it)";
	if (rule->kinds)
		put_list(&text, rule->kinds, rule->kind_count);
	else
		buf_printf(&text, "every kind");
	buf_printf(&text, " in ");
	if (rule->namespaces)
		put_list(&text, rule->namespaces, rule->namespace_count);
	else
		buf_printf(&text, "every namespace");
	if (rule->application_count) {
		buf_printf(&text, "; the Applications ");
		put_list(&text, rule->applications, rule->application_count);
	}
	put_postgresql(&text, &rule->postgresql);
	return arena_printf(mem, "%s (rule at %s)", buf_string(&text), place_of(config, rule, mem));
}
