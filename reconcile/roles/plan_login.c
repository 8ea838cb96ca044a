/*
 * plan_login.c - `policy: {passwordCheck: login}`: whether a user's password is the one in its Secret, where the verifier cannot be read
 *
 * An agent without superuser cannot read pg_authid. By the record alone (`record`, what holds without a word) a password that somebody
 * changed by hand goes unseen for ever; a login with it, which proves it as nothing else does, costs a connection and may be noticed by
 * what counts logins, so it is asked for. Only "the password is wrong" is drift: whoever cannot come in for another reason (pg_hba.conf,
 * NOLOGIN, its end, its connection limit, the database) has told nothing about the password, and that is told.
 *
 * It says as well that a password need not be set: of a role that was adopted, or where the record was lost.
 */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/roles/planner.h"

static bool looks(const struct planner *planner)
{
	return planner->input->policy->password_login && planner->present->plain &&
		planner->input->passwords->looked;
}

/* The server says "wrong password" of one that has expired, too. Texts of one form are in the order of their times. */
static bool has_expired(const struct planner *planner, const struct role *role)
{
	char now[CLOCK_TEXT_SIZE];
	clock_text_seconds(planner->present->now * 1000000, now);
	return role->expires && strcmp(planner_expiry(role, planner->mem), now) <= 0;
}

/* Where a login is tried: where the user is let in by Git, else where we are. */
static const char *database_of(const struct planner *planner, const struct user *user)
{
	return user->database_count ? user->databases[0] : planner->present->session_database;
}

static void tell(struct planner *planner, struct wanted_user *wanted, const char *why)
{
	wanted->report->untried = why;
	planner_warning(planner,
		"user \"%s\": whether its password is still the one of its Secret could not be tried by a login: %s",
		wanted->user->name, why);
}

/* One that this pass lets in again, or calls otherwise, is looked at by the next. */
static bool can_log_in(struct planner *planner, struct wanted_user *wanted)
{
	const struct role *role = wanted->role;
	if (!role || !role->login || role->was)
		return false;
	if (has_expired(planner, role)) {
		tell(planner, wanted,
			arena_printf(planner->mem, "validUntil %s has passed",
				planner_expiry(role, planner->mem)));
		return false;
	}
	return true;
}

bool planner_needs_login(struct planner *planner, struct wanted_user *wanted)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	const char *why = "";
	if (!looks(planner) || wanted->user->password.kind == PASSWORD_VERIFIER || !can_log_in(planner, wanted))
		return false;
	wanted->look =
		passwords->looked(passwords->context, wanted->user->name, wanted->version, planner->mem, &why);
	if (wanted->look == LOOK_UNKNOWN)
		tell(planner, wanted, why);
	return wanted->look == LOOK_NOW || wanted->look == LOOK_WRONG;
}

bool planner_login_fits(
	struct planner *planner, struct wanted_user *wanted, bool known, const struct secret *password)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	const char *why = "";
	if (wanted->look == LOOK_NOW) {
		wanted->look = passwords->look(passwords->context, wanted->user->name, wanted->version,
			database_of(planner, wanted->user), password, planner->mem, &why);
		if (wanted->look == LOOK_UNKNOWN)
			tell(planner, wanted, why);
	}
	if (wanted->look == LOOK_RIGHT && !known)
		passwords->remember(passwords->context, wanted->user->name, PRESENT_RECORDED, wanted->version);
	return wanted->look == LOOK_RIGHT || (known && wanted->look != LOOK_WRONG);
}

/* Nobody knows what to log in with. */
static const char *unknown_password(const struct user *user)
{
	switch (user->password.kind) {
	case PASSWORD_VERIFIER:
		return "only its verifier is known";
	case PASSWORD_DISABLED:
		return "it is to have none";
	default:
		return NULL;
	}
}

void planner_warn_of_logins(struct planner *planner)
{
	if (!planner->input->policy->password_login)
		return;
	if (!planner->present->plain) {
		planner_warning(planner,
			"policy.passwordCheck: login of the agent file is not followed: \"%s\" is a superuser and compares "
			"verifiers, which says more and needs no login; take it out",
			planner->present->session_user);
		return;
	}
	for (size_t i = 0; i < planner->user_count; i++) {
		const struct wanted_user *wanted = &planner->users[i];
		const char *why =
			wanted->managed && user_logs_in(wanted->user) ? unknown_password(wanted->user) : NULL;
		if (why)
			planner_warning(planner,
				"user \"%s\": its password cannot be tried by a login (policy.passwordCheck), as %s: one that "
				"somebody sets by hand is not seen",
				wanted->user->name, why);
	}
}
