/*
 * exporter.h - what the files of the export share (internal to the room)
 *
 * export.c         whom to list; listing fewer until the plan for the list is empty
 * export_fields.c  what a role has by itself: login, attributes, limits, comment, settings; and what of it cannot be said
 * export_write.c   the list as a document of users.yaml
 */
#pragma once

#include "reconcile/roles/export.h"
#include "reconcile/roles/planner.h"

struct candidate {
	const struct role *role;
	bool group;
	const char *left_out;       /* why it is not listed; NULL = it is */
	const char *without_grants; /* why its privileges are not; NULL = they are, where it has any */
	const char *wordless; /* of those the ones that users.yaml cannot name, whatever becomes of the others */
	const char *without_parameters; /* the same of a user's settings */
	const char *without_roles;      /* the same of what a group is a member of */
};

struct exporter {
	const struct roles_present *present;
	const struct roles_plan_input *input;
	struct arena *mem;
	struct candidate *candidates; /* by name */
	size_t count;
	bool *has_members;    /* parallel to present->roles */
	struct grants grants; /* of all candidates, by role, then as grant_compare() */
};

struct candidate *exporter_find(const struct exporter *exporter, const char *name);

/* Those of one role, in the order of grant_compare(). */
const struct grant *exporter_grants(const struct exporter *exporter, const char *role, size_t *count);

/* A list that is empty is left out, and leaves alone what there will be. Takes the reference. */
void exporter_set_list(json_t *entry, const char *key, json_t *list);

/* --- export_fields.c --- */

/* Why a user with what this role has cannot be listed, or NULL. */
const char *exporter_fields_problem(const struct exporter *exporter, const struct role *role);

/* Why the settings of this role cannot be, or NULL. */
const char *exporter_parameters_problem(const struct exporter *exporter, const struct role *role);

/* login, password, attributes, connectionLimit, validUntil, where they are not as a role has them of which nobody says anything. */
void exporter_set_fields(const struct exporter *exporter, const struct role *role, json_t *entry);
void exporter_set_comment(const struct exporter *exporter, const struct role *role, json_t *entry);
void exporter_set_parameters(const struct exporter *exporter, const struct role *role, json_t *entry);

/* A new reference. */
json_t *exporter_document(const struct exporter *exporter);
