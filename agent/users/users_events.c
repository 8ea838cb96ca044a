#include "agent/users/users_events.h"

#include <string.h>

#include "agent/events/kubernetes_events.h"
#include "agent/users/users_record.h"
#include "agent/users/users_source.h"
#include "base/text.h"
#include "reconcile/kubernetes/cluster.h"

enum { NAMES_TOLD = 20, TEXTS_TOLD = 4 };

/* In the order in which they are told. `one` has a text of its own for each, else the names come together behind `text`. */
static const struct {
	const char *reason, *text;
	bool warning, one;
} kinds[USERS_EVENTS] = {
	[USERS_EVENT_CREATED] = {"UserCreated", "created", false, false},
	[USERS_EVENT_LOCKED] = {"UserLocked", "locked out, to be removed:", false, false},
	[USERS_EVENT_RETIRED] = {"UserRetired", "removed", false, false},
	[USERS_EVENT_LET_GO] = {"UserLetGo", "managed no longer, and left as it is:", false, false},
	[USERS_EVENT_HEALED] = {"DriftHealed", "changed by hand and healed:", false, false},
	[USERS_EVENT_DRIFTED] = {"DriftFound", "changed by hand:", true, false},
	[USERS_EVENT_REFUSED] = {"UserRefused", "refused", true, true},
	[USERS_EVENT_FAILED] = {"UserFailed", "not as Git says", true, true},
};

/* ---- noting ---- */

static void note(struct users_pass *pass, enum users_event_kind kind, const char *text)
{
	struct users_event *event = &pass->events[kind];
	size_t most = kinds[kind].one ? TEXTS_TOLD : NAMES_TOLD;
	if (event->count++ < most) {
		event->texts = arena_grow(pass->mem, event->texts, event->kept, sizeof(*event->texts));
		event->texts[event->kept++] = arena_copy(pass->mem, text);
	}
}

/* "alice (roles, password)" */
static const char *fields_of(const struct users_pass *pass, const struct role_report *report)
{
	const char *fields = "";
	for (size_t i = 0; i < report->difference_count; i++)
		fields = arena_join(pass->mem, fields, ", ", report->differences[i].field);
	return arena_printf(pass->mem, "%s (%s)", report->name, fields);
}

void users_events_drift(struct users_pass *pass, const struct role_report *report)
{
	pass->drifted = arena_grow(pass->mem, pass->drifted, pass->drifted_count, sizeof(*pass->drifted));
	pass->drifted[pass->drifted_count++] = report;
}

static bool event_of(enum role_action action, enum users_event_kind *kind)
{
	switch (action) {
	case ROLE_CREATE:
	case ROLE_CREATE_GROUP:
	case ROLE_CREATE_DATABASE:
		*kind = USERS_EVENT_CREATED;
		return true;
	case ROLE_LOCK:
	case ROLE_HOLD:
		*kind = USERS_EVENT_LOCKED;
		return true;
	case ROLE_DROP:
		*kind = USERS_EVENT_RETIRED;
		return true;
	case ROLE_LET_GO:
		*kind = USERS_EVENT_LET_GO;
		return true;
	default:
		return false;
	}
}

static void note_failure(struct users_pass *pass, const struct role_step *step)
{
	note(pass, USERS_EVENT_FAILED,
		arena_printf(pass->mem, "%s%s%s: %s", step->user, *step->user ? ": " : "",
			role_action_name(step->action), step->error.text));
	pass->failing = arena_grow(pass->mem, pass->failing, pass->failing_count, sizeof(*pass->failing));
	pass->failing[pass->failing_count++] = step->user;
}

void users_events_outcomes(struct users_pass *pass, const struct roles_plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct role_step *step = &plan->steps[i];
		enum users_event_kind kind;
		if (step->error.kind != ERROR_NONE)
			note_failure(pass, step);
		else if (step->done && event_of(step->action, &kind))
			note(pass, kind, step->user);
	}
	for (size_t i = 0; i < pass->drifted_count; i++)
		note(pass, pass->drifted[i]->status == USER_SYNCED ? USERS_EVENT_HEALED : USERS_EVENT_DRIFTED,
			fields_of(pass, pass->drifted[i]));
}

void users_events_status(struct users_pass *pass, const struct role_report *report, const json_t *before)
{
	const char *status = user_status_name(report->status), *reason = users_record_reason(pass, report);
	if (report->status != USER_REFUSED && report->status != USER_DEGRADED)
		return;
	if (text_equal(json_text_at(before, "status", ""), status) &&
		text_equal(json_text_at(before, "reason", ""), reason))
		return;
	for (size_t i = 0; i < pass->failing_count; i++)
		if (strcmp(pass->failing[i], report->name) == 0)
			return; /* which was said already */
	note(pass, report->status == USER_REFUSED ? USERS_EVENT_REFUSED : USERS_EVENT_FAILED,
		arena_printf(pass->mem, "%s: %s", report->name, reason));
}

/* ---- telling ---- */

/* The ConfigMap as it is in the cluster; false where there is none, as of users in a file. */
static bool find_subject(const struct users_pass *pass, struct live *live)
{
	const struct database_config *config = pass->database->config;
	const struct app *app = pass->database->app;
	const struct object *object =
		pass->content ? users_source_object(pass->content->desired, config) : NULL;
	struct object_key key = {.group = "", .kind = "ConfigMap", .name = config->config_map};
	if (!pass->agent->cluster || !app)
		return false;
	key.namespace = app->spec.destination ? app->spec.destination : "";
	return cluster_live(pass->agent->cluster, object ? &object->key : &key, pass->mem, live);
}

static void tell_one(
	const struct users_pass *pass, const struct live *live, enum users_event_kind kind, const char *text)
{
	const struct event_subject subject = {.name = live->key.name,
		.namespace = live->key.namespace,
		.uid = live->uid,
		.kind = "ConfigMap",
		.api_version = "v1"};
	kubernetes_events_tell(pass->agent->events, &subject, kinds[kind].reason, kinds[kind].warning, "",
		arena_printf(pass->mem, "database %s: %s", pass->database->config->name, text));
}

static void tell_kind(const struct users_pass *pass, const struct live *live, enum users_event_kind kind)
{
	const struct users_event *event = &pass->events[kind];
	const char *more = event->count == event->kept
		? ""
		: arena_printf(pass->mem, "%s%zu more (`pgitops user list`)", kinds[kind].one ? "" : " and ",
			  event->count - event->kept);
	const char *names = "";
	for (size_t i = 0; i < event->kept; i++) {
		if (kinds[kind].one)
			tell_one(pass, live, kind, event->texts[i]);
		names = arena_join(pass->mem, names, ", ", event->texts[i]);
	}
	if (kinds[kind].one && *more)
		tell_one(pass, live, kind, arena_printf(pass->mem, "%s: %s", kinds[kind].text, more));
	else if (!kinds[kind].one && event->kept)
		tell_one(pass, live, kind, arena_printf(pass->mem, "%s %s%s", kinds[kind].text, names, more));
}

void users_events_tell(const struct users_pass *pass)
{
	struct live live;
	bool any = pass->error.kind != ERROR_NONE;
	for (size_t i = 0; i < USERS_EVENTS; i++)
		any = any || pass->events[i].count;
	if (!any || arena_full(pass->mem) || !find_subject(pass, &live))
		return;
	if (pass->error.kind != ERROR_NONE)
		tell_one(pass, &live, USERS_EVENT_FAILED, pass->error.text);
	for (size_t i = 0; i < USERS_EVENTS; i++)
		tell_kind(pass, &live, (enum users_event_kind)i);
}
