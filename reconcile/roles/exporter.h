/*
 * exporter.h - what the files of the export share (internal to the room)
 *
 * export.c         whom to list; listing fewer until the plan for the list is empty
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

/* A new reference. */
json_t *exporter_document(const struct exporter *exporter);
