#include "agent/doctor/needs.h"

#include <string.h>

#include "base/memory.h"

enum { VERBS = 8 };

struct verbs {
	const char *items[VERBS];
	size_t count;
};

static struct verbs split(struct doctor *doctor, const char *text)
{
	struct verbs verbs = {.count = 0};
	while (*text && verbs.count < VERBS) {
		size_t length = strcspn(text, " ");
		verbs.items[verbs.count++] = arena_copy_n(doctor->mem, text, length);
		text += length + (text[length] == ' ');
	}
	return verbs;
}

/* "sealedsecrets/status" asks for the part that is named behind the kind. */
static char *review(const struct need *need, const char *verb)
{
	const char *slash = strchr(need->resource, '/');
	CLEANUP(memory_freep)
	char *resource = memory_printf("%.*s", (int)strcspn(need->resource, "/"), need->resource);
	CLEANUP(json_done)
	json_t *document = json_pack("{s:s, s:s, s:{s:{s:s, s:s, s:s, s:s, s:s, s:s}}}", "apiVersion",
		"authorization.k8s.io/v1", "kind", "SelfSubjectAccessReview", "spec", "resourceAttributes",
		"verb", verb, "group", need->group, "resource", resource, "subresource",
		slash ? slash + 1 : "", "namespace", need->namespace, "name", need->name);
	return json_canonical(document);
}

/* ---- asking ---- */

static const char *resource_text(struct doctor *doctor, const struct need *need)
{
	return arena_printf(doctor->mem, "%s%s%s%s%s%s%s", need->resource, *need->group ? "." : "", need->group,
		*need->name ? " " : "", need->name, *need->namespace ? " in namespace " : "", need->namespace);
}

static const char *rule_text(struct doctor *doctor, const struct need *need, const char *denied)
{
	const char *names = *need->name ? arena_printf(doctor->mem, ", resourceNames: [%s]", need->name) : "";
	const char *place = *need->namespace
		? arena_printf(doctor->mem, "a Role in namespace %s", need->namespace)
		: "a ClusterRole";
	return arena_printf(doctor->mem, "add to %s: {apiGroups: [\"%s\"], resources: [%s]%s, verbs: [%s]}",
		place, need->group, need->resource, names, denied);
}

static void say(struct doctor *doctor, const struct need *need, const char *denied)
{
	if (!*denied)
		doctor_ok(doctor, "rights", "%s: %s (%s)", resource_text(doctor, need), need->verbs, need->why);
	else if (need->optional)
		doctor_warn(doctor, "rights", rule_text(doctor, need, denied), "%s: may not %s (%s)",
			resource_text(doctor, need), denied, need->why);
	else
		doctor_fail(doctor, "rights", rule_text(doctor, need, denied), "%s: may not %s (%s)",
			resource_text(doctor, need), denied, need->why);
}

static void ask(struct doctor *doctor, const struct need *need)
{
	const struct verbs verbs = split(doctor, need->verbs);
	struct kube_request requests[VERBS];
	char *bodies[VERBS];
	const char *denied = "";
	const struct error *unknown = NULL;

	for (size_t i = 0; i < verbs.count; i++) {
		bodies[i] = review(need, verbs.items[i]);
		requests[i] = (struct kube_request){
			.method = "POST",
			.path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
			.body = bodies[i],
			.body_length = strlen(bodies[i]),
		};
	}
	kube_run(doctor->kube, requests, verbs.count);
	for (size_t i = 0; i < verbs.count; i++) {
		if (requests[i].error.kind != ERROR_NONE)
			unknown = &requests[i].error;
		else if (!json_bool_at(requests[i].answer, "status.allowed", false))
			denied = arena_printf(
				doctor->mem, "%s%s%s", denied, *denied ? ", " : "", verbs.items[i]);
	}
	if (unknown)
		doctor_warn(doctor, "rights", "check the server; the agent says itself what it may not do",
			"%s: %s", resource_text(doctor, need), unknown->text);
	else
		say(doctor, need, denied);
	for (size_t i = 0; i < verbs.count; i++) {
		json_decref(requests[i].answer);
		free(bodies[i]);
	}
}

void doctor_check_rights(struct doctor *doctor)
{
	if (!doctor->resources || !doctor->kube)
		return;
	doctor_wait(doctor, "rights", doctor->kube_config.server);
	needs_each(doctor, ask);
}
