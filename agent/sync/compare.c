/*
 * compare.c - dry runs where something moved, and what their answers mean for each step of the plan
 */
#include "agent/sync/operation.h"

#include <stdlib.h>
#include <string.h>

#include "agent/sync/checks.h"
#include "base/clock.h"
#include "reconcile/kubernetes/postgresql.h"

/* While the operator works on an object that we want to write; its status also arrives by the watch. */
enum {
	BUSY_WAIT = 5000,
	COMPARING_LONGEST = 60000 /* milliseconds in which a comparison may let others in */
};

struct sync_options pass_options(const struct pass *pass)
{
	const struct sync_request *request = pass_request(pass);
	struct sync_options options = pass->app->spec.options;
	const char *near;
	for (size_t i = 0; request && i < request->option_count; i++)
		(void)sync_options_take(&options, request->options[i], &near); /* known: sync_request_read() */
	return options;
}

/* ---- kinds that are not there yet ---- */

const char *pass_definition(const struct pass *pass, const struct object_key *key)
{
	for (size_t i = 0; i < pass->coming_count; i++)
		if (strcmp(pass->coming[i].group, key->group) == 0 &&
			strcmp(pass->coming[i].kind, key->kind) == 0)
			return pass->coming[i].name;
	return NULL;
}

static bool kind_is_there(struct pass *pass, struct pass_step *step, const struct sync_options *options)
{
	const struct object *object = step->plan->object;
	if (cluster_has_kind(pass->agent->cluster, object->key.group, object->version, object->key.kind))
		return true;
	step->out_of_sync = true;
	step->deferred = pass_definition(pass, &object->key);
	if (!step->deferred && !object->options.skip_missing && !options->skip_missing)
		step->refusal = arena_printf(pass->mem,
			"%s:%d: the cluster has no kind %s in %s: install its CustomResourceDefinition, or put it into "
			"this path",
			object->file, object->line, object->key.kind, object_api_version(object, pass->mem));
	return false;
}

/* ---- dry runs ---- */

/* New objects of which nothing is left to ask were checked when their file was read (object.h: plain). Every other one is asked about
   before anything is written. */
static bool needs_dry_run(const struct plan_step *step)
{
	if (step->action == PLAN_CREATE)
		return !step->object->plain;
	return step->action == PLAN_CHECK;
}

static bool namespace_will_be_made(const struct pass *pass, const struct object_key *key, bool create_namespace)
{
	const struct object_key namespace = {"", "Namespace", "", key->namespace};
	return objects_find(&pass->content->desired->objects, &namespace) ||
		(create_namespace && strcmp(key->namespace, pass->app->spec.destination) == 0);
}

const char *pass_remedy(const struct object *object, const struct error *err)
{
	if (err->kind != ERROR_MISSING || !*object->key.namespace || !strstr(err->text, "namespaces"))
		return "";
	return "; make the namespace, or let it be made by syncPolicy.syncOptions: [CreateNamespace=true]";
}

/* What the answer to a dry run means for the step. */
static void judge(struct pass *pass, struct pass_step *step, const struct sync_options *options)
{
	const struct cluster_write *check = &step->check;
	const struct object *object = step->plan->object;

	step->out_of_sync = check->outcome != WRITE_UNCHANGED;
	if (check->outcome != WRITE_FAILED)
		return;
	if (check->error->kind == ERROR_MISSING && step->plan->action == PLAN_CREATE &&
		namespace_will_be_made(pass, &object->key, options->create_namespace))
		return; /* asked again when the namespace is there */
	step->message = arena_printf(pass->mem, "%s:%d: %s%s", object->file, object->line, check->error->text,
		pass_remedy(object, check->error));
	step->unknown = check->error->kind == ERROR_RETRY || check->error->kind == ERROR_DENIED;
	if (step->unknown)
		pass_condition(pass, "ComparisonError", step->message);
	/* Another manager's fields on an object that is not ours yet: that object alone waits for somebody to decide. */
	step->alone = check->error->kind == ERROR_CONFLICT;
	if (step->alone)
		pass_condition(pass, "SyncError", step->message);
	step->refusal = step->message;
}

/* The operator answers some changes with damage, and a write while it works with a lost update (zalando-operator.md). */
static void judge_postgresql(struct pass *pass, struct pass_step *step)
{
	const struct object *object = step->plan->object;
	CLEANUP(json_done) json_t *wanted = NULL;
	CLEANUP(json_done) json_t *live = NULL;
	struct error err;
	size_t count;

	if (!postgresql_is(object->key.group, object->key.kind) || !step->out_of_sync || step->refusal)
		return;
	if (!json_read(object->json, object->json_length, &wanted, &err))
		return;
	if (step->plan->live) {
		const char *path = arena_printf(pass->mem, "/apis/%s/%s/namespaces/%s/postgresqls/%s",
			object->key.group, object->version, object->key.namespace, object->key.name);
		struct kube_request request = {.method = "GET", .path = path};
		if (!kube_one(cluster_kube(pass->agent->cluster), &request, &live, &err)) {
			step->unknown = true;
			step->refusal = arena_copy(pass->mem, err.text);
			return;
		}
	}
	const struct operator_settings *settings = operator_settings_for(
		cluster_kube(pass->agent->cluster), object->key.namespace, wanted, live, pass->mem);
	const char **reasons = postgresql_refusals(wanted, live, settings, pass->mem, &count);
	for (size_t i = 0; i < count; i++)
		step->refusal = step->refusal
			? arena_printf(pass->mem, "%s; %s", step->refusal, reasons[i])
			: arena_printf(pass->mem, "%s:%d: %s", object->file, object->line, reasons[i]);
	if (!count && live && postgresql_busy(live)) {
		step->held = true;
		step->message = "the operator is at work on it: written when it has finished";
		pass_look_again(pass, clock_steady() + BUSY_WAIT);
	}
	if (step->refusal)
		step->message = step->refusal;
}

struct cluster_write pass_write(const struct pass *pass, const struct plan_step *step, enum write_kind kind,
	const struct sync_options *options)
{
	const struct object_options *own = &step->object->options;
	const struct sync_request *request = pass_request(pass);
	return (struct cluster_write){
		.kind = kind,
		.object = step->object,
		.tracking_id = step->tracking_id,
		.installation_id = pass->agent->config->installation,
		.force = options->force_conflicts || own->force_conflicts,
		.ours = step->owned && !step->owned->intended,
		.replace = own->replace ? own->replace == CHOICE_TRUE : options->replace,
		.recreate = own->force || options->force || (request && request->force),
		.lenient = own->validate ? own->validate == CHOICE_FALSE : options->lenient,
		.ignore = &pass->app->spec.ignore,
		.respect_ignore = options->respect_ignored,
		.keep_managers = options->keep_managers,
		.migrated = pass->app->spec.migrated,
	};
}

static void judge_shared(struct pass *pass, struct pass_step *step, bool fail)
{
	const char *text = arena_printf(
		pass->mem, "%s: %s", object_key_text(&step->plan->key, pass->mem), step->plan->reason);
	step->out_of_sync = true;
	step->message = step->plan->reason;
	pass_condition(pass, "SharedResourceWarning", text);
	if (fail)
		step->refusal = text;
}

/* The project, or a rule of the agent file, does not let this object be written. What it holds is asked where it would be. */
static bool is_forbidden(struct pass *pass, struct pass_step *step)
{
	const struct object *object = step->plan->object;
	const struct live *live = pass_live(pass, &object->key);
	bool kept = step->plan->action == PLAN_KEEP;
	const char *why = NULL;

	if (pass_may_touch(pass, &object->key, &why) && (!live || kept || pass_may_take(pass, live, &why))) {
		const char *refused =
			!kept || rules_may_warn(&object->key) ? pass_refused_content(pass, object) : NULL;
		why = kept ? NULL : refused; /* it is as wanted: what is warned of is said as long as it is */
	}
	if (!why)
		return false;
	why = arena_printf(pass->mem, "%s:%d: %s", object->file, object->line, why);
	step->unknown = true;
	step->out_of_sync = step->plan->action !=
		PLAN_KEEP; /* one that is as wanted asks for no sync, which would fail */
	step->refusal = step->message = why;
	pass_condition(pass, "SyncError", why);
	return true;
}

/* What is asked about together, several in flight. */
struct questions {
	struct cluster_write *writes;
	struct pass_step **steps;
	size_t count;
	size_t answered; /* in this pass, and not with a failure: these are known to the next one */
};

static void ask(struct pass *pass, struct questions *questions, const struct sync_options *options)
{
	if (questions->count)
		cluster_write(pass->agent->cluster, questions->writes, questions->count, pass->mem);
	for (size_t i = 0; i < questions->count; i++) {
		struct pass_step *step = questions->steps[i];
		step->check = questions->writes[i];
		step->checked = true;
		questions->answered += step->check.outcome != WRITE_FAILED;
		judge(pass, step, options);
		judge_postgresql(pass, step);
	}
	questions->count = 0;
}

/* Between two slices. A pass that ends here must have come further than the one before it, and objects that move all the time must not
   keep the comparison from its end. */
static bool goes_on(struct pass *pass, const struct questions *questions)
{
	struct app *app = pass->app;
	int64_t now = clock_steady();
	bool kept = !pass->preview && !app->asked && !pass->anew && questions->answered >= PASS_SLICE;
	if (!kept || (app->comparing && now >= app->comparing + COMPARING_LONGEST) || pass_goes_on(pass))
		return true;
	if (!app->comparing)
		app->comparing = now;
	return false;
}

/* False when the pass ends before all was asked about. */
static bool run_dry_runs(struct pass *pass, const struct sync_options *options)
{
	size_t room = pass->plan.count < PASS_SLICE ? pass->plan.count : PASS_SLICE;
	struct questions questions = {.writes = arena_array(pass->mem, room, sizeof(*questions.writes)),
		.steps = arena_array(pass->mem, room, sizeof(*questions.steps))};

	for (size_t i = 0; i < pass->plan.count; i++) {
		struct pass_step *step = &pass->steps[i];
		if (step->plan->object && is_forbidden(pass, step))
			continue;
		if (step->plan->action == PLAN_SHARED) {
			judge_shared(pass, step, options->fail_on_shared);
			continue;
		}
		if (!step->plan->object || step->plan->action == PLAN_KEEP ||
			!kind_is_there(pass, step, options))
			continue;
		if (!needs_dry_run(step->plan)) {
			step->out_of_sync = true;
			continue;
		}
		if (!pass->app->asked && !pass->anew &&
			checks_find(pass->app->checks, step->plan, &step->check)) {
			step->checked = true;
			judge(pass, step, options);
			judge_postgresql(pass, step);
			continue;
		}
		if (questions.count == PASS_SLICE) {
			ask(pass, &questions, options);
			if (!goes_on(pass, &questions))
				return false;
		}
		questions.steps[questions.count] = step;
		questions.writes[questions.count++] = pass_write(pass, step->plan, WRITE_DRY_RUN, options);
	}
	ask(pass, &questions, options);
	pass->app->comparing = pass->preview ? pass->app->comparing : 0;
	return true;
}

/* ---- the whole ---- */

static void judge_blocked(struct pass *pass)
{
	if (pass->plan.blocked)
		pass_condition(pass, "SyncError",
			arena_printf(pass->mem,
				"%zu of %zu objects would be pruned; nothing is, until "
				"this is confirmed: pgitops app sync %s --prune --confirm %s",
				pass->plan.prunes, pass->owned_count, pass->app->spec.name, pass->plan.confirm));
}

/* Labels and annotations of the namespace are no object of the plan: that they changed is known by the target. */
static bool namespace_changed(const struct pass *pass, const struct sync_options *options)
{
	char target[TARGET_SIZE];
	content_target(pass->content, target);
	const char *hash = strchr(target, ' '), *synced = strchr(pass->app->synced, ' ');
	return options->create_namespace && pass->app->spec.namespace_metadata &&
		(!synced || strcmp(hash, synced) != 0);
}

bool pass_compare(struct pass *pass)
{
	const struct sync_options options = pass_options(pass);
	pass->coming = pass->content->definitions;
	pass->coming_count = pass->content->definition_count;
	if (!run_dry_runs(pass, &options))
		return false;
	judge_blocked(pass);
	pass->namespace_changed = namespace_changed(pass, &options);
	pass->to_write = pass->namespace_changed;
	pass->out_of_sync = pass->namespace_changed;
	for (size_t i = 0; i < pass->plan.count; i++) {
		struct pass_step *step = &pass->steps[i];
		if (step->plan->object) {
			pass->to_write += step->out_of_sync && !step->held && step->plan->action != PLAN_SHARED;
		} else {
			step->out_of_sync = true;
			step->message = step->plan->reason ? step->plan->reason : "";
			pass->to_prune++;
		}
		pass->out_of_sync = pass->out_of_sync || (step->out_of_sync && !step->plan->in_sync);
	}
	return true;
}
