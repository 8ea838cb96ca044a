/*
 * users_reader.h - what the functions that read one users.yaml share (internal to the room)
 *
 * users.c             the document, its users
 * users_defaults.c    version 2: what holds where an entry says nothing
 * users_fields.c      version 2: what an entry says of the role itself
 * users_until.c       version 2: access that ends by itself
 * users_renamed.c     version 2: what it was called before
 * users_removal.c     version 2: what becomes of a user whose line goes
 * users_roles.c       whose member somebody is
 * users_parameters.c  settings
 * users_grants.c      version 2: groups, and what groups and users may do
 * users_databases.c   version 2: databases
 * users_password.c    version 2: where passwords come from
 */
#pragma once

#include "reconcile/manifest/yaml.h"
#include "reconcile/roles/users.h"

struct users_reader {
	const char *file;
	int shift;  /* added to lines: where the text starts inside its file */
	int indent; /* added to columns; -1 = those of the file are not known */
	int version;
	const char *database; /* where an entry names none: of `defaults`, else of the agent file; "" = it has to */
	enum on_remove on_remove; /* of `defaults` */
	const struct roles_policy *policy;
	struct arena *mem;
	struct mistakes *mistakes;
	enum upkeep memberships, grants; /* where an entry says nothing: of `defaults`, else of the agent file */
	struct user *entries;            /* one for each item of the list, not merged */
	size_t count;
	struct users *users; /* groups and grants go here */

	/* of `defaults`; NULL = as in version 1 */
	const char *secret_key, *secret_namespace;
	bool keep_line_end;
};

/* Of what stands in the text at this line or column: in the file. Column 0 = not known. */
int reader_line(const struct users_reader *reader, int line);
int reader_column(const struct users_reader *reader, int column);

void reader_wrong(struct users_reader *reader, const struct yaml_node *node, const char *text);
void reader_refuse_unknown_keys(
	struct users_reader *reader, const struct yaml_node *map, const char *const *keys, size_t count);

/* The text of a name, or NULL after a mistake. `123`, `on` and `~` are no strings: whoever means them quotes them. */
const char *reader_text(struct users_reader *reader, const struct yaml_node *node, const char *what);

/* "did you mean X?", or all that there are. */
const char *reader_instead(
	struct users_reader *reader, const char *word, const char *const *words, size_t count);

/* Is the document of a version that has this key? A mistake when not. */
bool reader_needs_version(struct users_reader *reader, const struct yaml_node *node, const char *key);

/* exact, additive or report, and no more than `most` of the agent file. */
void reader_upkeep(struct users_reader *reader, const struct yaml_node *node, const char *key,
	enum upkeep most, enum upkeep *upkeep);

/* Adds the roles of a list, the value of `key`, of `who` (NULL = it has no name). False where it is no list; `node` may be NULL. */
bool reader_roles(struct users_reader *reader, const struct yaml_node *node, const char *key, const char *who,
	struct role_list *list);

/* memberOf and dropWhenUnused of a group. */
void reader_group_roles(struct users_reader *reader, const struct yaml_node *map, struct group_role *group);

/* `parameters` and `parametersIn` of a user's entry. */
void reader_parameters(struct users_reader *reader, const struct yaml_node *node, struct user *user);
void reader_parameters_in(struct users_reader *reader, const struct yaml_node *node, struct user *user);
/* The key of an entry that is one of its fields. */
void reader_field(
	struct users_reader *reader, const char *key, const struct yaml_node *node, struct user *user);

/* NULL after a mistake. */
const char *reader_comment(struct users_reader *reader, const struct yaml_node *node);

/* --- users_defaults.c --- */

void reader_defaults(struct users_reader *reader, const struct yaml_node *root);

/* --- users_password.c --- */

/* `password` of a user's entry, and what is true where it says nothing. */
void reader_password(struct users_reader *reader, const struct yaml_node *node, struct user *user);
void reader_finish_password(struct users_reader *reader, struct user *user);

/* The template with the user's name in it; NULL = the one of users_secret_name(). */
const char *reader_secret_name(const char *template, const char *user, struct arena *mem);

/* passwordSecret, scramIterations and passwordEncryption of `defaults`. */
void reader_default_secret(struct users_reader *reader, const struct yaml_node *node);
void reader_default_iterations(struct users_reader *reader, const struct yaml_node *node);
void reader_default_encryption(struct users_reader *reader, const struct yaml_node *node);

/* --- users_grants.c --- */

void reader_groups(struct users_reader *reader, const struct yaml_node *root);

/* `grants` of a user's entry, of which `user` has what was read so far; its name may be missing. */
void reader_user_grants(struct users_reader *reader, const struct yaml_node *list, struct user *user);

void reader_on_remove(struct users_reader *reader, const struct yaml_node *node, struct user *user);
void reader_default_on_remove(struct users_reader *reader, const struct yaml_node *node);

/* grantsMode where there are no grants says nothing. */
void reader_mode_needs_grants(struct users_reader *reader, const struct yaml_node *map);
void reader_databases(struct users_reader *reader, const struct yaml_node *root);

/* After the users were merged and the groups read: sorts, and finds what does not fit together. */
void reader_finish_databases(struct users_reader *reader);

/* After everything was read: sorts, and finds groups that are users, too. */
void reader_finish_groups(struct users_reader *reader);
