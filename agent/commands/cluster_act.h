/*
 * cluster_act.h - what the commands share that change something at a database cluster: switchover, restart, reinit
 *
 * They go by what the members themselves answer, ask a person first, tell Patroni once, and look until what was asked for is so: Patroni's
 * answer is no proof of it. The end is one sentence and an exit code: EXIT_YES = it is so, EXIT_NO = refused, or not so in time.
 */
#pragma once

#include "agent/commands/cluster.h"
#include "reconcile/patroni/tell.h"

struct cluster_act {
	struct command_context *context;
	struct cluster_source source;
	const char *name; /* NAME or NAMESPACE/NAME */
	bool yes;         /* --yes */
	int64_t timeout;  /* milliseconds: --timeout */
	int64_t started;  /* on the steady clock: cluster_act_go() */
	json_t *result;   /* what -o json shows */
	bool stoppable;   /* signals that end a process are blocked, and asked for between two steps */
};

#define CLUSTER_ACT_HELP                                                                                     \
	"      --yes            without the question; needed where there is no terminal to ask at\n"         \
	"      --timeout D      until it has to be so (5m)\n"                                                \
	"  -n, --namespace NS   the cluster's namespace\n"                                                   \
	"  --kubeconfig FILE, --context NAME   which Kubernetes, instead of the agent file's\n\n"

/* Options of the command itself go over those that all of them have; the first argument is the cluster. False: `code` is the exit
   code, and what is wrong has been said. Ended also after false. */
bool cluster_act_begin(struct cluster_act *act, struct command_context *context, int *argc, char **argv,
	const struct command_option *own, size_t own_count, int most, int *code) MUST_CHECK;
void cluster_act_done(struct cluster_act *act);

/* From now on time is counted. */
void cluster_act_go(struct cluster_act *act);
bool cluster_act_is_late(const struct cluster_act *act); /* or somebody has stopped it */
bool cluster_act_is_stopped(const struct cluster_act *act);
int64_t cluster_act_passed(const struct cluster_act *act); /* milliseconds */

/* What happened, on stderr, with the time that has passed. */
void PRINTF_LIKE(2, 3) cluster_act_say(const struct cluster_act *act, const char *format, ...);

/* Asks at the terminal; with --yes true at once. False: `code` is the exit code. */
bool cluster_act_confirm(struct cluster_act *act, const char *question, int *code) MUST_CHECK;

/* The last sentence, and the document with `outcome`: done, nothing, refused, failed. The exit code. */
int cluster_act_end(struct cluster_act *act, const char *outcome, const char *message);

/* ---- one look at the cluster ---- */

struct cluster_look {
	struct arena *mem;
	struct patroni_set set;
	struct patroni_cluster *cluster; /* NULL = nothing was seen */
	const char *note;
};

bool cluster_look(const struct cluster_act *act, struct cluster_look *look, struct error *err) MUST_CHECK;
void cluster_look_done(struct cluster_look *look);

/* Why nothing should be done with it now; NULL = it has one leader that answers and takes writes. */
const char *cluster_look_trouble(const struct cluster_look *look);

/* Why nothing is to be done with it at all: its `postgresql` is being deleted. NULL = it stays. */
const char *cluster_look_going(const struct cluster_look *look, struct arena *mem);

/* ---- telling a member, and looking meanwhile ---- */

struct cluster_order {
	struct patroni_telling *telling; /* NULL = it has ended */
	bool answered;                   /* there was an answer over HTTP */
	bool refused;                    /* what was asked for will not be done: `words` say why */
	bool doubtful;                   /* Patroni has given up waiting for it: it may yet be done */
	const char *words;               /* NULL = nothing was said yet */
};

/* `body` becomes the call's. */
void cluster_order_begin(struct cluster_act *act, const struct patroni_cluster *cluster, const char *member,
	const char *path, json_t *body, struct cluster_order *order);
/* Waits a moment, and takes the answer when it comes. */
void cluster_order_step(struct cluster_act *act, struct cluster_order *order);
void cluster_order_done(struct cluster_order *order);

/* ---- one member is restarted, or made anew (cluster_member.c) ---- */

struct cluster_member_order {
	const char *name, *path;
	json_t *body;     /* the call's */
	const char *why;  /* not done: why */
	int64_t finished; /* milliseconds after the order */
};

/* Until its server was started anew and takes writes as the leader, or streams as a replica. False: `why`. */
bool cluster_member_run(struct cluster_act *act, struct cluster_member_order *order) MUST_CHECK;

/* ---- a switchover (cluster_switch.c) ---- */

struct cluster_switch {
	const char *from, *to; /* in the memory of the command */
	const char *about;     /* how far behind the candidate is, what else changes: for the question */
	const char *why;       /* refused or failed: why; else what is still missing */
	const char *leader;    /* who leads now; NULL = still `from`, or: */
	bool unled;            /* at the last look nobody led, or nobody said who */
	const char *namespace; /* of the cluster */
	const char *started;   /* when the server of `from` was started; NULL = it does not say */
	const char *killed; /* when the server of `from` had been started before it was to die; NULL = it is to hand over */
	bool begun; /* an order was given, or `from` was seen to end: for a while nobody may lead */
	int64_t record, writes, streaming; /* milliseconds after the order; -1 = not yet */
	bool no_answer;                    /* refused because nothing could be asked: EXIT_NO_ANSWER */
};

enum cluster_choice { CLUSTER_CHOSEN, CLUSTER_LEADS_ALREADY, CLUSTER_REFUSED };

/* Who takes over: `to`, or the fittest. `wait`: until there is one that is fit, as long as that can come by itself. */
enum cluster_choice cluster_switch_choose(struct cluster_act *act, const char *to, int64_t lag, bool wait,
	struct cluster_switch *chosen) MUST_CHECK;

/* Hands over, and looks until the new leader takes writes and the old one streams. False: `why`. */
bool cluster_switch_run(struct cluster_act *act, struct cluster_switch *chosen) MUST_CHECK;

/* For these two `started` has to be known, by which a server that came back is told from one that nobody ended: of cluster_switch_choose(), before
   anybody was told to end it. */

/* Deletes the leader's Pod without grace, and looks until another one takes writes and the old one, made anew, streams, or leads again. */
bool cluster_switch_kill(struct cluster_act *act, struct cluster_switch *chosen) MUST_CHECK;

/* Waits until somebody ends the leader, for `act->timeout` at most, and then looks as the one before. Time is counted from when it was last seen to
   lead as before. */
bool cluster_switch_await(struct cluster_act *act, struct cluster_switch *chosen) MUST_CHECK;

/* Why cluster_switch_kill() would be refused, asked beforehand; NULL = it may be. */
const char *cluster_switch_may_kill(
	struct cluster_act *act, const struct patroni_cluster *cluster, struct cluster_switch *chosen);

/* What `act->result` says of it; its `seconds`, borrowed, for more of them. */
json_t *cluster_switch_document(struct cluster_act *act, const struct cluster_switch *chosen);
/* Left out where it is not yet so. */
void cluster_set_seconds(json_t *object, const char *key, int64_t milliseconds);

/* "acid-1, acid-2": for messages about a name that is none of them. */
const char *cluster_member_names(const struct patroni_cluster *cluster, struct arena *mem);
/* In `mem`: its state, or why that is not known. */
const char *cluster_member_state(const struct patroni_member *member, struct arena *mem);
