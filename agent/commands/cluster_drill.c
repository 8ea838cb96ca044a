/*
 * cluster_drill.c - `pgitops cluster failover-drill`: a switchover under writers whose every acknowledged write is looked for afterwards
 *
 * Whatever ends it, its database is dropped: signals are blocked and asked for between two steps, so that Ctrl-C comes to the cleaning as the end
 * does; what a killed drill left, the next one drops.
 */
#include <signal.h>
#include <stdlib.h>

#include "agent/commands/cluster_act.h"
#include "agent/users/one_primary.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/patroni/drill.h"
#include "reconcile/patroni/fit.h"

const char command_cluster_failover_drill_help[] =
	"Hands the leadership over while two writers write into a database of the drill's own (pgitops_drill), and tells what\n"
	"that cost: the longest time without a write, acknowledged writes that are lost, writes whose outcome nobody told, how\n"
	"long two members took writes, when the old leader streamed again. Refused as `pgitops cluster switchover` is, while a\n"
	"base backup or another drill runs, and within an hour after a failover. Its database is dropped at the end, after\n"
	"Ctrl-C, too; what a drill left that was killed, the next one drops.\n\n"
	"      --to MEMBER      who takes over; without it the one that is behind the least\n"
	"      --again          also within an hour after a failover\n" CLUSTER_ACT_HELP
	"The primary is reached by the `databases` entry of this cluster in the agent file (its `postgresql`, or `patroni`), with a\n"
	"user that may create databases. Exit code 0 when no acknowledged write is lost and all is as before with another\n"
	"leader; -o markdown for a report.\n\n"
	"Examples:\n"
	"  pgitops cluster failover-drill acid-minimal-cluster\n"
	"  pgitops cluster failover-drill acid-minimal-cluster --yes -o markdown\n"
	"  pgitops cluster failover-drill acid-minimal-cluster --yes -o json | jq .lost\n";

enum {
	WRITERS = 2,
	WARM = 40, /* acknowledged writes before it begins, and after it is over */
	WARM_MILLISECONDS = 20000,
	CLEAN_MILLISECONDS = 60000,
	MEMBER_DEADLINE = 5000, /* of a writer, for connecting and for one write */
	STEP = 100,
	LOST_SHOWN = 20,
	HOUR = 3600
};

struct drilling {
	struct cluster_act *act;
	const char *to;
	bool again;
	struct cluster_switch chosen;
	struct session_target target; /* of the `databases` entry, which owns the password */
	struct drill_member *members;
	size_t count;
	struct patroni_settings settings;
	bool settings_known;
	enum patroni_synchronous synchronous;
	struct drill_figures figures;
	bool handed_over, measured;
	const char *trouble; /* why it is not whole; NULL = it is */
	const char *left;    /* why its database is still there; NULL = it is not */
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

static const char *take_members(struct drilling *drilling, const struct patroni_cluster *cluster)
{
	struct arena *mem = drilling->act->context->mem;
	drilling->members = arena_array(mem, cluster->member_count + 1, sizeof(*drilling->members));
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *member = &cluster->members[i];
		if (member->leaving)
			return arena_printf(mem, "pod %s is being deleted: a rolling update may be running",
				member->name);
		if (!member->host || !member->port)
			continue;
		struct drill_member *made = &drilling->members[drilling->count++];
		made->name = arena_copy(mem, member->name);
		made->target = target_of(drilling, member, DRILL_DATABASE);
		made->target.name = made->name;
		made->target.deadline = MEMBER_DEADLINE;
	}
	return NULL;
}

/* Why there is no drill; NULL = there can be one. */
static const char *judge(struct drilling *drilling, const struct patroni_cluster *cluster)
{
	struct arena *mem = drilling->act->context->mem;
	const struct database_config *entry = cluster_entry(&drilling->act->source, cluster);
	int64_t ago = (clock_now() - cluster->failed_over) / 1000000;
	struct error err;
	if (cluster->failed_over && ago < HOUR && !drilling->again)
		return arena_printf(mem,
			"the last failover was %lld minutes ago, and within an hour one is enough; --again says otherwise",
			(long long)(ago / 60));
	if (!entry)
		return "the writers need a way in, and no `databases` entry of an agent file is this cluster's";
	if (!cluster_target(drilling->act->context, &drilling->act->source, entry, &drilling->target, &err))
		return arena_copy(mem, err.text);
	drilling->settings_known = patroni_settings(cluster, &drilling->settings);
	drilling->synchronous = patroni_synchronous(cluster);
	return take_members(drilling, cluster);
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

static void hand_over(struct drilling *drilling, struct drill *drill)
{
	if (!warm_up(drilling, drill)) {
		fail(drilling, "the writers do not get through: nothing was handed over");
		return;
	}
	if (!choose_again(drilling))
		return;
	cluster_act_say(drilling->act, "%zu writes are acknowledged; %s hands over to %s",
		drill_acknowledged(drill), drilling->chosen.from, drilling->chosen.to);
	drilling->handed_over = cluster_switch_run(drilling->act, &drilling->chosen);
	if (!drilling->handed_over)
		fail(drilling, drilling->chosen.why);
	if (!warm_up(drilling, drill))
		fail(drilling, "the writers do not get through after the switchover");
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
			ok = drilling->measured = drill_measure(drill, &target, mem, &drilling->figures, &err);
		ok = ok && drill_clean(&target, &err);
	}
	cluster_look_done(&look);
	return ok ? NULL : arena_copy(mem, err.text);
}

/* The database is not left because nobody leads for a moment. */
static void finish(struct drilling *drilling, struct drill *drill)
{
	int64_t end = clock_steady() + CLEAN_MILLISECONDS;
	if (drill)
		drill_stop(drill);
	do {
		drilling->left = at_the_primary(drilling, drill);
		if (drilling->left)
			clock_pause(STEP * 5);
	} while (drilling->left && clock_steady() < end);
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
	struct drill *drill = drill_start(drilling->members, drilling->count, WRITERS);
	hand_over(drilling, drill);
	finish(drilling, drill);
	drill_free(drill);
	if (cluster_act_is_stopped(drilling->act))
		drilling->trouble = "it was stopped";
}

/* ---- the report ---- */

static const char *seconds(const struct drilling *drilling, int64_t milliseconds)
{
	return milliseconds < 0
		? "not in time"
		: arena_printf(drilling->act->context->mem, "%.2fs", (double)milliseconds / 1000);
}

struct line {
	const char *what, *value;
	enum cell_style style;
};

static void show(const struct drilling *drilling, const struct line *lines, size_t count)
{
	static const char *const headers[] = {"DRILL", "MEASURED"};
	const struct command_context *context = drilling->act->context;
	if (context->output.format == OUTPUT_MARKDOWN) {
		puts("| drill | measured |\n|---|---|");
		for (size_t i = 0; i < count; i++)
			command_block(context, stdout, 0,
				arena_printf(context->mem, "| %s | %s |", lines[i].what, lines[i].value),
				CELL_PLAIN);
		return;
	}
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	for (size_t i = 0; i < count; i++) {
		table_cell(table, lines[i].what, CELL_PLAIN);
		table_cell(table, lines[i].value, lines[i].style);
	}
	table_print(table);
	table_free(table);
}

static void show_lost(const struct drilling *drilling)
{
	const struct drill_figures *figures = &drilling->figures;
	for (size_t i = 0; i < figures->lost_count && i < LOST_SHOWN; i++) {
		char time[CLOCK_TEXT_SIZE];
		clock_text(figures->lost[i].time, time);
		command_block(drilling->act->context, stdout, 0,
			arena_printf(drilling->act->context->mem,
				"lost: writer %zu, number %zu, acknowledged by %s at %s",
				figures->lost[i].writer, figures->lost[i].number, figures->lost[i].server, time),
			CELL_BAD);
	}
	if (figures->lost_count > LOST_SHOWN)
		printf("and %zu more; -o json has all of them\n", figures->lost_count - LOST_SHOWN);
}

static void show_figures(const struct drilling *drilling)
{
	struct arena *mem = drilling->act->context->mem;
	const struct drill_figures *figures = &drilling->figures;
	const struct patroni_settings *settings = &drilling->settings;
	const struct line lines[] = {
		{"longest time without a write", seconds(drilling, figures->without_writes / 1000), CELL_PLAIN},
		{"acknowledged writes", arena_printf(mem, "%zu", figures->acknowledged), CELL_PLAIN},
		{"acknowledged and lost", arena_printf(mem, "%zu", figures->lost_count),
			figures->lost_count ? CELL_BAD : CELL_GOOD},
		{"outcome not told",
			arena_printf(
				mem, "%zu, of which %zu are there", figures->unknown, figures->unknown_there),
			CELL_PLAIN},
		{"refused",
			arena_printf(mem, "%zu, of which %zu by a server that takes no writes any more",
				figures->refused, figures->readonly),
			CELL_PLAIN},
		{"two members took writes",
			figures->two_primaries ? seconds(drilling, figures->two_primaries / 1000) : "never",
			figures->two_primaries ? CELL_BAD : CELL_GOOD},
		{"new leader takes writes after", seconds(drilling, drilling->chosen.writes), CELL_PLAIN},
		{"old leader streams after", seconds(drilling, drilling->chosen.streaming), CELL_PLAIN},
		{"synchronous_mode",
			drilling->synchronous == PATRONI_QUORUM                ? "quorum"
				: drilling->synchronous == PATRONI_SYNCHRONOUS ? "on"
									       : "off",
			CELL_PLAIN},
		{"a leader that dies is replaced after",
			!drilling->settings_known
				? "not known: nobody said the cluster's configuration"
				: arena_printf(mem,
					  "ttl %llds, and loop_wait %llds at most (retry_timeout %llds)",
					  (long long)settings->ttl, (long long)settings->loop_wait,
					  (long long)settings->retry_timeout),
			CELL_DIM},
	};
	show(drilling, lines, COUNT_OF(lines));
	show_lost(drilling);
}

static json_t *lost_document(const struct drill_figures *figures)
{
	json_t *lost = json_array();
	for (size_t i = 0; i < figures->lost_count; i++) {
		char time[CLOCK_TEXT_SIZE];
		clock_text(figures->lost[i].time, time);
		json_array_append_new(lost,
			json_pack("{s:I,s:I,s:s,s:s}", "writer", (json_int_t)figures->lost[i].writer,
				"number", (json_int_t)figures->lost[i].number, "server",
				figures->lost[i].server, "time", time));
	}
	return lost;
}

static void fill_result(const struct drilling *drilling)
{
	const struct drill_figures *figures = &drilling->figures;
	json_t *out = drilling->act->result;
	json_t *times = cluster_switch_document(drilling->act, &drilling->chosen);
	if (drilling->measured) {
		cluster_set_seconds(times, "withoutWrites", figures->without_writes / 1000);
		cluster_set_seconds(times, "twoPrimaries", figures->two_primaries / 1000);
		json_object_set_new(out, "writes",
			json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "acknowledged",
				(json_int_t)figures->acknowledged, "lost", (json_int_t)figures->lost_count,
				"refused", (json_int_t)figures->refused, "readOnly",
				(json_int_t)figures->readonly, "unknown", (json_int_t)figures->unknown,
				"unknownThere", (json_int_t)figures->unknown_there));
		json_object_set_new(out, "lost", lost_document(figures));
	}
	if (drilling->settings_known)
		json_object_set_new(out, "settings",
			json_pack("{s:I,s:I,s:I,s:b}", "ttl", (json_int_t)drilling->settings.ttl, "loopWait",
				(json_int_t)drilling->settings.loop_wait, "retryTimeout",
				(json_int_t)drilling->settings.retry_timeout, "synchronousMode",
				drilling->synchronous != PATRONI_ASYNCHRONOUS));
}

static int report(struct drilling *drilling)
{
	struct cluster_act *act = drilling->act;
	struct arena *mem = act->context->mem;
	const char *left = !drilling->left
		? ""
		: arena_printf(mem,
			  "; its database " DRILL_DATABASE " is still there (%s): the next drill drops it",
			  drilling->left);
	fill_result(drilling);
	if (drilling->measured && !command_is_document(act->context))
		show_figures(drilling);
	if (drilling->trouble)
		return cluster_act_end(act, "failed",
			arena_printf(
				mem, "%s: the drill is not whole: %s%s", act->name, drilling->trouble, left));
	if (drilling->figures.lost_count)
		return cluster_act_end(act, "lost",
			arena_printf(mem, "%s: %zu acknowledged writes are lost%s", act->name,
				drilling->figures.lost_count, left));
	if (drilling->left)
		return cluster_act_end(act, "failed", arena_printf(mem, "%s: done%s", act->name, left));
	return cluster_act_end(act, "done",
		arena_printf(mem, "%s: %s is the leader instead of %s, and no acknowledged write is lost",
			act->name, drilling->chosen.to, drilling->chosen.from));
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
	if (!cluster_act_confirm(act,
		    arena_printf(mem,
			    "%s: %s becomes the leader instead of %s, while two writers write into the database " DRILL_DATABASE
			    ", which is made for it and dropped.\n%s\nSessions with %s end, and nobody takes writes for some "
			    "seconds.",
			    act->name, drilling->chosen.to, drilling->chosen.from, drilling->chosen.about,
			    drilling->chosen.from),
		    &code))
		return code;
	const char *to = drilling->chosen.to;
	if (!act->yes &&
		cluster_switch_choose(act, to, PATRONI_FIT_LAG, false, &drilling->chosen) != CLUSTER_CHOSEN)
		return cluster_act_end(act, "refused",
			arena_printf(mem, "%s: no drill: meanwhile %s", act->name,
				drilling->chosen.why ? drilling->chosen.why : "it has become the leader"));
	drill_it(drilling);
	return report(drilling);
}

int command_cluster_failover_drill(struct command_context *context, int argc, char **argv)
{
	struct cluster_act act = {0};
	struct drilling drilling = {.act = &act};
	const struct command_option options[] = {
		{"--to", NULL, &drilling.to}, {"--again", &drilling.again, NULL}};
	int code;
	if (cluster_act_begin(&act, context, &argc, argv, options, COUNT_OF(options), 1, &code))
		code = run(&drilling);
	secret_done(&drilling.target.password);
	cluster_act_done(&act);
	return code;
}
