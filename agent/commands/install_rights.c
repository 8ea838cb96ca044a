/* Rights as Roles: one for each namespace, every right by its name. */
#include <string.h>

#include "agent/commands/install.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml_write.h"

static const char *const verb_names[] = {"get", "list", "watch", "create", "update", "patch", "delete"};
enum { VERB_CREATE = 1 << 3, VERB_PATCH = 1 << 5, VERB_DELETE = 1 << 6 };

static unsigned verbs_of(const char *text)
{
	unsigned verbs = 0;
	while (*text) {
		size_t length = strcspn(text, " ");
		for (unsigned i = 0; i < COUNT_OF(verb_names); i++)
			if (strlen(verb_names[i]) == length && strncmp(verb_names[i], text, length) == 0)
				verbs |= 1U << i;
		text += length + (text[length] == ' ');
	}
	return verbs;
}

static bool is_same(const struct install_rule *a, const struct install_rule *b)
{
	return strcmp(a->namespace, b->namespace) == 0 && strcmp(a->group, b->group) == 0 &&
		strcmp(a->resource, b->resource) == 0 && strcmp(a->name, b->name) == 0;
}

void install_rule_add(struct install *install, const struct install_rule *rule, const char *verbs)
{
	struct install_rules *rules = &install->rules;
	unsigned wanted = verbs_of(verbs);
	bool of_namespaces = strcmp(rule->resource, "namespaces") == 0;
	if (install->overlays & INSTALL_READ_ONLY)
		wanted &= ~(unsigned)VERB_DELETE;
	if ((install->overlays & (INSTALL_READ_ONLY | INSTALL_NAMESPACED)) && of_namespaces && !*rule->name)
		wanted &= ~(unsigned)VERB_CREATE;
	if ((install->overlays & INSTALL_READ_ONLY) && of_namespaces && *rule->name)
		wanted &= ~(unsigned)VERB_PATCH; /* no dry run describes a namespace */
	if (!wanted)
		return;
	for (size_t i = 0; i < rules->count; i++)
		if (is_same(&rules->items[i], rule)) {
			rules->items[i].verbs |= wanted;
			return;
		}
	rules->items = arena_grow(install->mem, rules->items, rules->count, sizeof(*rules->items));
	rules->items[rules->count] = *rule;
	rules->items[rules->count++].verbs = wanted;
}

/* By its name what may be done by all names is no right of its own. */
static bool is_implied(const struct install_rules *rules, const struct install_rule *rule)
{
	struct install_rule all = *rule;
	all.name = "";
	for (size_t i = 0; *rule->name && i < rules->count; i++)
		if (is_same(&rules->items[i], &all) && (rules->items[i].verbs & rule->verbs) == rule->verbs)
			return true;
	return false;
}

/* ---- writing ---- */

static void write_text(const char *text, struct buf *out)
{
	yaml_write_text(text, strlen(text), out);
}

static void write_rule(const struct install_rule *rule, struct buf *out)
{
	bool first = true;
	buf_printf(out, "  # %s\n  - apiGroups: [", rule->why);
	write_text(rule->group, out);
	buf_text(out, "]\n    resources: [");
	write_text(rule->resource, out);
	if (*rule->name) {
		buf_text(out, "]\n    resourceNames: [");
		write_text(rule->name, out);
	}
	buf_text(out, "]\n    verbs: [");
	for (unsigned i = 0; i < COUNT_OF(verb_names); i++)
		if (rule->verbs & 1U << i) {
			buf_printf(out, "%s%s", first ? "" : ", ", verb_names[i]);
			first = false;
		}
	buf_text(out, "]\n");
}

static void write_head(const char *kind, const char *namespace, struct buf *out)
{
	buf_printf(out,
		"---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata:\n  name: pgitops\n", kind);
	if (*namespace) {
		buf_text(out, "  namespace: ");
		write_text(namespace, out);
		buf_text(out, "\n");
	}
	buf_text(out, "  labels: {app.kubernetes.io/name: pgitops}\n");
}

static void write_role(const struct install *install, const char *namespace, struct buf *out)
{
	const char *kind = *namespace ? "Role" : "ClusterRole";
	write_head(kind, namespace, out);
	buf_text(out, "rules:\n");
	for (size_t i = 0; i < install->rules.count; i++) {
		const struct install_rule *rule = &install->rules.items[i];
		if (strcmp(rule->namespace, namespace) == 0 && !is_implied(&install->rules, rule))
			write_rule(rule, out);
	}
	write_head(*namespace ? "RoleBinding" : "ClusterRoleBinding", namespace, out);
	buf_printf(out,
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: pgitops}\n"
		"subjects: [{kind: ServiceAccount, name: pgitops, namespace: ",
		kind);
	write_text(install->config->namespace, out);
	buf_text(out, "}]\n");
}

void install_write_rights(const struct install *install, struct buf *out)
{
	for (size_t i = 0; i < install->rules.count; i++) {
		const char *namespace = install->rules.items[i].namespace;
		bool before = false;
		for (size_t j = 0; j < i; j++)
			before = before || strcmp(install->rules.items[j].namespace, namespace) == 0;
		if (!before)
			write_role(install, namespace, out);
	}
}
