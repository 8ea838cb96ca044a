/* cluster_reinit.c - `pgitops cluster reinit`: a replica's data is thrown away and copied from the leader */
#include "agent/commands/cluster_act.h"
#include "base/text.h"

const char command_cluster_reinit_help[] =
	"Makes a replica anew: its data folder is deleted and copied from the leader. This is the remedy for a member that runs\n"
	"and follows nobody, or does not start. Refused for the leader, and while the cluster has no leader that answers. What the\n"
	"member is doing is told as it goes; it is done when it streams on the leader's timeline.\n\n"
	"      --force          also where it is being made anew already: that is begun again\n" CLUSTER_ACT_HELP
	"Exit code 0 when it streams, 1 when it was refused or does not stream in time.\n\n"
	"Examples:\n"
	"  pgitops cluster reinit acid-minimal-cluster acid-minimal-cluster-1\n"
	"  pgitops cluster reinit default/acid-minimal-cluster acid-minimal-cluster-1 --yes --timeout 2h\n";

/* NULL = nothing speaks against it; `about` for the question. */
static const char *refuse(
	const struct cluster_look *look, const char *name, bool force, struct arena *mem, const char **about)
{
	const struct patroni_member *member = patroni_member(look->cluster, name);
	const char *trouble = cluster_look_trouble(look), *going = cluster_look_going(look, mem);
	if (going)
		return going;
	if (trouble)
		return arena_printf(mem, "there is no leader to copy from: %s", trouble);
	if (!member)
		return arena_printf(mem, "it has no member %s: there are %s", name,
			cluster_member_names(look->cluster, mem));
	if (text_equal(look->cluster->leader, name))
		return arena_printf(
			mem, "%s is the leader: `pgitops cluster switchover` makes another one first", name);
	if (member->contact != PATRONI_ANSWERED)
		return arena_printf(mem, "%s is %s", name, cluster_member_state(member, mem));
	if (text_equal(member->state, "creating replica") && !force)
		return arena_printf(mem, "%s is being made anew already; --force begins again", name);
	*about = arena_printf(mem, "All data of %s (it is %s) is deleted and copied from the leader %s.%s",
		name, cluster_member_state(member, mem), look->cluster->leader,
		member->role == PATRONI_SYNC_STANDBY
			? " It is the synchronous standby: writes wait until another member is."
			: "");
	return NULL;
}

static int make_anew(struct cluster_act *act, const char *name, bool force)
{
	struct arena *mem = act->context->mem;
	struct cluster_member_order order = {.name = name,
		.path = "/reinitialize",
		.body = force ? json_pack("{s:b}", "force", 1) : json_object()};
	bool ok = cluster_member_run(act, &order);
	json_object_set_new(act->result, "seconds", json_real((double)order.finished / 1000));
	if (!ok)
		return cluster_act_end(act, "failed",
			arena_printf(mem, "%s: %s is not made anew: %s", act->name, name, order.why));
	return cluster_act_end(act, "done",
		arena_printf(mem, "%s: %s is made anew and streams, after %.1fs", act->name, name,
			(double)order.finished / 1000));
}

static int run(struct cluster_act *act, const char *name, bool force)
{
	struct arena *mem = act->context->mem;
	struct cluster_look look = {0};
	const char *about = "";
	struct error err;
	int code;
	json_set_text(act->result, "cluster", act->name);
	json_set_text(act->result, "member", name);
	bool seen = cluster_look(act, &look, &err);
	const char *why = seen ? refuse(&look, name, force, mem, &about) : NULL;
	if (why)
		why = arena_copy(mem, why);
	cluster_look_done(&look);
	if (!seen)
		return command_failed(&err);
	if (why)
		return cluster_act_end(
			act, "refused", arena_printf(mem, "%s: nothing is made anew: %s", act->name, why));
	if (!cluster_act_confirm(act, arena_printf(mem, "%s: %s", act->name, about), &code))
		return code;
	return make_anew(act, name, force);
}

int command_cluster_reinit(struct command_context *context, int argc, char **argv)
{
	struct cluster_act act = {0};
	bool force = false;
	const struct command_option options[] = {{"--force", &force, NULL}};
	int code;
	if (cluster_act_begin(&act, context, &argc, argv, options, COUNT_OF(options), 2, &code))
		code = argc == 2 ? run(&act, argv[1], force) : command_misused(context, "MEMBER is missing");
	cluster_act_done(&act);
	return code;
}
