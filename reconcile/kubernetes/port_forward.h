/*
 * port_forward.h - a connection to a port of a pod, through the API server and the node's kubelet: what `kubectl port-forward` does
 *
 * One WebSocket for one connection, GET .../pods/POD/portforward?ports=PORT with the protocol v4.channel.k8s.io: every message begins with
 * its channel, 0 for the bytes of the connection, 1 for why it cannot be; on each the port comes first, in two bytes. The API server hands
 * it to the kubelet as it is, and that to the container runtime; all of them have had it since Kubernetes 1.6 (k8s.io/cri-streaming,
 * portforward/websocket.go), and have it in 1.36. It is the one way that all servers take: v5.channel.k8s.io is a protocol of exec and attach
 * alone, the SPDY/3.1 that kubectl spoke first does not pass many proxies in front of a server, and SPDY within a WebSocket
 * (SPDY/3.1+portforward.k8s.io) is known to servers from 1.31 on, to 1.30 with the feature gate PortForwardWebsockets.
 * So nothing else is offered. An answer of neither API server nor kubelet, or the question for an upgrade that was asked for, is told with what
 * a proxy between has to do.
 *
 * It knows no half of a connection that is closed, and ends where one side does. The rights are get (it is a GET) and, from 1.35 on, create
 * on pods/portforward. A ping every half minute is for those between, who cut what is silent.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "reconcile/kubernetes/config.h"

struct port_forward;

struct port_forward_target {
	const char *namespace, *pod;
	int port;
};

/* ERROR_DENIED: the rights are not there; ERROR_MISSING: the pod is not. Waits up to half a minute. */
bool port_forward_open(const struct kube_config *config, const struct port_forward_target *target,
	struct port_forward **forward, struct error *err) MUST_CHECK;
void port_forward_close(
	struct port_forward *forward); /* accepts NULL; what was given and could not be sent is lost */

/* To be waited at, and for what (POLLIN, POLLOUT). */
int port_forward_socket(const struct port_forward *forward);
short port_forward_events(const struct port_forward *forward);

/* Sends and receives what can be now. False = it is over: `err` has kind ERROR_NONE where the pod's side has simply ended. Bytes that came
   are still there. */
bool port_forward_step(struct port_forward *forward, struct error *err) MUST_CHECK;

/* Bytes for the pod; none should be given while it is full. */
bool port_forward_is_full(const struct port_forward *forward);
void port_forward_give(struct port_forward *forward, const void *bytes, size_t length);

/* Bytes of the pod that nobody has taken; `count` of them are done with. While many wait, no more are received. */
const struct buf *port_forward_received(const struct port_forward *forward);
void port_forward_take(struct port_forward *forward, size_t count);
