#include "agent/doctor/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/users/database_target.h"
#include "agent/users/passwords.h"
#include "base/text.h"
#include "reconcile/roles/examine.h"

enum { MISSING_SHOWN = 10 };

/* ---- the server ---- */

static const char *remedy_of(
	struct doctor *doctor, const struct database_config *database, const struct error *err)
{
	const char *place = arena_printf(doctor->mem, "%s:%d", doctor->config->file, database->line);
	if (database->cluster.name)
		return err->kind == ERROR_DENIED
			? arena_printf(doctor->mem,
				  "let the agent get postgresqls, endpoints, ConfigMap NAME-leader and the Secret there, as manifests/install.yaml has it; or "
				  "correct operator.superUsername (%s)",
				  place)
			: arena_printf(doctor->mem,
				  "look at the postgresql object and its Pods; or correct `postgresql` and `operator` (%s)",
				  place);
	switch (err->kind) {
	case ERROR_DENIED:
		return arena_printf(doctor->mem,
			"connect as a superuser, or as a role made for it (README, \"Without superuser\"), with the right "
			"passwordFrom (%s)",
			place);
	case ERROR_MISSING:
		return arena_printf(doctor->mem, "make it, or correct passwordFrom (%s)", place);
	case ERROR_RETRY:
		return arena_printf(doctor->mem,
			"check that the primary runs and is reached from here with `connection` (%s)", place);
	default:
		return arena_printf(doctor->mem, "correct `connection` (%s)", place);
	}
}

/* A password file that others can read has its row and its remedy already (files.c). */
static bool is_told(const struct database_config *database)
{
	CLEANUP(secret_done) struct secret password = {0};
	struct error ignored;
	return database->password.file && !database->cluster.name &&
		!secret_read_private(&password, database->password.file, true, &ignored) &&
		ignored.kind == ERROR_DENIED;
}

static bool examine(struct doctor *doctor, const struct database_config *database, struct roles_server *server)
{
	struct session_target target;
	struct role_claims ignored;
	struct error err;

	doctor_wait(doctor, "database", database->name);
	bool ok = database_target(
			  database, doctor->secrets, doctor->kube, doctor->mem, &target, &ignored, &err) &&
		roles_examine(&target, doctor->mem, server, &err);
	if (ok)
		doctor_check_drill(doctor, database, &target);
	secret_done(&target.password);
	if (ok)
		return true;
	if (is_told(database))
		return false;
	const char *named = arena_printf(doctor->mem, "database %s", database->name);
	doctor_fail(doctor, "database", remedy_of(doctor, database, &err), "%s%s%s",
		text_starts(err.text, named) ? "" : database->name, text_starts(err.text, named) ? "" : ": ",
		text_starts(err.text, named) ? err.text + strlen("database ") : err.text);
	return false;
}

/*
 * How well a server on another machine has to prove who it is before it is given a superuser's password. Channel binding proves that
 * it knows the password's verifier; its certificate is only looked at with verify-full, and whoever accepts less says so.
 */
static void check_trust(struct doctor *doctor, const struct database_config *database)
{
	const struct session_target target = {.name = database->name,
		.connection = database->connection,
		.authentication = database->authentication};
	struct session_trust trust;
	struct error err;
	bool said = database->authentication == SESSION_AUTHENTICATION_BOUND;
	const char *place = arena_printf(doctor->mem, "%s:%d", doctor->config->file, database->line);
	const char *verify =
		"sslmode=verify-full sslrootcert=FILE in `connection`, with the certificate of whoever signed the server's";

	if (database->cluster.name && database->authentication != SESSION_AUTHENTICATION_ANY) {
		doctor_ok(doctor, "database",
			"%s: the password is given by SCRAM alone; the certificate is the operator's own, and any is taken",
			database->name);
		return;
	}
	if (database->cluster.name) {
		doctor_fail(doctor, "database",
			arena_printf(doctor->mem, "take `authentication: any` away (%s)", place),
			"%s: the password is given in whatever form the server asks for, clear text too",
			database->name);
		return;
	}
	if (!session_trust(&target, &trust, &err) || !trust.elsewhere)
		return;
	if (database->authentication == SESSION_AUTHENTICATION_ANY)
		doctor_fail(doctor, "database",
			arena_printf(doctor->mem, "take `authentication: any` away and set %s (%s)", verify,
				place),
			"%s: the password is given in whatever form the server asks for, clear text too",
			database->name);
	else if (trust.verified || said)
		doctor_ok(doctor, "database", "%s: the password is given by SCRAM alone, %s", database->name,
			trust.verified
				? "to the host that the server's certificate names"
				: "bound to the TLS connection; any certificate is taken, as the agent file says");
	else
		doctor_fail(doctor, "database",
			arena_printf(doctor->mem,
				"set %s; where there is no such certificate, accept that with `authentication: channel-binding` (%s)",
				verify, place),
			"%s: with sslmode=%s any certificate is taken, so anybody who answers at this address is talked to",
			database->name, trust.sslmode);
}

static void say_server(
	struct doctor *doctor, const struct database_config *database, const struct roles_server *server)
{
	doctor_ok(doctor, "database", "%s: PostgreSQL %s, the primary, as %s %s", database->name,
		server->version, server->plain ? "role" : "superuser", server->user);
	doctor_check_plain(doctor, database, server);
	doctor_check_managers(doctor, database, server);
	if (strtol(server->version, NULL, 10) > ROLES_NEWEST_TESTED)
		doctor_warn(doctor, "database", "look at `pgitops user plan` before the first pass",
			"%s: newer than PostgreSQL %d, the newest this program was tested with",
			database->name, ROLES_NEWEST_TESTED);
	if (strcmp(server->password_encryption, "scram-sha-256") != 0)
		doctor_warn(doctor, "database",
			"ALTER SYSTEM SET password_encryption = 'scram-sha-256'; SELECT pg_reload_conf();",
			"%s: password_encryption is %s: the agent's passwords are SCRAM, those that users set themselves are weak",
			database->name, server->password_encryption);
	if (!server->plain && (strcmp(server->log_statement, "none") != 0 || server->logs_durations))
		doctor_ok(doctor, "database",
			"%s: the server logs statements (log_statement = %s%s); the agent turns that off for its own and never sends a password",
			database->name, server->log_statement, server->logs_durations ? ", and slow ones" : "");
}

/* ---- the users ---- */

static bool names_database(const struct users *users, const char *database)
{
	for (size_t i = 0; i < users->count; i++)
		for (size_t j = 0;
			j < users->items[i].database_count && users->items[i].ensure != USER_ABSENT; j++)
			if (strcmp(users->items[i].databases[j], database) == 0)
				return true;
	return false;
}

/* Each database that users name, once. */
static void check_databases(struct doctor *doctor, const struct database_config *database,
	const struct users *users, const struct roles_server *server)
{
	const char **seen = NULL;
	size_t count = 0;
	for (size_t i = 0; i < users->count; i++)
		for (size_t j = 0; j < users->items[i].database_count; j++) {
			const char *name = users->items[i].databases[j];
			bool again = false;
			for (size_t k = 0; k < count; k++)
				again = again || strcmp(seen[k], name) == 0;
			if (again || roles_server_has(server, name) || !names_database(users, name))
				continue;
			seen = arena_grow(doctor->mem, seen, count, sizeof(*seen));
			seen[count++] = name;
			doctor_fail(doctor, "users",
				arena_printf(doctor->mem, "CREATE DATABASE \"%s\"; or correct users.yaml", name),
				"%s: there is no database %s, and user %s is to connect to it",
				database->name, name, users->items[i].name);
		}
}

/* ---- their passwords ---- */

static void take_secret(void *context, json_t *object)
{
	struct doctor *doctor = context;
	secrets_seen(doctor->secrets, object, false);
}

/* As the agent does: all Secrets of the namespace, by name. False after it has said why not. */
static bool list_secrets(struct doctor *doctor, const char *namespace)
{
	const char *path = arena_printf(doctor->mem, "/api/v1/namespaces/%s/secrets", namespace);
	char version[64];
	struct error err;
	if (!doctor->kube)
		return true;
	if (kube_list(doctor->kube, path, take_secret, doctor, version, &err)) {
		secrets_follow(doctor->secrets, namespace);
		return true;
	}
	doctor_fail(doctor, "users", "allow it with a Role as in manifests/install.yaml",
		"the users' Secrets: %s", err.text);
	return doctor->config->secrets != NULL;
}

/* Why there is no password for this user, with what to do about it; false when there is one. */
static bool say_missing(struct doctor *doctor, const struct database_config *database,
	const struct user *user, struct passwords *passwords)
{
	const struct roles_passwords calls = passwords_calls(passwords);
	const struct user_password *place = &user->password;
	const char *namespace = place->namespace ? place->namespace : passwords->namespace;
	const struct object *sealed = sealed_find(passwords->objects, namespace, place->secret);
	CLEANUP(secret_done) struct secret value = {0};
	const char *version, *why = "";
	struct error err;

	if (place->kind == PASSWORD_DISABLED || place->kind == PASSWORD_IGNORE)
		return false;
	if (calls.version(passwords, place, doctor->mem, &version, &why) && !sealed)
		return false;
	const char *former = user->fields.former_secret, *ignored;
	if (former && secrets_version(doctor->secrets, namespace, former, doctor->mem, &version, &ignored))
		return false; /* which the pass itself tells */
	if (!sealed && place->kind == PASSWORD_GENERATE)
		return false; /* the agent makes it */
	if (!sealed) {
		doctor_fail(doctor, "users",
			arena_printf(doctor->mem,
				"make it, with the key %s, plain or sealed; or remove %s from users.yaml",
				place->key, user->name),
			"%s: no Secret %s: %s", database->name, place->secret, why);
	} else if (secrets_version(doctor->secrets, namespace, place->secret, doctor->mem, &version, &why)) {
		return false;
	} else if (!doctor->config->sealing_key_count) {
		doctor_warn(doctor, "users",
			"once it is synced the Sealed Secrets controller makes the Secret; where none runs, set sealing.keys "
			"in the agent file",
			"%s: no Secret %s: %s; %s:%d holds its SealedSecret", database->name, place->secret,
			why, sealed->file, sealed->line);
	} else if (!calls.get(passwords, place, &value, &err)) {
		doctor_fail(doctor, "users", "seal it anew: pgitops seal users --all", "%s: %s",
			database->name, err.text);
	} else {
		return false;
	}
	return true;
}

/* In a cluster they are Secrets, whose right is one of all (needs_databases.c). */
static void check_folder(struct doctor *doctor, const struct database_config *database, size_t count)
{
	const char *folder = doctor->config->secrets;
	if (folder && access(folder, W_OK) == 0)
		return;
	doctor_fail(doctor, "users",
		"name a folder under `secrets` in the agent file that the agent may write to",
		"%s: %zu password%s to be generated, and there is no place for what is made: %s",
		database->name, count, count == 1 ? " is" : "s are",
		folder ? strerror(errno) : "neither a cluster nor a `secrets` folder");
}

static void check_passwords(struct doctor *doctor, const struct database_config *database,
	const struct users *users, const struct doctor_application *application, const char *namespace)
{
	CLEANUP(passwords_done)
	struct passwords passwords = {
		.mem = doctor->mem,
		.config = doctor->config,
		.secrets = doctor->secrets,
		.kube = doctor->kube,
		.database = database->name,
		.namespace = namespace,
		.policy = &database->policy,
		.objects = &application->desired->objects,
	};
	size_t missing = 0, left = 0, generated = 0;
	bool listed = list_secrets(doctor, namespace);
	for (size_t i = 0; listed && i < database->policy.secret_namespace_count; i++)
		listed = list_secrets(doctor, database->policy.secret_namespaces[i]);
	if (!listed)
		return;
	for (size_t i = 0; i < users->count; i++) {
		if (!user_logs_in(&users->items[i]))
			continue;
		generated += users->items[i].password.kind == PASSWORD_GENERATE;
		if (missing == MISSING_SHOWN)
			left++;
		else
			missing += say_missing(doctor, database, &users->items[i], &passwords);
	}
	if (generated && !doctor->kube)
		check_folder(doctor, database, generated);
	if (left)
		doctor_warn(doctor, "users", "see to these first, then ask again",
			"%s: %zu more users were not looked at", database->name, left);
	if (!missing)
		doctor_ok(doctor, "users", "%s: %zu in %s, each with a password who is to log in",
			database->name, users->count, database->config_map);
}

static void check_users(
	struct doctor *doctor, const struct database_config *database, const struct roles_server *server)
{
	const struct users *users = doctor_users(doctor, database);
	const char *namespace = doctor_users_namespace(doctor, database);
	if (!users)
		return;
	if (server) {
		check_databases(doctor, database, users, server);
		doctor_check_plain_users(doctor, database, server, users);
	}
	if (namespace && *namespace)
		check_passwords(doctor, database, users, doctor_application_of(doctor, database), namespace);
	else
		doctor_fail(doctor, "users",
			"set users.namespace in the agent file, or the Application's destination.namespace",
			"%s: no namespace is named for the users' Secrets", database->name);
}

static void check(struct doctor *doctor, const struct database_config *database)
{
	struct roles_server server;
	check_trust(doctor, database);
	bool reached = examine(doctor, database, &server);
	if (reached) {
		say_server(doctor, database, &server);
		if (database->database && !roles_server_has(&server, database->database))
			doctor_fail(doctor, "database",
				arena_printf(doctor->mem,
					"CREATE DATABASE \"%s\"; or correct users.database (%s:%d)",
					database->database, doctor->config->file, database->line),
				"%s: there is no database %s", database->name, database->database);
	}
	check_users(doctor, database, reached ? &server : NULL);
}

void doctor_check_databases(struct doctor *doctor)
{
	if (!doctor->config->database_count)
		doctor_warn(doctor, "database",
			"name one under `databases` in the agent file, if users are to be managed", "none");
	for (size_t i = 0; i < doctor->config->database_count; i++)
		check(doctor, &doctor->config->databases[i]);
}
