/*
 * agent.h - the running agent: what its threads share, and who may touch it
 *
 * The reconciler owns everything here but what is marked otherwise. There is one struct agent; it is made by
 * agent/commands/agent.c and passed down.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "agent/commits.h"
#include "agent/config/application.h"
#include "agent/config/config.h"
#include "agent/config/sync_request.h"
#include "agent/config/manager.h"
#include "reconcile/kubernetes/cluster.h"
#include "reconcile/source/source.h"
#include "store/store.h"

enum { REFRESH_IDLE, REFRESH_ASKED, REFRESH_ANSWERED };
enum { SYNC_NONE, SYNC_SUCCEEDED, SYNC_FAILED };

enum { REPOSITORIES_AT_ONCE = 4 }; /* fetch threads */

struct checks;         /* sync/checks.h */
struct reasons;        /* sync/reasons.h */
struct deletion;       /* sync/deletion.h */
struct preview;        /* sync/preview.h */
struct sync_operation; /* sync/operation.h */
struct fetch;          /* loop/fetch.h */
struct inbox;          /* loop/inbox.h */
struct project_set;    /* config/project_set.h */
struct queue;          /* queue.h */
struct secrets;        /* users/secrets.h */

/* The users that an Application has for one database of the agent file, read and checked. */
struct content_users {
	const struct database_config *database;
	struct users users;
	char commit[COMMIT_SIZE];   /* of the source where they stand */
	char hash[DIGEST_HEX_SIZE]; /* of what they say: users_source_hash() */
};

/* What one source wants at its commit, before the sources are united to what the Application wants. One alone becomes the content
   itself; of several each is kept until it is read anew, so that a new commit of one asks nothing of the others. */
struct part {
	size_t references;
	struct arena *mem;       /* holds all of it */
	struct desired *desired; /* without mistakes, not completed */
	char commit[COMMIT_SIZE];
	const char *author, *message; /* of that commit */
	int64_t author_time;          /* microseconds */
};
struct part *part_hold(struct part *part);
void part_release(struct part *part); /* accepts NULL */

/* What an Application wants at one commit of each source: shared by what is in force and the operation that is pinned to it. */
struct content {
	size_t references;
	struct arena *mem;   /* holds all of it, but what is in parts */
	struct part **parts; /* of several sources: where the objects lie */
	size_t part_count;
	struct desired *desired;   /* complete */
	char commit[COMMITS_SIZE]; /* of each source (commits.h) */
	char source_hash[17]; /* of the app when it was read: another one now means that it is to be read anew */
	const char *author, *message; /* of the newest of the commits */
	const char *warnings;         /* of its files (submodules, ...); NULL = none */
	const char *repeated;         /* objects that stand in two of them; NULL = none */
	struct object_key *definitions; /* of each CustomResourceDefinition in it: the group and kind it defines, and its name */
	size_t definition_count;
	struct content_users *users; /* of every database that takes its users from this Application */
	size_t users_count;
};
struct content *content_hold(struct content *content);
void content_release(struct content *content); /* accepts NULL */
const struct content_users *content_users(
	const struct content *content, const struct database_config *database);

/* One source of a lookup. */
struct lookup_part {
	char *revision;           /* full commit, branch, tag; "" = the targetRevision of the source */
	bool reading, tried_disk; /* the loop's */
	struct part *part;        /* NULL = not read yet */
};

/* A question for content that is not the newest of the Application's own revisions: a pinned sync, a rollback, an operation that
   goes on after a restart, a diff, the last good one. Asked by agent/sync, answered by agent/loop. */
struct lookup {
	struct lookup *next;
	uint64_t id;
	struct lookup_part *parts;
	size_t part_count;
	json_t *source; /* instead of spec.source, or a list instead of spec.sources; NULL = those of the spec */
	bool disk_only;          /* no server is asked */
	bool answered;           /* the loop's, as the next one is */
	char source_hash[17];    /* of what it is read from; "" = nothing was asked yet */
	struct content *content; /* the answer; NULL = `error` says why there is none */
	char *error;
};

/* What a sync aims at: the commits, and the sources they were read from. Another path, include or repository is something new to
   sync, as a new commit is (argocd.md 2.9), and so is an Application that was deleted and made again. "COMMIT,COMMIT SOURCE-HASH" */
enum { TARGET_SIZE = COMMITS_SIZE + 17 };

/* One of the Application's sources, beside that of its spec. */
struct app_source {
	struct repository *repository;
	struct part *part; /* the newest good one; NULL = not read yet, or it has become the content */
	char *broken;      /* why its newest commit cannot be used; NULL = it can */
	bool read;         /* one of them was there since the spec is as it is */
	bool refreshing;   /* its repository has not answered to the refresh yet */
};

/* One Application and all that is remembered of it between passes. */
struct app {
	struct application spec;
	struct arena *spec_mem;
	char source_hash[17]; /* of the parts of the spec that say what is wanted */
	char ignore_hash[17]; /* of ignoreDifferences, whose fields are migrated, and our installation id */

	/* source: what Git says */
	struct app_source *sources; /* none while the spec is unusable */
	size_t source_count;
	char parts_hash[17];       /* source_hash of what they were read with */
	bool parts_changed;        /* since they were united */
	struct content *content;   /* the newest good one; NULL = never had one */
	char commit[COMMITS_SIZE]; /* of `content`, "" = none */
	char *broken;              /* why newer commits cannot be used: all mistakes; NULL = none */
	bool last_good_asked; /* for the content of the commits in force, because the newest ones were of no use at the start */
	struct lookup *last_good; /* that question, NULL = not under way */
	struct lookup *lookups;
	uint64_t lookup_count;    /* ever started: their ids */
	struct preview *previews; /* first come first served */

	/* sync */
	char tried[TARGET_SIZE];  /* the last target a sync was begun for */
	char synced[TARGET_SIZE]; /* the last target a sync succeeded for; begins with its commit */
	struct content *synced_users; /* its content, where a database takes its users from it; NULL = none of this process */
	int last_phase;               /* of the last sync */
	int64_t next_try;             /* steady milliseconds; 0 = now */
	int64_t heals;                /* in a row, for the back-off */
	int64_t last_heal, next_heal; /* steady milliseconds */
	struct sync_request *asked;   /* what a person asks for, NULL = nothing */
	json_t *taken; /* the `operation` of the object that was taken already and stands there still; NULL = none */
	uint64_t consumed; /* resourceVersion of the object without it: whatever is older is an echo */
	int64_t terminate; /* store operation that asks to end the running sync, 0 = none */
	struct sync_operation *operation; /* the one that runs, NULL = none */
	bool recalled; /* what the store has of it, that operation too, was read (sync/recall.h) */
	struct deletion *deletion; /* the Application is being deleted with its objects; NULL = not begun */
	unsigned finalizers_added; /* HOOK_PRE_DELETE, HOOK_POST_DELETE: sent, and not seen in the object yet */
	json_t *operation_state;   /* status.operationState without its rows (sync/status.h), NULL = none */
	char *operation_rows;      /* these, as text; NULL = they are in it */
	json_t *history;           /* status.history, a list */
	bool rebuilt;              /* first pass after the store was lost: prune nothing */

	/* status */
	json_t *status;          /* as last written, without its rows; NULL = never */
	char *status_text;       /* as text with those of `resources`, but for reconciledAt; NULL = never */
	bool rows_told;          /* `operation_rows` are what they were when `status` was set */
	char *differences;       /* as last stored; NULL = never */
	struct checks *checks;   /* answers of dry runs that still hold; NULL = none */
	struct reasons *reasons; /* why its objects are not well; NULL = all are */
	int64_t nudge_after; /* steady milliseconds: before that no operator is looked at again (nudge.h) */
	char nudge_slot[64]; /* log_changed() */
	const char *sync_status; /* Synced, OutOfSync, Unknown */
	char condition_slot[64]; /* log_changed() */
	bool dirty;              /* wants a pass */
	bool polled;             /* the repository has answered, and nothing is new there */
	bool calm;               /* the last pass found everything as Git has it, and had nothing to tell */
	int64_t shortened; /* since when the object shows only a part of the status, microseconds, 0 = all */
	bool status_dirty; /* the object in the cluster does not have our status */
	char shown_phase[16]; /* status.operationState.phase that the object is known to have, "" = none: no other is written over */
	uint64_t written; /* resourceVersion of the object with our last status: whatever is older is an echo */
	bool status_refused; /* the last one was: something newer is on its way, and it is written after that */
	json_t *shown; /* rows of a status that may come with a backup: what they name is looked at once; NULL = none */
	int refresh;               /* REFRESH_ASKED, then REFRESH_ANSWERED until that is written */
	int64_t refresh_operation; /* id in the store of the wish, 0 = none */
	bool forget;        /* a hard refresh: the next complete pass takes nothing as known of the cluster */
	int64_t reconciled; /* time of the last comparison with Git, microseconds */
	int64_t last_pass;  /* steady milliseconds */
	int64_t comparing; /* steady milliseconds: since when passes end before all is compared, 0 = the last one did not */
	int64_t stored;     /* steady milliseconds: when the status went to the store */
	int64_t look_again; /* steady milliseconds: another pass then, 0 = only when something happens */
};

/* One repository at one revision, shared by the Applications that name it. */
struct repository {
	char *url;
	char *identity; /* source_url_identity(): what makes it another one than the others, with the revision */
	char *plain;    /* source_url_plain() */
	char *shown;    /* source_url_shown() */
	char *server;       /* of `plain`: scheme, host and port */
	uint64_t asked;     /* when it was asked last, by the count of questions; 0 = never */
	int64_t rest_until; /* steady milliseconds: the server does not want to be asked before, whoever asks */
	char *revision;
	char *tag_prefix;   /* "" = none */
	char commit[41];    /* last good answer, "" = none */
	bool reading;       /* a fetch thread is at work */
	bool ask_again;     /* ask as soon as it is done */
	bool paths_changed; /* the Applications' paths changed: `known` is no answer */
	bool tried_offline; /* last good commit was read from disk after a failed start */
	char offline_slot[64];
	bool answered;        /* at least one good answer */
	int64_t next_poll;    /* steady milliseconds */
	int64_t failures;     /* in a row */
	struct error error;   /* of the last answer; kind ERROR_NONE = good */
	int64_t failed_since; /* microseconds, 0 = not failing */
	char error_slot[64];
};

struct database; /* users_pass.h */

struct agent {
	const struct config *config;
	const char *programs[RENDER_TOOLS]; /* kustomize and helm where they were at the start; NULL = nowhere */
	struct queue *queue;                /* any thread */
	struct inbox *inbox;                /* any thread: has a lock */
	struct store *store;                /* any thread: serialises its callers */
	struct secrets *secrets;            /* any thread: has a lock */
	int stop;                           /* eventfd, readable when the agent ends; any thread */
	bool once;                          /* one pass over everything, then stop */
	bool lost;                          /* its state folder was taken away: it ends with an error */
	struct project_set *projects;       /* the AppProjects */
	struct inbox *project_inbox;        /* any thread: has a lock */

	struct cluster *cluster;          /* NULL = none (yet); set behind `lock`, for main, which stops it */
	void *ears;                       /* what the cluster's listener needs; freed after the cluster */
	struct kubernetes_events *events; /* NULL = none is told */
	struct kube_config kube;          /* once `cluster` is there */
	bool cluster_on;                  /* Kubernetes is configured */
	bool cluster_joined;              /* was ready at least once in this process */
	char cluster_trouble[ERROR_TEXT_SIZE]; /* why it is not ready, "" = it is */
	char cluster_stale[ERROR_TEXT_SIZE]; /* since when and why what is known of it is old, "" = it is not */
	char cluster_slot[64];
	int64_t next_join;   /* steady milliseconds */
	int64_t next_follow; /* of users' Secrets, steady milliseconds */
	int64_t next_status; /* no status is written before, for the server gave no answer to the last; steady milliseconds */
	bool projects_followed;
	int64_t next_projects; /* try to follow them, steady milliseconds */

	json_t *unsealed;   /* unseal.c: what was seen of each SealedSecret, NULL = nothing */
	char *folder_state; /* of the folder of Applications; NULL = not looked at yet */
	int64_t next_look;  /* at it, steady milliseconds */
	struct app **apps;  /* by name */
	size_t app_count;
	struct repository **repositories;
	size_t repository_count;
	uint64_t questions;                          /* to repositories, since the start */
	struct fetch *fetches[REPOSITORIES_AT_ONCE]; /* a place for each thread at work, NULL = free */
	size_t fetching;                             /* of them */
	struct database **databases;
	size_t database_count;
	bool store_rebuilt;
	struct manager manager;    /* who we are in the databases; not changed after the start */
	int64_t large_answers[16]; /* operations whose result is large (agent_answer_large), 0 = none */
	size_t large_next;

	int64_t next_trim;      /* of the store, steady milliseconds */
	int64_t last_operation; /* newest wish that was taken out of the store */
	int64_t busy_until;     /* steady milliseconds of the last event or pass */
	int64_t shrunk;         /* and of the last memory_give_back() */

	atomic_int_fast64_t heartbeat; /* steady milliseconds of the reconciler's last turn; any thread */
	pthread_mutex_t lock;
	bool stopping;       /* behind lock */
	char not_ready[256]; /* behind lock: "" = ready */
	char standby[384];   /* behind lock: who is at work instead of this agent, "" = it is itself */
};

/* What is known of the cluster is old: `why` says since when and why. Applications are woken when the answer changes. */
bool agent_cluster_stale(const struct agent *agent, struct error *why);

/* Asked for each live object in a pass. NULL = there is none of this name. */
struct app *agent_app(const struct agent *agent, const char *name);

/* Which Applications there are is known: one that is missing is not there. */
bool agent_knows_applications(const struct agent *agent);

/* A pass over the Application of this name, "" = over each. */
void agent_wake(struct agent *agent, const char *application);

/* What becomes of something that was asked for: `operation` in the store, 0 = nobody asked. Running until it ends. Any thread. */
void agent_answer(
	struct agent *agent, int64_t operation, const char *phase, const char *message, const char *result);

/* What is said of an answer that was large, and is not kept any more. */
#define LARGE_ANSWER_GONE "this answer is not kept any more: ask again"

/* The same of something that was done, where `result` is so large that only the last few such are kept. Reconciler thread. */
void agent_answer_large(struct agent *agent, int64_t operation, const char *message, const char *result);

void content_target(const struct content *content, char target[TARGET_SIZE]);

/* A sync of it succeeded: it is the last one. */
void app_set_synced(struct app *app, struct content *content);

/* Its newest content was read from the source that its spec names now. */
bool app_content_is_current(const struct app *app);

/* It is time for a pass over it, and one could say something that the last one did not. */
bool app_is_due(const struct app *app);
/* One of its repositories has not answered for the first time: nothing can be said yet that the last run did not say better. */
bool app_waits(const struct app *app);

/* Somebody waits for the reconciler while it is at work on this Application: another one, or whoever has an event in the queue. */
bool agent_is_awaited(const struct agent *agent, const struct app *app);

/* Nothing more will come of waiting: it has its answer, be it an error. */
bool app_is_settled(const struct app *app);

/* The commits in force: those of the last sync that succeeded, "" = none. */
void app_synced_commit(const struct app *app, char commit[COMMITS_SIZE]);

/* One of its sources lies in this repository, at this revision. */
bool app_reads(const struct app *app, const struct repository *repository);

/* Of the first repository that cannot be read; NULL = all can, or there is none. */
const struct error *app_source_error(const struct app *app);

/* Asks for content at a revision of each source; the lookup stays the app's until lookup_drop(). */
struct lookup *lookup_start(struct app *app, const char *const *revisions, size_t count, const json_t *source);
/* The same for commits as they are remembered. */
struct lookup *lookup_commits(struct app *app, const char *commits, const json_t *source);
void lookup_drop(struct app *app, struct lookup *lookup);
