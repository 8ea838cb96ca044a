#include "agent/config/config_rules.h"

#include <string.h>

#define RULE(member) offsetof(struct rule_config, member)
#define POSTGRESQL(member) offsetof(struct rule_config, postgresql.member)

static void read_answer(struct settings *settings, const struct yaml_pair *pair, void *to)
{
	static const char *const words[] = {"allow", "warn", "refuse"};
	for (size_t i = 0; pair->value->kind == YAML_STRING && i < COUNT_OF(words); i++)
		if (strcmp(pair->value->text, words[i]) == 0) {
			*(enum rule_answer *)to = (enum rule_answer)(RULE_ALLOW + i);
			return;
		}
	settings_complain(settings, pair, false, "%s must be refuse, warn or allow", pair->key);
}

static void read_postgresql(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	static const struct setting table[] = {
		{.name = "superusers",
			.type = SETTING_TEXTS,
			.offset = POSTGRESQL(superusers),
			.count_offset = POSTGRESQL(superuser_count)},
		{.name = "pgHba",
			.type = SETTING_OWN,
			.offset = POSTGRESQL(answers[POWER_PG_HBA]),
			.read = read_answer},
		{.name = "sidecars",
			.type = SETTING_OWN,
			.offset = POSTGRESQL(answers[POWER_SIDECARS]),
			.read = read_answer},
		{.name = "volumes",
			.type = SETTING_OWN,
			.offset = POSTGRESQL(answers[POWER_VOLUMES]),
			.read = read_answer},
		{.name = "env", .type = SETTING_OWN, .offset = POSTGRESQL(answers[POWER_ENV]), .read = read_answer},
		{.name = "commands",
			.type = SETTING_OWN,
			.offset = POSTGRESQL(answers[POWER_COMMANDS]),
			.read = read_answer},
		{.name = "images",
			.type = SETTING_OWN,
			.offset = POSTGRESQL(answers[POWER_IMAGES]),
			.read = read_answer},
	};
	settings_read(settings, pair, table, COUNT_OF(table), base);
}

/* What looks like an API version ("apps/v1/Deployment") would match nothing, without a word. */
static void check_kinds(struct settings *settings, const struct yaml_pair *pair, const struct rule_config *rule)
{
	for (size_t i = 0; i < rule->kind_count; i++)
		if (!*rule->kinds[i] || strpbrk(rule->kinds[i], "/ \t"))
			settings_complain(settings, pair, true,
				"%s: kinds are named \"Kind\" (of the core group) or \"Kind.group\"",
				pair->key);
}

static void read_rule(struct settings *settings, const struct yaml_pair *pair, struct rule_config *rule)
{
	static const struct setting table[] = {
		{.name = "application", .offset = RULE(application), .required = true},
		{.name = "namespaces",
			.type = SETTING_TEXTS,
			.offset = RULE(namespaces),
			.count_offset = RULE(namespace_count)},
		{.name = "kinds", .type = SETTING_TEXTS, .offset = RULE(kinds), .count_offset = RULE(kind_count)},
		{.name = "applications",
			.type = SETTING_TEXTS,
			.offset = RULE(applications),
			.count_offset = RULE(application_count)},
		{.name = "postgresql", .type = SETTING_OWN, .read = read_postgresql},
	};
	rule->line = pair->line;
	settings_read(settings, pair, table, COUNT_OF(table), rule);
	check_kinds(settings, pair, rule);
}

void config_read_rules(struct settings *settings, const struct yaml_pair *pair, void *base)
{
	struct config *config = base;
	size_t count;
	const struct yaml_pair *items = settings_items(settings, pair, &count);
	config->rules = arena_array(settings->mem, count + 1, sizeof(*config->rules));
	for (size_t i = 0; i < count; i++)
		read_rule(settings, &items[i], &config->rules[i]);
	config->rule_count = count;
}
