#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/postgres/derive.h"
#include "reconcile/roles/planner.h"

/* Kubernetes takes no such name for a Secret, so it can never appear: say that rather than "not found". */
static const char *impossible_name(const char *secret)
{
	return text_is_dns_subdomain(secret)
		? ""
		: " (Kubernetes takes no Secret of this name: rename the user to lower-case "
		  "letters, digits, '-', '_' and '.')";
}

static void no_secret(struct planner *planner, struct wanted_user *wanted, const char *why)
{
	const char *secret = wanted->user->secret;
	if (wanted->role)
		planner_reason(planner, wanted->report, USER_DEGRADED,
			"no Secret %s%s: the password stays as it is; %s", secret, impossible_name(secret),
			why);
	else
		planner_reason(planner, wanted->report, USER_DEGRADED, "not created, no Secret %s%s: %s",
			secret, impossible_name(secret), why);
}

static void drop_line_end(struct secret *password)
{
	if (password->length && password->bytes[password->length - 1] == '\n')
		password->bytes[--password->length] = '\0';
	if (password->length && password->bytes[password->length - 1] == '\r')
		password->bytes[--password->length] = '\0';
}

/* Why this cannot be stored, or NULL. The server would take the last two as passwords in their own right, silently. */
static const char *password_problem(const struct secret *password)
{
	if (!password->length)
		return "is empty";
	if (password->length > LIMIT_PASSWORD)
		return "is longer than 1024 bytes";
	if (memchr(password->bytes, '\0', password->length))
		return "has a NUL inside";
	switch (scram_kind_of(password->bytes, password->length)) {
	case SCRAM_OUTDATED:
		return "is an md5 hash, which is outdated: put the password there, or a SCRAM verifier";
	case SCRAM_NEAR_MISS:
		return "looks like a verifier but is none: PostgreSQL would take it as the password itself";
	case SCRAM_PASSWORD:
	case SCRAM_VERIFIER:
		break;
	}
	return NULL;
}

static void found_equal(struct planner *planner, const struct wanted_user *wanted, const char *verifier)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	passwords->remember(passwords->context, wanted->user->name, verifier, wanted->version);
}

static void set_verifier(struct planner *planner, struct wanted_user *wanted, const char *verifier)
{
	wanted->verifier = arena_copy(planner->mem, verifier);
	wanted->creatable = !wanted->role;
}

/* A Secret may hold a verifier: it is stored as it is. */
static void take_verifier(struct planner *planner, struct wanted_user *wanted, const struct secret *verifier)
{
	const char *found = wanted->role ? wanted->role->verifier : NULL;
	if (found && strcmp(found, verifier->bytes) == 0)
		found_equal(planner, wanted, found);
	else
		set_verifier(planner, wanted, verifier->bytes);
}

/* Whose name is new has the Secret of that name, and until it is there that of the old one. */
static bool find_secret(
	struct planner *planner, struct wanted_user *wanted, const char **secret, const char **why)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	const char *former = wanted->user->fields.former_secret, *ignored;
	*secret = wanted->user->secret;
	if (passwords->version(passwords->context, *secret, planner->mem, &wanted->version, why))
		return true;
	if (!former ||
		!passwords->version(passwords->context, former, planner->mem, &wanted->version, &ignored))
		return false;
	*secret = former;
	planner_warning(planner,
		"user \"%s\" has no Secret %s yet, so that its password is the one of %s, from its name before: make the new one, "
		"then delete the old",
		wanted->user->name, wanted->user->secret, former);
	return true;
}

/* Fetches the password where it has to be looked at; true when it has to be derived from, then it is in `password`. */
static bool needs_derivation(struct planner *planner, struct wanted_user *wanted, struct secret *password)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	const char *user = wanted->user->name, *secret, *why = "";
	struct error err = {0};

	if (!find_secret(planner, wanted, &secret, &why)) {
		wanted->report->secret_version = "";
		no_secret(planner, wanted, why);
		return false;
	}
	wanted->report->secret_version = wanted->version;
	if (wanted->role && wanted->role->verifier &&
		passwords->known(passwords->context, user, wanted->role->verifier, wanted->version))
		return false;
	if (!passwords->get(passwords->context, secret, password, &err)) {
		no_secret(planner, wanted, err.text);
		return false;
	}
	drop_line_end(password);
	const char *problem = password_problem(password);
	if (problem) {
		planner_reason(planner, wanted->report, USER_DEGRADED, "%sthe password in Secret %s %s",
			wanted->role ? "" : "not created, ", secret, problem);
		return false;
	}
	if (scram_kind_of(password->bytes, password->length) == SCRAM_PASSWORD)
		return true;
	take_verifier(planner, wanted, password);
	return false;
}

static void take_derivation(struct planner *planner, struct wanted_user *wanted, const struct derivation *job)
{
	if (job->matches)
		found_equal(planner, wanted, job->found);
	else if (job->error.kind != ERROR_NONE)
		planner_reason(planner, wanted->report, USER_DEGRADED, "%s", job->error.text);
	else
		set_verifier(planner, wanted, job->verifier);
}

/* Who is not to log in keeps what it has, which is looked at again once it is. */
static void wants_no_password(struct wanted_user *wanted)
{
	wanted->report->secret_version = "";
	wanted->creatable = !wanted->role;
}

void plan_passwords(struct planner *planner)
{
	struct derivation *jobs = NULL;
	struct wanted_user **owners =
		arena_array(planner->mem, planner->user_count + 1, sizeof(struct wanted_user *));
	size_t count = 0;

	for (size_t i = 0; i < planner->user_count; i++) {
		struct wanted_user *wanted = &planner->users[i];
		struct secret password = {0};
		if (wanted->managed && !user_logs_in(wanted->user)) {
			wants_no_password(wanted);
			continue;
		}
		if (!wanted->managed || !needs_derivation(planner, wanted, &password)) {
			secret_done(&password);
			continue;
		}
		jobs = arena_grow(planner->mem, jobs, count, sizeof(*jobs));
		jobs[count] = (struct derivation){.password = password};
		jobs[count].found = wanted->role ? wanted->role->verifier : NULL;
		owners[count++] = wanted;
	}
	derive_all(jobs, count);
	for (size_t i = 0; i < count; i++) {
		take_derivation(planner, owners[i], &jobs[i]);
		secret_done(&jobs[i].password);
	}
}
