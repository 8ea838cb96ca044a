/*
 * private_files.h - what the agent relies on that nobody else may read or change: its state folder, the files with secrets
 *
 * Asked at the start, which ends where something is open, with the remedy. `doctor` says the same. A file that comes later is judged
 * when it is read (secret_read_private).
 *
 *   state folder   belongs to the agent's user or to root, as a volume of Kubernetes does; others may not write to it. A group may: that is
 *                  how fsGroup gives a volume. The root of a mount may be open (mode 0777, as emptyDir and the local provisioners of k3s
 *                  and kind make it): who comes near it is decided by who mounts it, and the agent cannot change it.
 *   secret files   others may neither read nor write them; a group may read: mode 0440 of a Secret's volume, whose files are links
 *                  of root's. The file behind the link counts.
 */
#pragma once

#include "agent/config/config.h"

/* ERROR_DENIED with what is wrong and what to do. What is not there yet is fine. */
bool private_folder(const char *folder, struct error *err) MUST_CHECK;

/* Whether a file of a folder of sealing keys holds one: certificates lie there, too, and are everybody's. True when it cannot be read. */
bool private_key_inside(const char *file);

/* The state folder, and each file with a secret that the agent file names. */
bool private_files(const struct config *config, struct error *err) MUST_CHECK;
