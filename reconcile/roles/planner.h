/*
 * planner.h - what the files of the plan share (internal to the room)
 *
 * plan.c            who is wanted, who exists, whose role it is; puts the steps in order
 * plan_password.c   which passwords differ, and new verifiers
 * plan_membership.c memberships and CONNECT
 * plan_retire.c     who goes, and when
 * plan_removal.c    the steps of one that goes, and how far they can come
 * heir.c            who gets what it owned
 */
#pragma once

#include "reconcile/roles/present.h"
#include "reconcile/roles/users_check.h"

/* The order in which steps are sent. */
enum phase {
	PHASE_LOCK,
	PHASE_END,
	PHASE_GROUP,
	PHASE_CREATE,
	PHASE_ALTER,
	PHASE_REVOKE,
	PHASE_GRANT,
	PHASE_HEIR,
	PHASE_GIVE,
	PHASE_RETIRE,
	PHASE_DROP,
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
	const char *version;  /* of its Secret */
};

/* Roles that a role is a member of, directly or through others. */
struct lineage {
	bool known;
	const char *danger; /* why it may not be granted, NULL = it may */
	uint32_t *ancestors;
	size_t count;
};

struct name_list {
	const char **items;
	size_t count;
};

struct planner {
	const struct roles_present *present;
	const struct roles_plan_input *input;
	struct arena *mem;
	struct roles_plan *plan;
	struct wanted_user *users; /* parallel to input->wanted */
	size_t user_count;
	struct step_list phases[PHASES];
	struct step_list held[PHASES]; /* the same, of deletions that wait for a confirmation */
	bool holding;                  /* steps go there */
	struct name_list ending[2];    /* whose sessions are ended; [1] = once it is confirmed */
	struct lineage *lineages;      /* parallel to present->roles */
	uint32_t *seen;                /* the same: number of the last walk that came by */
	uint32_t walks;
};

/* Copies `step` into its phase; sql without redacted is shown as it is. */
void planner_step(struct planner *planner, enum phase phase, struct role_step step);

/* A step that joins its neighbours: head, the user, tail. */
void planner_joined_step(struct planner *planner, enum phase phase, enum role_action action, const char *user,
	const char *head, const char *tail);

struct role_report *planner_report(struct planner *planner, const char *name);
void planner_difference(struct planner *planner, struct role_report *report, const char *field,
	const char *wanted, const char *found);

/* Raises the status to at least this, and adds the reason. */
void planner_reason(struct planner *planner, struct role_report *report, enum user_status status,
	const char *format, ...) PRINTF_LIKE(4, 5);
void planner_warning(struct planner *planner, const char *format, ...) PRINTF_LIKE(2, 3);

void plan_passwords(struct planner *planner);
void plan_memberships(struct planner *planner, struct wanted_user *wanted);
void plan_connects(struct planner *planner, struct wanted_user *wanted);
void plan_retirements(struct planner *planner);
void plan_removal(struct planner *planner, const struct role *role, struct role_report *report);
void plan_ends(struct planner *planner); /* of the sessions of all for whom steps of a removal are planned */
void plan_unused_groups(struct planner *planner);

/* Is this existing role on its way out: locked out before, or a user of ours that the list does not want? */
bool planner_is_leaving(const struct planner *planner, const struct role *role);
