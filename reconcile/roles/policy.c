/*
 * policy.c - which roles are never touched, and which are never granted
 *
 * Two lists are built in; the agent file adds to them, and Git cannot change either. A role that belongs to somebody else
 * (PostgreSQL, Patroni, the operator, Spilo, the pooler) would be fought over; a dangerous membership turns whoever can
 * push to the repository into a superuser.
 */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "reconcile/roles/users_check.h"

/* zalando-operator.md 3: system, Spilo's and the pooler's roles, the suffix of a departed team member;
   and our own, of what removed users owned (heir.h). */
static const char *const owned_elsewhere[] = {
	"postgres",
	"standby",
	"admin",
	"cron_admin",
	"robot_zmon",
	"zalandos",
	"pooler",
	"fes_user",
	"*_deleted",
	"pgitops_left_*",
};

/* Words that mean somebody else where SQL takes a role, or that the server keeps to itself. Legal when quoted, and a trap. */
static const char *const reserved_words[] = {
	"public",
	"none",
	"current_user",
	"current_role",
	"session_user",
	"user",
};

/* The way to superuser: the operating system's files and programs. Nothing in the agent file allows these. */
static const char *const never_granted[] = {
	"pg_execute_server_program",
	"pg_read_server_files",
	"pg_write_server_files",
	"pg_database_owner",
};

/* Powers over everybody's data or sessions; pg_read_all_data reads every password verifier. The agent file may allow one
   by its full name in `grantable`. */
static const char *const granted_by_name[] = {
	"pg_read_all_data",
	"pg_write_all_data",
	"pg_signal_backend",
	"pg_create_subscription",
	"pg_maintain",
	"pg_checkpoint",
	"pg_use_reserved_connections",
};

static bool listed(const char *const *names, size_t count, const char *role)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], role) == 0)
			return true;
	return false;
}

static bool matches(const char *const *globs, size_t count, const char *role)
{
	for (size_t i = 0; i < count; i++)
		if (text_glob(globs[i], role))
			return true;
	return false;
}

bool roles_policy_protects(const struct roles_policy *policy, const char *role)
{
	for (size_t i = 0; i < COUNT_OF(reserved_words); i++)
		if (strcasecmp(reserved_words[i], role) == 0)
			return true;
	return strncasecmp(role, "pg_", 3) == 0 || matches(owned_elsewhere, COUNT_OF(owned_elsewhere), role) ||
		matches(policy->protected_roles, policy->protected_count, role);
}

const char *policy_endangers(const struct roles_policy *policy, const char *role)
{
	bool predefined = text_starts(role, "pg_");
	if (listed(never_granted, COUNT_OF(never_granted), role))
		return "it leads to the rights of a superuser";
	if (!predefined && roles_policy_protects(policy, role))
		return "it is protected: it belongs to PostgreSQL, the operator or the agent's policy";
	if (matches(policy->denied, policy->denied_count, role) ||
		matches(policy->protected_roles, policy->protected_count, role))
		return "the agent's policy denies it";
	if (listed(granted_by_name, COUNT_OF(granted_by_name), role) &&
		!listed(policy->grantable, policy->grantable_count, role))
		return "it has power over everybody's data or sessions; the agent's policy can name it as grantable";
	return NULL;
}

const char *roles_policy_denies(const struct roles_policy *policy, const char *role)
{
	const char *danger = policy_endangers(policy, role);
	if (!danger && policy->grantable_count && !matches(policy->grantable, policy->grantable_count, role))
		return "the agent's policy does not list it as grantable";
	return danger;
}
