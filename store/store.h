/*
 * store.h - what the agent remembers: SQLite in STATE/pgitops.db (the room's only user of sqlite3.h is database.c)
 *
 * Memory, never truth: the file may be deleted at any time without harm, and is rebuilt from the cluster and the databases.
 * It is also the read model: the command line and the HTTP threads open it read-only and need no running agent.
 * WAL, synchronous=FULL, STRICT rowid tables, one writer, migrations by user_version inside a transaction, bounded history.
 * A document that is set again as it was costs no write, and `updated` stays: it is the time of the last change. After
 * ERROR_BUG the file is damaged: the next store_open() rebuilds it. An absent text may be NULL or "" and is read as "".
 * No secret is ever written here. Times are microseconds (clock.h). A struct store may be used from several threads of the
 * writing process: calls are serialised inside.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

struct store;

struct store_opening {
	bool created;    /* there was no file */
	bool rebuilt;    /* the file was corrupt and was moved aside: prune nothing in the first pass */
	char aside[256]; /* where it went, "" = nowhere */
};

/* The agent's own: makes the folder, takes STATE/lock (ERROR_CONFLICT names the pid that has it), migrates. A newer schema
   than ours is ERROR_INVALID and left untouched. Disk full is ERROR_RETRY. */
bool store_open(
	const char *folder, struct store **store, struct store_opening *how, struct error *err) MUST_CHECK;

/* Read-only, for commands and HTTP. ERROR_MISSING when there is no store yet. */
bool store_open_reader(const char *folder, struct store **store, struct error *err) MUST_CHECK;

/* Reads the whole file: ERROR_BUG when it is damaged. */
bool store_check(struct store *store, struct error *err) MUST_CHECK;

/* The state folder is still the one that was opened: ERROR_CONFLICT when its lock or its database was removed or replaced. Then what
   is written is lost and a second agent may be at work on what lies there now, so the writer must end. */
bool store_is_there(const struct store *store, struct error *err) MUST_CHECK;

void store_close(struct store *store); /* accepts NULL */

/* Everything between becomes visible at once or not at all; may be nested (the outermost counts). Other threads wait
   meanwhile. After a failed call or a rollback inside, the outermost commit fails and nothing was recorded. A rollback
   after a failed begin or commit does nothing. For readers: one state across several lists. */
bool store_begin(struct store *store, struct error *err) MUST_CHECK;
bool store_commit(struct store *store, struct error *err) MUST_CHECK;
void store_rollback(struct store *store);

/* ---- applications: the Application object with its status, as `kubectl get application -o json` shows it ---- */

struct store_application {
	const char *name;
	const char *document; /* JSON object */
	const char *differences; /* JSON list: [{group,kind,namespace,name,change,fields:[{path,wanted,found,by}]}] */
	int64_t updated;
};

bool store_application_set(
	struct store *store, const struct store_application *application, struct error *err) MUST_CHECK;
bool store_application_get(struct store *store, const char *name, struct arena *mem,
	struct store_application *out, struct error *err) MUST_CHECK; /* ERROR_MISSING */
bool store_application_list(struct store *store, struct arena *mem, struct store_application **items,
	size_t *count, struct error *err) MUST_CHECK; /* by name */
/* The same without what has a row for each object (status.resources, syncResult.resources) and without differences: for who asks often. */
bool store_application_heads(struct store *store, struct arena *mem, struct store_application **items,
	size_t *count, struct error *err) MUST_CHECK;
/* With its inventory, its revisions, its running operation, its users in force and its open drift. */
bool store_application_remove(struct store *store, const char *name, struct error *err) MUST_CHECK;

/* ---- revisions: what was applied ---- */

struct store_revision {
	int64_t id;
	const char *application, *commit, *author, *message;
	int64_t started, finished; /* finished 0 = not yet (or cut off by a kill) */
	const char *phase;         /* Running, Succeeded, Failed, Error */
	const char *trigger;       /* "automated", "self-heal", "manual" */
	const char *text;          /* outcome for people */
	int64_t created, configured, unchanged, pruned, failed;
	int64_t times; /* it went so as often, from `started` (the first time) to `finished` (the last) */
};

bool store_revision_begin(struct store *store, const struct store_revision *revision, int64_t *id,
	struct error *err) MUST_CHECK;
/* By id. A failure of the same commit, trigger and text as the row before it takes that row's place and counts on. */
bool store_revision_end(
	struct store *store, const struct store_revision *revision, struct error *err) MUST_CHECK;
bool store_revision_list(struct store *store, const char *application, size_t limit, struct arena *mem,
	struct store_revision **items, size_t *count,
	struct error *err) MUST_CHECK; /* newest first; application NULL = all */

/* ---- running operations: what a sync must know to go on after its process was killed ---- */

struct store_running {
	const char *application;
	const char *document; /* JSON object; agent/sync knows what is in it */
	int64_t updated;
	int64_t revision;  /* its row among the revisions, 0 = none: stays open at a start (store_sweep) */
	int64_t operation; /* the same among the operations */
};

/* One for each application at most. An equal document is not written again. */
bool store_running_set(struct store *store, const struct store_running *running, struct error *err) MUST_CHECK;
bool store_running_get(struct store *store, const char *application, struct arena *mem,
	struct store_running *out, struct error *err) MUST_CHECK; /* ERROR_MISSING */
bool store_running_remove(struct store *store, const char *application, struct error *err) MUST_CHECK;

/* ---- inventory: the objects we made, written before the first byte goes out ---- */

struct store_object {
	const char *application, *group, *version, *kind, *namespace, *name;
	const char *uid;         /* "" until the apply answered */
	const char *wanted_hash; /* of the object last applied or found equal */
	const char *live_version; /* resourceVersion at which live was equal to `wanted_hash`; "" = not known */
	bool intended;            /* an apply was announced and its outcome is not known */
};

/* Inserts or replaces by (application, group, kind, namespace, name). */
bool store_object_set(struct store *store, const struct store_object *object, struct error *err) MUST_CHECK;
bool store_object_remove(struct store *store, const struct store_object *object, struct error *err) MUST_CHECK;
bool store_object_list(struct store *store, const char *application, struct arena *mem,
	struct store_object **items, size_t *count,
	struct error *err) MUST_CHECK; /* by group, kind, namespace, name */

/* ---- drift: what somebody else changed ---- */

struct store_drift {
	int64_t id;
	const char *application;                     /* of the object, or that owns the users */
	int64_t time, healed;                        /* healed 0 = not yet */
	const char *group, *kind, *namespace, *name; /* an object: kind != "" */
	const char *database, *user;                 /* a user: user != "" */
	const char *field, *wanted, *found, *by;
};

struct store_drift_filter {
	const char *application, *user; /* NULL = any */
	int64_t since;
	bool open_only;
	size_t limit; /* 0 = all */
};

/* The same open drift (object or user, field, found) is one record however often it is seen; `first` (may be NULL): it was not
   open before, so that it is told once and not at each pass. */
bool store_drift_add(
	struct store *store, const struct store_drift *drift, bool *first, struct error *err) MUST_CHECK;
/* Closes the open records of one object or of one user (fields as in store_drift; `field` "" = all of them). */
bool store_drift_heal(
	struct store *store, const struct store_drift *drift, int64_t when, struct error *err) MUST_CHECK;
bool store_drift_list(struct store *store, const struct store_drift_filter *filter, struct arena *mem,
	struct store_drift **items, size_t *count, struct error *err) MUST_CHECK; /* newest first */

bool store_drift_count_open(struct store *store, size_t *count, struct error *err) MUST_CHECK;

/* ---- users ---- */

struct store_user {
	const char *database, *name;
	const char *document; /* the `user` item of INTERFACES 3: {name, database, status, reason, roles, differences, lastChange} */
	int64_t updated;
};

bool store_user_set(struct store *store, const struct store_user *user, struct error *err) MUST_CHECK;
/* With what was known of its verifier and its open drift. */
bool store_user_remove(
	struct store *store, const char *database, const char *name, struct error *err) MUST_CHECK;
bool store_user_list(struct store *store, const char *database, struct arena *mem, struct store_user **items,
	size_t *count, struct error *err) MUST_CHECK; /* by database, name; database NULL = all */

/* Those of one database in one status. */
struct store_user_count {
	const char *database, *status;
	int64_t count, held; /* held: those of them whose document says so */
};

/* By database, status. Nothing is read but that, so that a scrape of the metrics costs the same memory with many users. */
bool store_user_counts(struct store *store, struct arena *mem, struct store_user_count **items, size_t *count,
	struct error *err) MUST_CHECK;

struct store_user_change {
	int64_t id;
	const char *database, *user, *action, *statement; /* redacted */
	const char *commit;
	int64_t started, finished; /* finished 0 = intended, outcome not known */
	const char *outcome;       /* "", "done", or the error's text */
	int64_t times; /* it went so as often, from `started` (the first time) to `finished` (the last) */
};

bool store_user_change_begin(struct store *store, const struct store_user_change *change, int64_t *id,
	struct error *err) MUST_CHECK;
/* A statement that fails as it did the last time takes the place of that row and counts on. */
bool store_user_change_end(
	struct store *store, int64_t id, int64_t finished, const char *outcome, struct error *err) MUST_CHECK;
/* Those of this database that have no outcome get this one: while no pass runs, they are left from one whose outcome could not be written. */
bool store_user_change_end_open(struct store *store, const char *database, int64_t finished,
	const char *outcome, struct error *err) MUST_CHECK;
struct store_user_change_filter {
	const char *user, *database; /* NULL = any */
	int64_t since; /* its last time is not before; a row that was counted on has it when it was last so */
	size_t limit;  /* 0 = all */
};
bool store_user_change_list(struct store *store, const struct store_user_change_filter *filter,
	struct arena *mem, struct store_user_change **items, size_t *count,
	struct error *err) MUST_CHECK; /* newest first */

/* A verifier that was derived and found to match a Secret's version; `verifier` is stored as its SHA-256. */
bool store_verifier_known(struct store *store, const char *database, const char *user, const char *verifier,
	const char *version);
void store_verifier_remember(struct store *store, const char *database, const char *user,
	const char *verifier, const char *version);

/* ---- users in force: what the next process goes on with, until newer ones are taken over ---- */

struct store_users_text {
	const char *database;
	const char *application; /* whose they are: they go with it */
	const char *document;    /* JSON object; agent/users knows what is in it, and in `objects` */
	const char *objects;     /* at most LIMIT_STORE_TEXT; what is sealed in it stays sealed */
	int64_t updated;
};

/* One for each database at most. Equal ones are not written again. */
bool store_users_text_set(
	struct store *store, const struct store_users_text *text, struct error *err) MUST_CHECK;
bool store_users_text_get(struct store *store, const char *database, struct arena *mem,
	struct store_users_text *out, bool *found, struct error *err) MUST_CHECK;

/* ---- databases: how the connection fares ---- */

struct store_database {
	const char *name;
	const char *document; /* {name, application, status: Connected|Waiting|Failed, reason, serverVersion, users, synced, lastPass, commit,
				 pending: why the newest users are not in force} */
	int64_t updated;
};
bool store_database_set(
	struct store *store, const struct store_database *database, struct error *err) MUST_CHECK;
/* With all that is kept about its users. */
bool store_database_remove(struct store *store, const char *name, struct error *err) MUST_CHECK;
bool store_database_list(struct store *store, struct arena *mem, struct store_database **items, size_t *count,
	struct error *err) MUST_CHECK; /* by name */

/* ---- operations: what somebody asked for, and how it went ---- */

struct store_operation {
	int64_t id;
	const char *kind; /* "sync", "refresh", "rollback", "terminate", "manifests", "users-sync", "users-plan" */
	const char *target;  /* application or database */
	const char *by;      /* "cli", "api", "kubectl" */
	const char *request; /* JSON */
	int64_t started, finished;
	const char *phase; /* Pending, Running, Succeeded, Failed, Error */
	const char *message;
	const char *result; /* JSON, "" = none */
};

bool store_operation_add(struct store *store, const struct store_operation *operation, int64_t *id,
	struct error *err) MUST_CHECK;
bool store_operation_update(struct store *store, const struct store_operation *operation,
	struct error *err) MUST_CHECK; /* by id */
bool store_operation_get(struct store *store, int64_t id, struct arena *mem, struct store_operation *out,
	struct error *err) MUST_CHECK;
/* Those nobody has taken up yet (phase Pending), oldest first. */
bool store_operation_pending(struct store *store, struct arena *mem, struct store_operation **items,
	size_t *count, struct error *err) MUST_CHECK;
bool store_operation_list(struct store *store, size_t limit, struct arena *mem,
	struct store_operation **items, size_t *count, struct error *err) MUST_CHECK; /* newest first */
/* Of the syncs of users the latest of each target, where it has failed: a later good one has answered an earlier failure. A plan that
   could not be made has told whoever asked, and nothing is wrong since. Newest first. */
bool store_operation_failures(struct store *store, struct arena *mem, struct store_operation **items,
	size_t *count, struct error *err) MUST_CHECK;

/* Answers to mere questions (manifests, diff, users-plan) of more than `kept` characters give way to this message. */
bool store_operation_forget(struct store *store, size_t kept, const char *message, struct error *err) MUST_CHECK;

/* ---- small facts: "commit:URL REVISION" -> last good commit, "agent.started", "agent.version", "cluster" ... ---- */

/* Those of a repository ("commit:...") are bounded by LIMIT_FACTS, the oldest go first; others stay until they are removed, so who
   sets one with a name in its key removes it with what it names. "synced:", "tried:" and "ignored:" go with their
   Application, "users:" with its database. */
bool store_fact_set(struct store *store, const char *key, const char *value,
	struct error *err) MUST_CHECK; /* NULL removes */
bool store_fact_get(struct store *store, const char *key, struct arena *mem, const char **value,
	struct error *err) MUST_CHECK; /* NULL = there is none */

/* ---- retention ---- */

/* At start: what an agent that was killed left open is ended with this outcome, for nobody else will: revisions and
   operations (but for those that a running operation goes on with), user changes. */
bool store_sweep(struct store *store, int64_t now, const char *outcome, struct error *err) MUST_CHECK;

/* Another agent was at work since: what this store says of the present goes, of Applications, objects, databases, users and drift that is
   open. What happened (revisions, user changes, healed drift, operations) stays, and the facts "agent.*". */
bool store_forget(struct store *store, struct error *err) MUST_CHECK;

/* Deletes what is beyond the limits of limits.h; cheap when that is nothing. */
bool store_trim(struct store *store, struct error *err) MUST_CHECK;
