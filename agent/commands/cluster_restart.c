/* cluster_restart.c - `pgitops cluster restart`: servers of a cluster, one after the other, the leader last and by a switchover */
#include <stdlib.h>

#include "agent/commands/cluster_act.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/patroni/fit.h"

const char command_cluster_restart_help[] =
	"Restarts the servers of a cluster, or those that are named, one after the other: each has to stream again before the\n"
	"next one. Replicas come first; then another member takes over, as in `pgitops cluster switchover`, by which the leader's\n"
	"server is started anew, too. Where a lowered max_connections, max_wal_senders, max_worker_processes,\n"
	"max_prepared_transactions or max_locks_per_transaction is pending, the leader is restarted first and in place, since\n"
	"PostgreSQL takes a lower one on a standby only after its primary. Stops at the first that does not come back.\n\n"
	"      --pending        only those that wait for a restart, by their own answers\n"
	"      --in-place       the leader is restarted where it is, and stays the leader\n" CLUSTER_ACT_HELP
	"--timeout holds for each member. Exit code 0 when all are back and none waits for a restart any more.\n\n"
	"Examples:\n"
	"  pgitops cluster restart acid-minimal-cluster --pending\n"
	"  pgitops cluster restart acid-minimal-cluster acid-minimal-cluster-1 --yes\n"
	"  pgitops cluster restart acid-minimal-cluster --pending --yes -o json | jq -r '.members[] | .name'\n";

enum { HEARD_AGAIN = 200 };

struct restart {
	struct cluster_act *act;
	char **names; /* of the command line */
	size_t name_count;
	bool pending, in_place;

	/* What is to be done, in this order. */
	struct step {
		const char *name, *reason;
		bool leads, hand_over;
	} * steps;
	size_t count;
	bool lowered; /* the leader goes first: replicas have to hear of it before their turn */
	const char *leader;
};

/* ---- what is to be done ---- */

static bool is_named(const struct restart *restart, const char *name)
{
	for (size_t i = 0; i < restart->name_count; i++)
		if (text_equal(restart->names[i], name))
			return true;
	return !restart->name_count;
}

static int64_t number_of(const json_t *change, const char *key)
{
	const json_t *value = json_object_get(change, key);
	return json_is_integer(value)   ? json_integer_value(value)
		: json_is_string(value) ? strtoll(json_string_value(value), NULL, 10)
					: 0;
}

/* A standby does not run with less of these than its primary, so Patroni starts it with the old value. */
static bool is_lowered(const struct patroni_member *member)
{
	static const char *const held[] = {"max_connections", "max_wal_senders", "max_worker_processes",
		"max_prepared_transactions", "max_locks_per_transaction"};
	for (size_t i = 0; i < COUNT_OF(held); i++) {
		const json_t *change = json_object_get(member->pending_reason, held[i]);
		if (change && number_of(change, "new_value") < number_of(change, "old_value"))
			return true;
	}
	return false;
}

static void add_step(struct restart *restart, const struct patroni_member *member, bool leads, bool hand_over)
{
	struct arena *mem = restart->act->context->mem;
	const char *reason = cluster_restart(member, mem);
	restart->steps[restart->count++] = (struct step){.name = arena_copy(mem, member->name),
		.reason = reason && !text_equal(reason, "*") ? arena_copy(mem, reason) : NULL,
		.leads = leads,
		.hand_over = hand_over};
}

static void plan(struct restart *restart, const struct patroni_cluster *cluster)
{
	const struct patroni_member *leader = patroni_member(cluster, cluster->leader);
	bool leads = is_named(restart, leader->name) && (!restart->pending || leader->pending_restart);
	bool first = restart->lowered = leads && is_lowered(leader);
	restart->leader = arena_copy(restart->act->context->mem, leader->name);
	restart->steps =
		arena_array(restart->act->context->mem, cluster->member_count + 1, sizeof(*restart->steps));
	if (first)
		add_step(restart, leader, true, false);
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *member = &cluster->members[i];
		if (member != leader && is_named(restart, member->name) &&
			(!restart->pending || member->pending_restart))
			add_step(restart, member, false, false);
	}
	if (leads && !first)
		add_step(restart, leader, true, !restart->in_place && cluster->member_count > 1);
}

/* Why not even a plan is made; NULL = there is one. */
static const char *prepare(struct restart *restart, const struct cluster_look *look)
{
	struct arena *mem = restart->act->context->mem;
	const char *trouble = cluster_look_trouble(look), *going = cluster_look_going(look, mem);
	if (going)
		return going;
	if (trouble)
		return arena_copy(mem, trouble);
	for (size_t i = 0; i < restart->name_count; i++)
		if (!patroni_member(look->cluster, restart->names[i]))
			return arena_printf(mem, "it has no member %s: there are %s", restart->names[i],
				cluster_member_names(look->cluster, mem));
	for (size_t i = 0; i < look->cluster->member_count; i++) {
		const struct patroni_member *member = &look->cluster->members[i];
		if (is_named(restart, member->name) && member->contact != PATRONI_ANSWERED)
			return arena_printf(mem,
				"%s is %s: whether it waits for a restart is not known; name the members that should restart",
				member->name, cluster_member_state(member, mem));
	}
	plan(restart, look->cluster);
	return NULL;
}

static const char *how(const struct step *step)
{
	return step->hand_over ? ", the leader: another member takes over, and it comes back as a replica"
		: step->leads  ? ", the leader, in place: nobody takes writes meanwhile"
			       : "";
}

static const char *question(const struct restart *restart)
{
	struct arena *mem = restart->act->context->mem;
	const char *text =
		arena_printf(mem, "%s: these servers are restarted, one after the other:", restart->act->name);
	for (size_t i = 0; i < restart->count; i++) {
		const struct step *step = &restart->steps[i];
		text = arena_printf(mem, "%s\n  %s%s%s%s%s", text, step->name, step->reason ? " (" : "",
			step->reason ? step->reason : "", step->reason ? ")" : "", how(step));
	}
	return arena_printf(mem, "%s\nSessions with them end.", text);
}

/* ---- doing it ---- */

static const char *hand_over(struct restart *restart, struct cluster_switch *chosen)
{
	struct cluster_act *act = restart->act;
	cluster_act_go(act);
	enum cluster_choice choice = cluster_switch_choose(act, NULL, PATRONI_FIT_LAG, true, chosen);
	if (choice != CLUSTER_CHOSEN)
		return command_or_dash(chosen->why);
	if (!text_equal(chosen->from, restart->leader))
		return arena_printf(act->context->mem, "meanwhile %s has become the leader", chosen->from);
	return cluster_switch_run(act, chosen) ? NULL : chosen->why;
}

/* A replica that has become the leader is not restarted by surprise. */
static const char *still_replica(struct restart *restart, const struct step *step)
{
	struct cluster_look look = {0};
	struct error err;
	const char *why = NULL;
	if (!cluster_look(restart->act, &look, &err))
		why = arena_copy(restart->act->context->mem, err.text);
	else if (text_equal(look.cluster->leader, step->name) != step->leads)
		why = arena_printf(restart->act->context->mem, "meanwhile the leader is %s",
			command_or_dash(look.cluster->leader));
	cluster_look_done(&look);
	return why;
}

/* What the leader was started with reaches a replica as WAL: one that has not replayed it starts with the old values, and waits on. */
static const char *has_heard(struct restart *restart, const struct step *step)
{
	struct cluster_act *act = restart->act;
	int64_t position = PATRONI_UNKNOWN;
	bool heard = false;
	cluster_act_go(act);
	while (!heard && !cluster_act_is_late(act)) {
		struct cluster_look look = {0};
		struct error err;
		const struct patroni_cluster *cluster = cluster_look(act, &look, &err) ? look.cluster : NULL;
		const struct patroni_member *leader = cluster ? patroni_member(cluster, cluster->leader) : NULL;
		const struct patroni_member *member = cluster ? patroni_member(cluster, step->name) : NULL;
		if (leader && position == PATRONI_UNKNOWN && patroni_takes_writes(leader))
			position = leader->location;
		heard = member && position != PATRONI_UNKNOWN && member->contact == PATRONI_ANSWERED &&
			member->replayed >= position;
		cluster_look_done(&look);
		if (!heard)
			clock_pause(HEARD_AGAIN);
	}
	return heard ? NULL : "it does not replay what the leader writes: its log says why";
}

/* NULL = done. */
static const char *run_step(struct restart *restart, const struct step *step)
{
	struct cluster_switch chosen = {0};
	struct cluster_member_order order = {.name = step->name, .path = "/restart"};
	const char *why = step->hand_over ? hand_over(restart, &chosen) : still_replica(restart, step);
	if (!why && restart->lowered && !step->leads)
		why = has_heard(restart, step);
	if (!why && !step->hand_over) {
		order.body = json_object();
		why = cluster_member_run(restart->act, &order) ? NULL : order.why;
	}
	int64_t passed = step->hand_over ? chosen.streaming : order.finished;
	json_t *done = json_pack("{s:s,s:s,s:s,s:f}", "name", step->name, "how",
		step->hand_over ? "switchover" : "restart", "outcome", why ? "failed" : "done", "seconds",
		(double)passed / 1000);
	json_set_text(done, "reason", step->reason);
	json_array_append_new(json_object_get(restart->act->result, "members"), done);
	return why;
}

/* Who of them waits for a restart all the same. */
static const char *still_pending(struct restart *restart)
{
	struct arena *mem = restart->act->context->mem;
	struct cluster_look look = {0};
	struct error err;
	const char *names = NULL;
	if (!cluster_look(restart->act, &look, &err))
		names = arena_copy(mem, err.text);
	for (size_t i = 0; look.cluster && i < restart->count; i++) {
		const struct patroni_member *member = patroni_member(look.cluster, restart->steps[i].name);
		if (member && member->pending_restart)
			names = arena_join(mem, names, "; ",
				arena_printf(mem, "%s still waits for a restart (%s)", member->name,
					cluster_restart(member, mem)));
	}
	cluster_look_done(&look);
	return names;
}

static int run_all(struct restart *restart)
{
	struct cluster_act *act = restart->act;
	struct arena *mem = act->context->mem;
	for (size_t i = 0; i < restart->count; i++) {
		const char *why = run_step(restart, &restart->steps[i]);
		if (why)
			return cluster_act_end(act, "failed",
				arena_printf(mem, "%s: %zu of %zu servers restarted; %s is not: %s",
					act->name, i, restart->count, restart->steps[i].name, why));
		cluster_act_say(act, "%s is restarted", restart->steps[i].name);
	}
	const char *left = still_pending(restart);
	if (left)
		return cluster_act_end(
			act, "failed", arena_printf(mem, "%s: restarted, and %s", act->name, left));
	return cluster_act_end(act, "done",
		arena_printf(mem, "%s: %zu server%s restarted", act->name, restart->count,
			restart->count == 1 ? " is" : "s are"));
}

static int run(struct restart *restart)
{
	struct cluster_act *act = restart->act;
	struct cluster_look look = {0};
	struct error err;
	int code;
	json_set_text(act->result, "cluster", act->name);
	json_object_set_new(act->result, "members", json_array());
	bool seen = cluster_look(act, &look, &err);
	const char *why = seen ? prepare(restart, &look) : NULL;
	cluster_look_done(&look);
	if (!seen)
		return command_failed(&err);
	if (why)
		return cluster_act_end(act, "refused",
			arena_printf(act->context->mem, "%s: nothing is restarted: %s", act->name, why));
	if (!restart->count)
		return cluster_act_end(act, "nothing",
			arena_printf(act->context->mem, "%s: nobody waits for a restart", act->name));
	return cluster_act_confirm(act, question(restart), &code) ? run_all(restart) : code;
}

int command_cluster_restart(struct command_context *context, int argc, char **argv)
{
	struct cluster_act act = {0};
	struct restart restart = {.act = &act};
	const struct command_option options[] = {
		{"--pending", &restart.pending, NULL}, {"--in-place", &restart.in_place, NULL}};
	int code;
	if (cluster_act_begin(&act, context, &argc, argv, options, COUNT_OF(options), INT16_MAX, &code)) {
		restart.names = argv + 1;
		restart.name_count = (size_t)argc - 1;
		code = run(&restart);
	}
	cluster_act_done(&act);
	return code;
}
