/*
 * apart.h - a user, network and IPC namespace of a process's own, where this machine lets it have them
 *
 * A uid of its own would be better, and needs a right that the agent has nowhere (CAP_SETUID, or a range of /etc/subuid). In a user
 * namespace the uid is the same, so the files of its user stay its own, but no right that it may still have counts outside; in a
 * network namespace without any interface there is nobody to connect to, not even on loopback, and no abstract socket. Pods are mostly
 * refused (seccomp RuntimeDefault, user.max_user_namespaces): it goes on without then, for seccomp and Landlock say the same again.
 */
#pragma once

#include "base/error.h"

/* Tries it in a process that ends at once. Before there are threads. */
bool apart_is_possible(void);

/* ERROR_BUG: it was possible a moment ago. */
bool apart_enter(struct error *err) MUST_CHECK;
