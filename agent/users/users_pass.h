/*
 * users_pass.h - one pass over the users of one database: desired -> observe -> plan -> apply -> record
 *
 * Runs in a thread of its own, so that a slow server holds up neither Git nor the cluster. Whose users they are: users_in_force.h.
 * Nothing is changed in a database that could not be written down before: the store has a row for each step, and its outcome
 * after it.
 */
#pragma once

#include <pthread.h>

#include "agent/agent.h"
#include "agent/users/passwords.h"
#include "reconcile/roles/roles.h"

/* One database of the agent file; the reconciler's, but `kube` is used by the running pass. */
struct database {
	const struct database_config *config;
	struct app *app;         /* NULL = there is no such Application (yet) */
	struct kube *kube;       /* for Secrets; NULL = none needed so far */
	struct content *content; /* whose users are in force; NULL = none are. Not replaced while a pass runs */
	bool recalled; /* it is known from the store alone, which may be a backup: nobody is removed on its word */
	char *not_kept; /* why newer ones could not be kept, so that they are not in force; NULL = they are, or there are none */
	char *reason;         /* why the newest are not in force, NULL = they are: users_in_force_reason() */
	int64_t reason_since; /* steady milliseconds, 0 = not asked yet */
	bool told;            /* it is in the database's document */
	char kept_slot[64], tell_slot[64], reason_slot[64]; /* log_changed() */
	char *namespace;                                    /* of the users' Secrets, "" = not known yet */
	size_t followed;            /* namespaces with its Secrets that are watched, in their order */
	struct users_pass *running; /* its thread is at work, or its result was not taken yet; NULL = none */
	bool dirty;                 /* something changed: pass as soon as possible */
	bool without_users; /* no users are in force: the last try to begin a pass found nothing to do */
	bool had_pass;      /* at least one ended well */
	bool plain;         /* the agent's role there was no superuser */
	bool failed;        /* the last one ended badly, or some user is not Synced */
	bool no_deletions;  /* first pass after the store was rebuilt */
	int64_t next_pass;  /* steady milliseconds */
	int64_t failures;   /* in a row */
	char slot[64];      /* log_changed() */
	struct users_memory memory;  /* of the last pass that was recorded; the running pass has it */
	struct password_looks looks; /* the same, of passwords */
	struct users_wish *wishes;   /* what people asked for, first come first */
	struct users_wish *planned; /* those about content of their own that have their answer, for whoever asked */
};

/* "user sync", "user plan", or the plan for the users of another revision than the one in force. */
struct users_wish {
	struct users_wish *next;
	int64_t operation;
	int64_t until; /* steady milliseconds: so long it waits for the newest commit and its sync; 0 = not at all */
	bool plan_only;
	bool exports; /* a users.yaml of what is there (users_export.h): a look like a plan, for which no users have to be in force */
	char *confirm; /* NULL = none */
	json_t *adopt; /* names of roles that become ours, whatever they are; NULL = none */
	json_t *now;   /* names of those whose hold ends; NULL = none */
	json_t *check; /* names of those whose password is tried (policy.passwordCheck: login); NULL = none */
	char *take_over;         /* the agent whose roles become ours; NULL = none */
	json_t *access;          /* a question of `user access` (users_access.h); NULL = it is none */
	char *answer;            /* to it; NULL = there is none */
	struct content *content; /* whose users are asked about; NULL = of those in force */
	json_t *plan; /* the answer where content was given, an item of a users plan; NULL = `failure` says why */
	char *failure;
};

/* What a pass tells as Kubernetes Events (users_events.h), by kind. */
enum users_event_kind {
	USERS_EVENT_CREATED,
	USERS_EVENT_LOCKED,
	USERS_EVENT_RETIRED,
	USERS_EVENT_LET_GO,
	USERS_EVENT_HEALED,
	USERS_EVENT_DRIFTED,
	USERS_EVENT_REFUSED,
	USERS_EVENT_FAILED,
	USERS_EVENTS
};
struct users_event {
	const char **texts; /* the first of them */
	size_t kept, count;
};

/* One pass: what it is given, and what the reconciler gets back once it is done. */
struct users_pass {
	struct agent *agent;       /* store, secrets, queue */
	struct database *database; /* config, kube */
	struct arena *mem;
	const struct content *content; /* held by the database or the wish; NULL = none is in force, of a pass that only looks */
	struct passwords passwords;
	const char *commit; /* of the source in `content` where the users stand */
	const char *list;   /* what they say: content_users.hash */
	const char *application;
	const char *namespace;
	bool no_deletions;
	const char *no_deletions_why; /* NULL = it is the first pass after the store was rebuilt */
	struct users_wish *wish;      /* NULL = nobody asked */

	struct role_claims claims; /* roles that the postgresql object lists */

	struct store_user *known; /* what the store had of this database's users, by name; users_record_known() */
	size_t known_count;
	bool known_read;
	struct store_user *remembered; /* the same, read for whose roles are ours, when that is asked */
	size_t remembered_count;
	bool remembered_read;
	const char **known_groups; /* roles that those users had, sorted; made when somebody asks for them */
	size_t known_group_count;
	bool unchanged; /* no step, and its reports stand in the store already: nothing of them is read or written */
	unsigned char digest[DIGEST_SIZE]; /* of the reports, before any step */
	bool same_list;                    /* the last good pass was for this list: what differs is drift */
	const char *pending;               /* why the newest list is not the one of this pass, NULL = it is */
	bool newer;                        /* and it is known to say something else */

	struct users_event events[USERS_EVENTS];
	const struct role_report **drifted; /* who was changed by hand; of the plan */
	size_t drifted_count;
	const char **failing; /* whose steps failed */
	size_t failing_count;

	bool done;          /* queue_is_done() */
	pthread_t thread;   /* joined by whoever takes what it found */
	bool ok;            /* every user is as wanted */
	bool reached;       /* the server was reached and read */
	bool recorded;      /* what became of it stands in the store */
	int64_t wake;       /* milliseconds until a pass has something to do; 0 = nothing is waited for */
	bool moved;         /* who leads changed while it wrote, or nobody says who does */
	bool unwritten;     /* what was to be done could not be written down, so nothing was done */
	struct error error; /* when the pass itself failed */
};

/* True when there is something to do and it was begun. Reconciler thread. */
bool users_pass_start(struct agent *agent, struct database *database);

/* Why the newest commit is broken, its beginning where it is long, and who says the rest; NULL = it is not. In `mem`, or the Application's. */
const char *users_broken(const struct app *app, struct arena *mem);

/* Somebody asks for a pass that can begin now. Reconciler thread. */
bool users_pass_is_asked(const struct database *database);

/* There are none, and none will come of waiting: whoever asked for something that needs them is told so. Reconciler thread. */
void users_pass_refuse(struct agent *agent, struct database *database);

/* Takes the results of the passes that are done. Reconciler thread. */
void users_pass_collect(struct agent *agent);

/*
 * Asks what the users of this content would change in the database; nothing is written anywhere but in `planned`, where the answer
 * comes to stand under this operation.
 */
void users_pass_plan(struct database *database, struct content *content, int64_t operation);

/* The answer, taken out of `planned`; the caller frees it. NULL = not there yet. */
struct users_wish *users_pass_planned(struct database *database, int64_t operation);

void users_wish_free(struct users_wish *wish);
