#include "agent/doctor/needs.h"

#include <string.h>

#include "reconcile/kubernetes/review.h"

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
		const struct kube_right right = {
			verbs.items[i], need->group, need->resource, need->namespace, need->name};
		requests[i] = kube_review(&right, &bodies[i]);
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
