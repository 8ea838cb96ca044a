/*
 * cluster_drill.c - `pgitops cluster failover-drill`: a switchover under writers whose every acknowledged write is looked for afterwards
 *
 * Whatever ends it, its database is dropped: signals are blocked and asked for between two steps, so that Ctrl-C comes to the cleaning as the end
 * does; what a killed drill left, the next one drops.
 */
#include <signal.h>
#include <stdlib.h>

#include "agent/commands/cluster_drill.h"
#include "agent/users/one_primary.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/patroni/fit.h"

const char command_cluster_failover_drill_help[] =
	"Hands the leadership over while two writers write into a database of the drill's own (pgitops_drill) and two readers read, and tells what\n"
	"that cost: the longest time without a write and without a read, acknowledged writes that are lost, writes whose outcome nobody told, how\n"
	"long two members took writes, when the old leader streamed again. Refused as `pgitops cluster switchover` is, while a\n"
	"base backup, a rolling update or another drill runs, and within an hour after a failover. Its database is dropped at the end, after\n"
	"Ctrl-C, too; what a drill left that was killed, the next one drops.\n\n"
	"      --to MEMBER      who takes over; without it the one that is behind the least\n"
	"      --again          also within an hour after a failover\n"
	"      --kill           the leader dies: its Pod is deleted without grace, and whoever Patroni chooses takes over, after the\n"
	"                       ttl at the latest; needs `delete` on pods\n" CLUSTER_ACT_HELP
	"The primary is reached by the `databases` entry of this cluster in the agent file (its `postgresql`, or `patroni`), with a\n"
	"user that may create databases. Exit code 0 when no acknowledged write is lost and all is as before with another\n"
	"leader; -o markdown for a report.\n\n"
	"Examples:\n"
	"  pgitops cluster failover-drill acid-minimal-cluster\n"
	"  pgitops cluster failover-drill acid-minimal-cluster --yes -o markdown\n"
	"  pgitops cluster failover-drill acid-minimal-cluster --yes -o json | jq .lost\n";

enum {
	WRITERS = 2,
	READERS = 2,
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

/* Why there is no drill; NULL = there can be one. */
static const char *judge(struct drilling *drilling, const struct patroni_cluster *cluster)
{
	struct arena *mem = drilling->act->context->mem;
	const struct database_config *entry = cluster_entry(&drilling->act->source, cluster);
	int64_t ago = (clock_now() - cluster->failed_over) / 1000000;
	const char *rolling = rolling_update(cluster, mem);
	struct error err;
	if (rolling)
		return rolling;
	if (cluster->failed_over && ago < HOUR && !drilling->again)
		return arena_printf(mem,
			"the last failover was %lld minutes ago, and within an hour one is enough; --again says otherwise",
			(long long)(ago / 60));
	if (drilling->kill && !*cluster->namespace)
		return arena_printf(mem,
			"--kill deletes the leader's Pod, and this cluster is one of no Kubernetes: end Patroni and the server of %s by hand "
			"where they run, or leave --kill out for a switchover",
			drilling->chosen.from);
	if (drilling->kill && json_is_true(json_object_get(cluster->config, "pause")))
		return "maintenance mode is on, so nobody would take over: resume it first";
	if (!entry)
		return "the writers need a way in, and no `databases` entry of an agent file is this cluster's";
	if (!cluster_target(drilling->act->context, &drilling->act->source, entry, &drilling->target, &err))
		return arena_copy(mem, err.text);
	drilling->settings_known = patroni_settings(cluster, &drilling->settings);
	drilling->synchronous = patroni_synchronous(cluster);
	take_members(drilling, cluster);
	return NULL;
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

static void block_signals(struct cluster_act *act)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
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

/* Making its database is some WAL of its own, which the candidate has to have first. */
static bool choose_again(struct drilling *drilling)
{
	struct cluster_switch chosen;
	enum cluster_choice choice =
		cluster_switch_choose(drilling->act, drilling->chosen.to, PATRONI_FIT_LAG, true, &chosen);
	if (choice == CLUSTER_CHOSEN && text_equal(chosen.from, drilling->chosen.from))
		return true;
	fail(drilling, chosen.why ? chosen.why : "meanwhile another member has become the leader");
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

static void hand_over(struct drilling *drilling, struct drill *drill)
{
	if (!warm_up(drilling, drill)) {
		fail(drilling, "the writers do not get through: nothing was handed over");
		return;
	}
	if (!choose_again(drilling))
		return;
	if (drilling->kill)
		cluster_act_say(drilling->act, "%zu writes are acknowledged; Pod %s is deleted",
			drill_acknowledged(drill), drilling->chosen.from);
	else
		cluster_act_say(drilling->act, "%zu writes are acknowledged; %s hands over to %s",
			drill_acknowledged(drill), drilling->chosen.from, drilling->chosen.to);
	drilling->handed_over =
		(drilling->kill ? cluster_switch_kill : cluster_switch_run)(drilling->act, &drilling->chosen);
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

/* Nobody says who leads any more: the members that are known are asked, and only one that takes writes can drop it. */
static bool clean_anywhere(const struct drilling *drilling)
{
	struct error ignored;
	bool done = false;
	for (size_t i = 0; !done && i < drilling->count; i++)
		done = drill_clean(&drilling->ways[i], &ignored);
	return done;
}

/* The database is not left because nobody leads for a moment. */
static void finish(struct drilling *drilling, struct drill *drill)
{
	int64_t patience = drilling->handed_over ? CLEAN_MILLISECONDS + drilling->settings.ttl * 1000
						 : NOT_BEGUN_MILLISECONDS;
	int64_t end = clock_steady() + patience;
	if (drill)
		drill_stop(drill);
	do {
		drilling->left = at_the_primary(drilling, drill);
		if (drilling->left)
			clock_pause(STEP * 5);
	} while (drilling->left && clock_steady() < end);
	if (drilling->left && clean_anywhere(drilling))
		drilling->left = NULL;
	if (drill && !drilling->measured)
		fail(drilling, "what was written could not be looked at");
}

static void drill_it(struct drilling *drilling)
{
	struct error err;
	block_signals(drilling->act);
	cluster_act_go(drilling->act);
	if (!drill_prepare(&drilling->target, &err)) {
		fail(drilling, err.text);
		if (err.kind != ERROR_CONFLICT)
			finish(drilling, NULL);
		return;
	}
	struct drill *drill = drill_start(drilling->members, drilling->count, WRITERS, READERS);
	hand_over(drilling, drill);
	finish(drilling, drill);
	drill_free(drill);
	if (cluster_act_is_stopped(drilling->act))
		drilling->trouble = "it was stopped";
}

static const char *question(const struct drilling *drilling)
{
	const struct cluster_switch *chosen = &drilling->chosen;
	struct arena *mem = drilling->act->context->mem;
	const char *what = drilling->kill
		? arena_printf(mem,
			  "the Pod of the leader %s is deleted, without grace, and whoever Patroni chooses becomes the leader",
			  chosen->from)
		: arena_printf(mem, "%s becomes the leader instead of %s", chosen->to, chosen->from);
	return arena_printf(mem,
		"%s: %s, while two writers write into the database " DRILL_DATABASE
		", which is made for it and dropped.\n%s\nSessions with %s end, and nobody takes writes for some %s.",
		drilling->act->name, what, chosen->about, chosen->from,
		drilling->kill ? "seconds, up to the ttl (30 by default)" : "seconds");
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

int command_cluster_failover_drill(struct command_context *context, int argc, char **argv)
{
	struct cluster_act act = {0};
	struct drilling drilling = {.act = &act, .users_after = -1};
	const struct command_option options[] = {{"--to", NULL, &drilling.to},
		{"--again", &drilling.again, NULL}, {"--kill", &drilling.kill, NULL}};
	int code;
	bool begun = cluster_act_begin(&act, context, &argc, argv, options, COUNT_OF(options), 1, &code);
	if (begun && drilling.kill && drilling.to)
		code = command_misused(
			context, "--to and --kill: after a death Patroni alone chooses who takes over");
	else if (begun)
		code = run(&drilling);
	secret_done(&drilling.target.password);
	cluster_act_done(&act);
	return code;
}
