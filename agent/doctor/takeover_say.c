#include "agent/doctor/takeover.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define CHECK "takeover"

enum {
	SHOWN = 20, /* objects with the same fate; the rest is counted */
	FIELDS_SHOWN = 6,
	RECENT_SECONDS = 10 *
		60 /* Argo CD looks at each Application every two to three minutes, unless told otherwise */
};

/* ---- who is at work ---- */

static const char *age_text(struct doctor *doctor, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (seconds >= 2 * units[i].seconds)
			return arena_printf(doctor->mem, "%lld %s", (long long)(seconds / units[i].seconds),
				units[i].unit);
	return arena_printf(doctor->mem, "%lld s", (long long)(seconds > 0 ? seconds : 0));
}

static void say_operation(const struct takeover *takeover)
{
	struct doctor *doctor = takeover->doctor;
	const struct application *spec = &takeover->application->spec;
	const char *phase = json_text_at(spec->document, "status.operationState.phase", "");
	if (strcmp(phase, "Running") != 0 && strcmp(phase, "Terminating") != 0)
		return;
	doctor_warn(doctor, CHECK, "wait for its end, or end it in Argo CD, before its controller is stopped",
		"%s: an operation is %s since %s", spec->name, phase,
		json_text_at(spec->document, "status.operationState.startedAt", "a time that is not known"));
}

/* What stands in the object and is begun by whoever works on it next. */
static void say_waiting(const struct takeover *takeover)
{
	struct doctor *doctor = takeover->doctor;
	const struct application *spec = &takeover->application->spec;
	const json_t *operation = json_object_get(spec->document, "operation");
	if (spec->deleting && spec->cascade != CASCADE_NONE)
		doctor_warn(doctor, CHECK, "let Argo CD end it, or take the finalizer off to keep the objects",
			"%s: it is being deleted with its objects: this agent would go on with that",
			spec->name);
	if (json_is_object(operation))
		doctor_warn(doctor, CHECK, "let Argo CD end it, or take the field `operation` off",
			"%s: an operation is asked for: this agent would begin it at its start", spec->name);
}

void takeover_say_activity(const struct takeover *takeover)
{
	struct doctor *doctor = takeover->doctor;
	const struct application *spec = &takeover->application->spec;
	const char *who = *takeover->manager ? takeover->manager : "somebody who left no name";
	int64_t looked;

	say_waiting(takeover);
	if (takeover->hands == HANDS_NOBODY) {
		doctor_ok(doctor, CHECK, "%s: nobody has synced it yet", spec->name);
		return;
	}
	say_operation(takeover);
	if (!clock_parse(json_text_at(spec->document, "status.reconciledAt", ""), &looked)) {
		doctor_ok(doctor, CHECK, "%s: its status is by %s, and does not say of when", spec->name, who);
		return;
	}
	int64_t age = (clock_now() - looked) / 1000000;
	if (age < RECENT_SECONDS)
		doctor_warn(doctor, CHECK, "stop it before this agent starts; a few minutes later this is gone",
			"%s: compared by %s %s ago: it is, or was just now, at work on it", spec->name, who,
			age_text(doctor, age));
	else
		doctor_ok(doctor, CHECK, "%s: compared by %s, last %s ago", spec->name, who,
			age_text(doctor, age));
}

/* ---- what becomes of the objects ---- */

enum fate { FATE_SAME, FATE_MARKED, FATE_CHANGED, FATE_CREATED, FATE_REFUSED, FATE_PRUNED, FATE_LEFT, FATES };

static enum fate fate_of(const struct pass_step *step)
{
	if (!step->plan->object)
		return step->plan->action == PLAN_PRUNE ? FATE_PRUNED : FATE_LEFT;
	if (step->refusal || step->plan->action == PLAN_SHARED)
		return FATE_REFUSED;
	if (!step->out_of_sync)
		return FATE_SAME;
	if (step->plan->action == PLAN_CREATE)
		return FATE_CREATED;
	return takeover_only_marks(step) ? FATE_MARKED : FATE_CHANGED;
}

/* Their names; a value could be a secret, and `app diff` shows the others. */
static const char *fields_text(const struct takeover *takeover, const struct pass_step *step)
{
	struct arena *mem = takeover->doctor->mem;
	const char *all = NULL;
	size_t count = step->check.difference_count;
	for (size_t i = 0; i < count && i < FIELDS_SHOWN; i++) {
		const struct difference *difference = &step->check.differences[i];
		const char *by = *difference->by ? arena_printf(mem, " (by %s)", difference->by) : "";
		all = arena_join(mem, all, ", ", arena_printf(mem, "%s%s", difference->path, by));
	}
	if (count > FIELDS_SHOWN)
		all = arena_printf(mem, "%s and %zu more", all, count - FIELDS_SHOWN);
	return all ? all : step->message;
}

/* Only what has to be looked at has a line of its own. */
static void say_object(const struct takeover *takeover, const struct pass_step *step, enum fate fate)
{
	struct doctor *doctor = takeover->doctor;
	const char *name = takeover->application->spec.name,
		   *key = object_key_text(&step->plan->key, doctor->mem);
	switch (fate) {
	case FATE_CHANGED:
		doctor_warn(doctor, CHECK, "commit what is live, or mean it", "%s: %s would be changed: %s",
			name, key, fields_text(takeover, step));
		break;
	case FATE_CREATED:
		doctor_warn(doctor, CHECK, "take it out of Git, or mean it",
			"%s: %s is not there and would be created", name, key);
		break;
	case FATE_REFUSED:
		doctor_fail(doctor, CHECK, "until that is mended it is not written",
			"%s: %s would be refused: %s", name, key,
			*step->message ? step->message : step->refusal);
		break;
	case FATE_PRUNED:
		doctor_warn(doctor, CHECK,
			"to keep it, put it into Git, or annotate it: argocd.argoproj.io/sync-options: Prune=false",
			"%s: %s is not in Git and would be pruned %s", name, key,
			takeover->application->spec.self_heal ? "right after the first sync"
							      : "by the first sync of the next commit");
		break;
	case FATE_LEFT:
		doctor_ok(doctor, CHECK, "%s: %s is not in Git and would be left: %s", name, key,
			step->message);
		break;
	default:
		break;
	}
}

/* A first sync makes everything: that is no news. */
static bool is_said(const struct takeover *takeover, enum fate fate)
{
	return fate > FATE_MARKED && !(fate == FATE_CREATED && takeover->hands == HANDS_NOBODY);
}

static size_t count_hooks(const struct pass *pass)
{
	size_t count = 0;
	for (size_t i = 0; i < pass->wanted->count; i++)
		count += pass->wanted->items[i].options.hooks &&
			pass->wanted->items[i].options.hooks != HOOK_SKIP;
	return count;
}

static void say_summary(const struct takeover *takeover, const struct pass *pass, const size_t counts[FATES])
{
	static const char *const words[FATES] = {
		[FATE_SAME] = "as Git has them",
		[FATE_MARKED] = "only marked as ours",
		[FATE_CHANGED] = "changed",
		[FATE_CREATED] = "created",
		[FATE_REFUSED] = "refused",
		[FATE_PRUNED] = "pruned",
		[FATE_LEFT] = "left though not in Git",
	};
	struct doctor *doctor = takeover->doctor;
	const struct application *spec = &takeover->application->spec;
	size_t hooks = pass->to_write ? count_hooks(pass) : 0;
	const char *text = NULL;
	for (size_t i = 0; i < FATES; i++)
		if (counts[i])
			text = arena_join(doctor->mem, text, ", ",
				arena_printf(doctor->mem, "%zu %s", counts[i], words[i]));
	if (hooks)
		text = arena_printf(
			doctor->mem, "%s; %zu hook%s would run", text, hooks, hooks == 1 ? "" : "s");
	doctor_ok(doctor, CHECK, "%s: %s: %s", spec->name,
		spec->automated
			? arena_printf(doctor->mem, "synced by itself at the start (prune %s, self-heal %s)",
				  spec->prune ? "on" : "off", spec->self_heal ? "on" : "off")
			: "synced when somebody asks",
		text ? text : "no objects");
}

/* ---- what is decided otherwise ---- */

static bool applies_on_the_client(const json_t *policy)
{
	size_t i;
	const json_t *option;
	json_array_foreach (json_object_get(policy, "syncOptions"), i, option)
		if (text_equal(json_string_value(option), "ServerSideApply=true"))
			return false;
	return true;
}

static bool retries_the_same(const json_t *policy)
{
	const json_t *retry = json_object_get(policy, "retry");
	return json_is_object(retry) && json_number_at(retry, "limit", 5) != 0 &&
		!json_bool_at(retry, "refresh", false);
}

static bool heals(const json_t *policy)
{
	return json_bool_at(policy, "automated.selfHeal", false);
}

static void say_options(const struct takeover *takeover)
{
	static const struct {
		bool (*asks)(const json_t *policy);
		const char *here;
	} others[] = {
		{applies_on_the_client,
			"every apply is server-side, and kubectl's copy of the manifest goes with the first write of an object"},
		{retries_the_same, "a retry takes the newest commit"},
		{heals, "self-heal tries again what has failed, too"},
	};
	struct doctor *doctor = takeover->doctor;
	const struct application *spec = &takeover->application->spec;
	const json_t *policy = json_at(spec->document, "spec.syncPolicy");
	const char *text = NULL;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (others[i].asks(policy))
			text = arena_join(doctor->mem, text, "; ", others[i].here);
	if (text)
		doctor_ok(doctor, CHECK, "%s: here %s", spec->name, text);
}

/* ---- what Argo CD has and we would not know ---- */

static bool is_known(const struct pass *pass, const struct object_key *key)
{
	return objects_find(pass->wanted, key) || pass_live(pass, key);
}

static bool is_live(const struct doctor *doctor, const struct object_key *key)
{
	const struct resource *resource = resources_find(doctor->resources, key->group, NULL, key->kind);
	struct error err;
	CLEANUP(buf_done) struct buf path = BUF(4096);
	if (!resource)
		return false;
	resource_path(&path, resource, key->namespace, key->name);
	struct kube_request request = {
		.method = "GET", .path = buf_string(&path), .secret = object_is_secret(key)};
	CLEANUP(json_done) json_t *ignored = NULL;
	return kube_one(doctor->kube, &request, &ignored, &err) || err.kind != ERROR_MISSING;
}

/* Of a kind that Git does not want any more, or found by its label alone: this agent does not look for it. */
static void say_unknown(const struct takeover *takeover, const struct pass *pass)
{
	struct doctor *doctor = takeover->doctor;
	const struct application *spec = &takeover->application->spec;
	size_t i, asked = 0;
	const json_t *row;
	json_array_foreach (json_at(spec->document, "status.resources"), i, row) {
		const struct object_key key = {json_text_at(row, "group", ""), json_text_at(row, "kind", ""),
			json_text_at(row, "namespace", ""), json_text_at(row, "name", "")};
		if (asked == SHOWN || json_bool_at(row, "hook", false) || is_known(pass, &key))
			continue;
		asked++;
		if (!is_live(doctor, &key))
			continue;
		doctor_warn(doctor, CHECK,
			"put it into Git, or delete it by hand when it is not needed any more",
			"%s: %s is in Argo CD's list and not in Git: it would be left, and this agent does not know it",
			spec->name, object_key_text(&key, doctor->mem));
	}
}

void takeover_say_objects(const struct takeover *takeover, const struct pass *pass)
{
	struct doctor *doctor = takeover->doctor;
	size_t counts[FATES] = {0};
	for (size_t i = 0; i < pass->plan.count; i++)
		counts[fate_of(&pass->steps[i])]++;
	say_summary(takeover, pass, counts);
	size_t said[FATES] = {0};
	for (size_t i = 0; i < pass->plan.count; i++) {
		enum fate fate = fate_of(&pass->steps[i]);
		if (is_said(takeover, fate) && said[fate]++ < SHOWN)
			say_object(takeover, &pass->steps[i], fate);
	}
	for (enum fate fate = FATE_SAME; fate < FATES; fate++)
		if (said[fate] > SHOWN)
			doctor_ok(doctor, CHECK, "%s: and %zu more of this kind",
				takeover->application->spec.name, said[fate] - SHOWN);
	say_unknown(takeover, pass);
	if (takeover->hands == HANDS_OTHERS)
		say_options(takeover);
}
