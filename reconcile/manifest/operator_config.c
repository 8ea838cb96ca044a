/*
 * The postgres-operator's configuration: the ConfigMap with flat texts that CONFIG_MAP_NAME names, or an OperatorConfiguration.
 *
 * The operator passes over a key that it does not know, and stops at its start over a value that it cannot read. The keys are those
 * of 1.15 and 2.0.1 (zalando-operator.md 6); a newer operator may know more, so an unknown one is a warning.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/manifest/inspect.h"
#include "reconcile/manifest/operator_keys.h"

enum {
	ENOUGH = 5, /* known keys that tell such a ConfigMap of another name */
	NAMES = 256
};

static const struct operator_key *find_key(const char *name)
{
	for (size_t i = 0; i < operator_key_count; i++)
		if (strcmp(operator_keys[i].name, name) == 0)
			return &operator_keys[i];
	return NULL;
}

static void warn_unknown(const struct inspection *inspection, const struct yaml_pair *pair)
{
	const char *names[NAMES];
	size_t count = 0;
	for (size_t i = 0; i < operator_key_count && count < NAMES; i++)
		if (!operator_keys[i].gone)
			names[count++] = operator_keys[i].name;
	const char *near = text_nearest(pair->key, names, count);
	mistakes_add(inspection->warnings, inspection->file, pair->line, pair->column,
		"the postgres-operator knows no setting \"%s\" and passes over it%s%s%s", pair->key,
		near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* Go's strconv.ParseBool. */
static bool is_boolean(const char *text)
{
	static const char *const words[] = {
		"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(words[i], text) == 0)
			return true;
	return false;
}

static bool is_integer(const char *text)
{
	const char *digits = text + (*text == '-');
	return *digits && !digits[strspn(digits, "0123456789")];
}

/* Go's time.ParseDuration: 30s, 1h30m. */
static bool is_duration(const char *text)
{
	static const char *const units[] = {"ns", "us", "ms", "s", "m", "h"};
	while (*text) {
		size_t digits = strspn(text, "0123456789."), unit = strspn(text + digits, "nsumh");
		bool known = false;
		for (size_t i = 0; digits && i < COUNT_OF(units); i++)
			known = known ||
				(strlen(units[i]) == unit && strncmp(units[i], text + digits, unit) == 0);
		if (!known)
			return false;
		text += digits + unit;
		if (!*text)
			return true;
	}
	return false;
}

static bool is_word(const char *words, const char *text)
{
	size_t length = strlen(text);
	for (const char *at = words; length && *at;) {
		size_t word = strcspn(at, " ");
		if (word == length && strncmp(at, text, length) == 0)
			return true;
		at += word + (at[word] == ' ');
	}
	return false;
}

static const char *expected(const struct operator_key *key, const char *text)
{
	switch (key->type) {
	case OPERATOR_BOOL:
		return is_boolean(text) ? NULL : "\"true\" or \"false\"";
	case OPERATOR_INTEGER:
		return is_integer(text) ? NULL : "an integer";
	case OPERATOR_DURATION:
		return is_duration(text) ? NULL : "a duration such as 30s or 10m";
	case OPERATOR_WORD:
		return is_word(key->words, text) ? NULL : key->words;
	case OPERATOR_TEXT:
		break;
	}
	return NULL;
}

static void inspect_setting(
	const struct inspection *inspection, const struct yaml_pair *pair, const struct operator_key *key)
{
	const struct yaml_node *value = pair->value;
	const char *text = value->text ? value->text : "";
	const char *wanted =
		value->kind < YAML_LIST && value->kind != YAML_NULL && *text ? expected(key, text) : NULL;
	if (key->gone)
		mistakes_add(inspection->warnings, inspection->file, pair->line, pair->column,
			"operator 2 has no setting \"%s\" any more: take it out", pair->key);
	else if (wanted)
		mistakes_add(inspection->mistakes, inspection->file, value->line, value->column,
			"the postgres-operator does not start with this \"%s\": it must be %s%s", pair->key,
			key->type == OPERATOR_WORD ? "one of: " : "", wanted);
}

static void inspect_settings(const struct inspection *inspection, const struct yaml_node *map, bool sections)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->count; i++) {
		const struct yaml_pair *pair = &map->pairs[i];
		const struct operator_key *key = find_key(pair->key);
		if (sections && pair->value->kind == YAML_MAP && !key)
			inspect_settings(inspection, pair->value, false);
		else if (key)
			inspect_setting(inspection, pair, key);
		else
			warn_unknown(inspection, pair);
	}
}

static size_t known_keys(const struct yaml_node *data)
{
	size_t count = 0;
	for (size_t i = 0; data && data->kind == YAML_MAP && i < data->count; i++)
		count += find_key(data->pairs[i].key) != NULL;
	return count;
}

static bool is_config_map(const struct object_key *key, const struct yaml_node *data)
{
	size_t known = known_keys(data);
	if (*key->group || strcmp(key->kind, "ConfigMap") != 0 || !data || data->kind != YAML_MAP)
		return false;
	return strcmp(key->name, "postgres-operator") == 0 || (known >= ENOUGH && 2 * known > data->count);
}

void inspect_operator_config(
	const struct inspection *inspection, const struct object_key *key, const struct yaml_node *document)
{
	const struct yaml_node *data = yaml_get(document, "data");
	if (strcmp(key->group, "acid.zalan.do") == 0 && strcmp(key->kind, "OperatorConfiguration") == 0)
		inspect_settings(inspection, yaml_get(document, "configuration"), true);
	else if (is_config_map(key, data))
		inspect_settings(inspection, data, false);
}
