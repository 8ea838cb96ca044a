#include "reconcile/kubernetes/controlled.h"

#include <string.h>

#include "base/text.h"

static const struct {
	const char *group, *kind;
	const char *field;  /* goes */
	const char *reason; /* where this field is there */
} controlled[] = {
	/* Gathered from the roles that the selectors name; manifests have "rules: []" beside it (argocd.md 2.13). */
	{"rbac.authorization.k8s.io/", "ClusterRole", "rules", "aggregationRule"},
};

void controlled_strip(json_t *object)
{
	const char *version = json_text_at(object, "apiVersion", "");
	const char *kind = json_text_at(object, "kind", "");
	for (size_t i = 0; i < COUNT_OF(controlled); i++)
		if (text_starts(version, controlled[i].group) && strcmp(kind, controlled[i].kind) == 0 &&
			json_object_size(json_object_get(object, controlled[i].reason)))
			json_object_del(object, controlled[i].field);
}
