#include "agent/sync/nudge.h"

#include <stdlib.h>
#include <string.h>

#include "agent/events/kubernetes_events.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"

enum { LOOK_AGAIN = 60000 }; /* milliseconds: an object that waits is not fetched in each pass */

#define CONTENT_TYPE "application/merge-patch+json"

static const char *path_of(const struct live *live, struct arena *mem)
{
	return arena_printf(mem, "/apis/acid.zalan.do/%s/namespaces/%s/postgresqls/%s", live->version,
		live->key.namespace, live->key.name);
}

/* The version is in it: whoever wrote meanwhile has given the operator its event. */
static bool patch(struct pass *pass, const struct live *live, const json_t *object, struct error *err)
{
	char now[CLOCK_TEXT_SIZE];
	clock_text_seconds(clock_now(), now);
	CLEANUP(json_done)
	json_t *change = json_pack("{s:{s:s, s:{s:s}}}", "metadata", "resourceVersion",
		json_text_at(object, "metadata.resourceVersion", ""), "annotations", POSTGRESQL_NUDGE, now);
	char *body = json_canonical(change);
	struct kube_request request = {.method = "PATCH",
		.path = arena_printf(pass->mem, "%s?fieldManager=pgitops-nudge", path_of(live, pass->mem)),
		.content_type = CONTENT_TYPE,
		.body = body,
		.body_length = strlen(body)};
	bool ok = kube_one(cluster_kube(pass->agent->cluster), &request, NULL, err);
	free(body);
	return ok;
}

static void tell(struct pass *pass, const struct live *live, const json_t *object)
{
	const struct event_subject subject = {.name = live->key.name,
		.namespace = live->key.namespace,
		.uid = live->uid,
		.kind = "postgresql",
		.api_version = "acid.zalan.do/v1"};
	const char *status = postgresql_status(object);
	kubernetes_events_tell(pass->agent->events, &subject, "Nudged", false, "",
		arena_printf(pass->mem,
			"the postgres-operator has not reported since the last change (status \"%.100s\"): it is made to look again by "
			"the annotation " POSTGRESQL_NUDGE
			"; `pgitops doctor operator-silent` says what else may be the matter",
			status));
	log_info("the postgres-operator is made to look again", "postgresql",
		arena_printf(pass->mem, "%s/%s", live->key.namespace, live->key.name), "status", status, NULL);
}

static void look(struct pass *pass, const struct live *live)
{
	struct kube_request request = {.method = "GET", .path = path_of(live, pass->mem)};
	CLEANUP(json_done) json_t *object = NULL;
	struct error err = {0};
	if (!kube_one(cluster_kube(pass->agent->cluster), &request, &object, &err) ||
		!postgresql_wants_nudge(object, live->written, clock_now()))
		return;
	if (patch(pass, live, object, &err))
		tell(pass, live, object);
	else if (err.kind != ERROR_CONFLICT && log_changed(pass->app->nudge_slot, err.text))
		log_warning("the postgres-operator cannot be made to look again", "postgresql",
			live->key.name, "error", err.text, NULL);
}

static bool may_wait(struct pass *pass, const struct pass_step *step, const struct live *live)
{
	const struct plan_step *plan = step->plan;
	const char *why;
	return live && live->applied && !live->deleting && live->health.health == HEALTH_PROGRESSING &&
		(plan->action == PLAN_KEEP || plan->action == PLAN_CHECK) && !step->out_of_sync &&
		!step->unknown && !step->refusal && pass_may_touch(pass, &plan->key, &why);
}

void nudge_run(struct pass *pass)
{
	struct app *app = pass->app;
	if (!app->spec.automated || app->operation || clock_steady() < app->nudge_after)
		return;
	for (size_t i = 0; i < pass->plan.count; i++) {
		const struct pass_step *step = &pass->steps[i];
		if (!postgresql_is(step->plan->key.group, step->plan->key.kind))
			continue;
		const struct live *live = pass_live(pass, &step->plan->key);
		if (!may_wait(pass, step, live))
			continue;
		app->nudge_after = clock_steady() + LOOK_AGAIN;
		look(pass, live);
	}
}
