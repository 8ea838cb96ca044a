/* symptoms_objects.c - Secrets and Services of a cluster that are missing, or of another time */
#include <string.h>

#include "agent/doctor/symptoms.h"
#include "agent/users/database_target.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"

static const json_t *find(json_t *list, const char *namespace, const char *name)
{
	size_t i;
	const json_t *item;
	json_array_foreach (list, i, item)
		if (text_equal(json_text_at(item, "metadata.name", ""), name) &&
			text_equal(json_text_at(item, "metadata.namespace", ""), namespace))
			return item;
	return NULL;
}

/* By the template that the agent file has for this cluster, else as it is by default. */
static const char *secret_of(struct look *look, const char *user, const json_t *cluster)
{
	const struct config *config = look->doctor->config;
	const struct operator_reference own = {.namespace = json_text_at(cluster, "metadata.namespace", ""),
		.name = json_text_at(cluster, "metadata.name", ""),
		.secret_template = OPERATOR_SECRET_TEMPLATE};
	for (size_t i = 0; i < config->database_count; i++) {
		const struct operator_reference *listed = &config->databases[i].cluster;
		if (listed->secret_template && text_equal(listed->name, own.name) &&
			text_equal(listed->namespace, own.namespace))
			return operator_secret_name(listed, user, look->doctor->mem);
	}
	return operator_secret_name(&own, user, look->doctor->mem);
}

/* Of NAMESPACE.USER it is there, or with the others where the operator may not keep it elsewhere (enable_cross_namespace_secret). */
static bool has_secret(struct look *look, const char *namespace, const char *user, const char *secret)
{
	const char *other = postgresql_user_namespace(user, look->doctor->mem);
	if (find(look_list(look, LOOK_SECRETS), namespace, secret))
		return true;
	if (!other)
		return false;
	look_also_secrets(look, other);
	return find(look_list(look, LOOK_SECRETS), other, secret);
}

static void look_for_secret(struct look *look, const json_t *cluster, const char *user)
{
	const char *namespace = json_text_at(cluster, "metadata.namespace", "");
	const char *secret = secret_of(look, user, cluster);
	if (look->unknown || has_secret(look, namespace, user, secret) || look->unknown)
		return;
	look_found(look,
		"the operator makes it with the user: pgitops doctor operator-silent and database-missing; with another secret_name_template "
		"say so in `postgresql` of the agent file: secretNameTemplate",
		"%s: user %.63s has no Secret %s", look_object(look, "postgresql", cluster), user, secret);
}

static void look_for_mounted(struct look *look)
{
	size_t i;
	const json_t *event;
	json_array_foreach (look_list(look, LOOK_EVENTS), i, event) {
		const char *message = json_text_at(event, "message", "");
		if (strstr(message, "secret \"") && strstr(message, "not found"))
			look_found(look, "make it, or seal it into Git: pgitops seal", "%s %s: %.300s",
				json_text_at(event, "involvedObject.kind", ""),
				json_text_at(event, "involvedObject.name", ""), message);
	}
}

void look_secrets(struct look *look)
{
	size_t i;
	const json_t *cluster;
	json_t *flags;
	const char *user;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster) {
		json_t *users = json_at(cluster, "spec.users");
		look_for_secret(look, cluster, "postgres");
		json_object_foreach (users, user, flags)
			if (postgresql_user_logs_in(flags))
				look_for_secret(look, cluster, user);
	}
	look_for_mounted(look);
}

/* The volume has the password of its first day, the Secret another one: made anew without the other (zalando-operator.md 7). */
void look_passwords(struct look *look)
{
	size_t i;
	const json_t *cluster;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster) {
		const char *namespace = json_text_at(cluster, "metadata.namespace", "");
		const char *name = json_text_at(cluster, "metadata.name", "");
		const json_t *secret =
			find(look_list(look, LOOK_SECRETS), namespace, secret_of(look, "postgres", cluster));
		const json_t *claim = find(look_list(look, LOOK_CLAIMS), namespace,
			arena_printf(look->doctor->mem, "pgdata-%s-0", name));
		const char *made = json_text_at(secret, "metadata.creationTimestamp", "");
		const char *volume = json_text_at(claim, "metadata.creationTimestamp", "~");
		if (secret && strcmp(made, volume) > 0)
			look_found(look,
				"put the old password into the Secret, or ALTER ROLE in the database by its socket (kubectl exec)",
				"%s: the Secret of postgres is of %s, and the volume of %s: it may hold another password",
				look_object(look, "postgresql", cluster), made, volume);
	}
}

static const char *const endings[] = {"", "-repl"};

static bool has_address(const json_t *endpoints)
{
	size_t i;
	const json_t *subset;
	json_array_foreach (json_object_get(endpoints, "subsets"), i, subset)
		if (json_array_size(json_object_get(subset, "addresses")))
			return true;
	return false;
}

void look_services(struct look *look)
{
	size_t i;
	const json_t *cluster;
	json_array_foreach (look_list(look, LOOK_POSTGRESQLS), i, cluster)
		for (size_t j = 0; j < COUNT_OF(endings); j++) {
			const char *name = arena_printf(look->doctor->mem, "%s%s",
				json_text_at(cluster, "metadata.name", ""), endings[j]);
			const json_t *endpoints = find(look_list(look, LOOK_ENDPOINTS),
				json_text_at(cluster, "metadata.namespace", ""), name);
			bool wanted = json_number_at(cluster, "spec.numberOfInstances", 0) > (json_int_t)j;
			if (!look->unknown && wanted && !has_address(endpoints))
				look_found(look,
					j ? "no replica is ready: pgitops doctor pod-does-not-start"
					  : "nobody is the leader, or it is not ready: pgitops doctor no-primary",
					"%s: Service %s leads to nobody",
					look_object(look, "postgresql", cluster), name);
		}
}

void look_balancers(struct look *look)
{
	size_t i;
	const json_t *service;
	json_array_foreach (look_list(look, LOOK_SERVICES), i, service)
		if (text_equal(json_text_at(service, "spec.type", ""), "LoadBalancer") &&
			!json_array_size(json_at(service, "status.loadBalancer.ingress")))
			look_found(look,
				"set spec.enableMasterLoadBalancer: false (and enable_master_load_balancer of the operator), or install what makes them",
				"%s is a LoadBalancer that nobody has made",
				look_object(look, "Service", service));
}

void look_sealed(struct look *look)
{
	size_t i, j;
	const json_t *sealed, *condition;
	json_array_foreach (look_list(look, LOOK_SEALED), i, sealed) {
		bool said = false;
		json_array_foreach (json_at(sealed, "status.conditions"), j, condition)
			if (text_equal(json_text_at(condition, "type", ""), "Synced")) {
				said = true;
				if (text_equal(json_text_at(condition, "status", ""), "False"))
					look_found(look,
						"seal it with the cluster's certificate: pgitops seal cert, then pgitops seal users --all; a strict one opens "
						"only under its own name and namespace",
						"%s is not opened: %.300s",
						look_object(look, "SealedSecret", sealed),
						json_text_at(condition, "message", ""));
			}
		if (!said &&
			!find(look_list(look, LOOK_SECRETS), json_text_at(sealed, "metadata.namespace", ""),
				json_text_at(sealed, "metadata.name", "")))
			look_found(look,
				"does the Sealed Secrets controller run, or sealing.controller of the agent file?",
				"%s has no status and no Secret: nobody opens it",
				look_object(look, "SealedSecret", sealed));
	}
}
