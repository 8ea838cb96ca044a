#include "agent/users/database_target.h"

#include <string.h>

#include "agent/users/one_primary.h"
#include "agent/users/operator_leader.h"
#include "agent/users/operator_members.h"
#include "agent/users/operator_roles.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"

enum { DATABASE_DEADLINE = 10000 };

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

static bool take_cluster(
	const struct operator_reference *cluster, const struct kube_request *asked, struct error *err)
{
	if (asked->error.kind == ERROR_MISSING)
		return error_set(err, ERROR_RETRY, "postgresql %s/%s is not in the cluster",
			cluster->namespace, cluster->name);
	if (asked->error.kind != ERROR_NONE) {
		*err = asked->error;
		return error_prefix(err, "postgresql %s/%s", cluster->namespace, cluster->name);
	}
	return !json_text_at(asked->answer, "metadata.deletionTimestamp", NULL) ||
		error_set(err, ERROR_RETRY, "postgresql %s/%s is being deleted", cluster->namespace,
			cluster->name);
}

enum { CLUSTER, LEADER, MEMBERS = LEADER + OPERATOR_LEADER_ASKED, ASKED };

static bool find_leader(const struct database_config *config, struct kube *kube, struct arena *mem,
	struct session_target *target, const char **where, struct role_claims *claims, struct error *err)
{
	const struct operator_reference *cluster = &config->cluster;
	const char *namespace = cluster->namespace, *name = cluster->name;
	struct operator_leader leader = {0};
	struct kube_request asked[ASKED] = {
		[CLUSTER] = {.method = "GET",
			.path = arena_printf(
				mem, "/apis/acid.zalan.do/v1/namespaces/%s/postgresqls/%s", namespace, name)},
		[MEMBERS] = operator_members_request(cluster, mem)};
	operator_leader_ask(cluster, &asked[LEADER], mem);
	kube_run(kube, asked, COUNT_OF(asked));
	bool ok = take_cluster(cluster, &asked[CLUSTER], err) &&
		operator_leader_read(cluster, &asked[LEADER], mem, &leader, err) &&
		operator_members_agree(config, asked[MEMBERS].answer, &leader, mem, err);
	if (ok) {
		*where = arena_printf(mem, "host=%s.%s.svc hostaddr=%s port=%lld", name, namespace,
			leader.address, leader.port);
		target->witness = operator_leader_witness(cluster, kube, &leader, mem);
		*claims = operator_roles(asked[CLUSTER].answer, mem);
		claims->whose = arena_printf(mem, "postgresql %s/%s", namespace, name);
	}
	for (size_t i = 0; i < COUNT_OF(asked); i++)
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

static bool by_operator(const struct database_config *config, struct secrets *secrets, struct kube *kube,
	struct arena *mem, struct session_target *target, struct role_claims *claims, struct error *err)
{
	const struct operator_reference *cluster = &config->cluster;
	const char *where = "", *user = "";
	if (!kube)
		return error_set(err, ERROR_RETRY, "postgresql %s/%s: there is no cluster that can be asked",
			cluster->namespace, cluster->name);
	if (!find_leader(config, kube, mem, target, &where, claims, err) ||
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
		return by_operator(config, secrets, kube, mem, target, claims, err);
	if (config->patroni_count && !one_primary(config, mem, target, err))
		return false;
	if (from->file)
		return secret_read_private(&target->password, from->file, true, err);
	return !from->name ||
		secrets_value(secrets, kube, from->namespace, from->name, from->key, &target->password, err);
}
