/*
 * postgresql.h - what must be known of a `postgresql` object (acid.zalan.do/v1) before it is written
 *
 * The operator answers some changes with silent damage (zalando-operator.md 2.1, 2.2), and a write while it is at work
 * makes it lose the update (1.2). Pure: the live object is given.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "reconcile/kubernetes/health.h"
#include "reconcile/kubernetes/operator_settings.h"

bool postgresql_is(const char *group, const char *kind);

/* Reasons why this object must not be written, each with the annotation that allows it where one does:
   pgitops.dev/allow: "shrink-volume,lower-version,..." on the wanted object. `live` NULL = it does not exist yet. `settings` of the operator, NULL =
   not asked for. The array is in `mem`; none = it may be written. */
const char **postgresql_refusals(const json_t *wanted, const json_t *live,
	const struct operator_settings *settings, struct arena *mem, size_t *count);

/* It will be refused for its version, and what the operator is set to belongs into the reason. */
bool postgresql_asks_settings(const json_t *wanted, const json_t *live);

/* The operator is at work on it (Creating or Updating, not stale): do not write now. */
bool postgresql_busy(const json_t *live);

/*
 * Its health at `now` (microseconds). `written` is when the spec was last written, 0 = take it from managedFields. `seen_busy`:
 * since that write the operator was seen at work, so a later "Running" is about this spec even within the same second.
 */
struct health_state postgresql_health(
	const json_t *object, int64_t written, bool seen_busy, int64_t now, struct arena *mem);

/*
 * The operator has not taken up the last change for longer than it needs, or says for too long that it is at work, and was not nudged in its last
 * 30 minutes. Never one whose annotation POSTGRESQL_NUDGE is no time. `written` as above.
 */
#define POSTGRESQL_NUDGE "pgitops.dev/nudge"
bool postgresql_wants_nudge(const json_t *object, int64_t written, int64_t now);

/* The operator's status, "" = none yet. */
const char *postgresql_status(const json_t *object);

/*
 * What stands between the object and a cluster that is as it says: an operator that is absent, silent, blocked or has failed, a rolling update, volumes
 * that do not grow. Of each one sentence: what is so, since when, and what to do. Pure; the lists are JSON arrays of what the API server has, NULL =
 * not known. Of what a sentence needs the rarer part is asked for when there is one to say (postgresql_asks()).
 */
struct postgresql_around {
	const json_t *object;
	const json_t *pods, *claims; /* of its members */
	const json_t *set;           /* its StatefulSet */
	const json_t *classes;       /* StorageClass objects */
	const json_t *operators;     /* Pods of the operator */
	const json_t *busy;          /* another `postgresql` that the operator is at work on; NULL = none */
	int64_t now;
};

enum postgresql_ask {
	POSTGRESQL_ASK_SET = 1,
	POSTGRESQL_ASK_CLASSES = 2,
	POSTGRESQL_ASK_OPERATORS = 4
}; /* bits */
unsigned postgresql_asks(const struct postgresql_around *around);

/* By the flags of spec.users: of others the operator makes no Secret. */
bool postgresql_user_logs_in(const json_t *flags);

/* Of a user NAMESPACE.USER where its Secret is, with the operator's enable_cross_namespace_secret (zalando-operator.md 4), in `mem`; NULL =
   with those of the others. */
const char *postgresql_user_namespace(const char *user, struct arena *mem);

/* Creating or Updating. */
bool postgresql_at_work(const json_t *object);

/* The sentences, the gravest first, in `mem`. */
const char **postgresql_troubles(const struct postgresql_around *around, struct arena *mem, size_t *count);

/* What to do about a status, "" = it is no failure. */
const char *postgresql_remedy(const char *status);
