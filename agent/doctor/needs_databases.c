/* needs_databases.c - rights of a `databases` entry: where its server is, whose passwords are whose, what of it is shown */
#include <string.h>

#include "agent/doctor/needs.h"
#include "agent/users/database_target.h"
#include "agent/users/users_source.h"
#include "base/text.h"
#include "reconcile/roles/users_fields.h"

/* ---- its users' passwords ---- */

static void ask_for_passwords(
	struct doctor *doctor, const struct database_config *database, const char *namespace)
{
	need_tell(doctor,
		&(struct need){"", "secrets", namespace, "", "get list watch",
			arena_printf(doctor->mem, "passwords of the users of database %s", database->name),
			doctor->config->secrets != NULL});
}

static size_t count_generated(const struct users *users, const char *own, const char *namespace)
{
	size_t count = 0;
	for (size_t i = 0; i < users->count; i++) {
		const struct user_password *password = &users->items[i].password;
		count += user_logs_in(&users->items[i]) && password->kind == PASSWORD_GENERATE &&
			text_equal(password->namespace ? password->namespace : own, namespace);
	}
	return count;
}

/* Secrets are made, never changed (generate.h). RBAC cannot tie `create` to names. */
static void ask_for_generating(struct doctor *doctor, const struct database_config *database,
	const struct users *users, const char *own, const char *namespace)
{
	size_t count = users && !database->policy.report_only ? count_generated(users, own, namespace) : 0;
	if (count)
		need_tell(doctor,
			&(struct need){"", "secrets", namespace, "", "create",
				arena_printf(doctor->mem, "%zu password%s of database %s %s generated", count,
					count == 1 ? "" : "s", database->name, count == 1 ? "is" : "are"),
				false});
}

static void ask_for_events(struct doctor *doctor, const struct database_config *database, const char *namespace)
{
	if (namespace && *namespace)
		need_tell(doctor,
			&(struct need){"", "events", namespace, "", "create patch",
				arena_printf(doctor->mem,
					"Events on the ConfigMap of database %s, for kubectl describe",
					database->name),
				true});
}

static void ask_for_secrets(
	struct doctor *doctor, const struct database_config *database, const struct users *users)
{
	const struct roles_policy *policy = &database->policy;
	const char *own = doctor_users_namespace(doctor, database);
	if (own && *own) {
		ask_for_passwords(doctor, database, own);
		ask_for_generating(doctor, database, users, own, own);
	}
	for (size_t i = 0; i < policy->secret_namespace_count; i++) {
		const char *namespace = policy->secret_namespaces[i];
		if (text_equal(namespace, own))
			continue;
		ask_for_passwords(doctor, database, namespace);
		ask_for_generating(doctor, database, users, own, namespace);
	}
}

/* Events are told on the ConfigMap, and the Secrets may be elsewhere (users.namespace). A list that is not there yet asks for nothing. */
static void ask_for_users(struct doctor *doctor, const struct database_config *database)
{
	const struct doctor_application *application = doctor_application_of(doctor, database);
	const struct object *list = application && application->desired
		? users_source_object(application->desired, database)
		: NULL;
	ask_for_secrets(doctor, database, list ? doctor_users(doctor, database) : NULL);
	if (application)
		ask_for_events(doctor, database, list ? list->key.namespace : application->spec.destination);
}

/* ---- its server ---- */

/* postgresql: NAMESPACE/NAME is asked of the cluster anew at each pass. */
static void ask_for_operator(struct doctor *doctor, const struct database_config *database)
{
	const struct operator_reference *cluster = &database->cluster;
	const char *why = arena_printf(doctor->mem, "where database %s is", database->name);
	need_tell(doctor,
		&(struct need){"acid.zalan.do", "postgresqls", cluster->namespace, cluster->name, "get", why,
			false});
	need_tell(doctor,
		&(struct need){"", "endpoints", cluster->namespace, cluster->name, "get", why, false});
	need_tell(doctor,
		&(struct need){"", "configmaps", cluster->namespace,
			arena_printf(doctor->mem, "%s-leader", cluster->name), "get",
			arena_printf(doctor->mem,
				"which of several addresses is the leader's, of database %s, where Patroni keeps ConfigMaps",
				database->name),
			true});
	need_tell(doctor,
		&(struct need){"", "pods", cluster->namespace, "", "list",
			arena_printf(doctor->mem,
				"whether another member of database %s takes writes, too; members on the status page and in "
				"GET /api/v1/clusters",
				database->name),
			true});
	need_tell(doctor,
		&(struct need){"acid.zalan.do", "operatorconfigurations", cluster->namespace, "", "list",
			arena_printf(doctor->mem,
				"what the operator makes of a higher version of the cluster of database %s",
				database->name),
			true});
	need_tell(doctor,
		&(struct need){"", "secrets", cluster->namespace,
			operator_secret_name(cluster, cluster->superuser, doctor->mem), "get",
			arena_printf(doctor->mem, "password of database %s", database->name), false});
}

/* What the page and GET /api/v1/clusters read of it, by labels, which RBAC does not know: of the whole namespace, then. Storage classes, and the
   operator's Pods wherever they are, would explain some troubles better; to see what is in every namespace is too much for that. */
static void ask_for_page(struct doctor *doctor, const struct database_config *database)
{
	static const struct {
		const char *group, *resource, *what;
	} lists[] = {
		{"", "endpoints", "leader"},
		{"", "configmaps", "leader"},
		{"acid.zalan.do", "postgresqls", "operator's status"},
		{"", "persistentvolumeclaims", "volumes"},
		{"apps", "statefulsets", "troubles"},
	};
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		need_tell(doctor,
			&(struct need){lists[i].group, lists[i].resource, database->cluster.namespace, "",
				"list",
				arena_printf(doctor->mem,
					"%s of the cluster of database %s, for the status page and GET /api/v1/clusters",
					lists[i].what, database->name),
				true});
}

void needs_of_database(struct doctor *doctor, const struct database_config *database)
{
	const struct secret_reference *password = &database->password;
	if (database->cluster.name) {
		ask_for_operator(doctor, database);
		ask_for_page(doctor, database);
	}
	ask_for_users(doctor, database);
	if (password->name)
		need_tell(doctor,
			&(struct need){"", "secrets", password->namespace, password->name, "get",
				arena_printf(doctor->mem, "password of database %s", database->name), false});
}
