/*
 * users.h - users.yaml to wanted users, or its mistakes. Pure.
 *
 * The predecessor's format, unchanged (postgres-roles.md 0 and 7): a bare document or the text of a ConfigMap's key;
 * `users: [{username, database?, roles?, ensure?}]`, `timestamp` ignored. With `version: 2` also
 * options of roles, `roles: [{name, admin?, inherit?, set?}]`; `parameters: {NAME: VALUE}` and `parametersIn: {DATABASE: {NAME: VALUE}}` of a user;
 * `groups: [{name, memberOf?, memberships?, dropWhenUnused?, grants?, grantsMode?, defaultPrivileges?}]` and `grants` of a user: whoever has such a list may do what
 * it says and no more; `databases: [...]` of a user, of which `database` is the short form for one; `onRemove`, `memberships` and `grantsMode` of a user; what the role may by itself (users_fields.h); and
 * `defaults: {database?, onRemove?, memberships?, grants?, resetUnlistedParameters?}`, which holds where an entry
 * says nothing and comes before the agent file's. An empty list is legal to read: what it means is decided by the plan, never here. Anything that is not understood is a mistake, and a mistake removes nobody.
 */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "reconcile/grants/grants.h"
#include "reconcile/mistake.h"
#include "reconcile/roles/databases.h"
#include "reconcile/roles/users_fields.h"

/* What becomes of what somebody has and users.yaml does not list, and of what is listed and not there; the earlier does more. */
enum upkeep {
	UPKEEP_EXACT,    /* taken away; given */
	UPKEEP_ADDITIVE, /* left; given */
	UPKEEP_REPORT    /* both are told, nothing is done */
};

/* USER_LOCKED keeps everything (password, roles, grants, what it owns) but cannot log in. */
enum user_ensure { USER_PRESENT, USER_LOCKED, USER_ABSENT };
const char *user_ensure_name(enum user_ensure ensure); /* "present", ... */

/* What becomes of a user whose line is gone: removed; locked out for ever, and nothing handed over; or not ours any more, with its login. */
enum on_remove { ON_REMOVE_RETIRE, ON_REMOVE_LOCK, ON_REMOVE_KEEP };
const char *on_remove_name(enum on_remove on_remove);
/* Of a membership. `inherit` and `set` are of PostgreSQL 16; before, every membership has both. */
struct role_options {
	bool admin, inherit, set;
};

/* What GRANT gives without a word. */
#define ROLE_OPTIONS_PLAIN                                                                                   \
	{                                                                                                    \
		false, true, true                                                                            \
	}

struct role_list {
	const char **names;
	struct role_options *options; /* parallel; NULL = all are plain */
	size_t count;
};

/* ALTER ROLE ... SET of a user. */
struct parameter {
	const char *database; /* "" = everywhere */
	const char *name;     /* as it is written; PostgreSQL's are the same in any case */
	const char *value;    /* as the server keeps it; of a list of names each in quotes */
	const char *sql;      /* as a statement says it */
};

/* Where the password of a user comes from; all but the first are of version 2. */
enum password_kind {
	PASSWORD_SECRET,   /* a Secret has it, or a verifier of it */
	PASSWORD_VERIFIER, /* a Secret has its SCRAM verifier, which is stored byte for byte */
	PASSWORD_GENERATE, /* as PASSWORD_SECRET; where there is none, the agent makes Secret and password */
	PASSWORD_DISABLED, /* it has none, and logs in by certificate, peer, ldap, ...: one that is set by hand is drift */
	PASSWORD_IGNORE /* somebody else's: neither looked at nor written */
};

struct user_password {
	enum password_kind kind;
	const char *secret,
		*key; /* where it is; users_secret_name() and "password" where nothing else is said */
	const char *namespace; /* of the Secret; NULL = the one of all users' Secrets */
	bool keep_line_end;    /* a line end at its end is part of it; else one is dropped */
	bool named;            /* the entry names the Secret itself: then others may have it, too */
	int line, column;      /* of `password` in the file; 0 = the entry does not say */
};

struct user {
	const char *name; /* as PostgreSQL will have it; at most LIMIT_ROLE_NAME bytes, UTF-8 */
	enum user_ensure ensure;
	const char **databases; /* CONNECT is granted there; sorted, unique */
	size_t database_count;
	const char **roles;                /* group roles; sorted, unique */
	struct role_options *role_options; /* parallel to `roles`; NULL = all are plain */
	size_t role_count;
	enum upkeep memberships; /* of `roles` and `databases` */
	bool memberships_said;   /* by the entry itself */
	enum upkeep grants_mode; /* of its grants, while they are read: then struct grants_wanted has it */
	struct parameter *parameters; /* by database, name; unique */
	size_t parameter_count;
	bool lists_parameters; /* there is such a key: settings that are not listed are told */
	enum on_remove on_remove;
	struct user_password password;
	int line, column; /* in the file; column 0 = not known */
	struct user_fields fields;
};

/* A group role that exists whether it has members or not. */
struct group_role {
	const char *name;
	int line, column;                  /* in the file, as in struct user */
	const char **roles;                /* memberOf: what it is a member of; sorted, unique */
	struct role_options *role_options; /* as in struct user */
	size_t role_count;
	enum upkeep memberships;
	bool lists_roles;      /* there is a memberOf: what it does not list is taken away */
	bool drop_when_unused; /* it goes when nobody lists it and it has no member */
	const char *comment;   /* NULL = people's words stay as they are */
};

struct users {
	struct user *items; /* sorted by name, unique */
	size_t count;
	char hash[DIGEST_HEX_SIZE]; /* SHA-256 of the text they were read from */
	struct group_role *groups;  /* sorted by name, unique */
	size_t group_count;
	bool reset_unlisted_parameters; /* settings of users that are not listed are taken away */
	const struct user **renamed;    /* who had another name and is not to be absent; by that name */
	size_t renamed_count;
	struct grants_wanted grants;       /* of groups and users that have a list of them */
	struct wanted_database *databases; /* sorted by name, unique */
	size_t database_count;
	int scram_iterations; /* of new verifiers, and the fewest that a present one may have; 0 = SCRAM_ITERATIONS */
	const char *secret_template; /* of the names of Secrets, while it is read; NULL = that of users_secret_name() */
	bool keep_md5; /* an md5 hash of the right password is left, and one in a Secret is stored */
};

/* What the agent's own file allows; Git cannot change it. Globs. */
struct roles_policy {
	const char **protected_roles; /* never created, altered, granted or dropped, beside the built-in list */
	size_t protected_count;
	const char **grantable; /* only these may be granted; none = every role that is not denied */
	size_t grantable_count;
	const char **denied; /* never granted, beside the built-in list */
	size_t denied_count;
	const char **parameters; /* that Git may set though they lead to power, code or damage */
	size_t parameter_count;
	const char **grants_allowed; /* globs: privileges that lead to power on what it is about (grants/danger.h) */
	size_t grants_allowed_count;
	bool adopt;              /* take over roles that exist without our mark; default false */
	const char **extensions; /* globs: that may be made though the server does not trust them */
	size_t extension_count;
	enum upkeep memberships; /* the most that Git may ask for, and what holds where it asks for nothing */
	enum upkeep grants;      /* the same of privileges */
	bool report_only;        /* plan and report, write nothing */
	bool password_login; /* passwordCheck: login: a password is tried where the verifier cannot be read (plan_login.c) */
	int max_deletions;       /* absolute; 0 = max(5, 10 %) */
	int64_t hold;            /* milliseconds that a leaver is only locked out (hold.h); 0 = none */
	const char *heir;        /* who gets what a removed user owns; NULL = a role of its own (heir.h) */
	const char **heir_roles; /* of which the heir may be a member though the user was not */
	size_t heir_role_count;
	bool attributes_said; /* the file has a list of attributes that Git may give; without it roles_policy_allows() has one */
	unsigned attributes;            /* then: 1 << enum role_attribute */
	const char **secret_namespaces; /* of which passwords may be read, beside the one of all users' Secrets; names */
	size_t secret_namespace_count;
};

/* Of a text: its file, the line there of its first one, and the characters before each; -1 = the file's lines are written otherwise,
   and then no column is known. */
struct users_place {
	const char *file;
	int line, indent;
};

/*
 * `place` is where the text stands (a ConfigMap's block scalar starts inside its file). `database` is where CONNECT is
 * granted when neither an entry nor the defaults name one. Mistakes: syntax, wrong type, unknown key, missing username, invalid or reserved name,
 * name twice for the same database, members in a circle, a group that is a member of a user, a setting that leads to power,
 * two users with one Secret that do not both name it, inline password, role denied or granted to itself, a
 * name that rotation clean-up would drop, privileges that are a way to become superuser (grant_refusal).
 */
void users_read(const struct users_place *place, const char *text, size_t length, const char *database,
	const struct roles_policy *policy, struct arena *mem, struct users *users, struct mistakes *mistakes);

/* All of `from` in `mem`, without what only reading needs. */
void users_copy(const struct users *from, struct arena *mem, struct users *to);

/*
 * Who is wanted at this second since 1970, by the server's clock: whoever's `until` has passed is to be absent. `users` itself where nobody's
 * has, else a copy in `mem` that shares its texts.
 */
const struct users *users_at(const struct users *users, int64_t now, struct arena *mem);

/* Has it ended in what users_at() gave? Then `fields.until` says when. */
bool user_has_ended(const struct user *user);

/* Would this role have become one of those, by `renamedFrom`? Whoever has ended is not renamed any more: the role goes as it is called. */
bool users_end_former(const struct users *users, const char *name);

/* Of the Secret with the password of this user, where users.yaml says nothing else: user-<name with _ -> ->-secret. In `mem`. */
const char *users_secret_name(const char *user, struct arena *mem);

/* What a database is called where the name of a user stands: in reports, drift, history. In `mem`. */
const char *database_subject(const char *name, struct arena *mem);

/* The listed database of this name, or NULL. */
const struct wanted_database *users_database(const struct users *users, const char *name);
/* Fills in `renamed`, of users that were copied. */
void users_renamed_index(struct users *users, struct arena *mem);

/* Why this role may not be granted, or NULL. */
const char *roles_policy_denies(const struct roles_policy *policy, const char *role);

/* A name that belongs to PostgreSQL, the operator, Spilo, the pooler or the policy's own list. */
bool roles_policy_protects(const struct roles_policy *policy, const char *role);
