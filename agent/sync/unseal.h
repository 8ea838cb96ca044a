/*
 * unseal.h - the Sealed Secrets controller's work, for clusters where none runs (agent file: sealing.controller: true)
 *
 * After a pass, each SealedSecret of the Application becomes its Secret, with the controller's own rules (sealed/controller.h). A quiet
 * pass asks nothing: what was seen of a SealedSecret and its Secret is remembered until one of them moves.
 */
#pragma once

#include "agent/sync/pass.h"

void unseal_run(struct pass *pass);

/* What is remembered; freed with the agent. */
void unseal_forget(struct agent *agent);
