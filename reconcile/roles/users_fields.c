/*
 * users_fields.c - the keys of an entry that are the role's own: login, attributes, connectionLimit, validUntil, until, comment
 *
 * What PostgreSQL would take differently than it is written here is refused: an instant of which it has no digits left, a limit beyond
 * its integers, an attribute that is not one. Who may be given which attribute is not Git's to say.
 */
#include "reconcile/roles/users_fields.h"

#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/users_reader.h"

static const int64_t END_OF_9999 = 253402300800 * 1000000;

static const struct {
	const char *word;
	bool usual, allowed; /* without a list in the agent file */
	const char *power;   /* of whoever becomes this role */
} attributes[ATTRIBUTES] = {
	[ATTRIBUTE_CREATEDB] = {"createdb", false, true, NULL},
	[ATTRIBUTE_CREATEROLE] = {"createrole", false, false, "it may create and alter roles"},
	[ATTRIBUTE_INHERIT] = {"inherit", true, true, NULL},
	[ATTRIBUTE_REPLICATION] = {"replication", false, false, "it may copy the whole cluster (REPLICATION)"},
	[ATTRIBUTE_BYPASSRLS] = {"bypassrls", false, false, "it passes by row security (BYPASSRLS)"},
	[ATTRIBUTE_SUPERUSER] = {"superuser", false, false, "it is a superuser"},
};

const char *role_attribute_word(enum role_attribute attribute)
{
	return attributes[attribute].word;
}

bool role_attribute_of(const char *word, enum role_attribute *attribute)
{
	for (unsigned i = 0; i < ATTRIBUTES; i++)
		if (strcmp(attributes[i].word, word) == 0) {
			*attribute = (enum role_attribute)i;
			return true;
		}
	return false;
}

bool role_attribute_usual(enum role_attribute attribute)
{
	return attributes[attribute].usual;
}

bool user_has_attribute(const struct user *user, enum role_attribute attribute)
{
	return ((user->fields.unusual >> attribute) & 1) != attributes[attribute].usual;
}

const char *user_danger(const struct user *user)
{
	for (unsigned i = ATTRIBUTES; i-- > 0;)
		if (attributes[i].power && user_has_attribute(user, (enum role_attribute)i))
			return attributes[i].power;
	return NULL;
}

bool user_logs_in(const struct user *user)
{
	return user->ensure == USER_PRESENT && !user->fields.no_login;
}

bool roles_policy_allows(const struct roles_policy *policy, enum role_attribute attribute)
{
	if (policy->attributes_said)
		return policy->attributes >> attribute & 1;
	return attributes[attribute].allowed;
}

/* --- reading --- */

static void read_login(struct users_reader *reader, const struct yaml_node *node, struct user_fields *fields)
{
	if (node->kind == YAML_BOOL)
		fields->no_login = !node->boolean;
	else
		reader_wrong(reader, node,
			"login must be true or false; who only is not to log in now has ensure: locked");
}

static void read_limit(struct users_reader *reader, const struct yaml_node *node, struct user_fields *fields)
{
	if (node->kind != YAML_INTEGER || node->integer < -1 || node->integer > INT_MAX) {
		reader_wrong(reader, node,
			"connectionLimit must be a number of connections, from 0 to 2147483647; -1 = no limit");
		return;
	}
	fields->limited = node->integer != -1;
	fields->connection_limit = (int)node->integer;
}

/* One form for one instant, whatever zone it was written in: texts are compared and shown. */
static const char *instant_text(int64_t microseconds, struct arena *mem)
{
	char text[CLOCK_TEXT_SIZE], digits[8];
	int64_t fraction = microseconds % 1000000;
	clock_text_seconds(microseconds, text);
	text[strlen(text) - 1] = '\0'; /* its Z */
	if (!fraction)
		return arena_printf(mem, "%sZ", text);
	snprintf(digits, sizeof(digits), "%06ld", (long)fraction);
	size_t length = strlen(digits);
	while (length && digits[length - 1] == '0')
		digits[--length] = '\0';
	return arena_printf(mem, "%s.%sZ", text, digits);
}

/* As written, in digits: 31 February is no day, though some day is meant by it. */
static bool read_instant(const char *text, int64_t *instant)
{
	char plain[CLOCK_TEXT_SIZE] = "", again[CLOCK_TEXT_SIZE];
	if (strlen(text) < strlen("2027-01-01T00:00:00Z"))
		return false;
	memcpy(plain, text, strlen("2027-01-01T00:00:00"));
	plain[strlen(plain)] = 'Z';
	if (!clock_parse(plain, instant))
		return false;
	plain[10] = 'T';
	clock_text_seconds(*instant, again);
	return strcmp(plain, again) == 0 && clock_parse(text, instant);
}

/* The value of `key`, or NULL after a mistake; `more` is what else it may be. */
static const char *read_time(struct users_reader *reader, const struct yaml_node *node, const char *key,
	const char *more, int64_t *instant)
{
	const char *point, *problem = NULL;
	if (node->kind != YAML_STRING || !read_instant(node->text, instant))
		problem = arena_printf(reader->mem,
			"%s must be an instant with its zone, as in 2027-01-01T00:00:00Z%s", key, more);
	else if ((point = strchr(node->text, '.')) && strspn(point + 1, "0123456789") > 6)
		problem = arena_printf(
			reader->mem, "%s: PostgreSQL keeps at most six digits behind the seconds", key);
	else if (*instant < 0 || *instant >= END_OF_9999)
		problem = arena_printf(reader->mem, "%s must be in the years 1970 to 9999", key);
	if (problem)
		reader_wrong(reader, node, problem);
	return problem ? NULL : instant_text(*instant, reader->mem);
}

static void read_valid_until(
	struct users_reader *reader, const struct yaml_node *node, struct user_fields *fields)
{
	int64_t instant;
	if (node->kind != YAML_NULL && !(node->kind == YAML_STRING && strcmp(node->text, "infinity") == 0))
		fields->valid_until = read_time(reader, node, "validUntil", ", or infinity", &instant);
}

/* Nobody ends at infinity: who has no end has no such line. With validUntil beside it: users_until.c. */
static void read_until(struct users_reader *reader, const struct yaml_node *node, struct user_fields *fields)
{
	int64_t instant = 0;
	fields->until = fields->valid_until =
		read_time(reader, node, "until", "; who is to have no end has no until", &instant);
	fields->end = instant / 1000000 + (instant % 1000000 != 0);
	fields->until_line = reader_line(reader, node->line);
	fields->until_column = reader_column(reader, node->column);
}

const char *reader_comment(struct users_reader *reader, const struct yaml_node *node)
{
	const char *problem = NULL;
	if (node->kind != YAML_STRING)
		problem = "comment must be a string: write it in quotes";
	else if (strlen(node->text) != node->length)
		problem = "comment has a NUL inside";
	else if (node->length > USER_COMMENT_BYTES)
		problem = "comment is longer than 65,024 bytes";
	if (problem)
		reader_wrong(reader, node, problem);
	return problem ? NULL : node->text;
}

static void read_comment(struct users_reader *reader, const struct yaml_node *node, struct user_fields *fields)
{
	fields->comment = reader_comment(reader, node);
}

static void read_attribute(struct users_reader *reader, const struct yaml_node *node,
	enum role_attribute attribute, struct user_fields *fields)
{
	const char *word = attributes[attribute].word;
	if (node->kind != YAML_BOOL) {
		reader_wrong(reader, node, arena_printf(reader->mem, "%s must be true or false", word));
		return;
	}
	if (node->boolean == attributes[attribute].usual)
		return;
	if (!roles_policy_allows(reader->policy, attribute))
		reader_wrong(reader, node,
			arena_printf(reader->mem,
				"attribute %s cannot be %s by users.yaml: policy.allowAttributes of this database in the agent "
				"file does not name it",
				word, node->boolean ? "given" : "taken away"));
	else
		fields->unusual |= 1U << attribute;
}

static void read_attributes(struct users_reader *reader, const struct yaml_node *map, struct user_fields *fields)
{
	const char *words[ATTRIBUTES];
	if (map->kind == YAML_NULL)
		return;
	if (map->kind != YAML_MAP) {
		reader_wrong(reader, map, "attributes must be a map, as in attributes: {createdb: true}");
		return;
	}
	for (unsigned i = 0; i < ATTRIBUTES; i++)
		words[i] = attributes[i].word;
	reader_refuse_unknown_keys(reader, map, words, ATTRIBUTES);
	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		const struct yaml_node *node = yaml_get(map, words[i]);
		if (node)
			read_attribute(reader, node, (enum role_attribute)i, fields);
	}
}

static void read_renamed(struct users_reader *reader, const struct yaml_node *node, struct user_fields *fields)
{
	const char *name = reader_text(reader, node, "renamedFrom");
	if (name && roles_policy_protects(reader->policy, name)) {
		reader_wrong(reader, node,
			arena_printf(reader->mem,
				"\"%s\" cannot be renamed: the name belongs to PostgreSQL, the operator or the agent's policy",
				name));
		return;
	}
	fields->renamed_from = name;
	fields->renamed_line = reader_line(reader, node->line);
	fields->renamed_column = reader_column(reader, node->column);
}

static const struct {
	const char *key;
	void (*read)(struct users_reader *reader, const struct yaml_node *node, struct user_fields *fields);
} keys[] = {
	{"login", read_login},
	{"connectionLimit", read_limit},
	{"validUntil", read_valid_until},
	{"until", read_until},
	{"comment", read_comment},
	{"attributes", read_attributes},
	{"renamedFrom", read_renamed},
};

void reader_field(struct users_reader *reader, const char *key, const struct yaml_node *node, struct user *user)
{
	for (unsigned i = 0; i < COUNT_OF(keys); i++)
		if (strcmp(keys[i].key, key) == 0) {
			user->fields.said |= 1U << i;
			keys[i].read(reader, node, &user->fields);
		}
}

bool user_field_is_said(const struct user_fields *fields, const char *key)
{
	for (unsigned i = 0; i < COUNT_OF(keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			return fields->said >> i & 1;
	return false;
}

/* --- several entries, and copies --- */

const char *user_fields_merge(struct user_fields *fields, const struct user_fields *more)
{
	unsigned both = fields->said & more->said;
	for (unsigned i = 0; i < COUNT_OF(keys); i++)
		if (both >> i & 1)
			return keys[i].key;
	fields->said |= more->said;
	fields->no_login |= more->no_login;
	fields->unusual |= more->unusual;
	if (more->limited) {
		fields->limited = true;
		fields->connection_limit = more->connection_limit;
	}
	if (more->valid_until)
		fields->valid_until = more->valid_until;
	if (more->until_line) {
		fields->until = more->until;
		fields->end = more->end;
		fields->until_line = more->until_line;
		fields->until_column = more->until_column;
	}
	if (more->comment)
		fields->comment = more->comment;
	if (more->renamed_from) {
		fields->renamed_from = more->renamed_from;
		fields->renamed_line = more->renamed_line;
		fields->renamed_column = more->renamed_column;
	}
	return NULL;
}

struct user_fields user_fields_copy(const struct user_fields *fields, struct arena *mem)
{
	struct user_fields copy = *fields;
	copy.valid_until = arena_copy(mem, fields->valid_until);
	copy.until = fields->until ? copy.valid_until : NULL;
	copy.comment = arena_copy(mem, fields->comment);
	copy.renamed_from = arena_copy(mem, fields->renamed_from);
	copy.former_secret = arena_copy(mem, fields->former_secret);
	return copy;
}
