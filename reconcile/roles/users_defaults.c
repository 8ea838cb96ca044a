/*
 * users_defaults.c - `defaults` of a document of version 2: what holds where an entry says nothing of it
 *
 * Read before groups and users, so that those who read an entry find it in the reader. What Git says here comes before what the
 * agent file says for the same, for whoever wrote it meant this document. A key that a version does not know is a mistake like any other:
 * a misspelt default would silently be none.
 */
#include "base/text.h"
#include "reconcile/roles/users_reader.h"

static void read_database(struct users_reader *reader, const struct yaml_node *node)
{
	const char *name = reader_text(reader, node, "database");
	if (name)
		reader->database = name;
}

static void read_memberships(struct users_reader *reader, const struct yaml_node *node)
{
	reader_upkeep(reader, node, "memberships", reader->policy->memberships, &reader->memberships);
}

static void read_grants(struct users_reader *reader, const struct yaml_node *node)
{
	reader_upkeep(reader, node, "grants", reader->policy->grants, &reader->grants);
}

static void read_reset_unlisted_parameters(struct users_reader *reader, const struct yaml_node *node)
{
	if (node->kind == YAML_BOOL)
		reader->users->reset_unlisted_parameters = node->boolean;
	else
		reader_wrong(reader, node, "resetUnlistedParameters must be true or false");
}

/* What may stand there. A new one is a line here, its function, and where the reader keeps it (users_reader.h). */
static const struct {
	const char *key;
	void (*read)(struct users_reader *reader, const struct yaml_node *node);
} keys[] = {
	{"database", read_database},
	{"onRemove", reader_default_on_remove},
	{"memberships", read_memberships},
	{"grants", read_grants},
	{"resetUnlistedParameters", read_reset_unlisted_parameters},
	{"passwordSecret", reader_default_secret},
	{"scramIterations", reader_default_iterations},
	{"passwordEncryption", reader_default_encryption},
};

void reader_defaults(struct users_reader *reader, const struct yaml_node *root)
{
	const struct yaml_node *map = yaml_get(root, "defaults");
	const char *names[COUNT_OF(keys)];
	if (!map || !reader_needs_version(reader, map, "defaults") || map->kind == YAML_NULL)
		return;
	if (map->kind != YAML_MAP) {
		reader_wrong(reader, map, "defaults must be a map, as in defaults: {database: app}");
		return;
	}
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		names[i] = keys[i].key;
	reader_refuse_unknown_keys(reader, map, names, COUNT_OF(keys));
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const struct yaml_node *node = yaml_get(map, keys[i].key);
		if (node)
			keys[i].read(reader, node);
	}
}
