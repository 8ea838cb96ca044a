/*
 * powers.h - what in a `postgresql` object gives power over its database or its node, past users.yaml and its policy
 *
 * A superuser flag, a line of pg_hba that lets in without a password, a container that runs privileged, a folder of the node, a
 * command that the server runs, an image that is not the operator's, a variable from which Spilo takes its configuration or a
 * superuser's name and password, or by which a program loads others. The fields are the operator's (zalando-operator.md 2). What may be is the rules' (rules.h); without one each is a warning.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* What a rule's `postgresql` has a word for. */
enum power_part {
	POWER_SUPERUSERS,
	POWER_PG_HBA,
	POWER_SIDECARS, /* and init containers */
	POWER_VOLUMES,
	POWER_ENV,
	POWER_COMMANDS,
	POWER_IMAGES, /* the database's own container: its program, and its user */
	POWER_PARTS
};

struct power {
	enum power_part part;
	const char *path; /* "spec.users.eve" */
	const char *what; /* the rest of the sentence: "is a superuser" */
};

/* Its name in the agent file: "pgHba". */
const char *power_setting(enum power_part part);

/* All in this spec, in `mem`; their count. */
size_t powers_find(const json_t *spec, struct arena *mem, struct power **items);

/* The fields that a rule has a word for and that are filled in, whether what they hold gives power or not; superusers and commands, whose
   field is no power by itself, as powers_find() has them. In `mem`; their count. */
size_t powers_fields(const json_t *spec, struct arena *mem, struct power **items);
