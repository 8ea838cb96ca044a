/* cluster_connect.c - `pgitops cluster connect`: psql with the leader, or another member, wherever that is */
#include <string.h>

#include "agent/commands/cluster_place.h"
#include "agent/commands/cluster_psql.h"
#include "agent/commands/cluster_tunnel.h"
#include "agent/users/database_target.h"
#include "agent/users/one_primary.h"
#include "base/protect.h"
#include "base/say.h"
#include "base/text.h"

const char command_cluster_connect_help[] =
	"Starts psql with the leader of a cluster, through the API server and without kubectl: the port of the Pod is forwarded to a port\n"
	"of 127.0.0.1 that takes this user's connections alone, as long as psql runs. TLS is between psql and PostgreSQL, as without the\n"
	"tunnel. The password is the operator's Secret's and is handed over in memory; of a USER without one, psql asks. A cluster outside\n"
	"of Kubernetes (databases[].patroni in the agent file) is connected to directly, as its entry says. Who leads is found out as by\n"
	"`pgitops cluster list`; while that is not certain a member has to be named. What stands behind -- is psql's. The exit code is\n"
	"psql's, 2 before that.\n\n"
	"      --user USER          who logs in (postgres, or what the agent file has)\n"
	"      --database DATABASE  to which database (postgres)\n"
	"      --member MEMBER      with this one, whatever it is\n"
	"      --replica            with the replica that is behind the least\n" CLUSTER_PLACE_HELP
	"\nNeeded are psql, list on pods, endpoints and configmaps, get and create on pods/portforward, and get on the Secret.\n\n"
	"Examples:\n"
	"  pgitops cluster connect acid-minimal-cluster\n"
	"  pgitops cluster connect acid-minimal-cluster --replica --database shop -- -c 'SELECT count(*) FROM orders'\n"
	"  pgitops cluster connect acid-minimal-cluster --user shop_owner_user --database shop <schema.sql\n";

enum { POSTGRES_PORT = 5432 };

struct wanted {
	const char *user, *database, *member;
	bool replica;
	char *const *arguments; /* of psql */
	int count;
	mode_t umask; /* of the caller, as theirs */
};

/* ---- with whom ---- */

static const struct patroni_member *nearest_replica(const struct patroni_cluster *cluster)
{
	const struct patroni_member *best = NULL;
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *member = &cluster->members[i];
		if (text_equal(member->name, cluster->leader) || member->contact == PATRONI_SILENT ||
			!patroni_streams(cluster, member))
			continue;
		if (!best ||
			(member->replay_lag != PATRONI_UNKNOWN &&
				(best->replay_lag == PATRONI_UNKNOWN || member->replay_lag < best->replay_lag)))
			best = member;
	}
	return best;
}

/* Somebody who may not be the leader is connected to by name alone. */
static bool choose(const struct patroni_cluster *cluster, const struct wanted *wanted, struct arena *mem,
	const struct patroni_member **member, struct error *err)
{
	const char *all = "";
	for (size_t i = 0; i < cluster->member_count; i++)
		all = arena_join(mem, all, ", ", cluster->members[i].name);
	if (wanted->member)
		*member = patroni_member(cluster, wanted->member);
	else if (wanted->replica)
		*member = nearest_replica(cluster);
	else
		*member = cluster->bad ? NULL : patroni_member(cluster, cluster->leader);
	if (*member)
		return true;
	if (wanted->member)
		return error_set(err, ERROR_MISSING, "%s has no member %s; it has %s", cluster->name,
			wanted->member, *all ? all : "none");
	if (wanted->replica)
		return error_set(err, ERROR_MISSING,
			"no replica of %s streams; --member connects with one all the same (%s)",
			cluster->name, all);
	return error_set(err, ERROR_RETRY, "%s; --member connects with one all the same (%s)",
		cluster->problem_count ? cluster->problems[0].text : "there is no leader", *all ? all : "none");
}

/* ---- as whom ---- */

/* Without a Secret that can be had psql asks, where a person was named: their password need not be the operator's. */
static bool find_login(const struct cluster_place *place, const struct wanted *wanted, struct arena *mem,
	struct psql_call *call, struct secret *password, struct error *err)
{
	struct cluster_login login = {0};
	call->user = wanted->user ? wanted->user : cluster_login_usual(place);
	call->database = wanted->database ? wanted->database : "postgres";
	if (cluster_login_find(place, call->user, mem, &login, password, err)) {
		call->user = login.user;
		call->password = password;
		return true;
	}
	if (!wanted->user || (err->kind != ERROR_MISSING && err->kind != ERROR_DENIED))
		return false;
	say(stderr, "pgitops: %s: psql asks for the password\n", err->text);
	return true;
}

/* What the first connection was made with may be over, as a token of a quarter of an hour is. */
static bool renew(void *context, struct kube_config *config, struct error *err)
{
	const struct cluster_place *place = context;
	return cluster_find_server(&place->source, config, err);
}

static int through_kubernetes(struct command_context *context, const struct cluster_place *place,
	const struct wanted *wanted, const char *program, const struct patroni_member *member)
{
	struct arena *mem = context->mem;
	CLEANUP(secret_done) struct secret password = {0};
	struct tunnel tunnel = {.config = &place->server->config,
		.target = {place->namespace, member->name, member->port ? (int)member->port : POSTGRES_PORT},
		.listener = -1,
		.renew = renew,
		.context = (void *)(uintptr_t)place};
	bool leads = text_equal(member->name, place->cluster->leader);
	struct psql_call call = {
		.host = arena_printf(mem, "%s%s.%s.svc", place->name, leads ? "" : "-repl", place->namespace),
		.address = "127.0.0.1",
		.arguments = wanted->arguments,
		.count = wanted->count,
		.umask = wanted->umask};
	struct error err;
	pid_t child;
	int code;
	bool ok = find_login(place, wanted, mem, &call, &password, &err);
	if (ok && !tunnel_open(&tunnel, &err)) {
		ok = false;
		cluster_place_refused(
			"get, and from 1.35 on create,", "pods/portforward", place->namespace, &err);
	}
	call.port = tunnel.port;
	if (ok && psql_start(program, &call, mem, &child, &err))
		code = psql_exit_code(tunnel_serve(&tunnel, child));
	else
		code = command_failed(&err);
	tunnel_close(&tunnel);
	return code;
}

/* ---- without Kubernetes ---- */

static bool read_password(const struct cluster_place *place, const struct database_config *entry,
	struct secret *password, struct error *err)
{
	if (entry->password.file)
		return secret_read_private(password, entry->password.file, true, err);
	if (!entry->password.name)
		return true;
	struct secrets *secrets = secrets_new(place->source.config.secrets);
	secrets_refresh(secrets);
	bool ok = secrets_value(secrets, NULL, entry->password.namespace, entry->password.name,
		entry->password.key, password, err);
	secrets_free(secrets);
	return ok;
}

/* As the entry says, but for whom and where was asked for. The password is of the entry's own user. */
static bool find_entry(const struct cluster_place *place, const struct wanted *wanted,
	const struct patroni_member *member, struct arena *mem, struct psql_call *call,
	struct secret *password, struct error *err)
{
	const struct database_config *entry = cluster_entry(&place->source, place->cluster);
	if (!member->host || !member->port)
		return error_set(err, ERROR_RETRY, "Patroni does not say where %s is", member->name);
	if (!entry || !entry->connection) {
		*call = (struct psql_call){.host = member->host,
			.port = (int)member->port,
			.user = wanted->user,
			.database = wanted->database,
			.arguments = wanted->arguments,
			.count = wanted->count,
			.umask = wanted->umask};
		return true;
	}
	const char *connection = arena_printf(mem, "%s host=%s port=%lld", entry->connection,
		connection_value(member->host, mem), (long long)member->port);
	if (wanted->user)
		connection = arena_printf(mem, "%s user=%s", connection, connection_value(wanted->user, mem));
	if (wanted->database)
		connection =
			arena_printf(mem, "%s dbname=%s", connection, connection_value(wanted->database, mem));
	*call = (struct psql_call){.connection = connection,
		.arguments = wanted->arguments,
		.count = wanted->count,
		.umask = wanted->umask};
	if (wanted->user)
		return true;
	call->password = password;
	return read_password(place, entry, password, err);
}

static int directly(struct command_context *context, const struct cluster_place *place,
	const struct wanted *wanted, const char *program, const struct patroni_member *member)
{
	CLEANUP(secret_done) struct secret password = {0};
	struct psql_call call;
	struct error err;
	pid_t child;
	if (!find_entry(place, wanted, member, context->mem, &call, &password, &err) ||
		!psql_start(program, &call, context->mem, &child, &err))
		return command_failed(&err);
	return psql_wait(child);
}

/* ---- the command ---- */

static int run(struct command_context *context, struct cluster_place *place, const struct wanted *wanted)
{
	const struct patroni_member *member;
	const char *program;
	struct error err;
	if (!psql_find(&program, context->mem, &err) || !cluster_place_open(context, place, true, &err) ||
		!choose(place->cluster, wanted, context->mem, &member, &err))
		return command_failed(&err);
	return place->server ? through_kubernetes(context, place, wanted, program, member)
			     : directly(context, place, wanted, program, member);
}

/* What stands behind -- is not ours. */
static void split(int *argc, char **argv, struct wanted *wanted)
{
	for (int i = 0; i < *argc; i++)
		if (text_equal(argv[i], "--")) {
			wanted->arguments = argv + i + 1;
			wanted->count = *argc - i - 1;
			*argc = i;
		}
}

int command_cluster_connect(struct command_context *context, int argc, char **argv)
{
	struct cluster_place place = {0};
	struct wanted wanted = {.umask = context->umask};
	const struct command_option options[] = {{"--user", NULL, &wanted.user},
		{"--database", NULL, &wanted.database}, {"--member", NULL, &wanted.member},
		{"--replica", &wanted.replica, NULL}};
	int code = EXIT_NO_ANSWER;
	protect_memory();
	split(&argc, argv, &wanted);
	if (cluster_place_arguments(context, &place, &argc, argv, options, COUNT_OF(options), 1)) {
		if (wanted.member && wanted.replica)
			code = command_misused(context, "--member and --replica are one choice");
		else
			code = run(context, &place, &wanted);
	}
	cluster_place_done(&place);
	return code;
}
