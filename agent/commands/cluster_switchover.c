/* cluster_switchover.c - `pgitops cluster switchover`: another member becomes the leader, if it can without loss */
#include <stdlib.h>

#include "agent/commands/cluster_act.h"
#include "base/text.h"
#include "reconcile/patroni/fit.h"

const char command_cluster_switchover_help[] =
	"Makes another member of the cluster the leader. The members themselves are asked first: one that does not answer, does\n"
	"not stream, is on another timeline, has the tag nofailover, whose replay is paused or stands still, or that is behind\n"
	"by more than --max-lag, is refused with the reason; Patroni looks at few of these and would lose what was written, or\n"
	"leave nobody who takes writes. It is done when the new leader takes writes and the old one streams from it.\n"
	"Exit code 0 then, 1 when it was refused or is not so in time, whatever Patroni answered.\n\n"
	"      --to MEMBER      who takes over; without it the one that is behind the least\n"
	"      --wait           wait until the member is fit, instead of refusing\n"
	"      --max-lag BYTES  how far behind it may be in receiving and in replay (1048576)\n" CLUSTER_ACT_HELP
	"Patroni's REST API has to be reached from here. Where it wants a password or a certificate for this, they stand in the\n"
	"agent file (patroniUsername, patroniPasswordFile, patroniClientCertFile, patroniClientKeyFile).\n\n"
	"Examples:\n"
	"  pgitops cluster switchover acid-minimal-cluster\n"
	"  pgitops cluster switchover acid-minimal-cluster --to acid-minimal-cluster-1 --yes --wait --timeout 2m\n"
	"  pgitops cluster switchover acid-minimal-cluster --yes -o json | jq .seconds\n";

struct wish {
	const char *to, *lag_text;
	int64_t lag;
	bool wait;
};

static bool read_lag(const struct command_context *context, struct wish *wish)
{
	char *end;
	wish->lag = PATRONI_FIT_LAG;
	if (!wish->lag_text)
		return true;
	wish->lag = strtoll(wish->lag_text, &end, 10);
	if (end != wish->lag_text && !*end && wish->lag >= 0)
		return true;
	command_misused(context, "--max-lag %s is no number of bytes", wish->lag_text);
	return false;
}

static int hand_over(struct cluster_act *act, struct cluster_switch *chosen)
{
	struct arena *mem = act->context->mem;
	bool ok = cluster_switch_run(act, chosen);
	cluster_switch_document(act, chosen);
	if (!ok)
		return cluster_act_end(act, "failed",
			arena_printf(mem, "%s: the switchover to %s is not done: %s", act->name, chosen->to,
				chosen->why));
	return cluster_act_end(act, "done",
		arena_printf(mem,
			"%s: %s is the leader instead of %s; it took writes after %.1fs, and %s streamed after %.1fs",
			act->name, chosen->to, chosen->from, (double)chosen->writes / 1000, chosen->from,
			(double)chosen->streaming / 1000));
}

/* The exit code of what is no choice. */
static int no_choice(struct cluster_act *act, enum cluster_choice choice, const struct cluster_switch *chosen)
{
	struct arena *mem = act->context->mem;
	cluster_switch_document(act, chosen);
	if (choice == CLUSTER_LEADS_ALREADY)
		return cluster_act_end(act, "nothing",
			arena_printf(mem, "%s: %s is the leader already", act->name, chosen->to));
	int code = cluster_act_end(
		act, "refused", arena_printf(mem, "%s: no switchover: %s", act->name, chosen->why));
	return chosen->no_answer ? EXIT_NO_ANSWER : code;
}

/* While a person thinks things change: what was chosen is looked at again. */
static int run(struct cluster_act *act, const struct wish *wish)
{
	struct cluster_switch chosen;
	int code;
	enum cluster_choice choice = cluster_switch_choose(act, wish->to, wish->lag, wish->wait, &chosen);
	if (choice != CLUSTER_CHOSEN)
		return no_choice(act, choice, &chosen);
	cluster_switch_document(act, &chosen);
	if (!cluster_act_confirm(act,
		    arena_printf(act->context->mem,
			    "%s: %s becomes the leader instead of %s.\n%s\nSessions with %s end, and nobody takes writes for "
			    "some seconds.",
			    act->name, chosen.to, chosen.from, chosen.about, chosen.from),
		    &code))
		return code;
	const char *asked_for = chosen.from, *to = chosen.to;
	choice = act->yes ? choice : cluster_switch_choose(act, to, wish->lag, wish->wait, &chosen);
	if (choice != CLUSTER_CHOSEN)
		return no_choice(act, choice, &chosen);
	if (!text_equal(asked_for, chosen.from))
		return cluster_act_end(act, "refused",
			arena_printf(act->context->mem, "%s: no switchover: meanwhile %s has become the leader",
				act->name, chosen.from));
	return hand_over(act, &chosen);
}

int command_cluster_switchover(struct command_context *context, int argc, char **argv)
{
	struct cluster_act act = {0};
	struct wish wish = {0};
	const struct command_option options[] = {
		{"--to", NULL, &wish.to}, {"--wait", &wish.wait, NULL}, {"--max-lag", NULL, &wish.lag_text}};
	int code;
	if (cluster_act_begin(&act, context, &argc, argv, options, COUNT_OF(options), 1, &code))
		code = read_lag(context, &wish) ? run(&act, &wish) : EXIT_NO_ANSWER;
	cluster_act_done(&act);
	return code;
}
