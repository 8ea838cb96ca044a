/*
 * manager.h - who this agent is in the tables that it keeps in databases (reconcile/roles/managed.h)
 *
 * `installationID` of the agent file, where there is one. Else a name made once, HOST-XXXXXXXX, and kept in the file `manager` of the state
 * folder: beside the store and not in it, for a store that is damaged is rebuilt, and the agent is still the same. Where the folder is
 * lost, the agent is another one, and is refused until it is told (`pgitops user adopt --from`), or `installationID` says the old name.
 */
#pragma once

#include "base/error.h"

enum { MANAGER_SIZE = 128 };

struct manager {
	char name[MANAGER_SIZE];
	char former[MANAGER_SIZE]; /* the name of the state folder where the agent file has another; "" = none: roles of either are ours */
};

/* `installation` NULL = none. The folder is there. */
bool manager_read(
	const char *state, const char *installation, struct manager *manager, struct error *err) MUST_CHECK;
