/*
 * planner.h - what the files of the plan share (internal to the room)
 *
 * plan.c            who is wanted, who exists; puts the steps in order
 * plan_managed.c    whose role it is: may it be managed, what is written into the agent's table, what is told of other roles
 * plan_attributes.c what a role may by itself, and until when
 * plan_until.c      whose access ends by itself
 * plan_password.c   which passwords differ, and new verifiers
 * plan_login.c      ... which a login of the user's has to say
 * plan_membership.c memberships
 * plan_lineage.c    which roles may be granted
 * plan_connect.c    CONNECT
 * plan_parameters.c settings
 * plan_groups.c     groups that are listed as such
 * plan_group_use.c  groups that nobody uses
 * plan_retire.c     who goes, and when
 * plan_removal.c    the steps of one that goes, and how far they can come
 * hold.c            whether it is too early for them
 * heir.c            who gets what it owned
 * plan_databases.c  databases that are listed
 * renamed.c         roles that Git calls by another name now
 * plan_warnings.c   what no step mends
 * rights.c          what an agent without superuser may do of it
 */
#pragma once

#include "base/buf.h"
#include "reconcile/roles/managed.h"

/* The order in which steps are sent. */
enum phase {
	PHASE_RECORD,
	PHASE_RENAME, /* before anything is said of the role by its new name */
	PHASE_HOLD,
	PHASE_LOCK,
	PHASE_END,
	PHASE_GROUP,
	PHASE_CREATE,
	PHASE_ALTER,
	PHASE_CREATE_DATABASE, /* their owners are there */
	PHASE_ALTER_DATABASE,
	PHASE_SET,
	PHASE_REVOKE_CHAIN, /* what users of ours have granted: before what they granted it by goes, and that with it */
	PHASE_REVOKE,
	PHASE_GRANT,
	PHASE_CLOSE_DATABASE, /* to PUBLIC: whoever is listed has CONNECT by now */
	PHASE_EXTEND,
	PHASE_HEIR,
	PHASE_GIVE,
	PHASE_RETIRE,
	PHASE_DROP,
	PHASE_FORGET,
	PHASES
};

struct step_list {
	struct role_step *items;
	size_t count;
};

/* A wanted user and what becomes of it. */
struct wanted_user {
	const struct user *user;
	const struct role *role; /* NULL = does not exist */
	struct role_report *report;
	bool managed;         /* steps may be planned for it */
	bool creatable;       /* no role yet, and a password to create it with */
	const char *verifier; /* to be set; NULL = leave the password alone */
	bool no_password;     /* what there is has to go */
	const char *foretold; /* `verifier` stands for one of a password that is not made yet; NULL = it does not */
	const char *version;     /* of its Secret, and of what is asked of a verifier, as it is remembered */
	enum password_look look; /* what a login said of it; LOOK_LATER where none is tried */
};

/* A listed database and what becomes of it. */
/* Statements before and behind some that need the privileges of other roles: the agent, being no superuser, makes itself a member for a
   moment, in one transaction. Both "" where that is not needed. */
struct rights_loan {
	const char *before, *after;
	size_t statements;
};

struct planned_database {
	const struct wanted_database *wanted;
	const struct database *found; /* NULL = does not exist */
	const struct database_content *content;
	struct role_report *report;
	const char *new_owner; /* NULL = it keeps its own */
	bool made;             /* a step makes it */
	bool asked, allowed;   /* whether the agent may, once somebody wanted to know; plan_databases.c */
	struct rights_loan loan;
};

/* Whose memberships are compared with what users.yaml lists. */
struct member {
	const char *name;
	const struct role *role; /* NULL = it is made by this pass */
	struct role_report *report;
	const char *const *roles;           /* sorted */
	const struct role_options *options; /* as in struct user */
	size_t role_count;
	enum upkeep upkeep;
};

/* By their object identifiers, in no order. */
struct role_set {
	uint32_t *oids;
	size_t count;
};

/* Roles that a role will be a member of, directly or through others. */
struct lineage {
	bool known;
	const char *danger; /* why it may not be granted, NULL = it may */
	struct role_set above;
};

struct name_list {
	const char **items;
	size_t count;
};

/* A role that a user or a group lists. */
struct reference {
	const char *role, *user;
};

struct planner {
	const struct roles_present *present;
	const struct roles_plan_input *input;
	struct arena *mem;
	struct roles_plan *plan;
	struct wanted_user *users; /* parallel to input->wanted */
	size_t user_count;
	unsigned judging;                   /* calls of planner_judge() under way, one within the other */
	struct planned_database *databases; /* parallel to input->wanted->databases */
	struct step_list phases[PHASES];
	struct step_list held[PHASES]; /* the same, of deletions that wait for a confirmation */
	bool holding;                  /* steps go there */
	struct name_list ending[2];    /* whose sessions are ended; [1] = once it is confirmed */
	struct reference *references;  /* of the users that are to be present; by role, user */
	size_t reference_count;
	struct role_report **group_reports; /* parallel to the listed groups */
	bool *unused;                       /* the same: to go, or not to be made (plan_group_use.c) */
	const char **kept; /* the same: why it stays although nobody uses it; NULL = it is used, or goes */
	struct lineage *lineages; /* parallel to present->roles */
	bool *public_told;        /* parallel to present->databases: the warning that PUBLIC may connect */
	uint32_t *seen;           /* the same as lineages: number of the last walk that came by */
	uint32_t walks;
	struct rights *rights; /* of an agent without superuser (rights.h); NULL = it may do everything */
	unsigned char *judged; /* parallel to present->memberships: plan_membership.c */
	unsigned *depths;      /* the same */
	unsigned chain;        /* how deep that is in grants by those who were granted the right to */
};

/* Copies `step` into its phase; sql without redacted is shown as it is. The row in the agent's table is written by the same step where
   it makes, locks or drops a role (plan_managed.c). */
void planner_step(struct planner *planner, enum phase phase, struct role_step step);

/* A step that joins its neighbours: head, the user, tail; so many statements. */
void planner_joined_step(struct planner *planner, enum phase phase, enum role_action action, const char *user,
	const char *head, const char *tail, size_t statements);

struct role_report *planner_report(struct planner *planner, const char *name);
void planner_difference(struct planner *planner, struct role_report *report, const char *field,
	const char *wanted, const char *found);

/* The last difference is told, and nothing is done about it: why, said once. */
void planner_leave(struct planner *planner, struct role_report *report, const char *why);

/* Raises the status to at least this, and adds the reason. */
void planner_reason(struct planner *planner, struct role_report *report, enum user_status status,
	const char *format, ...) PRINTF_LIKE(4, 5);
void planner_warning(struct planner *planner, const char *format, ...) PRINTF_LIKE(2, 3);

/* Adds a statement to a step; both texts, the one that is shown, too. */
void planner_append(struct planner *planner, struct role_step *step, const char *sql, size_t statements);

/* --- plan_until.c --- */

/* Of one that is wanted: when it ends, and that a pass is to come then. */
void plan_until(struct planner *planner, struct wanted_user *wanted);

/* Of one that is to be absent, after it was planned: that its end is the reason. Nothing where it is not. */
void planner_tell_ended(struct planner *planner, struct wanted_user *wanted);

/* A pass has something to do at this second since 1970, which is later than now. */
void planner_wake_at(struct planner *planner, int64_t end);

/* --- plan_attributes.c --- */

/* The clauses of CREATE or ALTER ROLE, each with a space before it, that make the role as its entry says. */
void planner_attributes(struct planner *planner, struct wanted_user *wanted, struct buf *clauses);

/* Takes from a group of ours what no group has: LOGIN, an attribute, NOINHERIT. */
void planner_strip_group(struct planner *planner, const struct role *role, struct role_report *report);

/* VALID UNTIL of a role as `validUntil` has it, "infinity" where it has none; what users.yaml has no words for is as the server says it. */
const char *planner_expiry(const struct role *role, struct arena *mem);

/* Ends the sessions of one that is not to log in, and did until now. */
void plan_sessions(struct planner *planner, struct wanted_user *wanted);
void planner_warn_of_expired(struct planner *planner);

/* Does the comment on a role of ours say something else than our mark and, where Git says one, its comment? One that is too long to be
   read is left alone, but by Git. */
bool planner_comment_differs(
	const struct planner *planner, const struct role *role, enum mark mark, const char *git);

/* --- plan_managed.c --- */

/* May the role that exists under this user's name be managed, or one be made? Sets the reason when not. */
bool planner_may_manage(struct planner *planner, struct wanted_user *wanted);

/* "`pgitops user adopt ...`", for a message; a name that a shell would not take as it is stands in quotes. */
const char *planner_adopt_command(const struct planner *planner, const char *name);

/* "`pgitops user sync ... --now NAME`", likewise. */
const char *planner_now_command(const struct planner *planner, const char *name);

/* Who lists this role, other than the user of its own name; NULL = nobody who is to be there. */
const char *planner_referrer(const struct planner *planner, const char *role);
void planner_collect_references(struct planner *planner);

/* What CREATEROLE gives the creator of a role since 16: taking it away would only break whoever made that role. */
bool planner_is_creators_row(const struct planner *planner, const struct membership *row);

/* Lets the row in the agent's table follow what a step makes of its role. */
void planner_record(struct planner *planner, struct role_step *step);

/* COMMENT ON ROLE with the mark, keeping what people wrote into `comment`. */
const char *planner_comment_sql(struct planner *planner, const char *name, enum mark mark, const char *comment);

/* The comment and, where it does not say so yet, the row of a user that exists; NULL = both are right. */
const char *planner_claim_sql(struct planner *planner, struct wanted_user *wanted, size_t *statements);

/* Last: comments on group roles, rows of roles that are gone, the table itself, and what is told of roles that are not ours. */
void plan_managed(struct planner *planner);

/* --- plan_lineage.c --- */

struct member planner_user_member(const struct wanted_user *wanted);
struct member planner_group_member(const struct planner *planner, const struct group_role *group);

/* What is said of this role's memberships; false = nothing, and they are left alone. */
bool planner_member(const struct planner *planner, const struct role *role, struct member *member);

/* Which memberships a walk goes up by. */
typedef bool (*membership_filter)(
	const struct planner *planner, const struct role *member, const struct role *role);

/* All roles above this one, directly or not, without itself; `follows` NULL = as they are now. */
struct role_set planner_above(struct planner *planner, const struct role *role, membership_filter follows);
bool role_set_has(const struct role_set *set, uint32_t oid);

/* Will this membership, which is there, be there after the pass? */
bool planner_membership_stays(
	const struct planner *planner, const struct role *member, const struct role *role);

/* The same while users are still judged: the member is judged first, and one who leaves has nothing. */
bool planner_goes_on_having(struct planner *planner, const struct role *member, const struct role *role);

/* `options` may be NULL. */
bool member_lists(const struct member *member, const char *role, struct role_options *options);

/* May this role be granted, and is it there when it is? A group that is not is made. Says why not in the report. */
bool planner_may_grant(struct planner *planner, const struct member *member, const char *role);

/* --- plan_groups.c --- */

void planner_create_group(struct planner *planner, const char *name);
bool planner_is_group(const struct planner *planner, const char *name); /* listed under groups */

/* --- plan_databases.c --- */

void planner_find_databases(struct planner *planner); /* before anybody asks for one */
void plan_databases(struct planner *planner);         /* after the groups, before the users */

/* Of this name, if it is listed; NULL = it is not. */
struct planned_database *planner_database(const struct planner *planner, const char *name);

/* May the agent say what only its owner may, of now or after the pass? Then `loan` is what it needs for that. Why not is told of this
   statement, once; NULL = not at all. */
bool planner_may_own(struct planner *planner, struct planned_database *planned, const char *sql);

/* A listed database whose owner is to be this role; NULL = there is none. */
const char *planner_owned_by(const struct planner *planner, const char *role);

/* Does this role own the database of this name once the plan is carried out? */
bool planner_will_own(const struct planner *planner, const char *database, const char *role);

/* A group of ours in force: what it has too much is taken from it in this pass. */
bool planner_heals_group(const struct planner *planner, const struct role *role);

/* Does the role of a listed group become ours by this pass, by the policy or as it is written down? */
bool planner_claims_group(const struct planner *planner, const struct role *role);

void plan_groups(struct planner *planner); /* after the passwords */
void plan_group_memberships(struct planner *planner);

/* --- plan_group_use.c --- */

/* Which of the listed groups go when unused and are so. Before plan_groups(). */
void planner_find_unused(struct planner *planner);

/* Whether a role is a group of ours that is dropped in this pass. */
bool planner_group_goes(const struct planner *planner, const struct role *role);
void plan_passwords(struct planner *planner);

/* --- plan_login.c --- */

/* Sets `look`, from what was said before: true when the password is needed, to be tried or because it was wrong. */
bool planner_needs_login(struct planner *planner, struct wanted_user *wanted);

/* Tries it, if that was to be done: true when there is nothing against the one that is `known` to have been set, or it is right. */
bool planner_login_fits(
	struct planner *planner, struct wanted_user *wanted, bool known, const struct secret *password);

/* What nobody can look at, and why; once in a plan. */
void planner_warn_of_logins(struct planner *planner);
void plan_memberships(struct planner *planner, const struct member *member);
void plan_leaves_roles(struct planner *planner, const struct member *member); /* all that it is a member of */
void plan_parameters(struct planner *planner, struct wanted_user *wanted);
void plan_connects(struct planner *planner, struct wanted_user *wanted);
void plan_retirements(struct planner *planner);
void planner_drop(struct planner *planner, const struct role *role); /* the step, alone */
void plan_removal(struct planner *planner, const struct role *role, struct role_report *report);
void plan_group_removal(
	struct planner *planner, const struct role *role, struct role_report *report); /* owns nothing */
void planner_end_sessions(struct planner *planner, const struct role *role);           /* in plan_ends() */
bool planner_has_sessions(const struct planner *planner, const struct role *role);
void plan_ends(struct planner *planner); /* of the sessions of all for whom steps of a removal are planned */
void plan_unused_groups(struct planner *planner); /* those that are not listed any more */
void plan_warnings(struct planner *planner);

/* Is this user of the list to be managed? Once; of a chain of members that is deeper than anybody's, not yet. */
void planner_judge(struct planner *planner, const struct user *user);

/* Is this existing role on its way out: locked out before, or a user of ours that the list does not want? */
bool planner_is_leaving(const struct planner *planner, const struct role *role);
