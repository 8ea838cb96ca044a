#include "reconcile/manifest/scope.h"

#include <string.h>

/* Kubernetes 1.36, `kubectl api-resources --namespaced=false`, and what older servers had. */
static const struct {
	const char *group;
	const char *kinds; /* each between spaces */
} cluster_kinds[] = {
	{"", " ComponentStatus Namespace Node PersistentVolume "},
	{"admissionregistration.k8s.io",
		" MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration"
		" ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration "},
	{"apiextensions.k8s.io", " CustomResourceDefinition "},
	{"apiregistration.k8s.io", " APIService "},
	{"authentication.k8s.io", " SelfSubjectReview TokenReview "},
	{"authorization.k8s.io", " SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview "},
	{"certificates.k8s.io", " CertificateSigningRequest ClusterTrustBundle "},
	{"flowcontrol.apiserver.k8s.io", " FlowSchema PriorityLevelConfiguration "},
	{"internal.apiserver.k8s.io", " StorageVersion "},
	{"networking.k8s.io", " IPAddress IngressClass ServiceCIDR "},
	{"node.k8s.io", " RuntimeClass "},
	{"policy", " PodSecurityPolicy "},
	{"rbac.authorization.k8s.io", " ClusterRole ClusterRoleBinding "},
	{"resource.k8s.io", " DeviceClass DeviceTaintRule ResourceSlice "},
	{"scheduling.k8s.io", " PriorityClass "},
	{"storage.k8s.io", " CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass "},
	{"storagemigration.k8s.io", " StorageVersionMigration "},
};

static bool holds_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = words; length && (at = strstr(at, word)); at += length)
		if (at[-1] == ' ' && at[length] == ' ')
			return true;
	return false;
}

bool scope_is_cluster(const char *group, const char *kind)
{
	for (size_t i = 0; i < COUNT_OF(cluster_kinds); i++)
		if (strcmp(cluster_kinds[i].group, group) == 0)
			return holds_word(cluster_kinds[i].kinds, kind);
	return false;
}
