#include "agent/users/database_target.h"

#include <string.h>

#include "agent/users/one_primary.h"
#include "agent/users/operator_roles.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"

enum { DATABASE_DEADLINE = 10000, ASKED = 2 };

const char *operator_secret_name(const struct operator_reference *cluster, const char *role, struct arena *mem)
{
	const struct {
		const char *placeholder, *text;
	} parts[] = {{"{username}", role}, {"{cluster}", cluster->name}, {"{tprkind}", "postgresql"},
		{"{tprgroup}", "acid.zalan.do"}};
	CLEANUP(buf_done) struct buf out = BUF(1024);
	for (const char *at = cluster->secret_template; *at;) {
		size_t i = 0;
		while (i < COUNT_OF(parts) && !text_starts(at, parts[i].placeholder))
			i++;
		if (i == COUNT_OF(parts)) {
			buf_char(&out, *at++);
			continue;
		}
		for (const char *c = parts[i].text; *c; c++)
			buf_char(&out, i == 0 && *c == '_' ? '-' : *c);
		at += strlen(parts[i].placeholder);
	}
	return arena_copy(mem, buf_string(&out));
}

static bool is_address(const char *text)
{
	return *text && !text[strspn(text, "0123456789abcdefABCDEF.:")];
}

/* The first address that is ready: there is one leader. */
static bool take_address(const json_t *endpoints, const char **address, long long *port)
{
	const json_t *subset;
	size_t i;
	json_array_foreach (json_object_get(endpoints, "subsets"), i, subset) {
		const json_t *first = json_array_get(json_object_get(subset, "addresses"), 0);
		const json_t *open = json_array_get(json_object_get(subset, "ports"), 0);
		*address = json_text_at(first, "ip", "");
		*port = json_number_at(open, "port", 5432);
		if (is_address(*address))
			return true;
	}
	return false;
}

/* What the Endpoints said when the pass began. */
struct leadership {
	const struct operator_reference *cluster;
	struct kube *kube;
	const char *address;
	long long port;
	const char *leader; /* in Patroni's record; "" where that is another object */
};

static const char *leader_of(const json_t *endpoints)
{
	const json_t *annotations = json_object_get(json_object_get(endpoints, "metadata"), "annotations");
	return json_text_at(annotations, "leader", "");
}

/* One request before each COMMIT. A member that is cut off is asked nothing: who leads is in the API server. */
static bool still_leads(void *context, struct error *err)
{
	const struct leadership *then = context;
	const char *namespace = then->cluster->namespace, *name = then->cluster->name, *address = "";
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	struct kube_request request = {.method = "GET",
		.path = arena_printf(mem, "/api/v1/namespaces/%s/endpoints/%s", namespace, name)};
	struct error why = {0};
	long long port;
	json_t *now = NULL;
	if (!kube_one(then->kube, &request, &now, &why))
		return error_set(err, ERROR_RETRY,
			"postgresql %s/%s: whether %s still leads cannot be asked, so what was not committed is rolled back: %s",
			namespace, name, then->address, why.text);
	bool same = take_address(now, &address, &port) && text_equal(address, then->address) &&
		port == then->port && text_equal(leader_of(now), then->leader);
	if (!same)
		error_set(err, ERROR_RETRY,
			"postgresql %s/%s: %s is not the leader that it was when the pass began, so what was not committed is rolled "
			"back: Endpoints %s say %s",
			namespace, name, then->address, name, *address ? address : "that there is none");
	json_decref(now);
	return same;
}

static const struct session_witness *witness_of(const struct operator_reference *cluster, struct kube *kube,
	const json_t *endpoints, struct arena *mem)
{
	struct session_witness *made = arena_alloc(mem, sizeof(*made));
	struct leadership *then = arena_alloc(mem, sizeof(*then));
	const char *address = "";
	long long port;
	(void)take_address(endpoints, &address, &port); /* there is one: the connection is to it */
	*then = (struct leadership){.cluster = cluster,
		.kube = kube,
		.address = arena_copy(mem, address),
		.port = port,
		.leader = arena_copy(mem, leader_of(endpoints))};
	*made = (struct session_witness){.agrees = still_leads, .context = then};
	return made;
}

static bool take_cluster(const struct operator_reference *cluster, struct kube_request asked[ASKED],
	struct arena *mem, const char **where, struct error *err)
{
	const char *namespace = cluster->namespace, *name = cluster->name, *address;
	long long port;
	if (asked[0].error.kind == ERROR_MISSING)
		return error_set(err, ERROR_RETRY, "postgresql %s/%s is not in the cluster", namespace, name);
	if (asked[1].error.kind == ERROR_MISSING)
		return error_set(err, ERROR_RETRY,
			"postgresql %s/%s has no leader yet: there are no Endpoints %s", namespace, name, name);
	for (size_t i = 0; i < ASKED; i++)
		if (asked[i].error.kind != ERROR_NONE) {
			*err = asked[i].error;
			return error_prefix(err, "postgresql %s/%s", namespace, name);
		}
	if (json_text_at(asked[0].answer, "metadata.deletionTimestamp", NULL))
		return error_set(err, ERROR_RETRY, "postgresql %s/%s is being deleted", namespace, name);
	if (!take_address(asked[1].answer, &address, &port))
		return error_set(err, ERROR_RETRY,
			"postgresql %s/%s has no leader at the moment: Endpoints %s have no address",
			namespace, name, name);
	*where = arena_printf(mem, "host=%s.%s.svc hostaddr=%s port=%lld", name, namespace, address, port);
	return true;
}

static bool find_leader(const struct operator_reference *cluster, struct kube *kube, struct arena *mem,
	struct session_target *target, const char **where, struct role_claims *claims, struct error *err)
{
	struct kube_request asked[ASKED] = {
		{.method = "GET",
			.path = arena_printf(mem, "/apis/acid.zalan.do/v1/namespaces/%s/postgresqls/%s",
				cluster->namespace, cluster->name)},
		{.method = "GET",
			.path = arena_printf(mem, "/api/v1/namespaces/%s/endpoints/%s", cluster->namespace,
				cluster->name)},
	};
	kube_run(kube, asked, ASKED);
	bool ok = take_cluster(cluster, asked, mem, where, err);
	if (ok) {
		target->witness = witness_of(cluster, kube, asked[1].answer, mem);
		*claims = operator_roles(asked[0].answer, mem);
		claims->whose = arena_printf(mem, "postgresql %s/%s", cluster->namespace, cluster->name);
	}
	for (size_t i = 0; i < ASKED; i++)
		json_decref(asked[i].answer);
	return ok;
}

/* A rotated superuser is called otherwise than the Secret. */
static bool take_credentials(const struct operator_reference *cluster, struct secrets *secrets,
	struct kube *kube, struct arena *mem, const char **user, struct secret *password, struct error *err)
{
	const char *name = operator_secret_name(cluster, cluster->superuser, mem);
	CLEANUP(secret_done) struct secret username = {0};
	if (!text_is_dns_subdomain(name))
		return error_set(err, ERROR_INVALID,
			"\"%s\" is no name of a Secret: correct operator.superUsername or operator.secretNameTemplate",
			name);
	if (!secrets_value(secrets, kube, cluster->namespace, name, "password", password, err) ||
		!secrets_value(secrets, kube, cluster->namespace, name, "username", &username, err)) {
		if (err->kind == ERROR_MISSING)
			err->kind = ERROR_RETRY; /* the operator makes it */
		return false;
	}
	const char *text =
		arena_copy_n(mem, username.bytes ? (const char *)username.bytes : "", username.length);
	if (!*text || strlen(text) != username.length || username.length > LIMIT_ROLE_NAME)
		return error_set(err, ERROR_INVALID, "Secret %s/%s: username is no name of a role",
			cluster->namespace, name);
	*user = text;
	return true;
}

static bool by_operator(const struct operator_reference *cluster, struct secrets *secrets, struct kube *kube,
	struct arena *mem, struct session_target *target, struct role_claims *claims, struct error *err)
{
	const char *where = "", *user = "";
	if (!kube)
		return error_set(err, ERROR_RETRY, "postgresql %s/%s: there is no cluster that can be asked",
			cluster->namespace, cluster->name);
	if (!find_leader(cluster, kube, mem, target, &where, claims, err) ||
		!take_credentials(cluster, secrets, kube, mem, &user, &target->password, err))
		return false;
	target->connection = arena_printf(
		mem, "%s dbname=postgres user=%s sslmode=require", where, connection_value(user, mem));
	return true;
}

bool database_target(const struct database_config *config, struct secrets *secrets, struct kube *kube,
	struct arena *mem, struct session_target *target, struct role_claims *claims, struct error *err)
{
	const struct secret_reference *from = &config->password;
	*claims = (struct role_claims){.items = NULL};
	*target = (struct session_target){
		.name = config->name,
		.connection = config->connection,
		.deadline = DATABASE_DEADLINE,
		.authentication = config->authentication,
	};
	if (config->cluster.name)
		return by_operator(&config->cluster, secrets, kube, mem, target, claims, err);
	if (config->patroni_count && !one_primary(config, mem, target, err))
		return false;
	if (from->file)
		return secret_read_private(&target->password, from->file, true, err);
	return !from->name ||
		secrets_value(secrets, kube, from->namespace, from->name, from->key, &target->password, err);
}
