/*
 * review.h - may whoever this is do something? Asked of the API server (SelfSubjectAccessReview), and nothing is done
 *
 * For what would be refused in the middle of something else. The answer goes by the server's rules for who may what; an admission webhook may
 * still object to the thing itself.
 */
#pragma once

#include "reconcile/kubernetes/kube.h"

struct kube_right {
	const char *verb, *group,
		*resource; /* "sealedsecrets/status" asks for the part that is named behind the kind */
	const char *namespace, *name; /* namespace "" = the whole cluster; name "" = all */
};

/* The question as a request without an answer yet: its body is the caller's, to be freed. */
struct kube_request kube_review(const struct kube_right *right, char **body);

/* False: the server does not say; `may` only after true. */
bool kube_may(struct kube *kube, const struct kube_right *right, bool *may, struct error *err) MUST_CHECK;
