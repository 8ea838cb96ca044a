/*
 * check_since.h - `postgresql` objects as they stand in a commit, and what a change of them would lose (internal to check.c)
 *
 * The agent judges each change against the object in the cluster, after the push. A checkout has what was in Git instead, which is the
 * same as long as nobody changes the cluster by hand.
 */
#pragma once

#include "reconcile/desired.h"
#include "reconcile/kubernetes/operator_settings.h"

struct check_since {
	struct arena *mem;
	const char *asked; /* --since REVISION; NULL = chosen by what the checkout has */
	const char *namespace;
	const char *root;   /* of the checkout that was asked last; NULL = none yet */
	const char *commit; /* what it is compared with; NULL = it is not */
	const char *what;   /* the same for people */
	const char *why;    /* it is not */
	bool said;          /* why */
	bool used;          /* something was compared */

	/* Of the whole checkout, read once for all paths of it. */
	bool read;
	struct desired then;                      /* as it was, nothing rendered */
	struct desired standing;                  /* as it is, nothing rendered */
	const struct operator_settings *settings; /* by its own ConfigMap or OperatorConfiguration; NULL = it has none */
};

/* Adds to `desired`, which was read from `path`, what the agent would refuse of a change since then: of the very object, wherever it stood. One
   that stands nowhere any more is a warning. Says nothing outside of a checkout; where there is nothing to compare with, stderr says so once. False when --since names no commit. */
bool check_since(struct check_since *since, const char *path, struct arena *mem, struct desired *desired,
	struct error *err) MUST_CHECK;
