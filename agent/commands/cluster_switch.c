/*
 * cluster_switch.c - who takes over, and the handing over itself: for `cluster switchover`, and for the leader's turn in `cluster restart`
 */
#include <string.h>

#include "agent/commands/cluster_act.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/review.h"
#include "reconcile/patroni/fit.h"

enum { LOOK_AGAIN = 1000 };

/* ---- who ---- */

struct choosing {
	struct cluster_act *act;
	const char *to;
	int64_t lag;
	struct cluster_switch *chosen;
	bool lasting; /* waiting changes nothing */
	bool again;   /* only a second look tells */
};

const char *cluster_member_names(const struct patroni_cluster *cluster, struct arena *mem)
{
	const char *names = NULL;
	for (size_t i = 0; i < cluster->member_count; i++)
		names = arena_join(mem, names, ", ", cluster->members[i].name);
	return command_or_dash(names);
}

/* Of each replica why not it. */
static const char *nobody(const struct patroni_choice *choice, struct arena *mem)
{
	const char *whys = NULL;
	for (size_t i = 0; i < choice->cluster->member_count; i++) {
		const struct patroni_member *member = &choice->cluster->members[i];
		bool lasting;
		const char *why = patroni_unfit(choice, member, &lasting);
		if (!text_equal(member->name, choice->cluster->leader))
			whys = arena_join(mem, whys, "\n  ",
				arena_printf(mem, "%s: %s", member->name, command_or_dash(why)));
	}
	return whys ? arena_printf(mem, "nobody could take over\n  %s", whys)
		    : "nobody could take over: there is no other member";
}

static const char *about(
	const struct patroni_cluster *cluster, const struct patroni_member *member, struct arena *mem)
{
	const char *planned = !cluster->switchover_at
		? ""
		: arena_printf(
			  mem, " The switchover planned for %s is given up for it.", cluster->switchover_at);
	return arena_printf(mem, "%s is behind by %s in receiving and by %s in replay.%s", member->name,
		cluster_bytes(member->receive_lag, mem), cluster_bytes(member->replay_lag, mem), planned);
}

/* NULL = somebody is chosen, or `again`. */
static const char *choose(struct choosing *choosing, const struct patroni_choice *choice)
{
	struct arena *mem = choosing->act->context->mem;
	const struct patroni_cluster *cluster = choice->cluster;
	const struct patroni_member *member =
		choosing->to ? patroni_member(cluster, choosing->to) : patroni_fittest(choice);
	choosing->lasting = choosing->to && !member;
	if (choosing->lasting)
		return arena_printf(mem, "%s has no member %s: there are %s", cluster->name, choosing->to,
			cluster_member_names(cluster, mem));
	if (!member)
		return nobody(choice, mem);
	choosing->chosen->to = arena_copy(mem, member->name);
	if (text_equal(cluster->leader, member->name))
		return NULL;
	const char *why = patroni_unfit(choice, member, &choosing->lasting);
	if (why)
		return arena_printf(mem, "%s cannot take over: %s", member->name, why);
	choosing->again = patroni_needs_second_look(choice, member);
	choosing->chosen->about = about(cluster, member, mem);
	return NULL;
}

/* Why nobody is chosen, by what is seen now and what was seen before; NULL as choose(). */
static const char *judge(struct choosing *choosing, struct cluster_look *now, const struct cluster_look *before)
{
	struct arena *mem = choosing->act->context->mem;
	struct error err;
	choosing->again = choosing->lasting = choosing->chosen->no_answer = false;
	if (!cluster_look(choosing->act, now, &err)) {
		choosing->chosen->no_answer = true;
		choosing->lasting = err.kind != ERROR_RETRY;
		return arena_copy(mem, err.text);
	}
	const char *trouble = cluster_look_trouble(now), *going = cluster_look_going(now, mem);
	choosing->lasting = going;
	if (going || trouble)
		return going ? going : arena_copy(mem, trouble);
	choosing->chosen->from = arena_copy(mem, now->cluster->leader);
	choosing->chosen->namespace = arena_copy(mem, now->cluster->namespace);
	choosing->chosen->started =
		arena_copy(mem, patroni_member(now->cluster, now->cluster->leader)->started);
	const struct patroni_choice choice = {
		.cluster = now->cluster, .before = before->cluster, .lag = choosing->lag, .mem = now->mem};
	return choose(choosing, &choice);
}

static const char *choose_in_time(struct choosing *choosing, bool wait)
{
	struct cluster_look looks[2] = {{0}};
	const char *why = NULL, *said = NULL;
	for (size_t turn = 0;; turn++) {
		struct cluster_look *now = &looks[turn % 2];
		cluster_look_done(now);
		why = judge(choosing, now, &looks[(turn + 1) % 2]);
		bool wait_more = why && wait && !choosing->lasting && !cluster_act_is_late(choosing->act);
		if (!choosing->again && !wait_more)
			break;
		if (why && !text_equal(why, said))
			cluster_act_say(choosing->act, "waiting: %s", why);
		said = why ? why : said;
		clock_pause(LOOK_AGAIN);
	}
	cluster_look_done(&looks[0]);
	cluster_look_done(&looks[1]);
	return why;
}

enum cluster_choice cluster_switch_choose(
	struct cluster_act *act, const char *to, int64_t lag, bool wait, struct cluster_switch *chosen)
{
	struct choosing choosing = {.act = act, .to = to, .lag = lag, .chosen = chosen};
	*chosen = (struct cluster_switch){.record = -1, .writes = -1, .streaming = -1};
	chosen->why = choose_in_time(&choosing, wait);
	if (chosen->why)
		return CLUSTER_REFUSED;
	return text_equal(chosen->from, chosen->to) ? CLUSTER_LEADS_ALREADY : CLUSTER_CHOSEN;
}

/* ---- the handing over ---- */

static void mark(struct cluster_act *act, int64_t *at, const char *text)
{
	if (*at >= 0)
		return;
	*at = cluster_act_passed(act);
	cluster_act_say(act, "%s", text);
}

const char *cluster_member_state(const struct patroni_member *member, struct arena *mem)
{
	const char *state = member ? cluster_state(member) : NULL;
	if (!member)
		return "not among the members";
	if (member->contact != PATRONI_ANSWERED)
		return arena_printf(mem, "silent: %s", member->silence ? member->silence : "it was not asked");
	return state ? arena_copy(mem, state) : "without a state";
}

/* Killed, and started anew before its time as the leader had run out. */
static bool came_back(const struct patroni_member *leader, const struct cluster_switch *chosen)
{
	return chosen->killed && leader->contact == PATRONI_ANSWERED && leader->started &&
		!text_equal(leader->started, chosen->killed) && patroni_takes_writes(leader);
}

/* What one look tells; `why` is what is still missing. True when nothing is. */
static bool take_look(
	struct cluster_act *act, const struct patroni_cluster *cluster, struct cluster_switch *chosen)
{
	struct arena *mem = act->context->mem;
	const struct patroni_member *leader = patroni_member(cluster, cluster->leader);
	const struct patroni_member *old = patroni_member(cluster, chosen->from);
	chosen->why = cluster->leader ? arena_printf(mem, "%s is still the leader", cluster->leader)
				      : "there is no leader: nobody takes writes";
	if (leader && leader == old && came_back(leader, chosen)) {
		chosen->leader = chosen->from;
		mark(act, &chosen->record, arena_printf(mem, "%s is there again, and leads", chosen->from));
		mark(act, &chosen->writes, arena_printf(mem, "%s takes writes", chosen->from));
		return !cluster->bad;
	}
	if (!leader || leader == old)
		return false;
	if (!text_equal(chosen->leader, leader->name))
		chosen->leader = arena_copy(mem, leader->name);
	mark(act, &chosen->record, arena_printf(mem, "%s is the leader", leader->name));
	chosen->why = arena_printf(mem, "%s is the leader and takes no writes: it is %s%s", leader->name,
		cluster_member_state(leader, mem),
		leader->contact == PATRONI_ANSWERED && leader->in_recovery ? ", still in recovery" : "");
	if (!patroni_takes_writes(leader) &&
		(!patroni_is_standby_cluster(cluster) || !text_equal(leader->state, "running")))
		return false;
	mark(act, &chosen->writes, arena_printf(mem, "%s takes writes", leader->name));
	chosen->why = arena_printf(mem, "%s takes writes, and %s does not stream from it: it is %s%s",
		leader->name, chosen->from, cluster_member_state(old, mem),
		old && old->contact == PATRONI_ANSWERED ? "; its log says why" : "");
	if (!old || !patroni_streams(cluster, old) || old->timeline != leader->timeline)
		return false;
	mark(act, &chosen->streaming, arena_printf(mem, "%s streams from it", chosen->from));
	return !cluster->bad;
}

/* Nobody has ended it: it leads, and by a server that was not started anew. */
static bool leads_as_before(const struct patroni_cluster *cluster, const struct cluster_switch *chosen)
{
	const struct patroni_member *leader = patroni_member(cluster, cluster->leader);
	return leader && text_equal(leader->name, chosen->from) && patroni_takes_writes(leader) &&
		(!leader->started || text_equal(leader->started, chosen->killed));
}

/* What is awaited has not begun, or it was a false alarm: a member that was silent for a moment. */
static bool still_awaits(struct cluster_act *act, const struct patroni_cluster *cluster,
	struct cluster_switch *chosen, int64_t looked)
{
	const struct patroni_member *old = patroni_member(cluster, chosen->from);
	if (chosen->leader)
		return false;
	if (leads_as_before(cluster, chosen)) {
		act->started = looked;
		chosen->begun = false;
		chosen->why = arena_printf(act->context->mem, "nobody has ended %s in time", chosen->from);
		return true;
	}
	if (!chosen->begun)
		cluster_act_say(act, "%s does not lead as before: it is %s", chosen->from,
			cluster_member_state(old, act->context->mem));
	chosen->begun = true;
	return false;
}

/* Nothing has come of it: the old one leads as before, and Patroni has said no. */
static bool is_over(const struct cluster_look *look, const struct cluster_switch *chosen,
	const struct cluster_order *order)
{
	const struct patroni_member *old = patroni_member(look->cluster, chosen->from);
	if (order->refused)
		return true;
	return order->doubtful && text_ends(order->words, "failed") && old &&
		text_equal(look->cluster->leader, chosen->from) && patroni_takes_writes(old);
}

/* `await`: until then (on the steady clock) it may begin; 0 = it has. */
static bool follow(
	struct cluster_act *act, struct cluster_switch *chosen, struct cluster_order *order, int64_t await)
{
	bool done = false, over = false;
	while (!done && !over && !cluster_act_is_late(act)) {
		struct cluster_look look = {0};
		struct error err;
		cluster_order_step(act, order);
		int64_t looked = clock_steady();
		bool seen = cluster_look(act, &look, &err);
		chosen->unled = !seen || !look.cluster->leader;
		if (!seen) {
			chosen->why = arena_copy(act->context->mem, err.text);
		} else if (await && still_awaits(act, look.cluster, chosen, looked)) {
			over = looked >= await;
		} else {
			done = take_look(act, look.cluster, chosen);
			over = !done && is_over(&look, chosen, order);
		}
		cluster_look_done(&look);
	}
	if (!done && order->words && (order->refused || order->doubtful))
		chosen->why = arena_printf(act->context->mem, "%s; %s", order->words, chosen->why);
	return done;
}

bool cluster_switch_run(struct cluster_act *act, struct cluster_switch *chosen)
{
	struct cluster_look look = {0};
	struct cluster_order order = {0};
	struct error err;
	cluster_act_go(act);
	bool ok = cluster_look(act, &look, &err) &&
		(patroni_member(look.cluster, chosen->from) ||
			error_set(&err, ERROR_MISSING, "%s is no member any more", chosen->from));
	if (ok)
		cluster_order_begin(act, look.cluster, chosen->from, "/switchover",
			json_pack("{s:s,s:s}", "leader", chosen->from, "candidate", chosen->to), &order);
	else
		chosen->why = arena_copy(act->context->mem, err.text);
	cluster_look_done(&look);
	chosen->begun = ok;
	ok = ok && follow(act, chosen, &order, 0);
	cluster_order_done(&order);
	if (ok && !text_equal(chosen->leader, chosen->to)) {
		chosen->why = arena_printf(act->context->mem, "Patroni made %s the leader instead of %s",
			chosen->leader, chosen->to);
		return false;
	}
	return ok;
}

static bool delete_pod(const struct cluster_act *act, const struct cluster_switch *chosen, struct error *err)
{
	static const char body[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0}";
	CLEANUP(cluster_disconnect) struct cluster_connection own = {.kube = NULL};
	struct kube_request request = {.method = "DELETE",
		.path = arena_printf(
			act->context->mem, "/api/v1/namespaces/%s/pods/%s", chosen->namespace, chosen->from),
		.body = body,
		.body_length = strlen(body)};
	const struct cluster_connection *server = cluster_connect(&act->source, &own, err);
	return server && kube_one(server->kube, &request, NULL, err);
}

const char *cluster_switch_may_kill(
	struct cluster_act *act, const struct patroni_cluster *cluster, struct cluster_switch *chosen)
{
	struct arena *mem = act->context->mem;
	const struct kube_right right = {"delete", "", "pods", cluster->namespace, chosen->from};
	CLEANUP(cluster_disconnect) struct cluster_connection own = {.kube = NULL};
	struct error err;
	bool may = false;
	const struct cluster_connection *server = cluster_connect(&act->source, &own, &err);
	chosen->no_answer = !server || !kube_may(server->kube, &right, &may, &err);
	if (chosen->no_answer)
		return arena_printf(
			mem, "whether Pod %s may be deleted is not known: %s", chosen->from, err.text);
	return may
		? NULL
		: arena_printf(mem,
			  "Pod %s may not be deleted: the verb delete on pods in the namespace %s is needed for --kill",
			  chosen->from, cluster->namespace);
}

/* Without an answer it may be deleted all the same: then what becomes of the leader tells, and until then it counts as deleted. */
bool cluster_switch_kill(struct cluster_act *act, struct cluster_switch *chosen)
{
	struct arena *mem = act->context->mem;
	struct cluster_order deletion = {0};
	struct error err;
	chosen->killed = chosen->started;
	cluster_act_go(act);
	chosen->begun = delete_pod(act, chosen, &err);
	if (!chosen->begun && err.kind == ERROR_RETRY) {
		chosen->begun = deletion.doubtful = true;
		deletion.words = arena_printf(
			mem, "whether Pod %s was deleted is not known (%s)", chosen->from, err.text);
		cluster_act_say(act, "%s", deletion.words);
	} else if (!chosen->begun) {
		chosen->why = arena_printf(mem, "Pod %s cannot be deleted: %s", chosen->from, err.text);
	}
	return chosen->begun && follow(act, chosen, &deletion, 0);
}

bool cluster_switch_await(struct cluster_act *act, struct cluster_switch *chosen)
{
	struct cluster_order none = {0};
	chosen->killed = chosen->started;
	cluster_act_go(act);
	return follow(act, chosen, &none, clock_steady() + act->timeout);
}

/* ---- the document ---- */

void cluster_set_seconds(json_t *object, const char *key, int64_t milliseconds)
{
	if (milliseconds >= 0)
		json_object_set_new(object, key, json_real((double)milliseconds / 1000));
}

json_t *cluster_switch_document(struct cluster_act *act, const struct cluster_switch *chosen)
{
	json_t *seconds = json_object();
	json_set_text(act->result, "cluster", act->name);
	json_set_text(act->result, "from", chosen->from);
	json_set_text(act->result, "to", chosen->to);
	json_object_del(act->result, "leader"); /* as it was said before */
	if (chosen->leader || !chosen->unled)
		json_set_text(act->result, "leader", chosen->leader ? chosen->leader : chosen->from);
	cluster_set_seconds(seconds, "leader", chosen->record);
	cluster_set_seconds(seconds, "writes", chosen->writes);
	cluster_set_seconds(seconds, "streaming", chosen->streaming);
	json_object_set_new(act->result, "seconds", seconds);
	return seconds;
}
