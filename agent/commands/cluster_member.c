/* cluster_member.c - one member's server is started anew: told once, then looked at until it is back where it belongs */
#include "agent/commands/cluster_act.h"
#include "base/text.h"

struct watching {
	struct cluster_act *act;
	struct cluster_member_order *order;
	const char *started; /* when its server was started, before; NULL = it did not run */
	bool leads;
	const char *said; /* its state, when it was told last */
};

static void tell_state(struct watching *watching, const struct patroni_member *member)
{
	const char *state = member->contact == PATRONI_ANSWERED ? cluster_state(member) : NULL;
	if (!state || text_equal(state, watching->said))
		return;
	watching->said = arena_copy(watching->act->context->mem, state);
	cluster_act_say(watching->act, "%s is %s", member->name, state);
}

/* Was it started anew, and is it back? `why` is what is still missing. */
static bool is_back(struct watching *watching, const struct patroni_cluster *cluster)
{
	struct arena *mem = watching->act->context->mem;
	const struct patroni_member *member = patroni_member(cluster, watching->order->name);
	const struct patroni_member *leader = patroni_member(cluster, cluster->leader);
	watching->order->why =
		arena_printf(mem, "%s is %s", watching->order->name, cluster_member_state(member, mem));
	if (!member)
		return false;
	tell_state(watching, member);
	if (member->contact != PATRONI_ANSWERED || !member->started)
		return false;
	if (text_equal(member->started, watching->started)) {
		watching->order->why = arena_printf(mem, "%s has not been started anew", member->name);
		return false;
	}
	if (watching->leads && leader == member)
		return patroni_takes_writes(member);
	if (leader && leader != member && patroni_streams(cluster, member) &&
		member->timeline == leader->timeline)
		return true;
	watching->order->why =
		arena_printf(mem, "%s runs and does not stream from the leader%s: its log says why",
			member->name, watching->leads ? ", which it was" : "");
	return false;
}

static bool follow(struct watching *watching, struct cluster_order *told)
{
	struct cluster_act *act = watching->act;
	bool back = false, over = false;
	while (!back && !over && !cluster_act_is_late(act)) {
		struct cluster_look look = {0};
		struct error err;
		cluster_order_step(act, told);
		/* What Patroni has refused is not done, unless it is seen to be. */
		over = told->refused || (told->answered && told->doubtful);
		if (cluster_look(act, &look, &err))
			back = is_back(watching, look.cluster);
		else
			watching->order->why = arena_copy(act->context->mem, err.text);
		cluster_look_done(&look);
	}
	if (!back && (told->refused || told->doubtful))
		watching->order->why =
			arena_printf(act->context->mem, "%s; %s", told->words, watching->order->why);
	watching->order->finished = cluster_act_passed(act);
	return back;
}

static bool begin(struct watching *watching, struct cluster_order *told)
{
	struct cluster_act *act = watching->act;
	struct cluster_look look = {0};
	struct error err;
	bool ok = cluster_look(act, &look, &err);
	const struct patroni_member *member = ok ? patroni_member(look.cluster, watching->order->name) : NULL;
	bool silent = member && member->contact != PATRONI_ANSWERED;
	if (silent) {
		/* When its server was started is not known: any answer later would be one of a server that was started anew. */
		watching->order->why = arena_printf(act->context->mem, "%s is %s", member->name,
			cluster_member_state(member, act->context->mem));
	} else if (member) {
		watching->leads = text_equal(look.cluster->leader, member->name);
		watching->started = member->started ? arena_copy(act->context->mem, member->started) : NULL;
		cluster_order_begin(act, look.cluster, member->name, watching->order->path,
			json_incref(watching->order->body), told);
	} else {
		watching->order->why =
			ok ? "it is not among the members any more" : arena_copy(act->context->mem, err.text);
	}
	cluster_look_done(&look);
	return member && !silent;
}

bool cluster_member_run(struct cluster_act *act, struct cluster_member_order *order)
{
	struct watching watching = {.act = act, .order = order};
	struct cluster_order told = {0};
	cluster_act_go(act);
	bool ok = begin(&watching, &told) && follow(&watching, &told);
	cluster_order_done(&told);
	json_decref(order->body);
	order->body = NULL;
	return ok;
}
