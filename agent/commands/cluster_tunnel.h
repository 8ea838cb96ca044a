/*
 * cluster_tunnel.h - a port of loopback that leads to a port of a pod, for one program and as long as that runs
 *
 * It is TCP and no socket in a folder, since libpq speaks no TLS over the latter, and clusters of the operator may take nothing else. Whoever
 * connects has to be this user: the kernel says whose the other end is (/proc/net/tcp), anybody else's connection is closed unanswered.
 */
#pragma once

#include <sys/types.h>

#include "reconcile/kubernetes/port_forward.h"

enum { TUNNEL_CONNECTIONS = 16 }; /* at once; psql has one, and one for a moment to cancel */

struct tunnel_connection {
	int local; /* -1 = none: the place is free, or nobody has connected yet */
	struct port_forward *forward;
	bool ending; /* the pod's side is over: what came is still given */
};

struct tunnel {
	const struct kube_config *config;
	/* Reads who we are anew, where the server does not let us in any more; NULL = nobody does. */
	bool (*renew)(void *context, struct kube_config *config, struct error *err);
	void *context;
	struct kube_config renewed;
	struct port_forward_target target;
	int listener, port;
	struct tunnel_connection connections[TUNNEL_CONNECTIONS];
	struct port_forward *first; /* opened before anybody connected, so that a refusal is told before the program starts */
};

/* Listens, and opens the first way. Closed also after false. */
bool tunnel_open(struct tunnel *tunnel, struct error *err) MUST_CHECK;
void tunnel_close(struct tunnel *tunnel);

/* Serves until `child` has ended; its wait status. What goes wrong on the way is told on stderr. */
int tunnel_serve(struct tunnel *tunnel, pid_t child);
