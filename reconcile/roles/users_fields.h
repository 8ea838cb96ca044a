/*
 * users_fields.h - what a user's entry says of the role itself (version 2): may it log in, until when, with which attributes
 *
 * All of them zero is what CREATE ROLE ... LOGIN gives, so an entry that says nothing wants just that, as version 1 always did: whatever
 * hands add is drift. Only the comment is different: people's own words behind our mark stay where Git says none.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/limits.h"

struct user;
struct roles_policy;

/* The attributes that Git may be allowed to say (`attributes`); LOGIN is a key of its own. */
enum role_attribute {
	ATTRIBUTE_CREATEDB,
	ATTRIBUTE_CREATEROLE,
	ATTRIBUTE_INHERIT,
	ATTRIBUTE_REPLICATION,
	ATTRIBUTE_BYPASSRLS,
	ATTRIBUTE_SUPERUSER,
	ATTRIBUTES
};

/* Of a comment that Git says; the rest is our mark's, in which the agent file's name of a database is a DNS name. */
enum { USER_COMMENT_BYTES = LIMIT_ROLE_COMMENT - 512 };

struct user_fields {
	bool no_login;           /* `login: false` */
	bool limited;            /* `connectionLimit` other than -1 */
	int connection_limit;    /* then: 0 and more */
	unsigned unusual;        /* 1 << attribute, where it is not as CREATE ROLE has it */
	const char *valid_until; /* RFC 3339 in UTC, fraction without zeros at its end; NULL = for ever */
	const char *until; /* the same instant: of `until`, after which the user is retired (users_until.c); NULL = of validUntil */
	int64_t end; /* then: the first second, since 1970, at which it has passed */
	int until_line, until_column;
	const char *comment;      /* NULL = people's words stay as they are */
	const char *renamed_from; /* the role of this name becomes this user's (renamed.h); NULL = none */
	int renamed_line, renamed_column;
	const char *former_secret; /* of that name, where it is nobody else's: holds until the user's own is there */
	unsigned said;             /* which keys an entry had: two entries of one user may not both */
};

/* "createdb", ...: as `attributes` and `policy.allowAttributes` have it. */
const char *role_attribute_word(enum role_attribute attribute);
bool role_attribute_of(const char *word, enum role_attribute *attribute);

/* What a role has that nobody says anything of: INHERIT alone. */
bool role_attribute_usual(enum role_attribute attribute);
bool user_has_attribute(const struct user *user, enum role_attribute attribute);

/* Whoever may become this user (SET ROLE) has these powers, too: why nobody is given it as a role; NULL = it has none of them. */
const char *user_danger(const struct user *user);

/* Did an entry have this key? */
bool user_field_is_said(const struct user_fields *fields, const char *key);

/* May it log in? When not, no password is wanted, and none is asked for. */
bool user_logs_in(const struct user *user);

/* May Git give this attribute by the agent file? By default createdb and inherit. */
bool roles_policy_allows(const struct roles_policy *policy, enum role_attribute attribute);

/* Takes over what a further entry of the same user says; the key that both have, NULL = none. */
const char *user_fields_merge(struct user_fields *fields, const struct user_fields *more);

/* With its texts in `mem`. */
struct user_fields user_fields_copy(const struct user_fields *fields, struct arena *mem);
