#include "agent/config/walls.h"

#include <string.h>

#include "base/text.h"

#define ARGO "argoproj.io"
#define RBAC "rbac.authorization.k8s.io"
#define TOKEN_ANNOTATION "kubernetes.io/service-account.name"

const char *wall_kind(const struct object_key *key, struct arena *mem)
{
	return *key->group ? arena_printf(mem, "%s.%s", key->kind, key->group) : key->kind;
}

static const struct kube_account *account_of(const struct rules *rules)
{
	return rules->account && rules->account->name ? rules->account : NULL;
}

/* Where its Application objects are, and where it runs. */
static bool is_own_namespace(const struct rules *rules, const char *namespace)
{
	const struct kube_account *account = account_of(rules);
	return strcmp(namespace, rules->config->namespace) == 0 ||
		(account && strcmp(namespace, account->namespace) == 0);
}

static bool is_kind(const struct object_key *key, const char *group, const char *kind)
{
	return strcmp(key->group, group) == 0 && strcmp(key->kind, kind) == 0;
}

/* A glob takes no wall down: the kind stands there letter by letter. */
static bool names_kind(const struct rule_config *rule, const char *kind)
{
	for (size_t i = 0; rule && i < rule->kind_count; i++)
		if (strcmp(rule->kinds[i], kind) == 0)
			return true;
	return false;
}

/* ---- by name ---- */

enum place { ANYWHERE, OWN_NAMESPACE };

/* The agent itself: the parts that carry its name. */
static const struct {
	const char *group, *kind;
	enum place place;
} parts[] = {
	{"apps", "Deployment", OWN_NAMESPACE},
	{"apps", "StatefulSet", OWN_NAMESPACE},
	{"", "ServiceAccount", OWN_NAMESPACE},
	{"", "ConfigMap", OWN_NAMESPACE},
	{"", "Secret", OWN_NAMESPACE},
	{"bitnami.com", "SealedSecret", OWN_NAMESPACE},
	{"", "Service", OWN_NAMESPACE},
	{"", "PersistentVolumeClaim", OWN_NAMESPACE},
	{"networking.k8s.io", "NetworkPolicy", OWN_NAMESPACE},
	{RBAC, "Role", ANYWHERE},
	{RBAC, "RoleBinding", ANYWHERE},
	{RBAC, "ClusterRole", ANYWHERE},
	{RBAC, "ClusterRoleBinding", ANYWHERE},
};

/* A Pod is named after its workload: "pgitops-7c9d5f8b6-x2x4z" of a Deployment, "pgitops-0" of a StatefulSet. */
static bool is_workload_of(const char *name, const char *pod)
{
	size_t length = strlen(name), groups = 0;
	if (!pod || strncmp(pod, name, length) != 0)
		return false;
	for (const char *at = pod + length; *at; at++) {
		bool letter = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
		if (!letter && *at != '-')
			return false;
		groups += *at == '-';
	}
	return (!pod[length] || pod[length] == '-') && groups <= 2;
}

static bool is_own_name(const struct rules *rules, const char *name)
{
	const struct kube_account *account = account_of(rules);
	return strcmp(name, INSTALLATION_NAME) == 0 ||
		(account && (strcmp(name, account->name) == 0 || is_workload_of(name, account->pod)));
}

/* What install.yaml mounts under other names than its own; of sealing keys there is one for each time. */
static bool is_mounted(const struct rules *rules, const struct object_key *key)
{
	static const struct {
		const char *group, *kind, *name;
	} mounted[] = {
		{"", "ConfigMap", "postgres-ca"},
		{"", "Secret", "pgitops-sealing-key*"},
		{"bitnami.com", "SealedSecret", "pgitops-sealing-key*"},
	};
	for (size_t i = 0; i < COUNT_OF(mounted) && is_own_namespace(rules, key->namespace); i++)
		if (is_kind(key, mounted[i].group, mounted[i].kind) && text_glob(mounted[i].name, key->name))
			return true;
	return false;
}

static bool is_installation(const struct rules *rules, const struct object_key *key)
{
	if (is_kind(key, "", "Namespace"))
		return is_own_namespace(rules, key->name);
	if (is_kind(key, "apiextensions.k8s.io", "CustomResourceDefinition"))
		return strcmp(key->name, "applications." ARGO) == 0 ||
			strcmp(key->name, "appprojects." ARGO) == 0;
	if (is_mounted(rules, key))
		return true;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (is_kind(key, parts[i].group, parts[i].kind))
			return is_own_name(rules, key->name) &&
				(parts[i].place == ANYWHERE || is_own_namespace(rules, key->namespace));
	return false;
}

/* What the agent reads of its namespace and obeys, beside Applications. */
static bool is_obeyed(const struct rules *rules, const struct object_key *key)
{
	static const struct {
		const char *group, *kind, *name; /* NULL = any */
	} obeyed[] = {
		{ARGO, "AppProject", NULL},
		{ARGO, "ApplicationSet", NULL},
		{"", "ConfigMap", "argocd-ssh-known-hosts-cm"},
		{"", "ConfigMap", "argocd-tls-certs-cm"},
	};
	if (strcmp(key->namespace, rules->config->namespace) != 0)
		return false;
	for (size_t i = 0; i < COUNT_OF(obeyed); i++)
		if (is_kind(key, obeyed[i].group, obeyed[i].kind) &&
			(!obeyed[i].name || strcmp(key->name, obeyed[i].name) == 0))
			return true;
	return false;
}

static const char *closed(
	const char *why, const struct rule_config *rule, const struct object_key *key, struct arena *mem)
{
	const char *kind = wall_kind(key, mem);
	if (names_kind(rule, kind))
		return NULL;
	return arena_printf(mem, "it %s, and no rule of the agent file names %s in `kinds`", why, kind);
}

const char *wall_of_name(const struct rules *rules, const struct rule_config *rule,
	const struct object_key *key, struct arena *mem)
{
	if (is_kind(key, ARGO, "Application") && strcmp(key->namespace, rules->config->namespace) == 0)
		return rule && text_glob_any(rule->applications, rule->application_count, key->name)
			? NULL
			: "it is in the agent's own namespace, and no rule of the agent file names it in `applications`";
	if (is_obeyed(rules, key))
		return closed("is in the agent's own namespace", rule, key, mem);
	return is_installation(rules, key) ? closed("belongs to the agent's own installation", rule, key, mem)
					   : NULL;
}

/* ---- by content ---- */

static const char *label_of(const json_t *document, const char *path, const char *name)
{
	const char *value = json_string_value(json_object_get(json_at(document, path), name));
	return value ? value : "";
}

/* Whatever makes Pods has a template somewhere; these are the places of the built-in kinds. */
static bool runs_as_us(const struct kube_account *account, const json_t *document)
{
	static const char *const places[] = {
		"spec", "spec.template.spec", "spec.jobTemplate.spec.template.spec"};
	static const char *const fields[] = {"serviceAccountName", "serviceAccount"};
	for (size_t i = 0; i < COUNT_OF(places); i++)
		for (size_t j = 0; j < COUNT_OF(fields); j++) {
			const json_t *name = json_object_get(json_at(document, places[i]), fields[j]);
			if (text_equal(json_string_value(name), account->name))
				return true;
		}
	return false;
}

/* An account is also a user and a member of its namespace's group, by names of their own. */
static bool is_us(const struct kube_account *account, const json_t *subject, struct arena *mem)
{
	const char *kind = json_text_at(subject, "kind", ""), *name = json_text_at(subject, "name", "");
	if (strcmp(kind, "ServiceAccount") == 0)
		return strcmp(name, account->name) == 0 &&
			strcmp(json_text_at(subject, "namespace", ""), account->namespace) == 0;
	return strcmp(name,
		       strcmp(kind, "User") == 0
			       ? arena_printf(mem, "system:serviceaccount:%s:%s", account->namespace,
					 account->name)
			       : arena_printf(mem, "system:serviceaccounts:%s", account->namespace)) == 0;
}

static bool binds_us(const struct kube_account *account, const json_t *document, struct arena *mem)
{
	const json_t *subject;
	size_t i;
	json_array_foreach (json_object_get(document, "subjects"), i, subject)
		if (is_us(account, subject, mem))
			return true;
	return false;
}

/* Kubernetes fills such a Secret with a token that does not expire; whatever Pod mounts it runs as we do. */
static bool is_our_token(
	const struct kube_account *account, const struct object_key *key, const json_t *document)
{
	return is_kind(key, "", "Secret") && strcmp(key->namespace, account->namespace) == 0 &&
		strcmp(label_of(document, "metadata.annotations", TOKEN_ANNOTATION), account->name) == 0;
}

/* A SealedSecret becomes a Secret with the labels of its template. */
static bool is_credential(const struct rules *rules, const struct object_key *key, const json_t *document)
{
	return strcmp(key->namespace, rules->config->namespace) == 0 &&
		(*label_of(document, "metadata.labels", CREDENTIAL_LABEL) ||
			*label_of(document, "spec.template.metadata.labels", CREDENTIAL_LABEL));
}

bool wall_may_stand(const char *json)
{
	static const char *const words[] = {"\"" INSTALLATION_LABEL "\":\"" INSTALLATION_NAME "\"",
		CREDENTIAL_LABEL, TOKEN_ANNOTATION, "\"serviceAccount", "\"subjects\""};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strstr(json, words[i]))
			return true;
	return false;
}

static const char labelled_text[] = "says by its label that it belongs to the agent's own installation";
static const char credential_text[] = "is a repository's credentials in the agent's own namespace";

/* Where the label counts: anybody may name something of his own so. */
static bool is_where_we_are(const struct rules *rules, const struct object_key *key)
{
	return !*key->namespace || is_own_namespace(rules, key->namespace);
}

/* The label stands in the cluster, so Git need not write it to have the rest of the object. */
const char *wall_of_live(const struct rules *rules, const struct rule_config *rule,
	const struct object_key *key, const struct wall_marks *marks, struct arena *mem)
{
	if (marks->credential && strcmp(key->namespace, rules->config->namespace) == 0)
		return closed(credential_text, rule, key, mem);
	if (marks->installation && is_where_we_are(rules, key))
		return closed(labelled_text, rule, key, mem);
	return NULL;
}

const char *wall_of_content(const struct rules *rules, const struct rule_config *rule,
	const struct object_key *key, const json_t *document, struct arena *mem)
{
	const struct kube_account *account = account_of(rules);
	const char *why = NULL;
	if (is_where_we_are(rules, key) &&
		strcmp(label_of(document, "metadata.labels", INSTALLATION_LABEL), INSTALLATION_NAME) == 0)
		why = labelled_text;
	else if (is_credential(rules, key, document))
		why = credential_text;
	else if (account && strcmp(key->namespace, account->namespace) == 0 && runs_as_us(account, document))
		why = "runs as the agent's own ServiceAccount";
	else if (account && binds_us(account, document, mem))
		why = "binds rights to the agent's own ServiceAccount";
	else if (account && is_our_token(account, key, document))
		why = "is a token of the agent's own ServiceAccount";
	return why ? closed(why, rule, key, mem) : NULL;
}
