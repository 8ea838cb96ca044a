/*
 * upgrade.h - a request whose answer is another protocol on the same connection: a WebSocket, as its client
 *
 * libcurl makes the connection, with all that transfer.h says of TLS, proxies and time; its 7.88 of Debian 12 speaks no WebSocket, so the bytes
 * on the connection are ours (websocket.h).
 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/http/transfer.h"

/* An answer that is not 101. */
struct upgrade_refusal {
	int status; /* 0 = there was no answer */
	struct buf body;
};
#define UPGRADE_REFUSAL                                                                                      \
	{                                                                                                    \
		.body = BUF(65536)                                                                           \
	}

/* Runs one that was prepared with `upgrade`: connects, asks for the protocol, and reads the head of the answer. `rest` gets what came behind
   it. False: `err`, and where the server has answered, `refusal`. Whatever has come of it, its headers are wiped. */
bool upgrade_run(struct transfer *transfer, const char *protocol, struct buf *rest,
	struct upgrade_refusal *refusal, struct error *err) MUST_CHECK;

/* Of one that has run: to be waited at, and what can be sent or received now. 0 = nothing now, -1 = the connection has ended. What
   transfer_receive() leaves may be inside of TLS, where the socket does not show it: it is asked until it has nothing. */
int transfer_socket(const struct transfer *transfer);
ssize_t transfer_send(struct transfer *transfer, const void *bytes, size_t length);
ssize_t transfer_receive(struct transfer *transfer, void *bytes, size_t size);
