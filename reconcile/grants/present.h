/*
 * present.h - what the catalogs say of privileges (internal to the room)
 */
#pragma once

#include "reconcile/grants/grants.h"

/* An object that GRANTS_ALL may mean, or that is named; and each database. */
struct grant_object {
	const char *database, *schema, *name;
	const char *arguments; /* of a function: types; else "" */
	enum grant_on on;
};

/* A database where somebody described may do something, or is to, and that could not be looked into. */
struct grants_closed {
	const char *database, *why;
};

struct grant_danger {
	struct grant_object object; /* first: compared as one */
	unsigned dangers;           /* danger.c: enum danger */
};

struct grants_present {
	int version;          /* 150020 */
	struct grants grants; /* of described roles; sorted by grant_compare() */
	struct grants others; /* what everybody else may give on, while somebody goes; the same */
	struct grants owned;  /* what they own, without a privilege; the same */
	struct grant_object *objects; /* in schemas that GRANTS_ALL is wanted for, or named; by database, kind, schema, name, arguments */
	size_t object_count;
	struct grant_danger *dangers; /* danger.h; sorted like objects, each once */
	size_t danger_count;
	const char **mighty; /* roles with a superuser's power; sorted */
	size_t mighty_count;
	const char **looked; /* databases that were looked into; sorted */
	size_t looked_count;
	struct grants_closed *closed;
	size_t closed_count;
};

int grant_object_compare(const void *a, const void *b);

/* One of this privilege, whoever gave it; NULL = there is none. */
const struct grant *grant_row(const struct grants *rows, const struct grant *key);

/* How many of the first one's privilege stand from there on. */
size_t grant_count(const struct grants *rows, const struct grant *first);

/* Those of one privilege, one for each grantor; NULL = none. */
const struct grant *grant_rows(const struct grants *rows, const struct grant *key, size_t *count);

/* One more of the plan's warnings; `text` in `mem`. */
void grants_warn(struct grants_plan *plan, const char *text, struct arena *mem);
