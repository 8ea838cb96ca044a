/*
 * patroni.h - what is known of PostgreSQL clusters that Patroni runs: members, leader, lag, and what is wrong
 *
 * Three sources say it, and each may be out of date in a way of its own:
 *
 *   the leader's record    Endpoints NAME, or ConfigMap NAME-leader: who leads, and when that was renewed last. The time is the leader's
 *                          clock: an old one is a hint and no proof, for in failsafe mode it stands still under a good leader.
 *   a member's word        annotation `status` of its Pod. It is written when it changes, has no time in it and never expires: a dead
 *                          member's says `running` for ever. When it was written the Pod's managedFields say.
 *   its answer             GET /patroni of the member itself: what is so now, and whether PostgreSQL is in recovery, which neither label nor
 *                          record knows. Only where it can be reached from here.
 *
 * The way of a reading: objects are taken (documents.c), members are asked (ask.c), and patroni_judge() puts both together. All but the
 * asking is pure. The rules are Patroni 4.1's (dcs/kubernetes.py, ctl.py, api.py) and hold for 3.0 to 4.1.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

enum patroni_role {
	PATRONI_REPLICA,
	PATRONI_LEADER,
	PATRONI_STANDBY_LEADER,
	PATRONI_SYNC_STANDBY,
	PATRONI_QUORUM_STANDBY
};
enum { PATRONI_UNKNOWN = -1 }; /* a position or a lag that nobody has said */

enum patroni_contact {
	PATRONI_NOT_ASKED, /* shown is its word */
	PATRONI_ANSWERED,
	PATRONI_SILENT /* asked, and no answer: `silence` says why */
};

struct patroni_member {
	const char *name;
	const char *host;    /* of conn_url; NULL = not said */
	int64_t port;        /* of conn_url; 0 = not said */
	const char *api_url; /* of its REST API, with /patroni; NULL = not said */
	const char *version; /* of Patroni */

	/* Its word, and over it its answer. */
	const char *state;             /* NULL = it has said none */
	const char *replication_state; /* NULL = none: "streaming", "in archive recovery" */
	const char *said_role;         /* "primary", "master", "replica", ... */
	int64_t timeline;              /* 0 = not said */
	int64_t location; /* bytes of WAL: written by a primary, the further of the two of a replica */
	int64_t received, replayed; /* of a replica */
	bool pending_restart, replay_paused;
	json_t *pending_reason;        /* {parameter: {old_value, new_value}}, NULL = none */
	json_t *tags;                  /* NULL = none */
	const char *scheduled_restart; /* NULL = none */
	const char *unreadable;        /* why its word cannot be read; NULL = it can */
	int64_t heard;                 /* microseconds: when it wrote its word last; 0 = not known */

	/* Of the answer alone. */
	enum patroni_contact contact;
	const char *silence;
	bool in_recovery, unlocked, failsafe;
	bool misled; /* its picture of the cluster has another leader than the one that counts (ask.h) */
	int64_t store_seen;     /* microseconds: when it last spoke with its store; 0 = not said */
	json_t *replication;    /* who streams from it, as PostgreSQL has it; NULL = none */
	const char *system;     /* its system identifier */
	const char *started;    /* when its postmaster was started, in its words */
	int64_t server_version; /* 150018; 0 = not said */

	/* Of its Pod. */
	bool labelled_primary, leaving; /* leaving: is being deleted */
	bool outdated;                  /* the operator is to make it anew: a rolling update waits for it */
	const char *node;               /* that it is bound to; NULL = none */
	const char *pod_trouble; /* why it does not run: "Pending: 0/3 nodes are available"; NULL = it runs */

	/* patroni_judge() */
	enum patroni_role role;
	int64_t receive_lag, replay_lag; /* bytes behind the leader */
};

struct patroni_problem {
	bool bad; /* nobody takes writes, or more than one does, or that cannot be told; else it is a warning */
	const char *text;
};

struct patroni_cluster {
	const char *namespace, *name;   /* namespace "" = not of Kubernetes */
	struct patroni_member *members; /* by name */
	size_t member_count;
	const struct patroni_access *access; /* how its members are asked (ask.h), borrowed; NULL = with nothing of ours */
	const char *entry; /* what patroni_ask_cluster() called it; NULL = it is of Kubernetes */
	const char *silence; /* why nothing is known of it but what `members` say of themselves; NULL = something is */

	/* The leader's record. */
	const char *leader;        /* NULL = there is none */
	int64_t renewed, acquired; /* microseconds; 0 = not said */
	int64_t ttl;               /* seconds; 0 = not said */
	int64_t optime;            /* the leader's position when it renewed */
	const json_t *slots;       /* name -> position */

	/* NAME-config, NAME-sync, NAME-failover */
	const json_t *config;     /* NULL = not there */
	bool config_known;        /* `config` is all of it, not what a REST API lets one make out */
	const char *system;       /* the cluster's system identifier */
	const char *sync_standby; /* comma list */
	const char *switchover_at, *switchover_from, *switchover_to;
	int64_t failed_over; /* microseconds: when the last one was promoted; 0 = never, or not known */
	const char *failed_over_to;
	const char *history_unknown; /* why nobody knows when that was; NULL = `failed_over` is all there is to know */
	int64_t timeline;            /* of the leader, else the highest that was said; 0 = not known */
	const char *unreadable; /* which annotation cannot be read; NULL = all can */

	/* The operator's object; all 0 and NULL where there is none. */
	bool operated, leaving;
	int64_t wanted; /* numberOfInstances */
	const char *postgres_version, *volume_size, *operator_status;
	const char *volume_trouble;
	size_t volume_count;
	const char *volume_capacity; /* of the smallest volume claim; NULL = not known */
	const char *const *troubles; /* what else of the operator's is told, in sentences; set by the caller before patroni_judge() */
	size_t trouble_count;

	/* patroni_judge() */
	struct patroni_problem *problems; /* the worst first */
	size_t problem_count;
	bool bad;
};

struct patroni_set {
	struct arena *mem;             /* owns every text; set by the caller */
	struct patroni_cluster *items; /* after patroni_judge() by namespace and name */
	size_t count;
	json_t *kept; /* the documents that are pointed into */
};

void patroni_done(struct patroni_set *set); /* not `mem` */

/* ---- what Kubernetes has: each object of these lists, borrowed; in any order ---- */

/* The labels to list by. What else carries the cluster's is left to others: the pooler's Pods have the role label of a primary, too. */
#define PATRONI_SELECTOR "cluster-name,application notin (db-connection-pooler,spilo-logical-backup)"

void patroni_take_pod(struct patroni_set *set, json_t *pod);

/* Is it labelled as the primary? Spilo's label and Patroni's own; `master` of both, `primary` since Patroni 4. */
bool patroni_labelled_primary(const json_t *pod);
void patroni_take_record(struct patroni_set *set, json_t *object); /* an Endpoints or ConfigMap */
void patroni_take_postgresql(struct patroni_set *set, json_t *object);
void patroni_take_claim(struct patroni_set *set, json_t *claim); /* a PersistentVolumeClaim */

/* Leaves out what has Patroni's label by chance: no operator's object, no record, no member's word. */
void patroni_settle(struct patroni_set *set);

/* ---- what the members say ---- */

/* GET /patroni: what is in it goes over the word. */
void patroni_take_answer(struct patroni_set *set, struct patroni_member *member, json_t *answer);

/* GET /cluster, where there is no Kubernetes: the cluster with all its members as one of them sees it. */
struct patroni_cluster *patroni_take_cluster(struct patroni_set *set, const char *name, json_t *answer);

/* The answer to GET /config of a cluster that was taken so. */
void patroni_take_config(struct patroni_set *set, struct patroni_cluster *cluster, json_t *answer);

/* Patroni's history, of its record or of GET /history: when the last failover was, and to whom. */
void patroni_take_history(struct patroni_set *set, struct patroni_cluster *cluster, const json_t *history);

/* One that was to be asked, and nobody answers. */
void patroni_take_silence(struct patroni_set *set, const char *name, const char *why);

/* GET /patroni, at `url`, of a member of one whose members have no picture of it: what it says of itself. Who leads is known where
   one does so in failsafe mode; `why` nobody has a picture is told. False: it says no name (before Patroni 3.2), and is left out. */
bool patroni_take_alone(
	struct patroni_set *set, const char *name, const char *url, json_t *answer, const char *why);

struct patroni_cluster *patroni_find(
	struct patroni_set *set, const char *namespace, const char *name);                      /* or NULL */
struct patroni_member *patroni_member(const struct patroni_cluster *cluster, const char *name); /* or NULL */

/* Roles, lag and problems. `now` in microseconds. */
void patroni_judge(struct patroni_set *set, int64_t now);

/* "http://10.0.0.5:8008" and "http://10.0.0.5:8008/" are where "http://10.0.0.5:8008/patroni" is. */
bool patroni_is_at(const struct patroni_member *member, const char *url);

/* After patroni_judge(). By its own answer: it runs, and is not in recovery. */
bool patroni_takes_writes(const struct patroni_member *member);

/* It streams, from the leader or from another member: the leader's word counts, where it gives one. */
bool patroni_streams(const struct patroni_cluster *cluster, const struct patroni_member *member);

/* synchronous_mode of its configuration, as Patroni takes the word. */
enum patroni_synchronous { PATRONI_ASYNCHRONOUS, PATRONI_SYNCHRONOUS, PATRONI_QUORUM };
enum patroni_synchronous patroni_synchronous(const struct patroni_cluster *cluster);

/* Seconds; what its configuration leaves out is as Patroni has it by default. False: its configuration is not known. */
struct patroni_settings {
	int64_t ttl, loop_wait, retry_timeout;
};
bool patroni_settings(const struct patroni_cluster *cluster, struct patroni_settings *settings);

/* Its configuration makes it a standby of another cluster: nobody takes writes in it. */
bool patroni_is_standby_cluster(const struct patroni_cluster *cluster);

/* "0/4000000" */
const char *patroni_position(int64_t position, struct arena *mem);

/* Reads "0/4000000", PATRONI_UNKNOWN where it is none. */
int64_t patroni_position_read(const char *text);

const char *patroni_role_word(enum patroni_role role);  /* "sync_standby" */
const char *patroni_role_title(enum patroni_role role); /* "Sync Standby" */
