/*
 * ignore.h - spec.ignoreDifferences: places of an object that Git does not decide about
 *
 * Group and kind of a rule are globs, name and namespace are exact or absent (argocd.md 1.1). A rule names places in three ways: JSON
 * pointers (RFC 6901), jq path expressions, and the field managers whose fields they are. A place that is not there is no mistake: it
 * is nothing, as in Argo CD.
 */
#pragma once

#include "reconcile/ignore/jq.h"
#include "reconcile/mistake.h"
#include "reconcile/object.h"

struct ignore_rule {
	const char *group, *kind;
	const char *name, *namespace; /* "" = any */
	const char **pointers, **expressions, **managers;
	size_t pointer_count, expression_count, manager_count;
};

struct ignore_rules {
	struct ignore_rule *items;
	size_t count;
};

/* Reads the list of rules. Mistakes have no place but name the field, which `path` begins ("spec.ignoreDifferences"); an expression
   that jq does not compile is one, with jq's reason. Strings are in `mem`. */
void ignore_read(const json_t *list, const char *path, struct arena *mem, struct ignore_rules *rules,
	struct mistakes *mistakes);

/* Some rule is about this object. `rules` may be NULL. */
bool ignore_matches(const struct ignore_rules *rules, const struct object_key *key);

/* One object under its rules. */
struct ignore {
	const struct ignore_rules *rules;
	const struct object_key *key;
	struct jq **jq;        /* one for all objects of a pass; see jq_close() */
	const json_t *managed; /* metadata.managedFields of the live object */
	const json_t *adopted; /* the same as it is when the write comes: by it, what is ours; NULL = as `managed` */
	const char *ours; /* our own field manager */
	bool whole;       /* the write replaces the whole object: what it does not name is lost */
};

/* Takes the ignored places away from both objects, so that what is left is what counts. On failure both may have changed, and whether
   they are equal is not known: ERROR_INVALID names the expression, never a value of a Secret. */
bool ignore_remove(const struct ignore *ignore, json_t *wanted, json_t *live, struct error *err) MUST_CHECK;

/* RespectIgnoreDifferences=true: in `wanted`, which is to be applied, each ignored place becomes what is live, or goes where there is
   nothing live. A place that Git does not name is added when an apply would take it away: it is `ours`, or the write is `whole`. */
bool ignore_keep_live(
	const struct ignore *ignore, json_t *wanted, const json_t *live, struct error *err) MUST_CHECK;
