/*
 * users_kept.h - the users in force, as the store keeps them for the next process
 *
 * Kept is the text as Git has it with its commit and place, and where passwords are opened by the agent itself (agent file:
 * sealing.keys) the SealedSecrets of the users' namespace beside it: no password, and nothing that Git has not. It is read again by the
 * rules of the agent file of now. Reconciler thread.
 */
#pragma once

#include "agent/users/users_pass.h"

/* Before it comes into force: what is not kept would be gone with the process, and an older list would come back. Costs no write
   where nothing changed. */
bool users_kept_save(struct agent *agent, const struct database *database, const struct content *content,
	struct error *err) MUST_CHECK;

/* A content that holds these users alone, and the namespace of their Secrets (both the caller's); NULL = nothing is kept, or not of
   the Application, ConfigMap and key that the agent file names now, or it cannot be read, which is logged. */
struct content *users_kept_load(
	const struct agent *agent, const struct database_config *config, char **namespace);
