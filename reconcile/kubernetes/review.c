#include "reconcile/kubernetes/review.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct kube_request kube_review(const struct kube_right *right, char **body)
{
	const char *slash = strchr(right->resource, '/');
	CLEANUP(memory_freep)
	char *resource = memory_printf("%.*s", (int)strcspn(right->resource, "/"), right->resource);
	CLEANUP(json_done)
	json_t *document = json_pack("{s:s, s:s, s:{s:{s:s, s:s, s:s, s:s, s:s, s:s}}}", "apiVersion",
		"authorization.k8s.io/v1", "kind", "SelfSubjectAccessReview", "spec", "resourceAttributes",
		"verb", right->verb, "group", right->group, "resource", resource, "subresource",
		slash ? slash + 1 : "", "namespace", right->namespace, "name", right->name);
	*body = json_canonical(document);
	return (struct kube_request){
		.method = "POST",
		.path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
		.body = *body,
		.body_length = strlen(*body),
	};
}

bool kube_may(struct kube *kube, const struct kube_right *right, bool *may, struct error *err)
{
	CLEANUP(json_done) json_t *answer = NULL;
	CLEANUP(memory_freep) char *body = NULL;
	struct kube_request request = kube_review(right, &body);
	if (!kube_one(kube, &request, &answer, err))
		return false;
	*may = json_bool_at(answer, "status.allowed", false);
	return true;
}
