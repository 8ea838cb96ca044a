/*
 * cluster_drill.c - `pgitops cluster failover-drill`: a switchover under writers whose every acknowledged write is looked for afterwards
 *
 * Whatever ends it, its database is dropped: signals are blocked and asked for between two steps, so that Ctrl-C comes to the cleaning as the end
 * does; when it is killed a guard drops it (cluster_drill_guard.c), and what both left the next one, or --clean (cluster_drill_clean.c).
 */
#include <signal.h>
#include <stdlib.h>

#include "agent/commands/cluster_drill.h"
#include "agent/users/one_primary.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/patroni/fit.h"

const char command_cluster_failover_drill_help[] =
	"Hands the leadership over while two writers write into a database of the drill's own (pgitops_drill) and a reader for each\n"
	"member reads, and tells what that cost: the longest time without a write that stayed and without a read, acknowledged\n"
	"writes that are lost, writes whose outcome nobody told, how long two members took writes, when the old leader streamed\n"
	"again. Refused as `pgitops cluster switchover` is, while a base backup, a rolling update or another drill runs, and within an\n"
	"hour after a failover. Its database is dropped at the end, after Ctrl-C, and when it is killed, too. What is left where nobody\n"
	"could drop it `pgitops cluster get` and `pgitops doctor` tell; the next drill drops it, or --clean.\n\n"
	"      --to MEMBER      who takes over; without it the one that is behind the least\n"
	"      --again          also within an hour after a failover\n"
	"      --kill           the leader dies: its Pod is deleted without grace, and whoever Patroni chooses takes over, after the\n"
	"                       ttl at the latest; needs `delete` on pods\n"
	"      --wait-for-failover   nothing is ended by the drill: it waits, for --timeout at most, until somebody ends the leader\n"
	"                       (kill -9, its node, its network), and measures what comes of it; outside of Kubernetes, too\n"
	"      --clean          no drill: drops the database that an earlier one left, without a question; refused while somebody is\n"
	"                       in it, as in that of a drill that runs, and where no drill has made it\n" CLUSTER_ACT_HELP
	"The primary is reached by the `databases` entry of this cluster in the agent file (its `postgresql`, or `patroni`), with a\n"
	"user that may create databases. Exit code 0 when no acknowledged write is lost and all is as before with another\n"
	"leader; -o markdown for a report.\n\n"
	"Examples:\n"
	"  pgitops cluster failover-drill acid-minimal-cluster\n"
	"  pgitops cluster failover-drill acid-minimal-cluster --yes -o markdown\n"
	"  pgitops cluster failover-drill acid-minimal-cluster --wait-for-failover --timeout 15m\n"
	"  pgitops cluster failover-drill acid-minimal-cluster --yes -o json | jq .lost\n";

enum {
	WRITERS = 2,
	WARM = 40, /* acknowledged writes before it begins, and after it is over */
	WARM_MILLISECONDS = 20000,
	CLEAN_MILLISECONDS = 60000,
	NOT_BEGUN_MILLISECONDS = 10000,
	MEMBER_DEADLINE = 5000, /* of a writer, for connecting and for one write */
	STEP = 100,
	HOUR = 3600
};

/* ---- what is known before ---- */

static struct session_target target_of(
	const struct drilling *drilling, const struct patroni_member *member, const char *database)
{
	struct arena *mem = drilling->act->context->mem;
	struct session_target target = drilling->target;
	target.connection = arena_printf(mem, "%s host=%s port=%lld%s%s", drilling->target.connection,
		connection_value(member->host, mem), (long long)member->port, database ? " dbname=" : "",
		database ? database : "");
	return target;
}

/* Pods are made anew one after the other: a drill between them would be one failover too many, and its figures would be those of both. */
static const char *rolling_update(const struct patroni_cluster *cluster, struct arena *mem)
{
	const char *status = cluster->operator_status;
	if (text_equal(status, "Creating") || text_equal(status, "Updating"))
		return arena_printf(
			mem, "the operator is at work (%s): try again when it says Running", status);
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *member = &cluster->members[i];
		if (member->leaving || member->outdated)
			return arena_printf(mem, "a rolling update is running: pod %s %s", member->name,
				member->leaving ? "is being deleted" : "waits to be made anew");
	}
	return NULL;
}

static void take_members(struct drilling *drilling, const struct patroni_cluster *cluster)
{
	struct arena *mem = drilling->act->context->mem;
	drilling->members = arena_array(mem, cluster->member_count + 1, sizeof(*drilling->members));
	drilling->ways = arena_array(mem, cluster->member_count + 1, sizeof(*drilling->ways));
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *member = &cluster->members[i];
		if (!member->host || !member->port)
			continue;
		drilling->ways[drilling->count] = target_of(drilling, member, NULL);
		struct drill_member *made = &drilling->members[drilling->count++];
		made->name = arena_copy(mem, member->name);
		made->target = target_of(drilling, member, DRILL_DATABASE);
		made->target.name = made->name;
		made->target.deadline = MEMBER_DEADLINE;
	}
}

/* Why it is too early; NULL = it is not. A clock that is ahead of ours says that it was just now. */
static const char *too_early(const struct patroni_cluster *cluster, struct arena *mem)
{
	int64_t ago = (clock_now() - cluster->failed_over) / 1000000;
	if (cluster->history_unknown)
		return arena_printf(mem,
			"when the last failover was is not known (%s), and within an hour one is enough; --again says otherwise",
			cluster->history_unknown);
	if (cluster->failed_over && ago < HOUR)
		return arena_printf(mem,
			"the last failover was %lld minutes ago, and within an hour one is enough; --again says otherwise",
			(long long)(ago > 0 ? ago / 60 : 0));
	return NULL;
}

/* Why there is no drill; NULL = there can be one. */
static const char *judge(struct drilling *drilling, const struct patroni_cluster *cluster)
{
	struct arena *mem = drilling->act->context->mem;
	const struct database_config *entry = cluster_entry(&drilling->act->source, cluster);
	const char *rolling = rolling_update(cluster, mem);
	const char *early = drilling->again ? NULL : too_early(cluster, mem);
	struct error err;
	if (rolling)
		return rolling;
	if (early)
		return early;
	if (drilling->way == DRILL_KILL && !*cluster->namespace)
		return arena_printf(mem,
			"--kill deletes the leader's Pod, and this cluster is one of no Kubernetes: with --wait-for-failover the drill waits "
			"until you end Patroni and the server of %s where they run; without both it is a switchover",
			drilling->chosen.from);
	if (drilling->way != DRILL_SWITCHOVER && json_is_true(json_object_get(cluster->config, "pause")))
		return "maintenance mode is on, so nobody would take over: resume it first";
	if (!entry)
		return "the writers need a way in, and no `databases` entry of an agent file is this cluster's";
	if (!cluster_target(drilling->act->context, &drilling->act->source, entry, &drilling->target, &err))
		return arena_copy(mem, err.text);
	drilling->settings_known = patroni_settings(cluster, &drilling->settings);
	drilling->synchronous = patroni_synchronous(cluster);
	take_members(drilling, cluster);
	return drilling->way == DRILL_KILL ? cluster_switch_may_kill(drilling->act, cluster, &drilling->chosen)
					   : NULL;
}

static const char *prepare(struct drilling *drilling)
{
	struct arena *mem = drilling->act->context->mem;
	struct cluster_look look = {0};
	struct error err;
	enum cluster_choice choice =
		cluster_switch_choose(drilling->act, drilling->to, PATRONI_FIT_LAG, false, &drilling->chosen);
	if (choice == CLUSTER_LEADS_ALREADY)
		return arena_printf(mem, "%s is the leader already", drilling->chosen.to);
	if (choice != CLUSTER_CHOSEN)
		return drilling->chosen.why;
	const char *why = cluster_look(drilling->act, &look, &err) ? judge(drilling, look.cluster)
								   : arena_copy(mem, err.text);
	cluster_look_done(&look);
	return why;
}

/* ---- the drill ---- */

/* One that is ignored (nohup, a shell's background) would wait for nobody, and yet be found. */
static void block_signals(struct cluster_act *act)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(ending); i++) {
		struct sigaction now;
		if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&set, ending[i]);
	}
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	act->stoppable = true;
}

/* Until so many more writes are acknowledged. */
static bool warm_up(struct drilling *drilling, struct drill *drill)
{
	size_t wanted = drill_acknowledged(drill) + WARM;
	int64_t end = clock_steady() + WARM_MILLISECONDS;
	while (drill_acknowledged(drill) < wanted && clock_steady() < end &&
		!cluster_act_is_stopped(drilling->act))
		clock_pause(STEP);
	return drill_acknowledged(drill) >= wanted;
}

static void fail(struct drilling *drilling, const char *why)
{
	if (!drilling->trouble)
		drilling->trouble = arena_copy(drilling->act->context->mem, why);
}

/* Making its database is some WAL of its own, which the candidate has to have first. And it is the last look at a leader that nobody was told to end. */
static bool choose_again(struct drilling *drilling)
{
	struct cluster_switch chosen;
	enum cluster_choice choice =
		cluster_switch_choose(drilling->act, drilling->chosen.to, PATRONI_FIT_LAG, true, &chosen);
	if (choice != CLUSTER_CHOSEN || !text_equal(chosen.from, drilling->chosen.from)) {
		fail(drilling, chosen.why ? chosen.why : "meanwhile another member has become the leader");
		return false;
	}
	drilling->chosen = chosen;
	if (drilling->way == DRILL_SWITCHOVER || chosen.started)
		return true;
	fail(drilling,
		arena_printf(drilling->act->context->mem,
			"%s does not say when its server was started, without which it is not seen to come back",
			chosen.from));
	return false;
}

/* A running agent makes a pass; where there is none, nothing is known of it. */
static void ask_users(struct drilling *drilling)
{
	struct cluster_act *act = drilling->act;
	CLEANUP(json_done) json_t *body = json_pack("{s:s}", "database", drilling->target.name);
	CLEANUP(json_done) json_t *operation = NULL;
	struct error err;
	if (cluster_act_is_stopped(act))
		return;
	if (!act->context->state && !act->context->server)
		act->context->state = act->source.config.state;
	if (!command_act(act->context, COMMAND_USERS_SYNC, body, WARM_MILLISECONDS, &operation, &err)) {
		drilling->users = arena_printf(act->context->mem, "not known: %s", err.text);
		return;
	}
	const char *message = json_text_at(operation, "message", "");
	if (text_equal(json_text_at(operation, "phase", ""), "Succeeded")) {
		drilling->users_after = cluster_act_passed(act);
		drilling->users =
			arena_printf(act->context->mem, "%.2fs", (double)drilling->users_after / 1000);
	} else {
		drilling->users_after = -1;
		drilling->users = arena_printf(act->context->mem, "no: %s", message);
	}
}

static const char *minutes(const struct drilling *drilling)
{
	char text[16];
	duration_text(drilling->act->timeout, text);
	return arena_copy(drilling->act->context->mem, text);
}

static const char *announcement(const struct drilling *drilling)
{
	const struct cluster_switch *chosen = &drilling->chosen;
	struct arena *mem = drilling->act->context->mem;
	switch (drilling->way) {
	case DRILL_KILL:
		return arena_printf(mem, "Pod %s is deleted", chosen->from);
	case DRILL_AWAIT:
		return arena_printf(mem,
			"end %s now: kill -9 of its Patroni and its server, or its node; this is waited for, up to %s, and Ctrl-C ends it",
			chosen->from, minutes(drilling));
	default:
		return arena_printf(mem, "%s hands over to %s", chosen->from, chosen->to);
	}
}

static bool (*const runs[])(struct cluster_act *act, struct cluster_switch *chosen) = {
	[DRILL_SWITCHOVER] = cluster_switch_run,
	[DRILL_KILL] = cluster_switch_kill,
	[DRILL_AWAIT] = cluster_switch_await,
};

static void hand_over(struct drilling *drilling, struct drill *drill)
{
	if (!warm_up(drilling, drill)) {
		fail(drilling, "the writers do not get through: nothing was handed over");
		return;
	}
	if (!choose_again(drilling))
		return;
	cluster_act_say(drilling->act, "%zu writes are acknowledged; %s", drill_acknowledged(drill),
		announcement(drilling));
	drilling->handed_over = runs[drilling->way](drilling->act, &drilling->chosen);
	if (!drilling->handed_over)
		fail(drilling, drilling->chosen.why);
	if (!warm_up(drilling, drill))
		fail(drilling, "the writers do not get through afterwards");
	if (drilling->handed_over)
		ask_users(drilling);
}

static void count_clients(struct drilling *drilling, const struct patroni_cluster *cluster)
{
	const struct patroni_member *old = patroni_member(cluster, drilling->chosen.from);
	struct error ignored;
	if (!drilling->handed_over || !old || !old->host || !old->port ||
		text_equal(old->name, cluster->leader))
		return;
	struct session_target target = target_of(drilling, old, NULL);
	target.deadline = MEMBER_DEADLINE;
	drilling->clients_known = drill_clients(&target, &drilling->clients, &ignored);
}

/* With whoever takes writes now; NULL = done, else why not. */
static const char *at_the_primary(struct drilling *drilling, struct drill *drill)
{
	struct arena *mem = drilling->act->context->mem;
	struct cluster_look look = {0};
	struct error err;
	bool ok = cluster_look(drilling->act, &look, &err);
	const char *trouble = ok ? cluster_look_trouble(&look) : NULL;
	if (trouble)
		ok = error_set(&err, ERROR_RETRY, "%s", trouble);
	const struct patroni_member *leader = ok ? patroni_member(look.cluster, look.cluster->leader) : NULL;
	if (leader && (!leader->host || !leader->port))
		ok = error_set(&err, ERROR_RETRY, "%s does not say where it is", leader->name);
	if (ok) {
		const struct session_target target = target_of(drilling, leader, NULL);
		if (drill && !drilling->measured)
			count_clients(drilling, look.cluster);
		if (drill && !drilling->measured)
			ok = drilling->measured = drill_measure(drill, &target, mem, &drilling->figures, &err);
		ok = ok && drill_clean(&target, &err);
	}
	cluster_look_done(&look);
	return ok ? NULL : arena_copy(mem, err.text);
}

/* Nobody says who leads any more: the members that are known are asked, and only one that takes writes can drop it; each, as an old leader may still
   do so. */
static bool clean_anywhere(const struct drilling *drilling)
{
	struct error ignored;
	bool done = false;
	for (size_t i = 0; i < drilling->count; i++)
		done = drill_clean(&drilling->ways[i], &ignored) || done;
	return done;
}

/* Until another one leads, and some more. */
static int64_t patience_of(const struct drilling *drilling)
{
	return CLEAN_MILLISECONDS + drilling->settings.ttl * 1000;
}

/* The database is not left because nobody leads for a moment, whoever was stopped in between. */
static void finish(struct drilling *drilling, struct drill *drill)
{
	int64_t patience = drilling->chosen.begun ? patience_of(drilling) : NOT_BEGUN_MILLISECONDS;
	int64_t end = clock_steady() + patience;
	if (drill)
		drill_stop(drill);
	do {
		const char *before = drilling->left;
		drilling->left = at_the_primary(drilling, drill);
		if (drilling->left && !before)
			cluster_act_say(drilling->act,
				"waiting, up to %llds, to drop the database " DRILL_DATABASE ": %s",
				(long long)patience / 1000, drilling->left);
		if (drilling->left)
			clock_pause(STEP * 5);
	} while (drilling->left && clock_steady() < end);
	if (drilling->left && clean_anywhere(drilling))
		drilling->left = NULL;
	if (drill && !drilling->measured)
		fail(drilling, "what was written could not be looked at");
}

static void run_drill(struct drilling *drilling)
{
	struct error err;
	bool made;
	if (!drill_prepare(&drilling->target, &made, &err)) {
		fail(drilling, err.text);
		if (made)
			finish(drilling, NULL);
		return;
	}
	struct drill *drill = drill_start(drilling->members, drilling->count, WRITERS, drilling->count);
	hand_over(drilling, drill);
	finish(drilling, drill);
	drill_free(drill);
	if (cluster_act_is_stopped(drilling->act))
		drilling->trouble = "it was stopped";
}

static void drill_it(struct drilling *drilling)
{
	block_signals(drilling->act);
	cluster_act_go(drilling->act);
	struct drill_guard guard = cluster_drill_guard(drilling, patience_of(drilling));
	run_drill(drilling);
	cluster_drill_guard_end(&guard);
}

static const char *question(const struct drilling *drilling)
{
	const struct cluster_switch *chosen = &drilling->chosen;
	struct arena *mem = drilling->act->context->mem;
	const char *what = drilling->way == DRILL_SWITCHOVER
		? arena_printf(mem, "%s becomes the leader instead of %s", chosen->to, chosen->from)
		: drilling->way == DRILL_KILL
		? arena_printf(mem,
			  "the Pod of the leader %s is deleted, without grace, and whoever Patroni chooses becomes the leader",
			  chosen->from)
		: arena_printf(mem,
			  "the drill waits, up to %s, until somebody ends the leader %s, and whoever Patroni chooses becomes the leader",
			  minutes(drilling), chosen->from);
	return arena_printf(mem,
		"%s: %s, while two writers write into the database " DRILL_DATABASE
		", which is made for it and dropped.\n%s\nSessions with %s end, and nobody takes writes for some %s.",
		drilling->act->name, what, chosen->about, chosen->from,
		drilling->way == DRILL_SWITCHOVER ? "seconds" : "seconds, up to the ttl (30 by default)");
}

static int run(struct drilling *drilling)
{
	struct cluster_act *act = drilling->act;
	struct arena *mem = act->context->mem;
	int code;
	const char *why = prepare(drilling);
	cluster_switch_document(act, &drilling->chosen);
	if (why) {
		code = cluster_act_end(act, "refused", arena_printf(mem, "%s: no drill: %s", act->name, why));
		return drilling->chosen.no_answer ? EXIT_NO_ANSWER : code;
	}
	if (!cluster_act_confirm(act, question(drilling), &code))
		return code;
	const char *to = drilling->chosen.to;
	if (!act->yes &&
		cluster_switch_choose(act, to, PATRONI_FIT_LAG, false, &drilling->chosen) != CLUSTER_CHOSEN)
		return cluster_act_end(act, "refused",
			arena_printf(mem, "%s: no drill: meanwhile %s", act->name,
				drilling->chosen.why ? drilling->chosen.why : "it has become the leader"));
	drill_it(drilling);
	return cluster_drill_report(drilling);
}

/* What goes with what; NULL = it does. */
static const char *contradiction(const struct drilling *drilling, bool clean, bool kill, bool await)
{
	if (clean && (drilling->to || drilling->again || kill || await))
		return "--clean is no drill: it goes with none of --to, --again, --kill and --wait-for-failover";
	if (kill && await)
		return "--kill and --wait-for-failover: either the leader's Pod is deleted, or somebody else ends it";
	if ((kill || await) && drilling->to)
		return "--to with --kill or --wait-for-failover: after a death Patroni alone chooses who takes over";
	return NULL;
}

int command_cluster_failover_drill(struct command_context *context, int argc, char **argv)
{
	struct cluster_act act = {0};
	struct drilling drilling = {.act = &act, .users_after = -1};
	bool clean = false, kill = false, await = false;
	const struct command_option options[] = {{"--to", NULL, &drilling.to},
		{"--again", &drilling.again, NULL}, {"--kill", &kill, NULL},
		{"--wait-for-failover", &await, NULL}, {"--clean", &clean, NULL}};
	int code;
	bool begun = cluster_act_begin(&act, context, &argc, argv, options, COUNT_OF(options), 1, &code);
	const char *wrong = begun ? contradiction(&drilling, clean, kill, await) : NULL;
	drilling.way = kill ? DRILL_KILL : await ? DRILL_AWAIT : DRILL_SWITCHOVER;
	if (wrong)
		code = command_misused(context, "%s", wrong);
	else if (begun)
		code = clean ? cluster_drill_clean(&drilling) : run(&drilling);
	secret_done(&drilling.target.password);
	cluster_act_done(&act);
	return code;
}
