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
	const char *secret = wanted->user->password.secret;
	if (wanted->role)
		planner_reason(planner, wanted->report, USER_DEGRADED,
			"no Secret %s%s: the password stays as it is; %s", secret, impossible_name(secret),
			why);
	else
		planner_reason(planner, wanted->report, USER_DEGRADED, "not created, no Secret %s%s: %s",
			secret, impossible_name(secret), why);
}

static void drop_line_end(struct secret *password, bool keep)
{
	if (keep)
		return;
	if (password->length && password->bytes[password->length - 1] == '\n')
		password->bytes[--password->length] = '\0';
	if (password->length && password->bytes[password->length - 1] == '\r')
		password->bytes[--password->length] = '\0';
}

/* Why this cannot be stored, or NULL. The server would take a near miss as a password in its own right, silently. */
static const char *password_problem(const struct secret *password, enum scram_kind found,
	const struct users *users, enum password_kind kind)
{
	if (!password->length)
		return "is empty";
	if (password->length > LIMIT_PASSWORD)
		return "is longer than 1024 bytes";
	if (memchr(password->bytes, '\0', password->length))
		return "has a NUL inside";
	if (found == SCRAM_NEAR_MISS)
		return "looks like a verifier but is none (a line end, a blank, a part that is cut off): PostgreSQL would "
		       "take it as the password itself";
	if (kind == PASSWORD_VERIFIER && found != SCRAM_VERIFIER)
		return "is no SCRAM verifier, which verifierSecretRef stands for: put one there, or use secretRef";
	if (found == SCRAM_OUTDATED && !users->keep_md5)
		return "is an md5 hash, which is outdated: put the password there, or a SCRAM verifier; "
		       "defaults: {passwordEncryption: keep} stores it";
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

/* Another rule makes another judgement of the same verifier, so what is remembered names the rule with the version. */
static const char *version_and_rule(struct planner *planner, const char *version)
{
	const struct users *users = planner->input->wanted;
	bool usual = !users->scram_iterations || users->scram_iterations == SCRAM_ITERATIONS;
	if (usual && !users->keep_md5)
		return version;
	return arena_printf(planner->mem, "%s %d%s", version,
		users->scram_iterations ? users->scram_iterations : SCRAM_ITERATIONS,
		users->keep_md5 ? " md5" : "");
}

/* There is no Secret: makes one with a password of its own, or says what a pass that writes would do. */
static bool generate(struct planner *planner, struct wanted_user *wanted, struct secret *password)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	const struct user_password *place = &wanted->user->password;
	const char *version = NULL, *why = "nothing here makes passwords";

	if (!passwords->generate ||
		!passwords->generate(passwords->context, place, password, planner->mem, &version, &why)) {
		no_secret(planner, wanted, why);
		return false;
	}
	wanted->report->secret_version = version ? version : "";
	wanted->version = version_and_rule(planner, wanted->report->secret_version);
	if (version)
		return true;
	wanted->foretold =
		arena_printf(planner->mem, "a password will be generated into Secret %s", place->secret);
	planner_reason(planner, wanted->report, USER_DRIFTED, "%s", wanted->foretold);
	return true;
}

/* Looks for the Secret; `why` where there is none. Whose name is new has the Secret of that name, and until it is there that of the
   old one: `place` is which. */
static bool find_secret(
	struct planner *planner, struct wanted_user *wanted, struct user_password *place, const char **why)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	const char *version = "", *ignored;
	*place = wanted->user->password;
	bool found = passwords->version(passwords->context, place, planner->mem, &version, why);
	if (!found && wanted->user->fields.former_secret) {
		place->secret = wanted->user->fields.former_secret;
		found = passwords->version(passwords->context, place, planner->mem, &version, &ignored);
		if (found)
			planner_warning(planner,
				"user \"%s\" has no Secret %s yet, so that its password is the one of %s, from its name before: "
				"make the new one, then delete the old",
				wanted->user->name, wanted->user->password.secret, place->secret);
	}
	wanted->report->secret_version = found ? version : "";
	wanted->version = version_and_rule(planner, wanted->report->secret_version);
	return found;
}

/* Fetches the password where it has to be looked at; true when it has to be derived from, then it is in `password`. */
static bool needs_derivation(struct planner *planner, struct wanted_user *wanted, struct secret *password)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	struct user_password place;
	const char *why = "";
	struct error err = {0};

	if (!find_secret(planner, wanted, &place, &why)) {
		if (place.kind == PASSWORD_GENERATE)
			return generate(planner, wanted, password);
		no_secret(planner, wanted, why);
		return false;
	}
	bool known = wanted->role && wanted->role->verifier &&
		passwords->known(
			passwords->context, wanted->user->name, wanted->role->verifier, wanted->version);
	if (!planner_needs_login(planner, wanted) && known)
		return false;
	if (!passwords->get(passwords->context, &place, password, &err)) {
		no_secret(planner, wanted, err.text);
		return false;
	}
	drop_line_end(password, place.keep_line_end);
	enum scram_kind kind = scram_kind_of(password->bytes, password->length);
	const char *problem = password_problem(password, kind, planner->input->wanted, place.kind);
	if (problem) {
		planner_reason(planner, wanted->report, USER_DEGRADED, "%sthe password in Secret %s %s",
			wanted->role ? "" : "not created, ", place.secret, problem);
		return false;
	}
	if (kind == SCRAM_PASSWORD)
		return !planner_login_fits(planner, wanted, known, password);
	if (!known)
		take_verifier(planner, wanted, password);
	return false;
}

/* Whether there is one cannot be read without superuser: there the record has that it was taken away, as it has of others what was set. */
static bool has_password(struct planner *planner, struct wanted_user *wanted)
{
	const struct roles_passwords *passwords = planner->input->passwords;
	if (!planner->present->plain)
		return wanted->role && wanted->role->verifier;
	wanted->version = "no password";
	return wanted->role &&
		!passwords->known(passwords->context, wanted->user->name, PRESENT_RECORDED, wanted->version);
}

/* Users whose password is no matter of a Secret. */
static bool needs_no_secret(struct planner *planner, struct wanted_user *wanted)
{
	enum password_kind kind = wanted->user->password.kind;
	if (kind != PASSWORD_DISABLED && kind != PASSWORD_IGNORE)
		return false;
	wanted->report->secret_version = "";
	wanted->creatable = !wanted->role;
	wanted->no_password = kind == PASSWORD_DISABLED && has_password(planner, wanted);
	return true;
}

static void take_derivation(struct planner *planner, struct wanted_user *wanted, const struct derivation *job)
{
	if (job->error.kind != ERROR_NONE) {
		planner_reason(planner, wanted->report, USER_DEGRADED, "%s", job->error.text);
		return;
	}
	if (job->fewer) {
		planner_warning(planner,
			"user \"%s\": its verifier has %d iterations, as libpq of this machine makes no others of a password "
			"beyond ASCII",
			wanted->user->name, SCRAM_ITERATIONS);
		if (!planner->present->plain)
			wanted->version = NULL; /* the next pass looks and tells again */
	}
	if (!job->matches)
		set_verifier(planner, wanted, job->verifier);
	else if (wanted->version)
		found_equal(planner, wanted, job->found);
}

static struct derivation derivation_of(
	const struct planner *planner, const struct wanted_user *wanted, struct secret password)
{
	return (struct derivation){
		.password = password,
		.user = wanted->user->name,
		.found = wanted->role ? wanted->role->verifier : NULL,
		.iterations = planner->input->wanted->scram_iterations,
		.md5_is_fine = planner->input->wanted->keep_md5,
	};
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
		if (!wanted->managed || needs_no_secret(planner, wanted))
			continue;
		if (!user_logs_in(wanted->user)) {
			wants_no_password(wanted);
			continue;
		}
		if (!needs_derivation(planner, wanted, &password)) {
			secret_done(&password);
			continue;
		}
		jobs = arena_grow(planner->mem, jobs, count, sizeof(*jobs));
		jobs[count] = derivation_of(planner, wanted, password);
		owners[count++] = wanted;
	}
	planner_warn_of_logins(planner);
	derive_all(jobs, count);
	for (size_t i = 0; i < count; i++) {
		take_derivation(planner, owners[i], &jobs[i]);
		secret_done(&jobs[i].password);
	}
}
