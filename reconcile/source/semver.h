/*
 * semver.h - versions and constraints in the forms that Argo CD takes as targetRevision (those of Masterminds/semver)
 *
 * A version is read loosely: "v1.2.3", "1.2", "1". A constraint is one or more comparisons, joined by blanks or commas
 * (all must hold) and by "||" (one of the groups must): =, !=, >, <, >=, <=, ~, ~>, ^, "1.2 - 2.0", and wildcards
 * x, X, * in place of a number. Pre-releases match only a group that names one itself: ">=1.0.0-0".
 */
#pragma once

#include "base/arena.h"

/* Build metadata is read and means nothing. */
struct semver {
	uint64_t major, minor, patch;
	const char *pre; /* "rc.1"; points into the text that was read */
	size_t pre_length;
};

/* Is the whole text one version? */
bool semver_parse(const char *text, struct semver *version);

/* Precedence: negative, 0 or positive. */
int semver_compare(const struct semver *a, const struct semver *b);

struct semver_range;

/* NULL when the text is no constraint: neither is an exact version, which is a name like any other. Keeps pointers into
   `text`. */
const struct semver_range *semver_range_parse(const char *text, struct arena *mem);

bool semver_range_has(const struct semver_range *range, const struct semver *version);

/* Whether it could match a pre-release. */
bool semver_range_takes_pre(const struct semver_range *range);
